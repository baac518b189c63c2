import Netlink
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// What a node measures of itself: late turns, the length of takeovers, the age of leases.
@Suite struct PunctualityTests {
  // MARK: Late turns

  @Test func `a node on time has no late turns`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(10))
    let status = bench.engine.wakeUpStatus
    #expect(status.served > 6)
    #expect(status.late == 0 && status.max == .zero && status.sum == .zero)
    #expect(status.histogram.count == 8)
    #expect(status.histogram.allSatisfy { $0.count == status.served })
  }

  @Test func `a turn is late by the time since its deadline, and counts once`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(10))
    let before = bench.engine.wakeUpStatus
    let deadline = try #require(bench.engine.deadline)
    bench.platform.time = deadline + .milliseconds(20)
    bench.settle()
    bench.settle()
    let after = bench.engine.wakeUpStatus
    #expect(after.served == before.served + 1 && after.late == 1)
    #expect(after.max == .milliseconds(20) && after.recentMax == .milliseconds(20))
    #expect(after.histogram.first { $0.upTo == .milliseconds(10) }?.count == before.served)
    #expect(after.histogram.first { $0.upTo == .milliseconds(50) }?.count == before.served + 1)
    #expect(after.lateAfter == .milliseconds(10))
    bench.pass(.seconds(130))
    #expect(bench.engine.wakeUpStatus.recentMax == .zero, "that was long ago")
    #expect(bench.engine.wakeUpStatus.max == .milliseconds(20))
  }

  @Test(arguments: [
    (0, 0), (100_000, 0), (100_001, 1), (10_000_000, 3), (10_000_001, 4), (2_000_000_000, 8),
  ])
  func `buckets hold what is not later than their bound`(lateness: UInt64, bucket: Int) {
    var wakeUps = WakeUps(at: .zero)
    let due = Instant(nanoseconds: 1000)
    wakeUps.note(due: due, at: due.advanced(byNanoseconds: lateness))
    let counts = wakeUps.status(at: due).histogram.map(\.count)
    #expect(counts == (0..<8).map { $0 >= bucket ? 1 : 0 })
  }

  @Test func `what was recent is forgotten after two minutes at the latest`() {
    var wakeUps = WakeUps(at: .zero)
    func recent(_ seconds: Int) -> Duration {
      wakeUps.status(at: .zero + .seconds(seconds)).recentMax
    }
    wakeUps.note(due: .zero + .seconds(50), at: .zero + .seconds(51))
    #expect(recent(51) == .seconds(1) && recent(110) == .seconds(1))
    #expect(recent(121) == .zero, "nothing was noted meanwhile")
    wakeUps.note(due: .zero + .seconds(70), at: .zero + .seconds(70))
    #expect(recent(70) == .seconds(1))
    wakeUps.note(due: .zero + .seconds(131), at: .zero + .seconds(131))
    #expect(recent(131) == .zero)
  }

  // MARK: Takeovers

  private func takeovers(_ bench: Bench) throws -> RouterStatus.Takeovers {
    try #require(bench.engine.status().first).takeovers
  }

  @Test func `a takeover lasts from its deadline until the last address is announced`() throws {
    let bench = try Bench()
    // Announcements go out at 10,000 a second after the first 500: 100 more take 10 ms.
    let many = (0..<600).map { "198.18.\(1 + $0 / 250).\(1 + $0 % 250)/24" }
    try bench.engine.add(settings(many))
    bench.settle()
    #expect(try takeovers(bench) == RouterStatus.Takeovers())
    let due = try #require(bench.engine.deadline)
    bench.platform.time = due + .milliseconds(7)
    bench.settle()
    let under = try takeovers(bench)
    #expect(under.count == 0 && under.pendingAddresses == 100 && under.last == nil)
    bench.pass(.milliseconds(100))
    let over = try takeovers(bench)
    #expect(over.count == 1 && over.pendingAddresses == 0)
    let last = try #require(over.last)
    #expect(last >= .milliseconds(17), "7 ms late and 10 ms of announcements")
    #expect(last < .milliseconds(30))
    #expect(over.max == last && over.sum == last)
  }

  @Test func `a takeover is not over before every address is there`() throws {
    let bench = try Bench()
    bench.platform.fake.failure = { request in
      guard case .install(let request) = request, "\(request.address)" == "198.18.0.101/24" else {
        return nil
      }
      return NetlinkError(operation: "add \(request.address)", code: 12, message: "no memory")
    }
    try bench.engine.add(settings(["198.18.0.100/24", "198.18.0.101/24"]))
    bench.pass(.seconds(4))
    #expect(try takeovers(bench).pendingAddresses == 1)
    #expect(try takeovers(bench).count == 0)
    // Without that address it is.
    try bench.engine.change([settings()])
    bench.settle()
    #expect(try takeovers(bench).pendingAddresses == 0)
    #expect(try takeovers(bench).count == 1)
  }

  @Test func `a takeover that another machine cuts short does not count`() throws {
    let bench = try Bench()
    let many = (0..<600).map { "198.18.\(1 + $0 / 250).\(1 + $0 % 250)/24" }
    try bench.engine.add(settings(many))
    bench.settle()
    bench.platform.time = try #require(bench.engine.deadline)
    bench.settle()
    #expect(try takeovers(bench).pendingAddresses > 0)
    try bench.hear(200, from: "198.18.0.2")
    #expect(bench.state() == .backup)
    bench.pass(.seconds(1))
    #expect(try takeovers(bench) == RouterStatus.Takeovers())
  }

  // MARK: Leases

  @Test func `the age of a lease is that of the address which waits longest`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.100/24", "2001:db8::100/64"]))
    bench.settle()
    #expect(bench.engine.status().allSatisfy { $0.lease == nil }, "nothing is installed yet")
    bench.pass(.seconds(10))
    var leases = bench.engine.status().compactMap(\.lease)
    #expect(leases.map(\.lifetime) == [.seconds(4), .seconds(4)])
    #expect(leases.allSatisfy { $0.age <= .seconds(1) && $0.takeover == .seconds(4) })
    bench.platform.time = bench.platform.time + .seconds(5)
    leases = bench.engine.status().compactMap(\.lease)
    #expect(leases.allSatisfy { $0.age >= .seconds(5) }, "a node that was frozen sees it")
    #expect(try Bench(lease: .off).leaseWhenActive() == nil)
  }
}

