import Netlink
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// What the kernel refuses because of the interface is told as the fault of the interface, once.
@Suite struct RefusalTests {
  private func active(_ settings: RouterConfiguration) throws -> Bench {
    let bench = try Bench()
    try bench.engine.add(settings)
    bench.pass(.seconds(4))
    #expect(bench.engine.status().map(\.state) == [.active])
    return bench
  }

  private func warnings(_ bench: Bench) -> [String] {
    bench.events.compactMap { if case .warning(let problem) = $0 { problem.text } else { nil } }
  }

  private func waits(_ bench: Bench) -> [String] {
    bench.events.compactMap {
      if case .waiting(_, _, let reason) = $0 { reason.description } else { nil }
    }
  }

  @Test func `IPv6 that is switched off on the node's macvlan is switched on again`() throws {
    let addresses = ["2001:db8::100/64", "2001:db8::101/64"]
    let bench = try active(settings(addresses, virtualMAC: true))
    let macvlan = try #require(bench.platform.fake.currentLinks.first { $0.kind == "macvlan" })
    let setting = "ipv6/conf/\(macvlan.name)/disable_ipv6"
    #expect(bench.platform.settings[setting] == 0)
    bench.platform.settings[setting] = 1
    bench.platform.fake.setIPv6(enabled: false, onInterface: macvlan.index)
    bench.settle()
    #expect(bench.platform.settings[setting] == 0)
    #expect(try bench.held.sorted() == addresses)
    bench.pass(.seconds(5))
    let text =
      "something on this host switched IPv6 off on vip6-2-51; exclude it from other network managers"
    #expect(warnings(bench) == [text])
    let ends = bench.events.count { if case .cleared = $0 { true } else { false } }
    #expect(ends == 1 && bench.warnings == [])
    #expect(!"\(bench.events)".contains("EACCES"))
  }

  /// The kernel may be late with the macvlan when IPv6 goes, or comes back, on all interfaces.
  @Test(arguments: [true, false])
  func `while a router waits no program is accused of switching IPv6 off`(waits: Bool) throws {
    let bench = try active(settings(["2001:db8::100/64"], virtualMAC: true))
    let macvlan = try #require(bench.platform.fake.currentLinks.first { $0.kind == "macvlan" })
    if waits {
      bench.platform.fake.setFlags([.broadcast], onInterface: 2)
      bench.settle()
      #expect(bench.engine.status().map(\.state) == [.initialize])
    }
    bench.platform.settings["ipv6/conf/\(macvlan.name)/disable_ipv6"] = 1
    let instance = try #require(bench.engine.routers.members(named: "web").first)
    bench.engine.restoreIPv6(of: instance)
    bench.settle()
    #expect(bench.platform.settings["ipv6/conf/\(macvlan.name)/disable_ipv6"] == 0)
    #expect("\(bench.events)".contains("switched IPv6 off") == !waits)
  }

  @Test func `where it can't be switched on that is told once, and tried again`() throws {
    let bench = try active(settings(["2001:db8::100/64", "2001:db8::101/64"], virtualMAC: true))
    let macvlan = try #require(bench.platform.fake.currentLinks.first { $0.kind == "macvlan" })
    bench.platform.settings["ipv6/conf/\(macvlan.name)/disable_ipv6"] = 1
    bench.platform.settingFailure = 30
    bench.platform.fake.setIPv6(enabled: false, onInterface: macvlan.index)
    bench.pass(.seconds(4))
    #expect(warnings(bench).count == 1, "\(warnings(bench))")
    #expect(warnings(bench).first?.contains(".disable_ipv6, which can't be written") == true)
    bench.platform.settingFailure = 0
    bench.pass(.seconds(2))
    #expect(try bench.held.count == 2)
    #expect(bench.warnings == [])
  }

  @Test func `an MTU that is too small for IPv6 is named`() throws {
    let bench = try Bench()
    let fake = bench.platform.fake
    var isLow = false
    // It falls in the moment of a takeover, before the kernel has reported it.
    fake.failure = { request in
      guard case .install = request else { return nil }
      if !isLow {
        isLow = true
        fake.setMTU(1200, onInterface: 2)
      }
      return NetlinkError(operation: "add 2001:db8::100/64 to interface 2", code: 22)
    }
    try bench.engine.add(settings(["2001:db8::100/64"]))
    bench.pass(.seconds(5))
    let text = "eth0's MTU of 1200 is too small for IPv6, which needs 1280"
    #expect(isLow && Set(warnings(bench)).isSubset(of: [text]), "\(warnings(bench))")
    #expect(waits(bench).last == text)
  }

  @Test func `an interface that goes with its macvlan is told as that, once`() throws {
    let bench = try active(settings(virtualMAC: true))
    let fake = bench.platform.fake
    let macvlan = try #require(fake.currentLinks.first { $0.kind == "macvlan" })
    var isGone = false
    // The macvlan is reported first; what is asked then finds that the interface is gone too.
    fake.failure = { _ in
      if !isGone {
        isGone = true
        fake.removeLink(index: 2)
      }
      return nil
    }
    fake.removeLink(index: macvlan.index)
    bench.pass(.seconds(3))
    #expect(isGone && warnings(bench) == [])
    #expect(waits(bench) == ["interface eth0 does not exist"])
    #expect(!"\(bench.events)".contains("ENODEV"))
  }

  @Test func `an interface that is renamed is told by its new name`() throws {
    let bench = try active(settings())
    var link = FakePlatform.eth0
    link.name = "lan0"
    bench.platform.fake.setLink(link)
    bench.pass(.seconds(5))
    #expect(bench.engine.status().first?.reason.description == "eth0 is named lan0 now")
    #expect(waits(bench) == ["eth0 is named lan0 now"])
    bench.platform.fake.setLink(FakePlatform.eth0)
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
    bench.platform.fake.setLink(link)
    bench.platform.fake.removeLink(index: 2)
    bench.settle()
    #expect(
      bench.engine.status().first?.reason.description == "interface eth0 does not exist")
  }

  @Test func `an error has the names of interfaces`() {
    let error = LinkRequest.withoutLinkLocal(index: 4).refused(95)
    #expect(
      error.naming([4: "vip6-2-51"])
        == "cannot set addrgenmode of vip6-2-51: operation not supported (EOPNOTSUPP)")
    let other = LinkRequest.setUp(true, index: 42).refused(19)
    #expect(other.naming([4: "eth4"]) == other.description)
    #expect(
      other.naming([4: "eth4", 42: "eth9"]) == "cannot switch eth9 on: no such device (ENODEV)")
  }
}
