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
    #expect(try #require(after.lastSeconds) >= 0.01)
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
