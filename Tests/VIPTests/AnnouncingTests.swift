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

  private func count(_ bench: Bench) -> Int {
    bench.platform.wire.claims.count { $0.form == .announcement }
  }

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
    bench.engine.setAnnouncements(policy)
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
    bench.engine.setAnnouncements(AnnouncementPolicy(maximumRate: 1, burst: 1))
    try bench.engine.add(settings(addresses))
    bench.pass(.seconds(4))
    bench.engine.setAnnouncements(AnnouncementPolicy(pauses: []))
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

  private static func failure(_ errorNumber: Int32) -> FrameError {
    FrameError(interface: "eth0", operation: "send", errorNumber: errorNumber)
  }

  /// A router that is about to take over, while a queue is full or the kernel refuses.
  private func candidate(failing failures: [FrameError]) throws -> Bench {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.settle()
    bench.platform.wire.failures = failures
    while bench.state() == .backup {
      bench.platform.time = try #require(bench.engine.deadline)
      bench.settle()
    }
    return bench
  }

  @Test func `an announcement that is refused for a moment is made a moment later`() throws {
    // ENOBUFS
    let bench = try candidate(failing: [Self.failure(105)])
    #expect(bench.platform.wire.frames.isEmpty)
    bench.pass(.milliseconds(9))
    #expect(bench.platform.wire.frames.isEmpty)
    bench.pass(.milliseconds(1))
    #expect(count(bench) == 1, "not only with the next round a second later")
  }

  @Test func `a takeover is not over before its announcement is out`() throws {
    let bench = try candidate(failing: [Self.failure(105)])
    let before = try #require(bench.engine.status().first).takeovers
    #expect(before.count == 0 && before.pendingAddresses == 1)
    bench.pass(.milliseconds(10))
    let after = try #require(bench.engine.status().first).takeovers
    #expect(after.count == 1 && after.pendingAddresses == 0)
    #expect(try #require(after.last) >= .milliseconds(10))
  }

  @Test func `one address's failure does not keep another's announcement from counting`() throws {
    // ENETDOWN does not go away by waiting a moment: the second round does it.
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.100/24", "198.18.0.101/24"]))
    bench.settle()
    bench.platform.wire.failures = [Self.failure(100)]
    while bench.state() == .backup {
      bench.platform.time = try #require(bench.engine.deadline)
      bench.settle()
    }
    #expect(count(bench) == 1)
    #expect(bench.engine.status().first?.takeovers.pendingAddresses == 1)
    bench.pass(.seconds(1))
    #expect(bench.engine.status().first?.takeovers.count == 1)
  }
}
