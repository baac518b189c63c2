import VIPCore

// Steps shared by the events and commands.

extension VirtualRouter {
  mutating func becomeActive(
    at now: Instant, because reason: Transition.Reason, promotedTo promotion: Priority? = nil,
    _ actions: inout Actions
  ) {
    let before = state
    statistics.masterTransitions += 1
    phase = .active(
      Active(timer: nextTurn(from: now), since: now, lastSent: now, promotion: promotion))
    advertise(effectivePriority, &actions)
    actions.append(.installAddresses)
    actions.append(.announceAddresses)
    actions.append(.transition(Transition(from: before, to: .active, reason: reason)))
  }

  /// Becomes Backup without having heard of an Active.
  mutating func becomeBackup(
    at now: Instant, because reason: Transition.Reason, after cause: TimerCause = .advertisement,
    _ actions: inout Actions
  ) {
    let before = state
    phase = .backup(watch(nil, interval: configuration.interval, after: cause, from: now))
    if before == .active { actions.append(.removeAddresses) }
    actions.append(.transition(Transition(from: before, to: .backup, reason: reason)))
  }

  /// Yields the Active role to a better router.
  mutating func yield(
    to advertisement: Advertisement, from source: IPAddress, at now: Instant,
    _ actions: inout Actions
  ) {
    let reason: Transition.Reason =
      advertisement.priority > effectivePriority
      ? .higherPriority(source, advertisement.priority)
      : .higherAddress(source, advertisement.priority)
    let active = ActiveRouter(address: source, priority: advertisement.priority)
    phase = .backup(watch(active, interval: advertisement.interval, from: now))
    actions.append(.removeAddresses)
    actions.append(.transition(Transition(from: .active, to: .backup, reason: reason)))
  }

  /// The longest silence after which an Active may still speak, in nanoseconds.
  static func silenceMax(_ interval: UInt64) -> UInt64 { 3 * interval }

  /// The shortest time between two answers, in nanoseconds: four in an interval.
  static func answerPause(_ interval: UInt64) -> UInt64 { interval / 4 }

  /// Makes an Active that was suspended, frozen or starved listen before it advertises.
  ///
  /// Not in the RFC: after three silent intervals the others may have taken over
  /// (Active_Down_Interval of every router is longer than that). Speaking now, be it only to
  /// answer, would disturb them; listening first costs nothing. An owner holds its addresses
  /// anyway.
  ///
  /// - Returns: whether the router is Backup now.
  mutating func stepsDownForWakingUpLate(
    _ active: Active, at now: Instant, _ actions: inout Actions
  ) -> Bool {
    let silence = now.nanoseconds(since: active.lastSent)
    guard silence > Self.silenceMax(configuration.interval.nanoseconds), !isOwner else {
      return false
    }
    becomeBackup(
      at: now, because: .lateWakeUp(silentFor: .nanoseconds(Int64(clamping: silence))), &actions)
    return true
  }

  /// The amount by which a Backup's timer may fire late, in nanoseconds: a busy machine, not a
  /// pause.
  static func latenessMax(_ interval: UInt64) -> UInt64 { max(interval / 4, 50_000_000) }

  /// Makes a Backup that was suspended or starved listen before it takes over.
  ///
  /// Not in the RFC: what came while the machine slept is lost, so the silence says nothing. It
  /// waits for another Active_Down_Interval, as an Active does that wakes up late; once in a row,
  /// so that a machine that is always late can take over, unless it was away for all of that time
  /// again.
  ///
  /// - Returns: whether the timer has been set again.
  mutating func listensForWakingUpLate(
    _ backup: Backup, due: Instant, at now: Instant
  ) -> Bool {
    let interval = backup.activeInterval.nanoseconds
    let forgiven =
      backup.timerCause == .lateWakeUp ? Self.silenceMax(interval) : Self.latenessMax(interval)
    guard now.nanoseconds(since: due) > forgiven, !isOwner else { return false }
    phase = .backup(watch(nil, interval: backup.activeInterval, after: .lateWakeUp, from: now))
    return true
  }

  /// Answers a losing advertisement at once, to assert the role (RFC 9568 §6.4.3).
  ///
  /// The announcements repair the caches that the other one has just changed. The Adver_Timer
  /// runs on. Version 2 only discards such an advertisement (RFC 3768 §6.4.3): there is no answer
  /// then, but the caches are repaired all the same.
  ///
  /// At most four answers in an interval, those to farewells included: one answer reaches every
  /// loser on the segment, and no sender may use us to multiply packets.
  mutating func answerLoser(_ active: inout Active, at now: Instant, _ actions: inout Actions) {
    let pause = Self.answerPause(configuration.interval.nanoseconds)
    if let last = active.lastAnswer, now.nanoseconds(since: last) < pause { return }
    active.lastAnswer = now
    if configuration.version == .v3 {
      active.lastSent = now
      advertise(effectivePriority, &actions)
    }
    actions.append(.announceAddresses)
  }

