package import VIPCore

// Virtual routers of one node that are Active together or not at all. Not in the RFC, in which each
// virtual router is alone: what others hear of them is what it has for any router.

extension VirtualRouter {
  /// Becomes Active now, since the routers do with which it moves.
  ///
  /// As if its Active_Down_Timer had fired (RFC 9568 §6.4.2). Whether that may be is decided by
  /// ``JointTakeover``.
  ///
  /// - Parameter now: the current time.
  /// - Returns: what to do; nothing unless this is a Backup.
  package mutating func takeOver(at now: Instant) -> Actions {
    var actions = Actions()
    guard case .backup(let backup) = phase else { return actions }
    endResignation(by: now)
    let reason = backup.timer <= now ? reasonForTakeover(backup, at: now) : .withGroup
    becomeActive(at: now, because: reason, &actions)
    return actions
  }

  /// Leaves the Active role, since one of the routers with which it moves has left its own.
  ///
  /// As for an Active that stops (RFC 9568 §6.4.3), the others hear priority 0, so that they need
  /// not wait; it goes on as Backup. If it was silent for so long that others may have taken over,
  /// it leaves without a word, as one does that wakes up late.
  ///
  /// - Parameters:
  ///   - now: the current time.
  ///   - end: until when it has the lowest priority, as after ``resign(at:for:)``; `nil` if not.
  /// - Returns: what to do; nothing unless this is the Active.
  package mutating func giveWay(at now: Instant, until end: Instant? = nil) -> Actions {
    var actions = Actions()
    guard case .active(let active) = phase else { return actions }
    if let end { resignedUntil = end }
    guard !stepsDownForWakingUpLate(active, at: now, &actions) else { return actions }
    advertise(.farewell, &actions)
    becomeBackup(at: now, because: .withGroup, after: .resignation, &actions)
    return actions
  }

  /// Whether this is a Backup that follows the Active which it has heard last: it would not replace
  /// it.
  package var followsActive: Bool {
    guard case .backup(let backup) = phase, let active = backup.activeRouter else { return false }
    return backup.timerCause == .advertisement && active.priority != .farewell
      && !backup.isPreempting
  }
}

extension VirtualRouter {
  /// Whether this is a Backup that has heard an Active which it replaces when its timer is due.
  package var isPreempting: Bool {
    if case .backup(let backup) = phase { backup.isPreempting } else { false }
  }

  /// The Active of lower priority that this Backup leaves alone, since it does not preempt or not
  /// yet; `nil` if there is none.
  package var toleratedActive: ActiveRouter? {
    guard followsActive, let active = activeRouter, active.priority < effectivePriority else {
      return nil
    }
    return active
  }
}

/// The decision whether the routers of a group become Active together: made when the timer of one
/// of them is due, from all of them.
///
/// They do once no member would wait any longer for the Active that it has heard: its own timer is
/// due, or another member's Active has said farewell, the time after that is over, and this one has
/// heard nothing since. A member that hears a living Active which it would not replace therefore
/// keeps all of them Backup; so no two nodes take the role from each other endlessly where one
/// segment is cut and another is not.
package struct JointTakeover: Sendable, Hashable {
  private let now: Instant
  private var isPossible = true
  /// The last farewell after which the time is over.
  private var farewell: Instant?
  /// The last time that a member whose timer runs heard something.
  private var lastHeard: Instant?

  /// Begins with no member.
  package init(at now: Instant) { self.now = now }

  /// Takes a member into account.
  ///
  /// - Parameters:
  ///   - router: the member's election.
  ///   - isHeldBack: whether something else keeps it from taking over now.
  package mutating func add(_ router: borrowing VirtualRouter, isHeldBack: Bool = false) {
    switch router.phase {
    case .active: break
    case .initialize, .leaving: isPossible = false
    case .backup(let backup):
      if isHeldBack { isPossible = false }
      if backup.timer > now {
        lastHeard = max(lastHeard ?? backup.lastHeard, backup.lastHeard)
      } else if backup.timerCause == .farewell {
        farewell = max(farewell ?? backup.lastHeard, backup.lastHeard)
      }
    }
  }

  /// Whether all become Active now.
  package var isDue: Bool {
    guard isPossible else { return false }
    guard let lastHeard else { return true }
    return farewell.map { lastHeard <= $0 } ?? false
  }
}
