import VIPCore
import VRRP

/// The times for which a virtual router is held back: after the start of its node it takes no role,
/// and after it has lost the role again and again it takes it from no other.
struct Damping {
  /// The number of times within ``window`` that the role is lost before the router is held down.
  private static let lossMax = 3
  private static let window = Duration.seconds(60)

  /// The time until which it does not become Active.
  private(set) var quietUntil: Instant?
  /// The time until which it does not preempt.
  private(set) var heldUntil: Instant?
  /// The time for which it does not preempt, from the last loss on.
  private(set) var pause = Duration.zero
  /// The last times when it lost the role, the oldest first.
  private var losses: [Instant] = []

  /// The time when either of them ends.
  var deadline: Instant? { earliest(quietUntil, heldUntil) }

  /// Whether it does not preempt.
  var isHeld: Bool { heldUntil != nil }

  /// The router is there from now on.
  ///
  /// - Parameters:
  ///   - end: until when it does not become Active.
  ///   - now: the time.
  mutating func wait(until end: Instant, at now: Instant) {
    // A router that was held back until now takes over as if its timer were due now.
    if end > now || quietUntil != nil { quietUntil = max(end, now) }
  }

  /// The router has lost the role, or its group has, and no command has asked for it.
  ///
  /// What several routers of a group lose in one moment is one loss.
  ///
  /// - Parameters:
  ///   - pause: for how long it does not preempt if it loses the role too often.
  ///   - now: the time.
  /// - Returns: whether it is held down from now on.
  mutating func lost(_ pause: Duration, at now: Instant) -> Bool {
    guard pause > .zero, losses.last != now else { return false }
    losses.removeAll { $0 + Self.window < now }
    losses.append(now)
    guard losses.count >= Self.lossMax else { return false }
    losses.removeAll()
    heldUntil = now + pause
    self.pause = pause
    return true
  }

  /// The router is not to be held down.
  mutating func forgetLosses() {
    losses.removeAll()
    heldUntil = nil
  }

  /// Time has passed.
  ///
  /// - Returns: whether it is held down no longer.
  mutating func advance(to now: Instant) -> Bool {
    if let end = quietUntil, end <= now { quietUntil = nil }
    guard let end = heldUntil, end <= now else { return false }
    heldUntil = nil
    return true
  }
}

extension Transition {
  /// Whether the role is lost without a command that asks for it, and by this router first: what
  /// follows with its group is the same loss.
  var losesRole: Bool {
    guard from == .active else { return false }
    return switch reason {
    case .resigned, .promoted, .shutdown, .unable, .withGroup: false
    default: true
    }
  }
}
