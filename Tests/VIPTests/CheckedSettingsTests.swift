import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// Which settings are remembered as checked, and when they are forgotten to make room.
@Suite struct CheckedSettingsTests {
  private func router(_ name: String, addressCount: Int = 1) throws -> RouterConfiguration {
    var router = try settings(name: name)
    router.addresses = try (1...addressCount).map { number in
      try #require(InterfaceAddress("10.\(number >> 16).\(number >> 8 & 255).\(number & 255)/8"))
    }
    return router
  }

  /// Settings that are refused wherever they are looked at.
  private func refused(_ name: String, addressCount: Int = 1) throws -> RouterConfiguration {
    var router = try router(name, addressCount: addressCount)
    router.interface = ""
    return router
  }

  private func remembers(_ router: RouterConfiguration, _ checked: CheckedSettings) -> Bool {
    var checked = checked
    return (try? checked.check(router)) != nil
  }

  @Test func `what was refused is not remembered`() throws {
    var checked = CheckedSettings()
    let bad = try refused("web")
    for _ in 0..<2 {
      #expect(throws: ConfigurationError.self) { try checked.check(bad) }
    }
  }

  @Test func `settings are remembered by name, and as they were`() throws {
    var checked = CheckedSettings()
    let bad = try refused("web")
    checked.note([bad])
    #expect(remembers(bad, checked))
    #expect(!remembers(try refused("mail"), checked))
    var other = bad
    other.priority = .lowest
    #expect(!remembers(other, checked))
    checked.note([other])
    #expect(remembers(other, checked) && !remembers(bad, checked))
  }

  @Test func `a router that is checked again and again takes its room once`() throws {
    var checked = CheckedSettings()
    let kept = try refused("kept")
    var big = try refused("big", addressCount: 20_000)
    checked.note([kept])
    for _ in 0..<30 {
      big.preempts.toggle()
      checked.note([big])
    }
    #expect(remembers(kept, checked) && remembers(big, checked))
  }

  @Test func `what is checked here takes room too`() throws {
    var checked = CheckedSettings()
    let kept = try refused("kept")
    checked.note([kept])
    let count = RouterConfiguration.requestRouterCountMax
    for number in 1..<count { try checked.check(try router("r\(number)")) }
    #expect(remembers(kept, checked), "there was room for so many")
    try checked.check(try router("r\(count)"))
    #expect(!remembers(kept, checked))
  }

  @Test func `room for addresses counts again once all are forgotten`() throws {
    var checked = CheckedSettings()
    let big = try (0..<20).map { try refused("r\($0)", addressCount: 20_000) }
    for router in big { checked.note([router]) }
    // 250,000 have room: twelve of the first were forgotten together, the next eight are there.
    #expect(big.map { remembers($0, checked) } == (0..<20).map { $0 >= 12 })
  }
}
