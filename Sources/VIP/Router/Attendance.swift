import VIPCore
import VRRP

/// Whether a virtual router takes part in the election, since when it does what it does, and why.
///
/// It waits until nothing speaks against it, runs, and leaves once for good. Its reason is that of
/// the last change of state; while it waits, what it waits for.
struct Attendance {
  /// The activity of a router.
  enum Activity: Equatable {
    /// The router can't take part yet.
    case waiting(WaitingReason)
    /// The router takes part in the election.
    case running
    /// The router has left the election for good; its addresses are being removed.
    case leaving
  }

  private(set) var activity = Activity.waiting(.notStarted)
  /// The time since which the router does what it does.
  private(set) var since: Instant
  /// The reason why the router does that.
  private(set) var reason = StateReason.waiting(.notStarted)
  /// The time to try again to take part, if it waits for that.
  private(set) var retryAt: Instant?
  private var handsOver = false

  init(at now: Instant) { since = now }

  var isRunning: Bool { activity == .running }
  var isLeaving: Bool { activity == .leaving }
  var isWaiting: Bool { obstacle != nil }

  /// The reason why the router waits; `nil` if it does not.
  var obstacle: WaitingReason? {
    if case .waiting(let reason) = activity { reason } else { nil }
  }

  /// Whether its interface serves although it takes no part, so that it can hand over.
  var canHandOver: Bool { isLeaving || (handsOver && !isRunning) }

  // MARK: Events

  /// The router can't take part.
  ///
  /// - Parameters:
  ///   - obstacle: what it waits for.
  ///   - handsOver: whether its interface still serves, so that it can hand over.
  ///   - now: the time.
  /// - Returns: whether it has not waited for that before; nothing has changed if it has.
  mutating func wait(for obstacle: WaitingReason, handsOver: Bool, at now: Instant) -> Bool {
    guard activity != .waiting(obstacle) else { return false }
    activity = .waiting(obstacle)
    self.handsOver = handsOver
    since = now
    reason = .waiting(obstacle)
    retryAt = nil
    return true
  }

  /// The router takes part from now on.
  mutating func run() {
    activity = .running
    retryAt = nil
  }

  /// The router leaves for good.
  mutating func leave() {
    activity = .leaving
    retryAt = nil
  }

  /// The router's election has changed its state.
  mutating func changedState(because cause: Transition.Reason, at now: Instant) {
    since = now
    if obstacle == nil { reason = .transition(cause) }
  }

  /// The router shall try again to take part.
  mutating func retry(at moment: Instant) { retryAt = moment }

  /// The router need not try again: what was in the way may be gone, or something else is in the
  /// way.
  mutating func forgetRetry() { retryAt = nil }
}
