import VIPCore
import VRRP

/// The status of an engine.
extension Engine {
  /// The lateness of turns.
  package var wakeUpStatus: NodeStatus.WakeUps { wakeUps.status(at: platform.now()) }

  /// The status of all routers, or of one name.
  package func status(_ name: String? = nil) -> [RouterStatus] {
    let time = platform.now()
    let members = name.map(routers.members(named:)) ?? routers.members
    return members.filter { !$0.succession.isReplaced }.map { status(of: $0, at: time) }
  }

  private func status(of instance: RouterInstance, at time: Instant) -> RouterStatus {
    let election = instance.election
    let age = max(time - instance.attendance.since, .zero)
    let predecessors = predecessors(of: instance)
    var status = RouterStatus(
      name: instance.settings.name, interface: instance.settings.interface,
      vrid: instance.settings.vrid, family: instance.family,
      version: instance.settings.version,
      state: election.state, priority: instance.settings.priority,
      // That of an election that is out is as old as its end.
      effectivePriority: instance.attendance.isRunning
        ? election.effectivePriority : instance.electionSettings.priority,
      interval: instance.settings.interval,
      activeRouter: election.state == .active
        ? election.primaryAddress : election.activeRouter?.address,
      addresses: instance.addresses.current.map { own in
        RouterStatus.AddressStatus(
          address: own.address,
          installed: own.isPresent && instance.isReachable
            || predecessors.contains { $0.serves(own.address) },
          awaited: instance.heededGroups.hold(own.address.address) ? true : nil,
          advertised: instance.settings.unadvertised.contains(own.address.address) ? false : nil)
      } + extraAddresses(of: instance),
      virtualMAC: instance.macvlan.map {
        RouterStatus.VirtualMAC(address: $0.macAddress, interface: $0.name)
      },
      since: platform.wallClock() - age, timeInState: age,
      reason: instance.attendance.reason, statistics: election.statistics,
      segmentStatistics: segment(of: instance)?.statistics ?? SegmentStatistics(),
      conflicts: instance.conflicts.status,
      takeovers: instance.takeovers.status(pendingAddresses: instance.addresses.awaitedCount),
      lease: leaseStatus(of: instance, at: time),
      peers: election.peers.map { RouterStatus.Peer($0, at: time) },
      problems: problems(of: instance, at: time),
      unicastTo: instance.isUnicast ? instance.destinations : nil,
      routing: routing(of: instance),
      group: instance.router.group?.settings.name, request: requestText(of: instance))
    let start =
      election.state == .active
      ? instance.attendance.since : instance.activeSpan.start(of: election.activeRouter?.address)
    if let start {
      let span = max(time - start, .zero)
      (status.activeFor, status.activeSince) = (span, platform.wallClock() - span)
    }
    return status
  }

  private func problems(of instance: RouterInstance, at time: Instant) -> [Problem] {
    var list = instance.troubles.current.map {
      instance.problem(Problem.Kind($0.kind), $0.text)
    }
    for rival in instance.conflicts.status.current {
      list.append(
        instance.problem(.conflict(rival.address), conflictText(rival.address, rival.mac)))
    }
    func add(_ kind: Problem.Kind, _ text: String) { list.append(instance.problem(kind, text)) }
    if instance.attendance.isRunning {
      let failure = instance.sending.errorNumber
      if instance.isHolding, failure != 0 {
        add(
          .advertising,
          "advertisements can't be sent on \(instance.settings.interface): \(errorText(failure))")
      }
      for effect in instance.router.fitness.priorityEffects {
        if let cause = effect.loweringCause {
          add(.priorityLowered(cause), effect.description)
        }
      }
      if instance.isUnicast, instance.destinations.isEmpty {
        add(.noPeers, "this machine is its only peer; no other machine hears its advertisements")
      }
    }
    for (address, text) in instance.hostAnswers.current {
      add(.hostAddress(address), text)
    }
    if let text = outsideGroupText(of: instance) { add(.outsideGroup, text) }
    if let text = undeliveredText(of: instance) { add(.undelivered, text) }
    if let failure = failedAnnouncements[instance.slot] { add(.announcing, failure) }
    if let failure = instance.macvlan?.problem { add(.macvlan, failure) }
    if let text = formerGroupText(of: instance) { add(.formerGroup, text) }
    for address in instance.addresses {
      if let failure = address.failure { add(.addressFailure(address.address), failure) }
    }
    if instance.isHolding {
      for (place, text) in instance.routes.failures { add(.addressFailure(place), text) }
    }
    for problem in extraProblems(of: instance, at: time) { list.append(problem) }
    for address in instance.addresses where address.isContested(at: time) {
      add(.addressRemoved(address.address), Self.fightText(address.address, instance))
    }
    if let text = problems.text(of: .unheard, of: instance.slot) { add(.unheard, text) }
    if let text = dampingText(of: instance) { add(.heldBack, text) }
    if let text = forgottenText(of: instance) { add(.standingRequest, text) }
    if let text = problems.text(of: .groupWaits, of: instance.slot) { add(.groupWaits, text) }
    if !isGuarded(instance) { add(.unguarded, Self.unguardedText) }
    let count = instance.advertisedAddresses.count
    let excluded = count - instance.outgoing.listedAddresses.count
    if instance.link != nil, excluded > 0 {
      add(
        .addressesNotListed,
        "\(excluded) of \(count) addresses don't fit into an advertisement; "
          + "they are held, but peers can't compare them")
    }
    return list
  }
}
