import Netlink
import Testing
import VIP
import VIPCore
import VIPTesting
import VRRP

/// A node that stands still while it lives, and the guard that watches its loop.
@Suite struct StandstillTests {
  private final class WatchingGuard: GuardProcess {
    var pid: Int32?
    var waiting: [GuardNews] = []
    var starts = 0
    var dismissals = 0
    var nudges = 0

    func start(_ area: GuardArea) throws(NodeError) -> Int32 {
      starts += 1
      pid = Int32(1000 + starts)
      waiting = [.isReady]
      return 99
    }
    func news() -> GuardNews { waiting.isEmpty ? .none : waiting.removeFirst() }
    func dismiss() -> String {
      dismissals += 1
      pid = nil
      return "signal 9"
    }
    func release() {}
    func nudge() { nudges += 1 }
  }

  private let bench: Bench
  private let area: GuardArea
  private let process = WatchingGuard()

  init() throws {
    bench = try Bench()
    area = try GuardArea()
    bench.engine.protect(with: Safeguard(area, process))
  }

  private var sent: Int { bench.platform.transport(.ipv4)?.sentPriorities.count ?? 0 }

  /// Lets the node stand still until its guard puts it to rest.
  ///
  /// - Returns: how long that took.
  private func standStill(_ watch: inout GuardWatch) throws -> Duration {
    let start = bench.platform.time
    while true {
      let (isAtRest, next) = watch.look(at: area, bench.platform.time)
      if isAtRest { return bench.platform.time - start }
      let time = try #require(next)
      bench.platform.fake.advance(by: time - bench.platform.time)
      bench.platform.time = time
    }
  }

  @Test func `the loop is watched only while a router is Active`() throws {
    var watch = GuardWatch()
    try bench.engine.add(settings())
    bench.pass(.seconds(1))
    #expect(process.nudges == 0)
    #expect(watch.look(at: area, bench.platform.time).next == nil)
    bench.pass(.seconds(3))
    #expect(bench.state() == .active && process.nudges == 1)
    let deadline = try #require(bench.engine.deadline)
    #expect(watch.look(at: area, bench.platform.time).next == deadline + .seconds(1))
    try bench.hear(200, from: "198.18.0.2")
    #expect(bench.state() == .backup)
    #expect(watch.look(at: area, bench.platform.time).next == nil)
  }

  @Test(arguments: [("10ms", 1), ("100ms", 1), ("1s", 1), ("5s", 5)])
  func `it may be overdue for an interval, and a second at least`(
    interval: String, seconds: Int
  ) throws {
    try bench.engine.add(settings(interval: #require(AdvertisementInterval(interval))))
    bench.pass(.seconds(30))
    var watch = GuardWatch()
    let deadline = try #require(bench.engine.deadline)
    #expect(watch.look(at: area, bench.platform.time).next == deadline + .seconds(seconds))
  }

  @Test func `a node that turns is never put to rest`() throws {
    try bench.engine.add(settings(interval: #require(AdvertisementInterval("10ms"))))
    bench.pass(.seconds(1))
    var watch = GuardWatch()
    var next: Instant?
    for _ in 0..<3000 {
      bench.pass(.milliseconds(7))
      // Late turns of a busy machine.
      bench.platform.time = bench.platform.time + .milliseconds(10)
      if next.map({ $0 <= bench.platform.time }) ?? true {
        let look = watch.look(at: area, bench.platform.time)
        #expect(!look.isAtRest)
        next = look.next
      }
    }
    #expect(process.dismissals == 0)
  }

  @Test func `a node at rest says nothing, steps down, tells of it and listens`() throws {
    try bench.engine.add(settings())
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
    var watch = GuardWatch()
    let patience = try standStill(&watch)
    #expect(patience > .seconds(1) && patience <= .seconds(2))
    let care = GuardCare(of: area, at: bench.platform.time)
    guard case .packet? = care.next(at: bench.platform.time) else {
      Issue.record("the guard says farewell")
      return
    }
    #expect(care.keptCount == 1)
    let count = sent
    bench.platform.wire.removeAll()
    bench.settle()
    #expect(bench.state() == .backup && sent == count)
    #expect(bench.platform.wire.frames.isEmpty)
    #expect(process.dismissals == 1 && process.starts == 2 && !area.isAtRest)
    #expect(try bench.held == ["198.18.0.100/24"], "a successor may be about to announce it")
    let told = bench.events.map(\.description)
    let length = Duration.milliseconds(Int64(patience / .milliseconds(1))).text
    #expect(told.contains { $0.contains("node stood still for \(length);") }, "\(told)")
    #expect(
      told.contains { $0.contains("its guard has told the others and let its addresses go") })
    let reason = try #require(bench.engine.status().first).reason
    #expect(reason.description.contains("stood still for"))
    // No router takes over: it goes, and comes back after a full Active_Down_Interval.
    bench.pass(.milliseconds(1200))
    #expect(try bench.held == [] && bench.state() == .backup)
    bench.pass(.milliseconds(2300))
    #expect(bench.state() == .backup && sent == count)
    bench.pass(.milliseconds(300))
    #expect(bench.state() == .active)
    #expect(try bench.held == ["198.18.0.100/24"])
    #expect(area.deeds(at: bench.platform.time.nanoseconds).count == 2, "the new guard knows all")
  }

  @Test func `what the guard has removed is not put back`() throws {
    try bench.engine.add(settings())
    bench.pass(.seconds(5))
    var watch = GuardWatch()
    _ = try standStill(&watch)
    bench.platform.fake.remove(try #require(InterfaceAddress("198.18.0.100/24")), onInterface: 2)
    bench.platform.wire.removeAll()
    bench.settle()
    #expect(bench.state() == .backup)
    #expect(try bench.held == [] && bench.platform.wire.frames.isEmpty)
    try bench.hear(100, from: "198.18.0.2")
    #expect(bench.state() == .backup)
    #expect(try bench.held == [])
  }

  @Test func `a command finds the note too`() throws {
    try bench.engine.add(settings())
    bench.pass(.seconds(5))
    var watch = GuardWatch()
    _ = try standStill(&watch)
    let count = sent
    try bench.engine.add(settings(["198.18.0.101/24"], vrid: 52, name: "mail"))
    #expect(bench.state() == .backup && sent == count && !area.isAtRest)
  }

  @Test func `after a silence in which others took over nothing is kept`() throws {
    try bench.engine.add(settings())
    bench.pass(.seconds(5))
    var watch = GuardWatch()
    _ = try standStill(&watch)
    bench.platform.time = bench.platform.time + .seconds(2)
    bench.settle()
    #expect(bench.state() == .backup)
    #expect(try bench.held == [])
  }
}
