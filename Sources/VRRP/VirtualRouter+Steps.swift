import VIPCore

// Steps shared by the events and commands.

extension VirtualRouter {
  mutating func becomeActive(
    at now: Instant, because reason: Transition.Reason, _ actions: inout Actions
  ) {
    let before = state
    statistics.masterTransitions += 1
    activeRouter = nil
    activeSince = now
    lastAnswer = nil
    lowerPrioritySince = nil
    setAdverTimer(from: now)
    advertise(effectivePriority, at: now, &actions)
    actions.append(.installAddresses)
    actions.append(.announceAddresses)
    actions.append(.transition(Transition(from: before, to: .active, reason: reason)))
  }

  /// Becomes Backup without having heard of an Active.
  mutating func becomeBackup(
    at now: Instant, because reason: Transition.Reason, _ actions: inout Actions
  ) {
    let before = state
    endPromotion()
    activeInterval = configuration.interval
    watch(from: now)
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
    endPromotion()
    follow(advertisement, from: source, at: now)
    actions.append(.removeAddresses)
    actions.append(.transition(Transition(from: .active, to: .backup, reason: reason)))
  }

  /// Makes an Active that was suspended, frozen or starved listen before it speaks.
  ///
  /// Not in the RFC: after three silent intervals the others may have taken over
  /// (Active_Down_Interval is longer than that for everyone). Speaking now, be it only to answer,
  /// would disturb them; listening first costs nothing. An owner holds its addresses anyway.
  ///
  /// - Returns: whether the router is Backup now.
  mutating func stepsDownForWakingUpLate(at now: Instant, _ actions: inout Actions) -> Bool {
    let silence = now.nanoseconds(since: lastSent)
    guard silence > 3 * configuration.interval.nanoseconds, !isOwner else { return false }
    becomeBackup(at: now, because: .lateWakeUp(nanoseconds: silence), &actions)
    return true
  }

  /// Answers a losing advertisement at once, to assert the role (RFC 9568 §6.4.3).
  ///
  /// The announcements repair the caches that the other one has just changed. The Adver_Timer
  /// runs on.
  ///
  /// At most four answers in an interval, those to farewells included: one answer reaches every loser
  /// on the segment, and nobody may use us to multiply packets.
  mutating func answerLoser(at now: Instant, _ actions: inout Actions) {
    let pause = configuration.interval.nanoseconds / 4
    if let lastAnswer, now.nanoseconds(since: lastAnswer) < pause { return }
    lastAnswer = now
    advertise(effectivePriority, at: now, &actions)
    actions.append(.announceAddresses)
  }

  /// Answers priority 0 with an advertisement (RFC 9568 §6.4.3), so that no Backup that heard it takes
  /// over.
  ///
  /// One of the four answers in an interval. What comes sooner brings the next advertisement forward
  /// to when the next answer may be sent: nobody can multiply packets, and nobody can end a run of
  /// farewells with one that is not answered soon.
  mutating func answerFarewell(at now: Instant, _ actions: inout Actions) {
    let pause = configuration.interval.nanoseconds / 4
    guard let last = lastAnswer, now.nanoseconds(since: last) < pause else {
      lastAnswer = now
      advertise(effectivePriority, at: now, &actions)
      setAdverTimer(from: now)
      return
    }
    let soon = last.advanced(byNanoseconds: pause)
    if case .active(let adverTimer) = phase, soon < adverTimer {
      phase = .active(adverTimer: soon)
      lastAnswer = soon
    }
  }

  /// Accepts a router as Active, learning its interval.
  mutating func follow(_ advertisement: Advertisement, from source: IPAddress, at now: Instant) {
    activeInterval = advertisement.interval
    activeRouter = ActiveRouter(address: source, priority: advertisement.priority)
    watch(from: now)
  }

  /// Sets the Active_Down_Timer to Active_Down_Interval.
  mutating func watch(from now: Instant) {
    lastHeard = now
    activeIsLeaving = false
    isPreempting = false
    phase = .backup(activeDownTimer: now.advanced(byNanoseconds: activeDownInterval))
  }

  mutating func setAdverTimer(from now: Instant) {
    phase = .active(adverTimer: now.advanced(byNanoseconds: configuration.interval.nanoseconds))
  }

  mutating func advertise(_ priority: Priority, at now: Instant, _ actions: inout Actions) {
    lastSent = now
    statistics.advertisementSent += 1
    if priority == .release { statistics.priorityZeroSent += 1 }
    actions.append(.advertise(priority))
  }

  /// A promotion lasts as long as the role.
  private mutating func endPromotion() {
    if case .promoted = priorityOverride { priorityOverride = .none }
  }

  /// Takes over the checksum form of the peers.
  ///
  /// If they mix, the pseudo-header wins: those who send it (keepalived, FRR) accept nothing else,
  /// and those who send without can't all be pleased at once.
  mutating func learnChecksumForm(
    _ form: ChecksumForm, at now: Instant, _ findings: inout Findings
  ) {
    guard configuration.version == .v3 else { return }
    if form == .pseudoHeader {
      lastPseudoHeader = now
      heardChecksumForm = .pseudoHeader
    } else if heardChecksumForm != .pseudoHeader
      || now.nanoseconds(since: lastPseudoHeader) > activeDownInterval
    {
      heardChecksumForm = .message
    }
    if form != checksumFormToSend { findings.insert(.checksumFormDiffers) }
  }

  func reasonForTakeover(at now: Instant) -> Transition.Reason {
    if let activeRouter {
      if activeIsLeaving { return .activeReleased(activeRouter.address) }
      if isPreempting { return .preempting(activeRouter.address, activeRouter.priority) }
    }
    return .activeDown(
      lastHeard: activeRouter?.address, silentForNanoseconds: now.nanoseconds(since: lastHeard))
  }
}
