import Testing
import VIPCore

@testable import VIP

/// The timers of an engine in one queue.
@Suite struct EngineTimerTests {
  private static let all: [EngineTimer] = [
    .lease, .announcement, .guard, .changeProbe, .listening, .refresh, .routes, .membership,
    .settings,
    .router(slot: 0), .router(slot: 1), .router(slot: 1000),
  ]

  @Test func `each timer has an index of its own`() {
    #expect(Set(Self.all.map(\.index)).count == Self.all.count)
    for timer in Self.all { #expect(EngineTimer(index: timer.index) == timer) }
  }

  @Test func `the earliest comes first, whatever it is`() {
    var timers = EngineTimers()
    let start = Instant(nanoseconds: 1000)
    timers.schedule(.router(slot: 3), at: start + .seconds(2))
    timers.schedule(.lease, at: start + .seconds(1))
    timers.schedule(.guard, at: start + .seconds(3))
    timers.cancel(.guard)
    #expect(timers.earliest == start + .seconds(1))
    #expect(timers.popDue(by: start) == nil)
    let first = timers.popDue(by: start + .seconds(9))
    let second = timers.popDue(by: start + .seconds(9))
    #expect(first?.timer == .lease && second?.timer == .router(slot: 3))
    #expect(timers.earliest == nil)
  }

  @Test func `no later than keeps the earlier one`() {
    var timers = EngineTimers()
    let start = Instant(nanoseconds: 1000)
    timers.schedule(.guard, noLaterThan: start + .seconds(2))
    timers.schedule(.guard, noLaterThan: start + .seconds(5))
    #expect(timers.deadline(of: .guard) == start + .seconds(2))
    timers.schedule(.guard, noLaterThan: start + .seconds(1))
    #expect(timers.deadline(of: .guard) == start + .seconds(1))
  }
}
