import ARP
import Netlink
import VIPCore
import VRRP

/// Advertisements: what comes in goes to the elections, what they decide goes out.
extension Engine {
  /// Hands everything that has arrived on a segment to the elections.
  func drain(_ key: SegmentKey) -> Bool {
    guard let segment = segments[key] else { return false }
    return segment.transport.drain(limit: Bound.messages) { header, message in
      receive(header, message, on: segment)
    }
  }

  private func receive(_ header: PacketHeader, _ message: Span<UInt8>, on segment: Segment) {
    let addressee = message.count > 1 ? segment.router(message[1]) : nil
    if addressee?.isOutside(header.destination) ?? false { return segment.countUnaddressed() }
    addressee?.sightings.received(from: header.source, at: now)
    // A unicast peer may send with any hop limit: keepalived does in IPv6.
    let isPeer = addressee.map { $0.isUnicast && $0.listens(to: header.source) } ?? false
    do throws(AdvertisementError) {
      let advertisement = try Advertisement(
        parsing: message, from: header.source, to: header.destination,
        hopLimit: isPeer ? Advertisement.hopLimit : header.hopLimit,
        mayListNothing: addressee?.outgoing.listedAddresses.isEmpty ?? false)
      if successions.isAnyWatching {
        hearFormerGroups(advertisement, message, from: header.source, on: segment)
      }
      guard let instance = addressee else {
        segment.countUnaddressed()
        return
      }
      guard !instance.isOutside(header.destination) else { return segment.countUnaddressed() }
      guard instance.listens(to: header.source) else {
        segment.countUnaddressed()
        return handleUnlistedPeer(header.source, of: instance)
      }
      let addresses = advertisement.match(instance.outgoing.listedAddresses, in: message)
      leaveTiesToGroup(instance, advertisement, from: header.source)
      let actions = instance.election.receive(
        advertisement, from: header.source, addresses: addresses, at: now)
      if actions.heardActive != nil { hearActive(advertisement, message, for: instance, segment) }
      perform(actions, for: instance)
      // A sender without the group's password or version does not speak for it, nor does a looped
      // packet.
      if !instance.probing.hasEnded,
        actions.findings.isDisjoint(
          with: [.authenticationDiffers, .versionDiffers, .ownAddress])
      {
        hearGroup(advertisement, message, for: instance)
      }
      if instance.attendance.isRunning {
        handleFindings(
          actions.findings, advertisement, message, from: header.source, of: instance)
      }
      if actions.heardActive != nil {
        instance.activeSpan.heard(instance.election.activeRouter?.address, at: now)
        agreeWithGroup(instance)
      }
      if let rival = actions.heardActive, instance.isHolding, addresses != .disjoint {
        handleRival(rival, advertisement.interval, of: instance)
      }
      schedule(instance)
    } catch {
      if let addressee { handleUnusable(error, from: header.source, of: addressee) }
      if segment.count(error) { return }
      if let addressee {
        addressee.election.count(error)
      } else {
        segment.countUnreadable()
      }
    }
  }

  /// Does what an election has decided: messages go out first, in ``flush()``.
  ///
  /// - Parameters:
  ///   - actions: what it has decided.
  ///   - instance: its router.
  ///   - due: when it had to be decided; `nil` if that is now.
  func perform(_ actions: Actions, for instance: RouterInstance, due: Instant? = nil) {
    for action in actions {
      switch action {
      case .advertise(let priority):
        enqueue(priority, from: instance)
        if priority != .farewell { refreshLease(with: instance) }
      case .installAddresses: hold(instance)
      case .announceAddresses: announceInstalled(instance)
      case .removeAddresses: letGo(instance, because: actions.transitionReason)
      case .transition(let transition):
        measure(transition, of: instance, due: due)
        handleTransition(transition, of: instance)
      }
    }
  }

