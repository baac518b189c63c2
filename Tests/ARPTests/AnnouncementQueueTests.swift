import ARP
import TestSupport
import Testing
import VIPCore

@Suite struct AnnouncementQueueTests {
  @Test func `a refresh is one announcement, and none beside those that are due anyway`() throws {
    var queue = AnnouncementQueue()
    let address = try #require(IPAddress("192.0.2.1"))
    let start = Instant(nanoseconds: 1_000_000_000)
    queue.refresh(address, now: start)
    queue.refresh(address, now: start)
    #expect(queue.popDue(by: start) == address)
    #expect(queue.isEmpty)
    queue.announce(address, now: start)
    queue.refresh(address, now: start)
    var count = 0
    var now = start
    while let next = queue.deadline {
      now = max(now, next)
      while queue.popDue(by: now) != nil { count += 1 }
    }
    #expect(count == 3)
  }

  private let start = Instant(nanoseconds: 1_000_000_000_000)

  private func address(_ number: Int) -> IPAddress {
    .v4(IPv4Address(rawValue: 0xC612_0000 + UInt32(number)))
  }

  /// Jumps from deadline to deadline and returns what was popped when, in milliseconds.
  private func run(
    _ queue: inout AnnouncementQueue, until end: Duration = .seconds(600)
  ) -> [(at: UInt64, address: IPAddress)] {
    var log: [(UInt64, IPAddress)] = []
    var last = Instant.zero
    while let deadline = queue.deadline, deadline <= start + end {
      #expect(deadline > last, "the deadline must be in the future once nothing is due")
      last = deadline
      while let address = queue.popDue(by: deadline) {
        log.append((deadline.nanoseconds(since: start) / 1_000_000, address))
      }
    }
    return log
  }

  /// RFC 4861 §7.2.6: at most MAX_NEIGHBOR_ADVERTISEMENT (3), at least RETRANS_TIMER (1 s) apart.
  ///
  /// RFC 5227 §2.3: ANNOUNCE_NUM (2) of them ANNOUNCE_INTERVAL (2 s) apart.
  @Test func announcesThreeTimes() {
    var queue = AnnouncementQueue()
    #expect(queue.isEmpty && queue.deadline == nil && queue.popDue(by: start) == nil)
    queue.announce(address(1), now: start)
    #expect(queue.deadline == start && queue.count == 1 && queue.contains(address(1)))
    let log = run(&queue)
    #expect(log.map(\.at) == [0, 1000, 3000])
    #expect(log.allSatisfy { $0.address == address(1) })
    #expect(queue.isEmpty && queue.deadline == nil)
  }

