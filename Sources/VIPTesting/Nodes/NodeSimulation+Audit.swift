import ARP
import Netlink
import VIP
import VIPCore
import VRRP
import VRRPSimulation

/// Looking at everything once it has come to rest.
extension NodeSimulation {
  /// Looks at the segments if nothing has happened for long enough.
  func auditIfDue() {
    guard !supervisor.isAudited else { return }
    if let next = supervisor.nextAudit, now < next { return }
    if let (kind, obstacle, next) = obstacleToAudit() {
      supervisor.unrest = (kind, obstacle)
      supervisor.nextAudit = next
      return
    }
    supervisor.nextAudit = nil
    supervisor.isAudited = true
    supervisor.auditCount += 1
    supervisor.isPlanned = false
    supervisor.rolloutSince = nil
    let statuses = machines.map { $0.process?.engine.status() ?? [] }
    for watch in supervisor.watched { audit(watch, statuses) }
    for machine in machines { audit(machine, statuses[machine.number]) }
  }

  /// The reason why it is too early to look at everything, and when it may no longer be; `nil` if
  /// it is not.
  private func obstacleToAudit() -> (kind: Unrest, text: String, next: Instant)? {
    guard segments.indices.allSatisfy(isCalm) else {
      // It does not get calm by itself but when a standstill or a refusal ends.
      return (.troubled, "a segment is troubled", now + .seconds(1))
    }
    let last = max(supervisor.lastDisturbance, supervisor.quietFrom)
    let due = last + settlingTime
    guard due < now else {
      return (
        .settling,
        "what happened at \(TimeText.seconds(last.nanoseconds)) has time until "
          + TimeText.seconds(due.nanoseconds), due.advanced(byNanoseconds: 1)
      )
    }
    guard parcels.isEmpty else {
      return (.delivering, "something is on its way", now + .milliseconds(100))
    }
    if let busy = machines.first(where: { !($0.process?.isIdle ?? true) }) {
      return (.busy, "\(busy.name) is still at a command", now + .milliseconds(100))
    }
    return nil
  }

  /// One address: its group's Active has it, no other machine does, and the client knows.
  private func audit(_ watch: WatchedAddress, _ statuses: [[RouterStatus]]) {
    guard watch.isConsistent, !isOrphaned(anyOf: [watch.address]),
      let group = watch.members.first?.settings
    else { return }
    let family = watch.address.family
    // All of its group on this segment, also those that don't list the address.
    var actives: [Machine] = []
    var runningCount = 0
    for machine in machines {
      guard let process = machine.process else { continue }
      for router in process.settings where router.vrid == group.vrid {
        guard let link = machine.link(named: router.interface),
          machine.attachments[link.index] == watch.segment,
          process.isRunning(router.name, family)
        else { continue }
        guard router.version == group.version, router.password == group.password else { return }
        runningCount += 1
        if process.state(router.name, family) == .active { actives.append(machine) }
      }
    }
    let holders = machines.filter { $0.holds(watch.address, onSegment: watch.segment) }
    func names(_ machines: [Machine]) -> String {
      machines.isEmpty ? "none" : machines.map(\.name).joined(separator: ", ")
    }
    guard runningCount > 0 else {
      if !holders.isEmpty {
        breach(.settled, nil, "\(watch.address) is held by \(names(holders)), and no router runs")
      }
      return
    }
    // A machine that has one as its own answers for it, and is a stranger to those that ask first.
    let addresses = group.addresses.map(\.address)
    guard !actives.isEmpty || !machines.contains(where: { addresses.contains(where: $0.hasOwn) })
    else { return }
    guard let active = actives.first, actives.count == 1 else {
      return breach(.settled, nil, "Active of VRID \(group.vrid) \(family): \(names(actives))")
    }
    guard !machines.contains(where: { $0.hasOwn(watch.address) }) else { return }
    let lists =
      active.process?.settings.contains { router in
        router.vrid == group.vrid && router.addresses.contains { $0.address == watch.address }
      } ?? false
    let expected = lists ? [active] : []
    // What a Backup has got from another router it keeps until an Active lists it
    // (Docs/Handover.md).
    let isKept =
      !lists && holders.count == 1 && watch.members.contains { $0.machine == holders[0].number }
    if isKept { return }
    guard holders.map(\.number) == expected.map(\.number) else {
      return breach(
        .settled, nil,
        "\(watch.address) is held by \(names(holders)) and not by \(names(expected))")
    }
    if lists, !isServed(watch.address, onSegment: watch.segment) {
      let mac = segments[watch.segment].client.cache[watch.address]
      breach(
        .settled, active,
        "the client has \(watch.address) at \(mac.map(\.description) ?? "no machine")")
    }
    auditRank(group, active, family, segment: watch.segment, statuses)
  }