  private func enqueue(_ priority: Priority, from instance: RouterInstance) {
    guard let segment = segment(of: instance) else { return }
    if priority == .farewell { outbox.addFarewell(of: instance) }
    if let macvlan = instance.macvlan {
      return outbox.add(instance.frame(priority, at: macvlan.macAddress), of: instance)
    }
    let hasWay = instance.isUnicast || instance.hasOwnGroup
    let source = hasWay ? instance.election.primaryAddress : nil
    for (destination, message) in instance.messages(priority) {
      segment.enqueue(message, of: instance, source.map { ($0, destination) })
    }
    outbox.add(segment)
  }

  /// Sends what this turn has put into the batches.
  func flush() {
    // Stays empty, and takes no memory, unless sending fails.
    var unheard: [RouterInstance] = []
    outbox.takeSegments { segment in
      segment.flush(at: now) { instance in
        tellSending(of: instance)
        if isUnheardTakeover(instance) { unheard.append(instance) }
      }
    }
    outbox.takeFrames { frames in
      for (instance, bytes) in frames {
        guard let wire = wire(of: instance) else { continue }
        instance.sending.add()
        let errorNumber = send(bytes, on: wire)
        if errorNumber != 0 { instance.sending.fail(errorNumber) }
        instance.sending.conclude(at: now)
        tellSending(of: instance)
        if isUnheardTakeover(instance) { unheard.append(instance) }
      }
    }
    for instance in outbox.takeFarewells() { concludeFarewell(of: instance) }
    for instance in unheard where isUnheardTakeover(instance) { leaveRole(of: instance) }
  }

  /// Tells that a farewell did not get out although the interface can carry it: the others notice
  /// only when they have missed three advertisements.
  private func concludeFarewell(of instance: RouterInstance) {
    let failure = instance.sending.errorNumber
    guard failure != 0,
      fault(of: instance.link.flatMap { interfaces.link($0.index) }, named: "") == nil
    else { return }
    warn(
      .advertising, of: instance,
      "the farewell can't be sent on \(instance.settings.interface): \(errorText(failure)); the "
        + "other machines take over once they have missed three advertisements")
  }

  /// Sends a frame; tries once more where a queue is full for a moment.
  ///
  /// - Returns: 0, or the error number.
  private func send(_ frame: [UInt8], on wire: Wire) -> Int32 {
    var failure: Int32 = 0
    for _ in 0..<2 {
      do throws(FrameError) {
        try wire.transport.send(frame.span)
        return 0
      } catch {
        failure = error.errorNumber == 0 ? -1 : error.errorNumber
        guard error.isTransient else { break }
      }
    }
    return failure
  }

  /// Tells once that advertisements of a router that is to send some can't be sent; for a farewell,
  /// see ``concludeFarewell(of:)``.
  private func tellSending(of instance: RouterInstance) {
    let failure = instance.sending.errorNumber
    guard failure != 0, instance.isHolding else { return }
    warn(
      .advertising, of: instance,
      "advertisements can't be sent on \(instance.settings.interface): \(errorText(failure))")
  }

  private func handleTransition(_ transition: Transition, of instance: RouterInstance) {
    instance.attendance.changedState(because: transition.reason, at: now)
    if transition.to != .backup { instance.activeSpan.end() }
    report(
      .transition(
        router: instance.settings.name, family: instance.family, transition))
    switch transition.to {
    case .active:
      if case .preempting(let address, let priority) = transition.reason {
        instance.rivalry.heard(
          VirtualRouter.ActiveRouter(address: address, priority: priority),
          instance.election.activeInterval, at: now)
      }
      beginSettling(instance, as: .active, because: instance.attendance.reason)
    case .backup:
      beginSettling(instance, as: .backup, because: instance.attendance.reason)
    case .initialize: break
    }
    damp(instance, after: transition)
    moveGroup(of: instance, after: transition)
  }

  func segment(of instance: RouterInstance) -> Segment? {
    guard let link = instance.link else { return nil }
    return segments[SegmentKey(interfaceIndex: link.index, family: instance.family)]
  }
}