extension Bench {
  fileprivate func leaseWhenActive() throws -> RouterStatus.Lease? {
    try engine.add(settings())
    pass(.seconds(10))
    #expect(state() == .active)
    return engine.status().first?.lease
  }
}

/// The pieces that keep a service alive for years.
@Suite struct ServiceTests {
  @Test func `a busy real-time thread becomes an ordinary one until it waits`() {
    var breather = Breather()
    var now = Instant(nanoseconds: 1_000_000_000)
    func turn(_ work: Duration, wait: Duration, immediately: Bool = true) -> (Bool, Bool) {
      now = now + work
      let resumes = breather.beginsWait(immediately: immediately)
      let start = now
      now = now + wait
      return (resumes, breather.endsWait(from: start, to: now))
    }
    #expect(turn(.zero, wait: .milliseconds(5)) == (false, false))
    for _ in 0..<500 { #expect(turn(.milliseconds(1), wait: .zero) == (false, false)) }
    #expect(turn(.milliseconds(1), wait: .zero) == (false, true), "half a second without a pause")
    #expect(turn(.milliseconds(1), wait: .zero) == (false, false), "once is enough")
    #expect(turn(.milliseconds(1), wait: .seconds(1), immediately: false) == (true, false))
    for _ in 0..<10 {
      #expect(turn(.milliseconds(400), wait: .milliseconds(1)) == (false, false), "pauses suffice")
    }
  }

  @Test func `a wait that is none is no pause`() {
    var breather = Breather()
    let start = Instant(nanoseconds: 1_000_000_000)
    var now = start
    func wait() -> Bool { breather.endsWait(from: now, to: now) }
    #expect(!wait())
    now = start + .seconds(1)
    #expect(wait())
    // A flooded socket: nothing is pending, but the wait returns at once.
    now = now + .milliseconds(1)
    let resumes = breather.beginsWait(immediately: false)
    #expect(resumes)
    #expect(wait())
  }

  @Test func `orphans are cleared away, and children that are waited for are not`() throws {
    let own: Int32 = 4_000_001
    #expect(Children.start { () throws(Never) in own } == own)
    var ended: [Int32] = [4_000_002, 4_000_003, own, 4_000_004]
    var cleared: [Int32] = []
    func clear() -> Bool {
      Children.clearOrphans(
        next: { ended.first ?? 0 },
        clear: {
          cleared.append($0)
          ended.removeFirst()
          return true
        })
    }
    #expect(clear(), "a child that is waited for is in the way")
    #expect(cleared == [4_000_002, 4_000_003])
    ended.removeFirst()
    Children.finished(own)
    #expect(!clear())
    #expect(cleared.last == 4_000_004 && ended.isEmpty)
    // One that is being started may take its time: no other start waits for it, nor does the clearer.
    let (slow, other): (Int32, Int32) = (4_000_005, 4_000_006)
    let child = StartingChild()
    #expect(
      Children.start(child) { () throws(Never) in
        child.number.pointee = slow
        #expect(Children.start { () throws(Never) in other } == other)
        Children.finished(other)
        ended = [4_000_007, slow]
        #expect(clear(), "it may have ended already")
        #expect(cleared.last == 4_000_007 && ended == [slow])
        return slow
      } == slow)
    #expect(clear(), "and is waited for by its starter")
    Children.finished(slow)
    ended = []
    struct Refusal: Error {}
    #expect(throws: Refusal.self) { try Children.start { () throws(Refusal) in throw Refusal() } }
  }
}
