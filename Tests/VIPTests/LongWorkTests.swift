import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// Commands with many addresses.
@Suite struct LongWorkTests {
  private func active() throws -> Bench {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(5))
    try #require(bench.state() == .active)
    return bench
  }

  private func sent(_ bench: Bench) throws -> UInt64 {
    try #require(bench.engine.status().first).statistics.advertisementSent
  }

  @Test func `an advertisement is sent before much is done, unless one just was`() throws {
    let bench = try active()
    var before = try sent(bench)
    while try sent(bench) == before { bench.pass(.milliseconds(10)) }
    before += 1
    bench.engine.makeTime(forAddresses: 20_000)
    #expect(try sent(bench) == before, "the last one was sent now")
    bench.pass(.milliseconds(600))
    bench.engine.makeTime(forAddresses: 20_000)
    #expect(try sent(bench) == before + 1)
    // The time of the next one counts from there.
    bench.pass(.milliseconds(900))
    #expect(try sent(bench) == before + 1)
    bench.pass(.milliseconds(200))
    #expect(try sent(bench) == before + 2)
  }

  @Test func `a command with few addresses changes nothing`() throws {
    let bench = try active()
    bench.pass(.milliseconds(600))
    let before = try sent(bench)
    bench.engine.makeTime(forAddresses: 10)
    #expect(try sent(bench) == before)
  }

  @Test func `settings are checked once, and once more when they are others`() throws {
    var checked = CheckedSettings()
    var router = try settings()
    try checked.check(router)
    checked.note([router])
    try checked.check(router)
    router.addresses = []
    #expect(throws: ConfigurationError.self) { try checked.check(router) }
    #expect(throws: ConfigurationError.self) { try checked.check(router) }
  }

  /// Settings that are refused wherever they are looked at, of routers that have these in common.
  private func refused(count: Int, addressCount: Int) throws -> [RouterConfiguration] {
    var router = try settings()
    router.addresses = try (0..<addressCount).map { number in
      try #require(InterfaceAddress("10.\(number >> 16).\(number >> 8 & 255).\(number & 255)/8"))
    }
    router.interface = ""
    return (0..<count).map { number in
      router.name = "r\(number)"
      return router
    }
  }

  @Test(arguments: [(40, 5000), (2048, 1)])
  func `all settings of a request that were checked elsewhere are taken as they are`(
    count: Int, addressCount: Int
  ) throws {
    let routers = try refused(count: count, addressCount: addressCount)
    var checked = CheckedSettings()
    #expect(throws: ConfigurationError.self) { try checked.check(routers[0]) }
    // What was noted before is in the way of nothing.
    checked.note(try refused(count: 100, addressCount: 1000))
    checked.note(routers)
    for _ in 0..<2 {
      for router in routers { try checked.check(router) }
    }
  }

  @Test func `settings that were checked are forgotten when there is no room for others`() throws {
    let old = try refused(count: 1, addressCount: 100)
    let others = try refused(count: 15, addressCount: 20_000).dropFirst()
    var checked = CheckedSettings()
    checked.note(old)
    try checked.check(old[0])
    for router in others { checked.note([router]) }
    #expect(throws: ConfigurationError.self) { try checked.check(old[0]) }
    try checked.check(#require(others.last))
  }
}
