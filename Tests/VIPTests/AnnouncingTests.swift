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

  @Test func `an address that is missing is not announced`() throws {
    let policy = AnnouncementPolicy(pauses: [.milliseconds(50), .milliseconds(50)])
    let bench = try holder(policy, ["198.18.0.100/24"])
    let address = try #require(InterfaceAddress("198.18.0.100/24"))
    bench.platform.fake.remove(address, onInterface: 2)
    bench.settle()
    // The second loss is made good a little later, the repeats are due before.
    bench.platform.fake.remove(address, onInterface: 2)
    bench.settle()
    #expect(try bench.held == [])
    let before = count(bench)
    bench.pass(.milliseconds(120))
    #expect(try bench.held == [])
    #expect(count(bench) == before)
    bench.pass(.seconds(1))
    #expect(try bench.held.count == 1)
    #expect(count(bench) > before)
  }

  @Test func `a turn installs and announces a bounded number of addresses`() throws {
    let addresses = (0..<500).map { "198.18.\(1 + $0 / 250).\(1 + $0 % 250)/32" }
    let bench = try Bench()
    try bench.engine.add(settings(addresses))
    bench.pass(.milliseconds(3600))
    bench.platform.fake.forgetRequests()
    bench.platform.time = bench.platform.time + .milliseconds(20)
    bench.engine.turn(ready: [])
    #expect(bench.state() == .active)
    var installs = 0
    for case .install in bench.platform.fake.requests { installs += 1 }
    #expect((1...64).contains(installs))
    #expect(bench.engine.hasPendingWork)
    bench.settle()
    #expect(try bench.held.count == 500)
  }
}