  @Test func spuriousCallsDoNothing() {
    var queue = AnnouncementQueue()
    queue.announce(address(1), now: start)
    #expect(queue.popDue(by: start) == address(1))
    for _ in 0..<3 { #expect(queue.popDue(by: start + .milliseconds(999)) == nil) }
    #expect(queue.deadline == start + .seconds(1))
    #expect(queue.popDue(by: start + .seconds(1)) == address(1))
  }

  /// An address that was not announced yet never waits for another one's repeat.
  @Test func firstRoundGoesFirst() {
    // So slow that the first repeats are due long before the last first announcement.
    var queue = AnnouncementQueue(policy: AnnouncementPolicy(maximumRate: 10, burst: 1))
    for number in 0..<50 { queue.announce(address(number), now: start) }
    let log = run(&queue)
    #expect(log.count == 150)
    #expect(log[..<50].map(\.address) == (0..<50).map(address))
    #expect(log[50..<100].map(\.address) == (0..<50).map(address))
    #expect(log[100...].map(\.address) == (0..<50).map(address))
    // One each 100 ms, without a gap.
    #expect(log.map(\.at) == (0..<150).map { UInt64($0) * 100 })
  }

  @Test func newcomersOvertakeRepeats() {
    var queue = AnnouncementQueue(policy: AnnouncementPolicy(maximumRate: 1000, burst: 1))
    for number in 0..<10 { queue.announce(address(number), now: start) }
    for number in 0..<10 {
      #expect(queue.popDue(by: start + .milliseconds(number)) == address(number))
    }
    let later = start + .seconds(2)
    queue.announce(address(99), now: later)
    #expect(queue.popDue(by: later) == address(99))
    #expect(queue.popDue(by: later + .milliseconds(1)) == address(0))
  }

  @Test func pacesAfterABurst() {
    let policy = AnnouncementPolicy(pauses: [], maximumRate: 1000, burst: 5)
    var queue = AnnouncementQueue(policy: policy)
    for number in 0..<8 { queue.announce(address(number), now: start) }
    #expect(run(&queue).map(\.at) == [0, 0, 0, 0, 0, 1, 2, 3])
    // The burst comes back with time, and no more of it than was there.
    for number in 0..<8 { queue.announce(address(number), now: start + .seconds(60)) }
    #expect(run(&queue).map(\.at).map { $0 - 60_000 } == [0, 0, 0, 0, 0, 1, 2, 3])
    // After 2 ms, two more.
    for number in 0..<4 {
      queue.announce(address(number), now: start + .seconds(60) + .milliseconds(5))
    }
    #expect(run(&queue).map(\.at).map { $0 - 60_000 } == [5, 5, 6, 7])
  }

  /// No window of a second holds more than the rate and one burst.
  @Test func thousandsKeepTheRate() {
    var queue = AnnouncementQueue()
    for number in 0..<5000 { queue.announce(address(number), now: start) }
    let log = run(&queue)
    #expect(log.count == 15_000)
    // The burst, and one for each further tenth of the first millisecond.
    #expect(log.count { $0.at == 0 } == 509)
    #expect(log[4999].at == 450 && log[..<5000].map(\.address) == (0..<5000).map(address))
    var times: [IPAddress: [UInt64]] = [:]
    for entry in log { times[entry.address, default: []].append(entry.at) }
    // Milliseconds are cut off, hence one less.
    #expect(times.values.allSatisfy { $0[1] - $0[0] >= 999 && $0[2] - $0[1] >= 1999 })
    for window in stride(from: 0, to: 5000, by: 50) {
      let inside = log.count { $0.at >= UInt64(window) && $0.at < UInt64(window) + 1000 }
      #expect(inside <= 10_500)
    }
  }

  @Test func announcingAgainRestarts() {
    var queue = AnnouncementQueue()
    queue.announce(address(1), now: start)
    queue.announce(address(1), now: start)
    #expect(queue.popDue(by: start) == address(1) && queue.popDue(by: start) == nil)
    #expect(queue.popDue(by: start + .seconds(1)) == address(1))
    queue.announce(address(1), now: start + .milliseconds(1500))
    #expect(queue.count == 1)
    #expect(run(&queue).map(\.at) == [1500, 2500, 4500])
  }

  @Test func cancelledAddressesAreSilent() {
    var queue = AnnouncementQueue()
    for number in 0..<3 { queue.announce(address(number), now: start) }
    queue.cancel(address(1))
    queue.cancel(address(77))
    #expect(queue.popDue(by: start) == address(0))
    queue.cancel(address(0))
    #expect(run(&queue).map(\.address) == [address(2), address(2), address(2)])
    for number in 0..<3 { queue.announce(address(number), now: start) }
    for number in 0..<3 { queue.cancel(address(number)) }
    #expect(queue.isEmpty && queue.deadline == nil && !queue.contains(address(2)))
    queue.announce(address(5), now: start + .seconds(9))
    #expect(run(&queue).map(\.at) == [9000, 10_000, 12_000])
  }

  @Test func retriesWithBackOff() {
    var queue = AnnouncementQueue()
    queue.announce(address(1), now: start)
    queue.announce(address(2), now: start)
    var now = start
    var pauses: [UInt64] = []
    for _ in 0..<9 {
      #expect(queue.popDue(by: now) == address(1), "the address keeps its place")
      queue.retry(address(1), now: now)
      #expect(queue.popDue(by: now) == nil, "the whole interface waits")
      let next = queue.deadline ?? now
      pauses.append(next.nanoseconds(since: now) / 1_000_000)
      now = next
    }
    #expect(pauses == [10, 20, 40, 80, 160, 320, 640, 1000, 1000])
    // It works again: the next failure starts from the shortest pause.
    #expect(queue.popDue(by: now) == address(1) && queue.popDue(by: now) == address(2))
    #expect(queue.popDue(by: now + .seconds(1)) == address(1))
    queue.retry(address(1), now: now + .seconds(1))
    #expect(queue.deadline == now + .seconds(1) + .milliseconds(10))
  }

  @Test func aBatchThatFailsCountsOnce() {
    var queue = AnnouncementQueue()
    var now = start
    for number in 0..<3 { queue.announce(address(number), now: now) }
    for pause in [10, 20, 40] {
      let batch = (0..<3).compactMap { _ in queue.popDue(by: now) }
      #expect(batch.count == 3)
      for address in batch.reversed() { queue.retry(address, now: now) }
      #expect(queue.deadline == now + .milliseconds(pause))
      now = now + .milliseconds(pause)
    }
    #expect((0..<3).compactMap { _ in queue.popDue(by: now) } == (0..<3).map(address))
  }

  @Test func theLastRoundIsRetriedToo() {
    var queue = AnnouncementQueue(policy: AnnouncementPolicy(pauses: []))
    queue.announce(address(1), now: start)
    #expect(queue.popDue(by: start) == address(1) && queue.isEmpty)
    queue.retry(address(1), now: start)
    #expect(run(&queue).map(\.at) == [10] && queue.isEmpty)
  }

  @Test func surviveOddPolicies() {
    let odd = AnnouncementPolicy(pauses: [.seconds(-1)], maximumRate: 0, burst: -5)
    var queue = AnnouncementQueue(policy: odd)
    queue.announce(address(1), now: start)
    queue.announce(address(2), now: start)
    #expect(run(&queue).map(\.at) == [0, 1000, 2000, 3000])
    let fast = AnnouncementPolicy(pauses: [], maximumRate: .max, burst: .max)
    queue = AnnouncementQueue(policy: fast)
    for number in 0..<1000 { queue.announce(address(number), now: start) }
    #expect(run(&queue).map(\.at) == [UInt64](repeating: 0, count: 1000))
  }

  /// A model that searches a list, without pacing: the lowest round first, then order of arrival.
  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func agreesWithANaiveModel(seed: UInt64) {
    let pauses: [Duration] = [.milliseconds(10), .milliseconds(25)]
    let policy = AnnouncementPolicy(pauses: pauses, maximumRate: .max, burst: .max)
    var queue = AnnouncementQueue(policy: policy)
    var model: [(address: IPAddress, round: Int, due: Instant, order: Int)] = []
    var random = SplitMix64(seed: seed)
    var now = start
    for order in 0..<5000 {
      let subject = address(Int(random.next() % 24))
      let known = model.firstIndex { $0.address == subject }
      switch random.next() % 8 {
      case 0...1:
        queue.announce(subject, now: now)
        if known.map({ model[$0].round > 0 }) ?? true {
          if let known { model.remove(at: known) }
          model.append((subject, 0, now, order))
        }
      case 2:
        queue.cancel(subject)
        if let known { model.remove(at: known) }
      case 3:
        now = now + .milliseconds(Int(random.next() % 12))
      default:
        let due = model.indices.filter { model[$0].due <= now }
          .min { (model[$0].round, model[$0].order) < (model[$1].round, model[$1].order) }
        #expect(queue.popDue(by: now) == due.map { model[$0].address })
        guard let due else { continue }
        let entry = model.remove(at: due)
        if entry.round < pauses.count {
          model.append((entry.address, entry.round + 1, now + pauses[entry.round], order))
        }
      }
      // What is overdue has a deadline in the past; how far doesn't matter.
      let deadline = model.map(\.due).min().map { max($0, now) }
      #expect(queue.count == model.count && queue.deadline.map { max($0, now) } == deadline)
    }
  }
}
