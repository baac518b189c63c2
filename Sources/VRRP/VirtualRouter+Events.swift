public import VIPCore

extension VirtualRouter {
  /// Startup (RFC 9568 §6.4.1): an owner becomes Active, any other router Backup.
  ///
  /// - Parameters:
  ///   - now: the current time.
  ///   - primaryAddress: the source address of our advertisements, which also decides ties.
  /// - Returns: what to do; nothing if the router runs already.
  public mutating func start(at now: Instant, from primaryAddress: IPAddress) -> Actions {
    var actions = Actions()
    guard state == .initialize else { return actions }
    precondition(primaryAddress.family == configuration.family, "address of the other family")
    self.primaryAddress = primaryAddress
    if isOwner {
      becomeActive(at: now, because: .startupAsOwner, &actions)
    } else {
      becomeBackup(at: now, because: .startup, &actions)
    }
    return actions
  }

  /// Shutdown (RFC 9568 §6.4.2, 6.4.3): an Active says so with priority 0.
  ///
  /// The router is in state Initialize then. It does nothing any more, but goes on hearing, so that
  /// a node that hands its addresses over learns from ``Actions/heardActive`` which one takes over.
  /// That ends with ``finishLeaving()`` or ``start(at:from:)``.
  ///
  /// - Parameters:
  ///   - now: the current time.
  ///   - reason: why it is stopped.
  /// - Returns: what to do; nothing if the router does not run.
  public mutating func stop(
    at now: Instant, because reason: Transition.Reason = .shutdown
  ) -> Actions {
    var actions = Actions()
    let before = state
    guard before != .initialize else { return actions }
    if before == .active {
      advertise(.farewell, &actions)
      actions.append(.removeAddresses)
    }
    phase = .leaving
    resignedUntil = nil
    actions.append(.transition(Transition(from: before, to: .initialize, reason: reason)))
    return actions
  }

  /// Ends the hearing of a router that has stopped: its addresses are handed over or gone.
  public mutating func finishLeaving() {
    if isLeaving { phase = .initialize }
  }

  /// Counts a message that named this router but could not be used.
  public mutating func count(_ error: AdvertisementError) {
    statistics.count(error)
  }

  /// Sends from another address from now on, since the interface lost the one used so far.
  public mutating func changePrimaryAddress(to address: IPAddress) {
    precondition(address.family == configuration.family, "address of the other family")
    primaryAddress = address
  }

  /// Lets the timers fire whose time has come.
  ///
  /// - Parameters:
  ///   - now: the current time.
  ///   - postponement: until when the caller has put this off on purpose; `nil` if it has not. What
  ///     comes later than that is taken for a pause of the whole process.
  /// - Returns: what to do.
  public mutating func advance(
    to now: Instant, postponedTo postponement: Instant? = nil
  ) -> Actions {
    var actions = Actions()
    guard let deadline, deadline <= now else { return actions }
    endResignation(by: now)
    switch phase {
    case .initialize, .leaving: break
    case .backup(let backup):
      let due = max(deadline, postponement ?? deadline)
      guard !listensForWakingUpLate(backup, due: due, at: now) else { break }
      becomeActive(at: now, because: reasonForTakeover(backup, at: now), &actions)
    case .active(var active):
      guard !stepsDownForWakingUpLate(active, at: now, &actions) else { break }
      advertise(effectivePriority, &actions)
      active.lastSent = now
      // Counted from when the timer was due, so that late calls don't add up.
      let next = nextTurn(from: deadline)
      active.timer = next > now ? next : nextTurn(from: now)
      phase = .active(active)
    }
    return actions
  }

  /// Takes in an advertisement for this VRID that passed all checks of its own.
  ///
  /// Checked here is what needs our configuration: version, authentication, and in version 2 the
  /// interval. ``Actions/findings`` says what was noticed,
  /// ``Actions/heardActive`` whether the message was accepted and is no farewell.
  ///
  /// - Parameters:
  ///   - advertisement: the checked message.
  ///   - source: the sender's primary address.
  ///   - addresses: how the addresses it lists relate to ours; reported only, since RFC 9568 §7.1
  ///     keeps such advertisements.
  ///   - now: the current time.
  /// - Returns: what to do.
  public mutating func receive(
    _ advertisement: Advertisement, from source: IPAddress, addresses: AddressListMatch,
    at now: Instant
  ) -> Actions {
    var actions = Actions()
    if case .initialize = phase { return actions }
    // Our own address as source: a looped packet or a duplicate address. Answering would loop.
    guard source != primaryAddress else {
      actions.findings = .ownAddress
      return actions
    }
    endResignation(by: now)
    guard accepts(advertisement, from: source, addresses: addresses, at: now, &actions.findings)
    else { return actions }

    statistics.advertisementReceived += 1
    if advertisement.priority == .farewell {
      statistics.priorityZeroReceived += 1
    } else {
      actions.heardActive = ActiveRouter(address: source, priority: advertisement.priority)
    }
    learnChecksumForm(advertisement.checksumForm, at: now, &actions.findings)
    if case .active(let active) = phase, !stepsDownForWakingUpLate(active, at: now, &actions) {
      receiveAsActive(advertisement, from: source, at: now, active, &actions)
    } else if case .backup(var backup) = phase {
      receiveAsBackup(advertisement, from: source, at: now, &backup)
      phase = .backup(backup)
    }
    return actions
  }

