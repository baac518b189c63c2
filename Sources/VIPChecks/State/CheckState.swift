import VIP
import VIPCore

/// The part that a check has in elections, made of its results.
///
/// A value: results and the time come in, and it tells whether something has changed. What makes a
/// router weaker counts at once, after ``Check/fall`` results in a row. What makes it stronger
/// counts after ``Check/rise`` results in a row, and later if the check toggles: each time it gets
/// worse within a minute after it got better, it has to be well for twice as long as before, from
/// one second up to a minute, before that counts again. So a router whose check toggles without end
/// comes back at most seven times in the first minute, and at most once a minute from then on. Once
/// the check has been well for a minute, all is forgotten.
struct CheckState: Sendable, Hashable {
  /// The statement of a check: its standing, and the number that it has read.
  struct Saying: Sendable, Hashable {
    var standing: CheckStatus.Standing
    var number: Int?
  }

  /// The time after which it is forgotten that a check got better.
  static let memory = Duration.seconds(60)
  /// The time that a check has to be well for after it has got worse again the first time, and at
  /// most.
  static let firstHold = Duration.seconds(1), longestHold = Duration.seconds(60)

  /// A change that has not been made yet.
  private struct Candidate: Sendable, Hashable {
    var saying: Saying
    var result: CheckResult
    var isBetter: Bool
    /// The number of results in a row for it, and the time of the first.
    var count: Int
    var began: Instant
  }

  private let leaning: CheckLeaning
  private let initially: CheckStatus.Standing
  private let rise: Int
  private let fall: Int
  private(set) var saying: Saying
  /// The result that has led to it; `nil` before the first.
  private(set) var cause: CheckResult?
  /// The time when it began.
  private(set) var since: Instant
  private var candidate: Candidate?
  private var hasResult = false
  /// The time for which it must be well before that counts.
  private var hold = Duration.zero
  /// The time when it got better last; `nil` if it has got worse since.
  private var improved: Instant?
  /// Number of changes.
  private(set) var changes: UInt64 = 0

  /// Begins without a result.
  ///
  /// - Parameters:
  ///   - check: the check.
  ///   - leaning: the kind of weight that its routers give it.
  ///   - now: the time.
  init(_ check: Check, _ leaning: CheckLeaning = .plain, at now: Instant) {
    self.leaning = leaning
    initially = check.initially
    rise = check.rise
    fall = check.fall
    saying = Saying(standing: check.initially)
    since = now
  }

  /// The time when ``advance(to:)`` makes a difference; `nil` if it makes none.
  var deadline: Instant? {
    guard let candidate, candidate.isBetter, candidate.count >= rise else { return nil }
    return candidate.began + hold
  }

  /// Takes in the result of a run.
  ///
  /// - Returns: whether it says something else now.
  mutating func take(_ result: CheckResult, at now: Instant) -> Bool {
    let new = meaning(of: result)
    guard hasResult || initially != .unknown else {
      hasResult = true
      guard new != saying else { return note(result) }
      _ = change(to: new, because: result, at: now)
      // It has not got better, but known.
      improved = nil
      return true
    }
    hasResult = true
    guard new != saying else {
      candidate = nil
      return cause == nil ? note(result) : false
    }
    let isBetter = leaning.prefers(new, to: saying)
    if let present = candidate, present.isBetter == isBetter {
      candidate?.count += 1
      candidate?.saying = new
      candidate?.result = result
    } else {
      candidate = Candidate(saying: new, result: result, isBetter: isBetter, count: 1, began: now)
    }
    guard let candidate, !isBetter else { return advance(to: now) }
    guard candidate.count >= fall else { return false }
    return change(to: new, because: result, at: now)
  }

  /// Makes a change whose time has come.
  ///
  /// - Returns: whether it says something else now.
  mutating func advance(to now: Instant) -> Bool {
    guard let deadline, deadline <= now, let candidate else { return false }
    return change(to: candidate.saying, because: candidate.result, at: now)
  }

  private mutating func note(_ result: CheckResult) -> Bool {
    cause = result
    return false
  }

  private mutating func change(
    to new: Saying, because result: CheckResult, at now: Instant
  ) -> Bool {
    if leaning.prefers(new, to: saying) {
      improved = now
    } else if let before = improved {
      let isRelapse = now - before < Self.memory
      hold = isRelapse ? min(max(hold * 2, Self.firstHold), Self.longestHold) : .zero
      improved = nil
    }
    if new.standing != saying.standing {
      since = now
      changes += 1
    }
    saying = new
    cause = result
    candidate = nil
    return true
  }

  private func meaning(of result: CheckResult) -> Saying {
    switch result {
    case .success: Saying(standing: .passing)
    case .number(let number): Saying(standing: .passing, number: number)
    case .failure, .crashed, .timedOut, .couldNotStart: Saying(standing: .failing)
    case .silent: Saying(standing: initially)
    }
  }
}
