public import VIPCore

extension VirtualRouter {
  /// Takes over other settings while it runs; its state, peers and counters stay.
  ///
  /// The VRID, the family, the version and whether it owns the addresses can't change: that would
  /// be another virtual router.
  ///
  /// A Backup's timer becomes what it would be, had the new settings held when the Active was last
  /// heard. An Active whose priority or interval changes says so at once, since the others set
  /// their timers by its last word: after a longer interval they would take over before the next
  /// advertisement, after a shorter one they would notice its end late.
  ///
  /// - Parameters:
  ///   - settings: the new settings; ``Configuration/validate()`` accepts them.
  ///   - now: the current time.
  /// - Returns: what to do.
  public mutating func reconfigure(_ settings: Configuration, at now: Instant) -> Actions {
    var actions = Actions()
    precondition(
      settings.vrid == configuration.vrid && settings.family == configuration.family
        && settings.version == configuration.version
        && (settings.priority == .owner) == (configuration.priority == .owner),
      "another virtual router")
    let before = configuration
    let priorityBefore = effectivePriority
    configuration = settings
    let changesTimers =
      effectivePriority != priorityBefore || settings.interval != before.interval
    switch phase {
    case .initialize, .leaving: break
    case .backup(var backup):
      if backup.activeRouter == nil || settings.version == .v2 {
        backup.activeInterval = settings.interval
      }
      if changesTimers {
        let wait = wait(after: backup.timerCause, interval: backup.activeInterval)
        backup.timer = backup.lastHeard.advanced(byNanoseconds: wait)
      }
      phase = .backup(backup)
    case .active(var active):
      // Also one that is late: what to do about that is decided when its timer fires.
      guard changesTimers,
        now.nanoseconds(since: active.lastSent) <= Self.silenceMax(before.interval.nanoseconds)
      else { break }
      advertise(effectivePriority, &actions)
      active.lastSent = now
      active.timer = nextTurn(from: now)
      phase = .active(active)
    }
    return actions
  }

  /// Says at once that the addresses which it lists have changed, if it is Active.
  ///
  /// Not in the RFC: machines that are given the same addresses at the same time probe for them,
  /// and take the answers for the group's once they have heard its list. One of the four answers in
  /// an interval; a list that changes sooner brings the next advertisement forward.
  ///
  /// - Parameter now: the current time.
  /// - Returns: what to do.
  package mutating func addressesChanged(at now: Instant) -> Actions {
    var actions = Actions()
    // What to do about one that is late is decided when its timer fires.
    guard case .active(var active) = phase,
      now.nanoseconds(since: active.lastSent)
        <= Self.silenceMax(configuration.interval.nanoseconds)
    else { return actions }
    speakSoon(&active, at: now, &actions)
    phase = .active(active)
    return actions
  }
}