  /// Takes in an advertisement of which only is known whether it lists our addresses.
  ///
  /// - Parameters:
  ///   - advertisement: the checked message.
  ///   - source: the sender's primary address.
  ///   - listsOurAddresses: whether it lists the addresses configured here.
  ///   - now: the current time.
  /// - Returns: what to do.
  public mutating func receive(
    _ advertisement: Advertisement, from source: IPAddress, listsOurAddresses: Bool = true,
    at now: Instant
  ) -> Actions {
    receive(
      advertisement, from: source, addresses: listsOurAddresses ? .same : .overlapping, at: now)
  }

  /// The checks that need our configuration, and the notes taken of what differs.
  ///
  /// - Returns: whether the advertisement takes part in the election.
  private mutating func accepts(
    _ advertisement: Advertisement, from source: IPAddress, addresses: AddressListMatch,
    at now: Instant, _ findings: inout Findings
  ) -> Bool {
    let ours = AdvertisementTraits(
      version: configuration.version, interval: configuration.interval,
      authentication: configuration.authentication)
    let differences = AdvertisementTraits(advertisement).differences(
      from: ours, addresses: addresses)
    // A sender that does not know the password gets no place in the table of peers.
    if differences.contains(.authenticationDiffers) {
      statistics.authenticationErrors += 1
      findings.insert(.authenticationDiffers)
      return false
    }
    let note = peers.note(advertisement, from: source, addresses: addresses, at: now)
    if !note.isKnown { findings.insert(.peerTableFull) }
    guard !differences.contains(.versionDiffers) else {
      statistics.versionMismatches += 1
      findings.insert(.versionDiffers)
      return false
    }
    if note.competes { findings.insert(.twoActives) }
    if let previous = note.previous { noticeDeafness(advertisement, previous, at: now, &findings) }
    findings.formUnion(differences)
    if addresses != .same { statistics.addressListErrors += 1 }
    if differences.contains(.intervalDiffers) {
      statistics.intervalErrors += 1
      // Version 3 adapts to the Active. Version 2 can't, and drops what it does not expect
      // (RFC 3768 §7.1).
      if configuration.version == .v2 { return false }
    }
    return true
  }

  /// Notices a router we should have silenced and that goes on as Active.
  ///
  /// It spoke before, we answered, it speaks again, and not just because a packet came twice. The
  /// passing encounter of two Actives that an election begins or ends with is not reported.
  private func noticeDeafness(
    _ advertisement: Advertisement, _ previous: Instant, at now: Instant,
    _ findings: inout Findings
  ) {
    guard case .active(let active) = phase, previous >= active.since, previous <= active.lastSent
    else { return }
    guard advertisement.priority <= effectivePriority else { return }
    if now.nanoseconds(since: previous) > advertisement.interval.nanoseconds / 2 {
      findings.insert(.twoActives)
    }
  }

  /// The answer of a Backup to an advertisement (RFC 9568 §6.4.2).
  ///
  /// Mutating, although it changes nothing of the router but what it is handed: the compiler copies
  /// the whole router for the call otherwise.
  private mutating func receiveAsBackup(
    _ advertisement: Advertisement, from source: IPAddress, at now: Instant,
    _ backup: inout Backup
  ) {
    let active = ActiveRouter(address: source, priority: advertisement.priority)
    if advertisement.priority == .farewell {
      let since = backup.lowerPrioritySince
      backup = watch(active, interval: backup.activeInterval, after: .farewell, from: now)
      backup.lowerPrioritySince = since
    } else if advertisement.priority >= effectivePriority {
      backup = watch(active, interval: advertisement.interval, from: now)
    } else if !preempts(at: now, &backup) {
      let (since, before) = (backup.lowerPrioritySince, backup.timer)
      backup = watch(active, interval: advertisement.interval, from: now)
      backup.lowerPrioritySince = since
      if let since { endDelayInTime(&backup, since: since, before: before) }
    } else {
      // A lower priority is discarded and the timer runs on: that is what preempts.
      backup.activeRouter = active
      backup.isPreempting = true
    }
  }

  /// Has a Backup preempt when the delay is over, and not only when its timer would be due after
  /// the first advertisement that it discards then; nor before it would without a delay.
  private func endDelayInTime(_ backup: inout Backup, since: Instant, before: Instant) {
    guard configuration.preempts else { return }
    let due = max(since.advanced(byNanoseconds: preemptDelay), before)
    guard due < backup.timer else { return }
    backup.timer = due
    backup.isPreempting = true
  }

  /// Whether to replace an Active of lower priority that was just heard.
  private func preempts(at now: Instant, _ backup: inout Backup) -> Bool {
    if isOwner { return true }
    guard configuration.preempts else { return false }
    let since = backup.lowerPrioritySince ?? now
    backup.lowerPrioritySince = since
    return now.nanoseconds(since: since) >= preemptDelay
  }

  /// The answer of an Active to an advertisement (RFC 9568 §6.4.3).
  private mutating func receiveAsActive(
    _ advertisement: Advertisement, from source: IPAddress, at now: Instant,
    _ active: Active, _ actions: inout Actions
  ) {
    var active = active
    if advertisement.priority == .farewell {
      answerFarewell(&active, at: now, &actions)
      phase = .active(active)
    } else if advertisement.priority > effectivePriority {
      yield(to: advertisement, from: source, at: now, &actions)
    } else if advertisement.priority == effectivePriority, source > primaryAddress,
      !leavesTiesToGroup
    {
      yield(to: advertisement, from: source, at: now, &actions)
    } else {
      answerLoser(&active, at: now, &actions)
      phase = .active(active)
    }
  }
}
