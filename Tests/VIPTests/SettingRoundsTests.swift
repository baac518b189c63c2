import Netlink
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// Settings of interfaces that change without a report.
@Suite struct SettingRoundsTests {
  /// A pass over few interfaces begins within this time.
  private static let bound = SettingRounds.rest + SettingRounds.pause

  @Test func `each interface has its turn, some in each round`() {
    var rounds = SettingRounds()
    let all = Set((1...20).map { Int32($0) })
    var seen: [Int32] = []
    for (count, pause) in [
      (8, SettingRounds.pause), (8, SettingRounds.pause), (4, SettingRounds.rest),
    ] {
      let round = rounds.next { all }
      #expect(round.interfaces.count == count && round.pause == pause)
      seen += round.interfaces
    }
    #expect(seen == all.sorted())
    #expect(rounds.next { [7] }.interfaces == [7], "those that are there by then")
  }

  @Test func `another value for all interfaces is told, the same one is not`() {
    var rounds = SettingRounds()
    let told = [1, 1, 0, 0, nil].map { rounds.note(ofAll: $0) }
    #expect(told == [true, false, true, false, true])
  }

  /// A Backup whose host has the address on another interface.
  private func backup(arpIgnore: Int32) throws -> Bench {
    let bench = try Bench()
    var eth0 = FakePlatform.eth0
    eth0.ipv4 = [.arpIgnore: arpIgnore]
    bench.platform.fake.setLink(eth0)
    bench.platform.fake.setLink(Link(index: 7, name: "dummy0"))
    bench.platform.fake.add(
      AddressRecord(
        interfaceIndex: 7, address: try #require(InterfaceAddress("198.18.0.100/32")),
        protocolTag: 0))
    bench.settle()
    try bench.engine.add(settings())
    try bench.hear(200, from: "198.18.0.9")
    return bench
  }

  private func pass(_ bench: Bench) throws {
    for _ in 0..<Int(Self.bound / .seconds(1)) {
      bench.pass(.seconds(1))
      try bench.hear(200, from: "198.18.0.9")
    }
    #expect(bench.state() == .backup)
  }

  @Test func `a machine that begins to answer for an address elsewhere says so until it ceases`()
    throws
  {
    let bench = try backup(arpIgnore: 1)
    #expect(bench.warnings.isEmpty)
    bench.platform.fake.setIPv4([.arpIgnore: 0], onInterface: 2)
    try pass(bench)
    #expect(bench.warnings.count == 1 && bench.warnings[0].contains("on dummy0 too"))
    bench.platform.fake.setIPv4([.arpIgnore: 1], onInterface: 2)
    try pass(bench)
    #expect(bench.warnings.isEmpty)
  }

  @Test func `the same when it is set for all interfaces`() throws {
    let bench = try backup(arpIgnore: 0)
    #expect(bench.warnings.count == 1)
    bench.platform.settings["ipv4/conf/all/arp_ignore"] = 1
    try pass(bench)
    #expect(bench.warnings.isEmpty)
    bench.platform.settings["ipv4/conf/all/arp_ignore"] = 0
    try pass(bench)
    #expect(bench.warnings.count == 1)
  }

  @Test func `below and on a macvlan they are put right`() throws {
    let bench = try Bench()
    let fake = bench.platform.fake
    var eth0 = FakePlatform.eth0
    eth0.ipv4 = [.arpIgnore: 0, .arpAnnounce: 0]
    fake.setLink(eth0)
    bench.settle()
    try bench.engine.add(settings(virtualMAC: true))
    bench.pass(.seconds(4))
    #expect(bench.state() == .active)
    let macvlan = try #require(fake.currentLinks.first { $0.name == "vip4-2-51" })
    func expectSet() throws {
      let parent = try #require(try fake.link(2)).ipv4
      #expect(parent[.arpIgnore] == 1 && parent[.arpAnnounce] == 2)
      let own = try #require(try fake.link(macvlan.index)).ipv4
      #expect(own[.arpIgnore] == 1 && own[.arpAnnounce] == 2)
      #expect(bench.platform.settings["ipv6/conf/vip4-2-51/disable_ipv6"] == 1)
    }
    try expectSet()
    fake.setIPv4([.arpIgnore: 0, .arpAnnounce: 0], onInterface: 2)
    bench.pass(Self.bound)
    try expectSet()
    fake.setIPv4([.arpIgnore: 0], onInterface: macvlan.index)
    bench.pass(Self.bound)
    try expectSet()
    bench.platform.settings["ipv6/conf/vip4-2-51/disable_ipv6"] = 0
    bench.pass(Self.bound)
    try expectSet()
    fake.forgetRequests()
    bench.pass(Self.bound)
    let isChanged = fake.requests.contains { if case .change = $0 { true } else { false } }
    #expect(!isChanged, "what is right is left alone")
  }

  @Test func `nothing is looked at without a router`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    #expect(bench.engine.timers.deadline(of: .settings) != nil)
    bench.engine.remove("web")
    bench.pass(.seconds(20))
    #expect(bench.engine.timers.deadline(of: .settings) == nil)
  }
}
