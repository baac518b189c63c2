public import VIPCore

/// A reason to refuse a command of the operator.
public enum CommandError: Error, Sendable, Hashable {
  /// The router is in state Initialize.
  case notRunning
  /// The router hears no Active that it could replace, and has not listened for long enough to know
  /// that there is none.
  case noActiveHeard
  /// The Active has the highest priority that a router which does not own the addresses may have,
  /// or owns them.
  case activeOutranks(IPAddress, Priority)
}

extension CommandError: CustomStringConvertible {
  /// The obstacle and the remedy.
  public var description: String {
    switch self {
    case .notRunning: "the router is not running"
    case .noActiveHeard:
      "no Active is heard, and it has not listened for long enough to know that there is none; try "
        + "again after at most four advertisement intervals"
    case .activeOutranks(let address, let priority):
      "the Active \(address) has priority \(priority), which cannot be exceeded; resign it there"
    }
  }
}

extension VirtualRouter {
  /// Becomes Active now, at an operator's request.
  ///
  /// The protocol knows one way to take the role from a living Active: a higher priority. So this
  /// router advertises one step more than the Active it replaces, for as long as it stays Active,
  /// and the Active yields to it as to any better router. An owner's 255 can't be exceeded: only
  /// the owner of the addresses may advertise it.
  ///
  /// Preempt_Mode does not matter; it speaks of routers that act by themselves.
  ///
  /// Once its Active_Down_Timer is due the router has listened for as long as RFC 9568 §6.4.2 asks,
  /// and there is no Active to be exceeded: it takes the role with its own priority. Its node may
  /// keep it from doing so by itself, or the routers with which it moves may.
  ///
  /// - Returns: what to do; nothing if the router is Active already.
  /// - Throws: why it can't be Active.
  public mutating func promote(at now: Instant) throws(CommandError) -> Actions {
    var actions = Actions()
    guard state != .initialize else { throw .notRunning }
    endResignation(by: now)
    if state == .active {
      // One that took over although it had resigned, since no other did, is wanted again.
      resignedUntil = nil
      return actions
    }
    var promotion: Priority?
    if !isUnopposed(at: now) {
      guard let active = activeRouter, active.priority != .farewell else { throw .noActiveHeard }
      promotion = try exceeding(active)
    }
    resignedUntil = nil
    becomeActive(at: now, because: .promoted, promotedTo: promotion, &actions)
    return actions
  }

  /// Whether its Active_Down_Timer is due since nothing was heard, and not since it preempts.
  private func isUnopposed(at now: Instant) -> Bool {
    guard case .backup(let backup) = phase else { return false }
    return backup.timer <= now && !backup.isPreempting
  }

  /// The priority that exceeds an Active's; `nil` if the router's own does.
  private func exceeding(_ active: ActiveRouter) throws(CommandError) -> Priority? {
    guard configuration.priority <= active.priority else { return nil }
    guard active.priority < .highestBackup else {
      throw .activeOutranks(active.address, active.priority)
    }
    return Priority(rawValue: active.priority.rawValue + 1)
  }

  /// Shortens the first wait of a router of which the caller knows that no other one is Active.
  ///
  /// Not in the RFC: a Backup that has just started waits for Active_Down_Interval, since an Active
  /// may be there of which it has missed up to three advertisements. With this it waits for one
  /// interval and Skew_Time from its start on, and so still yields to an Active that it hears.
  /// Nothing happens in any other state, or if it has heard another router already.
  public mutating func assumeVacancy(at now: Instant) {
    guard case .backup(var backup) = phase, backup.activeRouter == nil,
      backup.timerCause == .advertisement, resignedUntil == nil
    else { return }
    let wait = wait(after: .resignation, interval: backup.activeInterval)
    let end = max(now, backup.lastHeard.advanced(byNanoseconds: wait))
    backup.timer = min(backup.timer, end)
    phase = .backup(backup)
  }

  /// Leaves the Active role to others for a while, at an operator's request.
  ///
  /// An Active says farewell with priority 0, as if it stopped, and goes on as Backup with the
  /// lowest priority, 1. So any other router is better; but if there is none, this one is
  /// Active again after two intervals. A node lets the addresses stay until then.
  ///
  /// - Parameters:
  ///   - now: the current time.
  ///   - duration: for how long; `nil` until ``resume(at:)``, ``promote(at:)`` or a restart.
  ///     Afterwards the router preempts again if it is configured to.
  /// - Returns: what to do.
  /// - Throws: ``CommandError/notRunning``.
  public mutating func resign(
    at now: Instant, for duration: Duration?
  ) throws(CommandError) -> Actions {
    var actions = Actions()
    guard state != .initialize else { throw .notRunning }
    let end = duration.map { now + $0 } ?? Instant(nanoseconds: .max)
    resignedUntil = end
    if state == .active {
      advertise(.farewell, &actions)
      becomeBackup(at: now, because: .resigned, after: .resignation, &actions)
    }
    return actions
  }

