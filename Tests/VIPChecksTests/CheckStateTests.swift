import Testing
import VIP
import VIPCore

@testable import VIPChecks

/// What a check counts as, result by result.
@Suite struct CheckStateTests {
  /// A state that can be asked within an expectation, which takes no value that changes.
  private final class Subject {
    private var state: CheckState

    init(_ check: Check, _ leaning: CheckLeaning = .plain) {
      state = CheckState(check, leaning, at: .zero)
    }

    var saying: CheckState.Saying { state.saying }
    var cause: CheckResult? { state.cause }
    var since: Instant { state.since }
    var changes: UInt64 { state.changes }
    var deadline: Instant? { state.deadline }

    func take(_ result: CheckResult, at now: Instant) -> Bool { state.take(result, at: now) }
    func advance(to now: Instant) -> Bool { state.advance(to: now) }
  }

  private static let program = ["/bin/true"]

  private func state(
    rise: Int = 1, fall: Int = 1, initially: CheckStatus.Standing = .unknown
  ) -> Subject {
    Subject(
      Check(
        name: "web", .command(Self.program, user: nil), rise: rise, fall: fall,
        initially: initially))
  }

  private func moment(_ seconds: Double) -> Instant {
    Instant.zero + .milliseconds(Int64(seconds * 1000))
  }

  private static let good = CheckResult.success("fine")
  private static let bad = CheckResult.failure("exit code 1")

  @Test func `the first result counts at once, unless it is said what comes before it`() {
    let unknown = state(rise: 3, fall: 3)
    #expect(unknown.saying.standing == .unknown)
    #expect(unknown.take(Self.bad, at: .zero))
    #expect(unknown.saying.standing == .failing)
    #expect(unknown.cause == Self.bad)
    let failed = state(rise: 2, initially: .failing)
    #expect(!failed.take(Self.good, at: moment(1)))
    #expect(failed.saying.standing == .failing)
    #expect(failed.take(Self.good, at: moment(2)))
    #expect(failed.saying.standing == .passing)
    let passed = state(fall: 2, initially: .passing)
    #expect(!passed.take(Self.bad, at: moment(1)))
    #expect(passed.take(Self.bad, at: moment(2)))
    #expect(passed.since == moment(2) && passed.changes == 1)
  }

  @Test func `only results in a row count`() {
    let state = state(rise: 2, fall: 3)
    _ = state.take(Self.good, at: .zero)
    for second in 1...21 {
      let result = second % 3 == 0 ? Self.good : Self.bad
      #expect(!state.take(result, at: moment(Double(second))), "\(second)")
    }
    #expect(state.saying.standing == .passing)
    #expect(!state.take(Self.bad, at: moment(30)))
    #expect(!state.take(.crashed(signal: 9), at: moment(31)))
    #expect(state.take(.timedOut(after: .seconds(1)), at: moment(32)))
    #expect(state.saying.standing == .failing)
  }

  @Test(arguments: [
    CheckResult.failure("exit code 2"), .crashed(signal: 11), .timedOut(after: .seconds(1)),
    .couldNotStart("there is no program"),
  ])
  func `whatever is no success fails, and says why`(result: CheckResult) {
    let state = state()
    #expect(state.take(result, at: .zero))
    #expect(state.saying == CheckState.Saying(standing: .failing))
    #expect(state.cause == result)
  }

  @Test func `a file that is not there leaves a check as it was at first`() {
    let state = state(initially: .passing)
    #expect(state.take(.number(-20), at: .zero))
    #expect(state.saying == CheckState.Saying(standing: .passing, number: -20))
    #expect(state.take(.silent("gone"), at: moment(1)))
    #expect(state.saying == CheckState.Saying(standing: .passing))
    let unknown = self.state()
    #expect(!unknown.take(.silent("gone"), at: .zero))
    #expect(unknown.saying.standing == .unknown)
    #expect(unknown.take(.number(5), at: moment(1)))
  }

  /// The number of changes for the better in a time, when the results of a check toggle.
  private func improvements(
    every pause: Duration, for time: Duration, interval: Duration = .milliseconds(100)
  ) -> Int {
    let state = state()
    var now = Instant.zero
    var (count, before) = (0, CheckStatus.Standing.passing)
    _ = state.take(Self.good, at: now)
    func note() {
      if before == .failing, state.saying.standing == .passing { count += 1 }
      before = state.saying.standing
    }
    while now < Instant.zero + time {
      now = now + interval
      _ = state.advance(to: now)
      note()
      let isGood = (now - .zero).inNanoseconds / pause.inNanoseconds % 2 == 0
      _ = state.take(isGood ? Self.good : Self.bad, at: now)
      note()
    }
    return count
  }

