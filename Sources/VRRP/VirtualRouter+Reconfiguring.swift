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
    switch state {
    case .initialize:
      activeInterval = settings.interval
    case .backup:
      if activeRouter == nil || settings.version == .v2 { activeInterval = settings.interval }
      if effectivePriority != priorityBefore || settings.interval != before.interval {
        rewindDownTimer()
      }
    case .active:
      activeInterval = settings.interval
      // Also one that is late: what to do about that is decided when its timer fires.
      guard effectivePriority != priorityBefore || settings.interval != before.interval,
        now.nanoseconds(since: lastSent) <= 3 * before.interval.nanoseconds
      else { break }
      advertise(effectivePriority, at: now, &actions)
      setAdverTimer(from: now)
    }
    return actions
  }

  /// Sets the Active_Down_Timer as if the present settings had held when it was set.
  private mutating func rewindDownTimer() {
    let wait = activeIsLeaving ? skewTime : activeDownInterval
    phase = .backup(activeDownTimer: lastHeard.advanced(byNanoseconds: wait))
  }
}