  /// Ends a resignation or a promotion: the configured priority counts again.
  ///
  /// The role is taken from no other router by that alone. A Backup preempts an Active of lower
  /// priority if it is configured to; an Active whose priority changes says so at once, and leaves
  /// it to the others what follows from it.
  ///
  /// - Parameter now: the current time.
  /// - Returns: what to do; nothing if there is neither.
  public mutating func resume(at now: Instant) -> Actions {
    var actions = Actions()
    let before = effectivePriority
    resignedUntil = nil
    switch phase {
    case .initialize, .leaving: break
    case .backup(var backup):
      guard effectivePriority != before else { break }
      let wait = wait(after: backup.timerCause, interval: backup.activeInterval)
      backup.timer = backup.lastHeard.advanced(byNanoseconds: wait)
      phase = .backup(backup)
    case .active(var active):
      active.promotion = nil
      phase = .active(active)
      // What to do about one that is late is decided when its timer fires.
      guard effectivePriority != before,
        now.nanoseconds(since: active.lastSent)
          <= Self.silenceMax(configuration.interval.nanoseconds)
      else { break }
      advertise(effectivePriority, &actions)
      active.lastSent = now
      active.timer = nextTurn(from: now)
      phase = .active(active)
    }
    return actions
  }

  /// Whether an operator's request or another router that does not hear this one has it at the
  /// lowest priority.
  public func isResigned(at now: Instant) -> Bool { resignedUntil.map { $0 > now } ?? false }

  /// Whether it advertises more than its configured priority, since an operator asked it to be
  /// Active.
  public var isPromoted: Bool {
    if case .active(let active) = phase { active.promotion != nil } else { false }
  }

  /// Whether it has left the role and no other router has been heard as Active since.
  package var awaitsSuccessor: Bool {
    guard case .backup(let backup) = phase else { return false }
    return backup.activeRouter.map { $0.priority == .farewell } ?? true
  }

  /// Lets the router that this one has yielded to know that there were two Actives.
  ///
  /// After a split the winner hears nothing of a loser that hears it first, and does not know that
  /// the loser's announcements have moved the caches of the segment. This is one advertisement with
  /// the priority of the loser, as keepalived sends it with `higher_prio_send_advert`: an Active
  /// answers it with an advertisement (RFC 9568 §6.4.3), and this package's and keepalived's
  /// announce their addresses again. Backups discard it or follow the answer.
  ///
  /// - Returns: what to do; nothing unless this is a Backup of an Active that wins against it.
  public mutating func concede() -> Actions {
    var actions = Actions()
    guard case .backup(let backup) = phase, let active = backup.activeRouter,
      active.priority > effectivePriority
        || (active.priority == effectivePriority && active.address > primaryAddress)
    else { return actions }
    advertise(effectivePriority, &actions)
    return actions
  }

  /// Leaves the Active role to a router of lower rank that goes on as Active although it is
  /// answered, or that can't be answered.
  ///
  /// Not in the RFC, by which both would be Active as long as one does not hear the other. Only the
  /// one that hears can end that. No farewell is sent: the role is taken already.
  ///
  /// - Parameters:
  ///   - active: the other router.
  ///   - interval: the interval that it advertises.
  ///   - now: the current time.
  ///   - duration: for how long this router has the lowest priority, as after ``resign(at:for:)``.
  /// - Returns: what to do; nothing if the router is not Active or owns the addresses.
  public mutating func yield(
    toUnhearing active: ActiveRouter, interval: AdvertisementInterval, at now: Instant,
    for duration: Duration
  ) -> Actions {
    var actions = Actions()
    guard state == .active, !isOwner else { return actions }
    resignedUntil = now + duration
    phase = .backup(watch(active, interval: interval, from: now))
    actions.append(.removeAddresses)
    actions.append(
      .transition(
        Transition(
          from: .active, to: .backup, reason: .unheard(by: active.address, active.priority))))
    return actions
  }

  /// Leaves the Active role that has been given up in this router's name while its node stood still.
  ///
  /// Not in the RFC. The farewell has been sent, so there is none; the router listens for a full
  /// Active_Down_Interval. An owner holds its addresses anyway.
  ///
  /// - Parameters:
  ///   - duration: for how long the node stood still.
  ///   - now: the current time.
  /// - Returns: what to do; nothing if the router is not Active or owns the addresses.
  public mutating func leaveRole(
    afterStandstill duration: Duration, at now: Instant
  ) -> Actions {
    var actions = Actions()
    guard case .active(let active) = phase, !isOwner else { return actions }
    // After a silence in which others have taken over by their timers, nothing is handed over.
    if stepsDownForWakingUpLate(active, at: now, &actions) { return actions }
    becomeBackup(at: now, because: .stoodStill(for: duration), &actions)
    return actions
  }

  /// Takes the configured priority again once a resignation is over.
  mutating func endResignation(by now: Instant) {
    if let end = resignedUntil, end <= now { resignedUntil = nil }
  }

  /// Advertises before its time, since the node is about to do what may take longer than that.
  ///
  /// Not in the RFC: one that comes early sets the timers of the others as any other does, one that
  /// is late brings them near a takeover. Nothing is sent within half an interval after the last
  /// one, so that no client of a node can make it say more than twice as much.
  ///
  /// - Parameter now: the current time.
  /// - Returns: what to do.
  package mutating func advertiseAhead(at now: Instant) -> Actions {
    var actions = Actions()
    guard case .active(var active) = phase else { return actions }
    let interval = configuration.interval.nanoseconds
    // What to do about one that is late is decided when its timer fires.
    guard
      (interval / 2..<Self.silenceMax(interval)).contains(now.nanoseconds(since: active.lastSent))
    else { return actions }
    active.lastSent = now
    active.timer = nextTurn(from: now)
    advertise(effectivePriority, &actions)
    phase = .active(active)
    return actions
  }
}