  @Test func `a check that toggles every 100 ms for a minute comes back once`() {
    #expect(improvements(every: .milliseconds(100), for: .seconds(60)) == 1)
  }

  @Test(arguments: [1, 2, 3, 5, 8, 13, 21, 34, 55, 89].map { $0 * 100 })
  func `a check that toggles at any pace comes back at most seven times in a minute`(pause: Int) {
    let count = improvements(every: .milliseconds(Int64(pause)), for: .seconds(60))
    #expect((1...7).contains(count), "\(count)")
    let hour = improvements(every: .milliseconds(Int64(pause)), for: .seconds(3600))
    #expect(hour <= 7 + 60, "\(hour)")
  }

  @Test func `once a check has been well for a minute, toggling is forgotten`() throws {
    let state = state()
    var now = Instant.zero
    func step(_ result: CheckResult, after pause: Duration) -> Bool {
      now = now + pause
      return state.take(result, at: now)
    }
    for result in [Self.good, Self.bad, Self.good, Self.bad] {
      #expect(step(result, after: .seconds(1)))
    }
    // It has got worse right after it got better: now it has to be well for a second.
    #expect(!step(Self.good, after: .seconds(1)))
    let due = try #require(state.deadline)
    #expect(due == now + .seconds(1))
    #expect(!state.advance(to: due + .milliseconds(-1)))
    #expect(state.advance(to: due))
    #expect(state.saying.standing == .passing && state.deadline == nil)
    now = due
    #expect(step(Self.bad, after: .seconds(61)))
    #expect(step(Self.good, after: .seconds(1)), "at once again")
  }

  /// What a check toggles between, so that a router is stronger with the first.
  struct Toggle: Sendable, CustomTestStringConvertible {
    var leaning: CheckLeaning
    var stronger: CheckResult
    var weaker: CheckResult
    var testDescription: String { "\(leaning): \(stronger), \(weaker)" }
  }

  @Test(arguments: [
    Toggle(leaning: .plain, stronger: .number(100), weaker: .number(0)),
    Toggle(leaning: .plain, stronger: .number(5), weaker: .success("fine")),
    Toggle(leaning: .plain, stronger: .number(-300), weaker: .failure("exit code 1")),
    Toggle(leaning: .adds, stronger: .number(100), weaker: .number(0)),
    Toggle(leaning: .adds, stronger: .number(2), weaker: .success("fine")),
    Toggle(leaning: .adds, stronger: .success("fine"), weaker: .failure("exit code 1")),
    Toggle(leaning: .takes, stronger: .number(0), weaker: .number(100)),
    Toggle(leaning: .takes, stronger: .number(-5), weaker: .success("fine")),
    Toggle(leaning: .takes, stronger: .failure("exit code 1"), weaker: .number(100)),
    Toggle(leaning: .takes, stronger: .success("fine"), weaker: .failure("exit code 1")),
  ])
  func `what makes a router weaker counts at once, what makes it stronger is held back`(
    toggle: Toggle
  ) throws {
    let check = Check(name: "load", .file(path: "/run/load"))
    let state = Subject(check, toggle.leaning)
    var second = 0.0
    func take(_ result: CheckResult) -> Bool {
      second += 1
      return state.take(result, at: moment(second))
    }
    for result in [toggle.weaker, toggle.stronger, toggle.weaker, toggle.stronger] {
      _ = take(result)
    }
    // Held back by now, or made already; then a second passes.
    _ = state.advance(to: moment(second + 0.999))
    if state.deadline != nil { _ = state.advance(to: moment(second + 1)) }
    second += 1
    #expect(take(toggle.weaker), "weaker at once")
    #expect(!take(toggle.stronger), "stronger later")
    #expect(state.deadline != nil)
    #expect(!take(toggle.weaker), "and it is weaker still")
  }

  @Test func `each kind of weight has a part of its own`() {
    var states = CheckStates(Check(name: "load", .file(path: "/run/load")), at: .zero)
    for (second, number) in [0, 100, 0, 100, 0].enumerated() {
      _ = states.take(.number(number), at: moment(Double(second)))
    }
    #expect(states[.plain].saying.number == 0)
    #expect(states[.takes].saying.number == 100, "0 is better here, and held back")
    let due = states.deadline
    #expect(due == states[.takes].deadline && due != nil)
    _ = states.advance(to: moment(100))
    #expect(states[.takes].saying.number == 0)
  }

