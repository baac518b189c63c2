import VIPCore
import VRRP

/// A node that stands still while it lives: stopped, starved, hung, or writing a core file.
///
/// The loop says in the guard's area by when it turns again. If it is overdue for longer than a
/// busy machine explains, the guard tells the peers and lets the addresses go, as for a dead node.
/// When the node goes on it finds that noted, and says nothing before it has listened.
extension Engine {
  /// The shortest time by which the loop may be overdue: the guard counts less as this, too.
  static let toleranceMin = Duration.seconds(1)

  /// The time by which the loop may be overdue: the longest interval of the routers that are
  /// Active, zero if none is.
  ///
  /// A loop that waits for its next advertisement is found to stand still after less than two
  /// intervals; the peers wait for three and more.
  private var tolerance: Duration {
    var longest = Duration.zero
    for case let instance? in instances where instance.isHolding {
      longest = max(longest, Self.toleranceMin, instance.settings.interval.duration)
    }
    return longest
  }

  /// Tells the guard whether to watch the loop.
  func updateWatch() { safeguard?.setTolerance(tolerance) }

  /// Tells the guard by when the loop turns again: at once if it has something to do.
  func promiseTurn() {
    guard let safeguard else { return }
    let next = hasPendingWork ? now.nanoseconds : deadline?.nanoseconds ?? .max
    safeguard.area.promise(next)
  }

  /// Whether the guard has put this node to rest, and it has not noticed yet.
  var isAtRest: Bool { safeguard?.area.isAtRest ?? false }

  /// Goes on after a rest: gives up what the guard has given up, before anything is heard or said.
  ///
  /// The addresses that the guard still keeps for a successor are kept here from now on.
  func wakeFromRest() {
    guard let safeguard else { return }
    let stillness = now - lastClock
    // First: from now on the area is the node's again.
    endGuard()
    safeguard.renew()
    noteChange()
    for case let instance? in instances where instance.isHolding {
      perform(instance.election.leaveRole(afterStandstill: stillness, at: now), for: instance)
    }
    warn(
      .guardProcess,
      "this node stood still for \(stillness.rounded.text); its guard has told the others and let "
        + "its addresses go")
    updateSafeguard()
    startGuard()
  }
}

extension Duration {
  /// The duration in whole milliseconds.
  fileprivate var rounded: Duration { .milliseconds(Int64(clamping: inNanoseconds / 1_000_000)) }
}