  /// No other running router would replace the Active.
  private func auditRank(
    _ group: RouterConfiguration, _ active: Machine, _ family: AddressFamily, segment: Int,
    _ statuses: [[RouterStatus]]
  ) {
    func status(_ machine: Machine) -> RouterStatus? {
      statuses[machine.number].first { $0.vrid == group.vrid && $0.family == family }
    }
    guard let best = status(active) else { return }
    for machine in machines where machine !== active {
      guard let other = status(machine), other.state == .backup,
        let settings = machine.process?.settings.first(where: { $0.name == other.name }),
        machine.link(named: settings.interface).map({ machine.attachments[$0.index] == segment })
          ?? false,
        settings.preempts || settings.priority == .owner,
        other.effectivePriority > best.effectivePriority
      else { continue }
      breach(
        .rightActive, active,
        "VRID \(group.vrid) \(family): \(machine.name) has priority \(other.effectivePriority), "
          + "it has \(best.effectivePriority)")
    }
  }

  // MARK: One machine

  private func audit(_ machine: Machine, _ statuses: [RouterStatus]) {
    guard let process = machine.process else {
      for entry in machine.kernel.entries where entry.record.isOurs {
        guard let index = machine.attachments.first?.value,
          machine.holds(entry.record.address.address, onSegment: index)
        else { continue }
        // Without leases nothing takes it away but its node's next life.
        guard !machine.lastLease.isOff else { continue }
        breach(.leased, machine, "\(entry.record.address) outlives its node")
      }
      return
    }
    for status in statuses {
      auditParticipation(of: status, machine, process)
      auditStatus(status, machine)
    }
    auditGuard(of: machine, process, statuses)
    auditLeases(of: machine, process, statuses)
    if !process.engine.takeEvents().isEmpty {
      breach(.noFlood, machine, "events wait that the loop was not told of")
    }
    let listening = process.platform.wires.values.filter { $0.filter != .nothing }
    guard !listening.isEmpty, !mayListen(process, statuses) else { return }
    for wire in listening {
      breach(.quietBackup, machine, "interface \(wire.interfaceIndex) listens: \(wire.filter)")
    }
  }

  /// Whether a node has a reason at rest to listen to what others announce.
  private func mayListen(_ process: NodeProcess, _ statuses: [RouterStatus]) -> Bool {
    let isServing = statuses.contains {
      $0.state == .active || process.engine.isProbing($0.name)
        || $0.addresses.contains(where: \.installed)
    }
    if isServing { return true }
    // One that was answered by an address which nothing removes asks again every half a minute.
    let addresses = process.settings.flatMap { $0.addresses.map(\.address) }
    return isOrphaned(anyOf: Set(addresses)) || isOthers(anyOf: addresses)
  }

  /// At rest each address that serves has an end, on a macvlan too.
  private func auditLeases(
    of machine: Machine, _ process: NodeProcess, _ statuses: [RouterStatus]
  ) {
    guard !process.engine.lease.isOff, !hasTrouble(.refusal, within: .seconds(5)) else {
      return
    }
    let held = Set(
      statuses.lazy.filter { $0.state == .active }.flatMap(\.addresses)
        .map(\.address.address))
    for entry in endless(of: machine, process)
    where held.contains(entry.record.address.address) {
      breach(.leased, machine, "\(entry.record.address) has no end though all is at rest")
    }
  }