  @Test func `a failure while a check is held back starts the time again`() throws {
    let state = state()
    for (second, result) in [Self.good, Self.bad, Self.good, Self.bad].enumerated() {
      _ = state.take(result, at: moment(Double(second)))
    }
    #expect(!state.take(Self.good, at: moment(4)))
    #expect(!state.take(Self.bad, at: moment(4.5)))
    #expect(state.deadline == nil)
    #expect(!state.take(Self.good, at: moment(4.8)))
    #expect(state.deadline == moment(5.8))
  }
}

/// When the runs of a check start.
@Suite struct CheckScheduleTests {
  @Test func `runs start once in an interval, a slow one delays the next to its end`() {
    var schedule = CheckSchedule(every: .seconds(1), from: .zero)
    #expect(schedule.deadline == .zero)
    schedule.begin(at: .zero)
    #expect(schedule.deadline == nil, "never two at once")
    schedule.end(at: .zero + .milliseconds(300))
    #expect(schedule.deadline == .zero + .seconds(1))
    schedule.begin(at: .zero + .seconds(1))
    schedule.end(at: .zero + .milliseconds(3500))
    #expect(schedule.deadline == .zero + .milliseconds(3500))
  }

  @Test func `something that has happened asks for a run, but not for too many`() {
    var schedule = CheckSchedule(every: .seconds(1), from: .zero)
    schedule.begin(at: .zero)
    schedule.end(at: .zero)
    schedule.hasten(at: .zero + .milliseconds(1))
    #expect(schedule.deadline == .zero + .milliseconds(10))
    schedule.hasten(at: .zero + .milliseconds(500))
    #expect(schedule.deadline == .zero + .milliseconds(10))
  }
}

/// What follows from a check for a router.
@Suite struct CheckEffectTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var standing: CheckStatus.Standing
    var number: Int?
    var weight: Int?
    var effect: CheckEffect
    var testDescription: String { "\(standing) \(number ?? 0) \(weight ?? 0)" }
  }

  @Test(arguments: [
    Row(standing: .unknown, weight: nil, effect: .none),
    Row(standing: .unknown, weight: 20, effect: .none),
    Row(standing: .passing, weight: nil, effect: .none),
    Row(standing: .failing, weight: nil, effect: .out),
    Row(standing: .passing, weight: 20, effect: .weight(20)),
    Row(standing: .failing, weight: 20, effect: .none),
    Row(standing: .passing, weight: -20, effect: .none),
    Row(standing: .failing, weight: -20, effect: .weight(-20)),
    Row(standing: .passing, number: -20, weight: nil, effect: .weight(-20)),
    Row(standing: .passing, number: 7, weight: -3, effect: .weight(-21)),
    Row(standing: .passing, number: 0, weight: nil, effect: .none),
    Row(standing: .passing, number: 1000, weight: nil, effect: .weight(254)),
    Row(standing: .passing, number: -254, weight: nil, effect: .out),
    Row(standing: .passing, number: .max, weight: -2, effect: .out),
    Row(standing: .passing, number: .min, weight: -2, effect: .weight(254)),
  ])
  func `a check is weighed as it is used`(row: Row) {
    let saying = CheckState.Saying(standing: row.standing, number: row.number)
    #expect(CheckEffect(saying, CheckUse("web", weight: row.weight)) == row.effect)
  }

  @Test func `a check without weight that has not said anything keeps a router out`() {
    let unknown = CheckState.Saying(standing: .unknown)
    #expect(CheckEffect(unknown, CheckUse("web"), isAwaited: true) == .out)
    #expect(CheckEffect(unknown, CheckUse("web"), isOwner: true, isAwaited: true) == .out)
    #expect(CheckEffect(unknown, CheckUse("web", weight: -20), isAwaited: true) == .none)
    #expect(CheckEffect(unknown, CheckUse("web")) == .none, "a file that is not there")
  }

  @Test func `an owner's priority stays as it is`() {
    let saying = CheckState.Saying(standing: .passing, number: -20)
    #expect(CheckEffect(saying, CheckUse("web"), isOwner: true) == .none)
    #expect(CheckEffect(.init(standing: .failing), CheckUse("web"), isOwner: true) == .out)
  }
}
