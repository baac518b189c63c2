import VIP
import VIPCore

/// The kind of weight that a router gives a check: it decides which of two numbers is the better
/// one.
enum CheckLeaning: Sendable, Hashable {
  /// No weight: a router leaves the election while the check fails, and a number is added.
  case plain
  /// A weight above zero, which a number is multiplied by.
  case adds
  /// One below zero: the larger the number, the weaker the router.
  case takes

  /// The kind of a use.
  init(_ use: CheckUse?) {
    switch use?.weight {
    case nil: self = .plain
    case let weight?: self = weight > 0 ? .adds : .takes
    }
  }

  /// Whether a router is better off with one than with another.
  func prefers(_ new: CheckState.Saying, to old: CheckState.Saying) -> Bool {
    let (one, other) = (amount(new), amount(old))
    return one == other ? rank(new) > rank(old) : one > other
  }

  /// The amount that it adds to the priority, in weights.
  private func amount(_ saying: CheckState.Saying) -> Int {
    switch (saying.standing, self) {
    case (.unknown, _): 0
    case (.failing, .plain): .min
    case (.failing, .adds): 0
    case (.failing, .takes): -1
    case (.passing, .plain): saying.number ?? 0
    case (.passing, .adds): saying.number ?? 1
    case (.passing, .takes): saying.number.map { $0 == .min ? .max : -$0 } ?? 0
    }
  }

  private func rank(_ saying: CheckState.Saying) -> Int {
    switch saying.standing {
    case .failing: 0
    case .unknown: 1
    case .passing: 2
    }
  }
}

/// The parts that a check has in elections, one for each kind of weight.
struct CheckStates: Sendable {
  private var plain: CheckState
  /// The others of a check that reads numbers; for all other checks they are the same.
  private var weighted: [CheckLeaning: CheckState] = [:]

  /// Begins without a result.
  init(_ check: Check, at now: Instant) {
    plain = CheckState(check, at: now)
    guard case .file = check.kind else { return }
    for leaning in [CheckLeaning.adds, .takes] {
      weighted[leaning] = CheckState(check, leaning, at: now)
    }
  }

  /// The part that it has with a kind of weight.
  subscript(leaning: CheckLeaning) -> CheckState { weighted[leaning] ?? plain }

  /// The time when ``advance(to:)`` makes a difference; `nil` if it makes none.
  var deadline: Instant? {
    ([plain] + weighted.values).compactMap(\.deadline).min()
  }

  /// Takes in the result of a run.
  ///
  /// - Returns: whether it says something else now.
  mutating func take(_ result: CheckResult, at now: Instant) -> Bool {
    var hasChanged = plain.take(result, at: now)
    for leaning in weighted.keys {
      if weighted[leaning]?.take(result, at: now) == true { hasChanged = true }
    }
    return hasChanged
  }

  /// Makes changes whose time has come.
  ///
  /// - Returns: whether it says something else now.
  mutating func advance(to now: Instant) -> Bool {
    var hasChanged = plain.advance(to: now)
    for leaning in weighted.keys {
      if weighted[leaning]?.advance(to: now) == true { hasChanged = true }
    }
    return hasChanged
  }
}
