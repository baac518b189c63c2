import VIPCore
import VRRP

/// What an engine tells about itself.
extension Engine {
  /// How late turns have come.
  package var wakeUpStatus: WakeUpStatus { wakeUps.status(at: platform.now()) }

  /// The status of all routers, or of one name.
  package func status(_ name: String? = nil) -> [RouterStatus] {
    let time = platform.now()
    let members = name.map(routers.members(named:)) ?? routers.members
    return members.map { status(of: $0, at: time) }
  }

  private func status(of instance: RouterInstance, at time: Instant) -> RouterStatus {
    let election = instance.election
    let age = time.nanoseconds(since: instance.stateSince)
    let seconds = Double(age) / 1e9
    return RouterStatus(
      name: instance.settings.name, interface: instance.settings.interface,
      vrid: instance.settings.vrid, family: instance.family,
      version: Int(instance.settings.version.rawValue),
      state: election.state, priority: instance.settings.priority,
      effectivePriority: election.effectivePriority, interval: instance.settings.interval,
      activeRouter: election.state == .active
        ? election.primaryAddress : election.activeRouter?.address,
      addresses: instance.addresses.current.map {
        RouterStatus.AddressStatus(
          address: $0.address, installed: $0.isPresent && instance.isReachable)
      },
      virtualMac: instance.macvlan.map {
        RouterStatus.VirtualMAC(address: $0.macAddress, interface: $0.name)
      },
      since: utcText(platform.wallClock() - seconds), secondsInState: seconds,
      reason: instance.stateReason, statistics: election.statistics,
      segmentStatistics: segment(of: instance)?.statistics ?? SegmentStatistics(),
      conflicts: instance.conflicts.status,
      takeovers: instance.takeovers.status(pendingAddresses: instance.addresses.awaitedCount),
      lease: leaseStatus(of: instance, at: time),
      peers: election.peers.map { PeerStatus($0, at: time) },
      warnings: warnings(of: instance, at: time),
      unicastTo: instance.isUnicast ? instance.destinations : nil)
  }

  private func warnings(of instance: RouterInstance, at time: Instant) -> [String] {
    var list = instance.troubles.texts
    list += instance.conflicts.warnings
    if instance.activity == .running,
      let failure = segment(of: instance)?.sendFailure(of: instance),
      failure != 0
    {
      list.append("advertisements can't be sent: \(errorText(failure))")
    }
    if instance.activity == .running { list += instance.weaknesses.compactMap(\.effect) }
    if instance.isUnicast, instance.activity == .running, instance.destinations.isEmpty {
      list.append("this machine is its only peer; nobody hears its advertisements")
    }
    if let failure = instance.announceFailure { list.append(failure) }
    if let failure = instance.macvlan?.failure { list.append(failure) }
    let failures = instance.addresses.compactMap(\.failure)
    if let first = failures.first {
      list.append(failures.count == 1 ? first : "\(first) (and \(failures.count - 1) more)")
    }
    for address in instance.addresses where address.isContested(at: time) {
      list.append(Self.fightText(address.address, instance))
    }
    if let safeguard, !safeguard.covers(instance.slot, serial: instance.serial) {
      list.append(
        "the guard has no room for all of its addresses; if the node dies they go with their lease")
    }
    let count = instance.addresses.current.count
    let excluded = count - instance.advertisedAddresses.count
    if instance.link != nil, excluded > 0 {
      list.append(
        "\(excluded) of \(count) addresses don't fit into an advertisement; "
          + "they are held, but peers can't compare them")
    }
    return list
  }
}