  /// Answers priority 0 with an advertisement (RFC 9568 §6.4.3), so that no Backup that heard it
  /// takes over.
  ///
  /// One of the four answers in an interval. What comes sooner brings the next advertisement
  /// forward to when the next answer may be sent: no sender can multiply packets, or end a run of
  /// farewells with one that is not answered soon.
  mutating func answerFarewell(_ active: inout Active, at now: Instant, _ actions: inout Actions) {
    speakSoon(&active, at: now, &actions)
  }

  /// Advertises now, or as soon as the next answer may be sent.
  mutating func speakSoon(_ active: inout Active, at now: Instant, _ actions: inout Actions) {
    let pause = Self.answerPause(configuration.interval.nanoseconds)
    guard let last = active.lastAnswer, now.nanoseconds(since: last) < pause else {
      active.lastAnswer = now
      active.lastSent = now
      active.timer = nextTurn(from: now)
      return advertise(effectivePriority, &actions)
    }
    let soon = last.advanced(byNanoseconds: pause)
    if soon < active.timer {
      active.timer = soon
      active.lastAnswer = soon
    }
  }

  /// The deadline of an Adver_Timer that is set now.
  func nextTurn(from now: Instant) -> Instant {
    now.advanced(byNanoseconds: configuration.interval.nanoseconds)
  }

  /// The knowledge of a Backup that begins to watch, with its Active_Down_Timer set.
  ///
  /// - Parameters:
  ///   - active: the Active that was just heard; `nil` if none was.
  ///   - interval: its interval, or our own.
  ///   - cause: the event that sets the timer.
  ///   - now: the current time.
  /// - Returns: what the Backup knows.
  func watch(
    _ active: ActiveRouter?, interval: AdvertisementInterval,
    after cause: TimerCause = .advertisement, from now: Instant
  ) -> Backup {
    Backup(
      timer: now.advanced(byNanoseconds: wait(after: cause, interval: interval)),
      timerCause: cause, lastHeard: now, activeInterval: interval, activeRouter: active)
  }

  /// The time that a Backup waits after an event, in nanoseconds.
  func wait(after cause: TimerCause, interval: AdvertisementInterval) -> UInt64 {
    let priority = backupPriority
    return switch cause {
    case .advertisement, .lateWakeUp: activeDownNanoseconds(of: priority, interval: interval)
    case .farewell: skewNanoseconds(of: priority, interval: interval)
    case .resignation: interval.nanoseconds + skewNanoseconds(of: priority, interval: interval)
    }
  }

  mutating func advertise(_ priority: Priority, _ actions: inout Actions) {
    statistics.advertisementSent += 1
    if priority == .farewell { statistics.priorityZeroSent += 1 }
    actions.append(.advertise(priority))
  }

  /// Takes over the checksum form of the peers.
  ///
  /// If they mix, the pseudo-header wins: peers that send it (keepalived, FRR) accept nothing else,
  /// and there is no form that peers of both kinds accept.
  mutating func learnChecksumForm(
    _ form: ChecksumForm, at now: Instant, _ findings: inout Findings
  ) {
    guard configuration.version == .v3 else { return }
    if form == .pseudoHeader {
      heardChecksum = .pseudoHeader(now)
    } else if case .pseudoHeader(let last) = heardChecksum,
      now.nanoseconds(since: last) <= activeDownNanoseconds
    {
      // A peer that needs the pseudo-header may still be there.
    } else {
      heardChecksum = .message
    }
    if form != configuration.checksumFormToSend(afterHearing: heardChecksum) {
      findings.insert(.checksumFormDiffers)
    }
  }

  func reasonForTakeover(_ backup: Backup, at now: Instant) -> Transition.Reason {
    if let other = backup.activeRouter {
      if backup.isPreempting { return .preempting(other.address, other.priority) }
      if backup.timerCause == .farewell { return .activeReleased(other.address) }
    }
    if backup.timerCause == .resignation { return .noSuccessor }
    return .activeDown(
      lastHeard: backup.activeRouter?.address,
      silentFor: now - backup.lastHeard)
  }
}
