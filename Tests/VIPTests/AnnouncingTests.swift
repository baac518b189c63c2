import ARP
import Netlink
import Testing
import VIP
import VIPCore
import VIPTesting
import VRRP

/// How held addresses are announced, as a node is told.
@Suite struct AnnouncingTests {
  private func holder(_ policy: AnnouncementPolicy, _ addresses: [String]) throws -> Bench {
    let bench = try Bench(announcements: policy)
    try bench.engine.add(settings(addresses))
    bench.pass(.seconds(4))
    #expect(bench.state() == .active)
    return bench
  }

  private func count(_ bench: Bench) -> Int { bench.platform.wire.claims.count }

  @Test func `repeats are those of the policy`() throws {
    let bench = try holder(AnnouncementPolicy(pauses: [.seconds(5)]), ["198.18.0.100/24"])
    #expect(count(bench) == 1)
    bench.pass(.seconds(5))
    #expect(count(bench) == 2)
    bench.pass(.seconds(60))
    #expect(count(bench) == 2)
  }

  @Test func `periodic announcements go on while the address is held`() throws {
    let policy = AnnouncementPolicy(pauses: [], refresh: .seconds(10))
    let bench = try holder(policy, ["198.18.0.100/24", "198.18.0.101/24"])
    #expect(count(bench) == 2)
    bench.pass(.seconds(30))
    #expect(count(bench) == 8)
    try bench.hear(200, from: "198.18.0.2")
    let before = count(bench)
    for _ in 0..<20 {
      bench.pass(.seconds(1))
      try bench.hear(200, from: "198.18.0.2")
    }
    #expect(count(bench) == before)
  }

  @Test func `the rate is kept to`() throws {
    let addresses = (0..<100).map { "198.18.1.\($0 + 1)/32" }
    let policy = AnnouncementPolicy(pauses: [], maximumRate: 20, burst: 10)
    let bench = try Bench()
    bench.engine.changeAnnouncements(to: policy)
    try bench.engine.add(settings(addresses))
    bench.pass(.milliseconds(3700))
    #expect(bench.state() == .active)
    let before = count(bench)
    #expect((10...13).contains(before))
    bench.pass(.seconds(1))
    #expect((19...21).contains(count(bench) - before))
  }

  @Test func `a change in the middle loses nothing`() throws {
    let addresses = (0..<100).map { "198.18.1.\($0 + 1)/32" }
    let bench = try Bench()
    bench.engine.changeAnnouncements(to: AnnouncementPolicy(maximumRate: 1, burst: 1))
    try bench.engine.add(settings(addresses))
    bench.pass(.seconds(4))
    bench.engine.changeAnnouncements(to: AnnouncementPolicy(pauses: []))
    bench.pass(.seconds(1))
    #expect(Set(bench.platform.wire.claims.map(\.address)).count == 100)
  }
}