  /// At rest the guard would remove nothing from an interface that its node has not put there.
  ///
  /// That it would leave nothing is promised at any time (`checkGuard`), that it names nothing else
  /// only at rest. The area names all addresses of a router from before the first one is put up
  /// until the last one is gone, so that a takeover and a handover cost one store. Between the two
  /// it names more than the interface has: while a request waits, was refused or is tried again,
  /// while another program keeps removing an address, and as long as a router that is not Active
  /// keeps some of its addresses for another group. Nor is the promise about routes, of which the
  /// area names those to all subnets of the addresses, or about macvlans, which it names as a
  /// whole: a request for a route or an interface that is not the node's removes nothing, since it
  /// goes by tag and name.
  private func auditGuard(
    of machine: Machine, _ process: NodeProcess, _ statuses: [RouterStatus]
  ) {
    guard !hasTrouble(.refusal, within: .seconds(5)), let named = removalsOfGuard(of: machine)
    else { return }
    var kept: Set<IPAddress> = []
    for status in statuses
    where status.state != .active && status.addresses.contains(where: \.installed) {
      kept.formUnion(status.addresses.lazy.map(\.address.address))
    }
    let present = Set(
      machine.kernel.entries.lazy.filter(\.record.isOurs).map { entry in
        MachineKernel.Place(
          interfaceIndex: entry.record.interfaceIndex, address: entry.record.address)
      })
    for place in named
    where !kept.contains(place.address.address) && !present.contains(place) {
      guard !isOthers(anyOf: [place.address.address]) else { continue }
      breach(
        .guardKnows, machine,
        "the guard would remove \(place.address) from interface \(place.interfaceIndex), which does "
          + "not have it from this node")
    }
  }

  /// Whether one of some addresses is not a group's alone.
  ///
  /// A host has it as its own, or another group lists it: to those that ask first whether it is
  /// free it is a stranger's.
  private func isOthers(anyOf addresses: [IPAddress]) -> Bool {
    addresses.contains { address in
      machines.contains { $0.hasOwn(address) }
        || supervisor.watched.contains { $0.address == address && !$0.isConsistent }
    }
  }

  private func auditParticipation(
    of status: RouterStatus, _ machine: Machine, _ process: NodeProcess
  ) {
    guard status.state == .initialize,
      let settings = process.settings.first(where: { $0.name == status.name }),
      let link = machine.link(named: settings.interface), link.isUsable,
      machine.hasSource(status.family, onInterface: link.index),
      !hasTrouble(.stranger, within: .seconds(60)), !hasTrouble(.refusal, within: .seconds(5)),
      !isOrphaned(anyOf: Set(settings.addresses.lazy.map(\.address)))
    else { return }
    for track in settings.tracks where track.decrement == nil {
      guard machine.link(named: track.interface)?.isUsable ?? false else { return }
    }
    guard !isOthers(anyOf: settings.addresses.map(\.address)) else { return }
    if case .waiting(.group) = status.reason { return auditGroup(status, machine, process) }
    for case .unfit in process.engine.fitness(of: status.name).values { return }
    breach(.takesPart, machine, "\(status.name) \(status.family) waits: \(status.reason)")
  }

  private func auditStatus(_ status: RouterStatus, _ machine: Machine) {
    guard let link = machine.link(named: status.interface) else { return }
    for problem in status.problems where isOver(problem.kind, of: status, on: machine) {
      breach(
        .honestStatus, machine, "\(status.name) \(status.family) is said to have: \(problem.text)")
    }
    let places = Set(
      machine.kernel.currentLinks.lazy.filter { other in
        other.index == link.index || (other.parentIndex == link.index && other.isUp)
      }.map(\.index))
    let present = Set(
      machine.kernel.entries.lazy.filter { entry in
        entry.record.isOurs && entry.isLocal && places.contains(entry.record.interfaceIndex)
      }.map(\.record.address))
    for address in status.addresses
    where address.interface == nil && !machine.hasOwn(address.address.address) {
      if present.contains(address.address) != address.installed {
        breach(
          .honestStatus, machine,
          "\(address.address) is said to be \(address.installed ? "" : "not ")installed")
      }
    }
  }

  /// Whether a problem that a refusal by the machine may have caused must be over by now: what was
  /// refused has been tried again since.
  private func isOver(
    _ kind: Problem.Kind, of status: RouterStatus, on machine: Machine
  ) -> Bool {
    guard !hasTrouble(.refusal, within: .seconds(5)) else { return false }
    switch kind {
    case .announcing, .macvlan, .outsideGroup: return true
    // A Backup sends nothing, so it does not learn that it could.
    case .advertising: return status.state == .active
    // What the host has made its own is left alone and told of.
    case .addressFailure(let address): return !machine.hasOwn(address.address)
    default: return false
    }
  }
}
