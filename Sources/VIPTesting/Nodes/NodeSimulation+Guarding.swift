import Netlink
import VIP
import VIPCore

/// The leftovers of a node: those that a dead one would have, and those that an ended one has.
extension NodeSimulation {
  /// Checks that the guard would leave nothing wrong on a machine if it had to clean up now.
  func checkGuard(of machine: Machine) {
    guard let process = machine.process, let area = process.area, machine.standstill == nil,
      process.engine.guardState != .off, machine.guardedRevision != machine.revision,
      // The guard of an earlier life has still to put things back.
      machine.caretakers.isEmpty
    else { return }
    machine.guardedRevision = machine.revision
    let deeds = area.deeds(at: process.platform.now().nanoseconds)
    let trial = machine.kernel.copy()
    for requests in process.guardReading.requests(in: deeds) { trial.perform(requests) }
    let (own, routed) = (
      process.platform.machineKernel.installed, process.platform.machineKernel.routed
    )
    let made = process.platform.machineKernel.madeRouting
    for difference in differences(trial, of: machine) {
      switch difference {
      // What an earlier life has left with a lease.
      case .left(let place) where !own.contains(place): continue
      case .route(let place) where !routed.contains(place): continue
      case .routing(let entry) where !made.contains(entry): continue
      default: breach(.guardKnows, machine, "\(difference)")
      }
    }
    checkLeases(of: machine, process, area)
  }

  /// Each address that a node has put up has an end in the kernel from the beginning.
  ///
  /// But for what waits on a macvlan that is off: it gets one some time after that was switched on,
  /// which is looked at when all is at rest, as is what was put up before the node was told to give
  /// leases.
  func checkEnds(of machine: Machine) {
    guard machine.leasedRevision != machine.revision, let process = machine.process else { return }
    machine.leasedRevision = machine.revision
    guard process.hasAlwaysLeased else { return }
    for entry in endless(of: machine, process) {
      guard machine.link(entry.record.interfaceIndex)?.kind != "macvlan" else { continue }
      breach(.leased, machine, "\(entry.record.address) is put up without an end")
    }
  }

  /// The addresses in use that a node has put up, and that nothing but itself or its guard would
  /// remove.
  func endless(of machine: Machine, _ process: NodeProcess) -> [FakeKernel.Entry] {
    let own = process.platform.machineKernel.installed
    return machine.kernel.entries.filter { entry in
      guard entry.record.isOurs, entry.isLocal, entry.validUntil == nil,
        machine.link(entry.record.interfaceIndex)?.isUp ?? false,
        !machine.hasOwn(entry.record.address.address)
      else { return false }
      return own.contains(
        MachineKernel.Place(
          interfaceIndex: entry.record.interfaceIndex, address: entry.record.address))
    }
  }

  /// Each address that a node has put up has an end, and until then the guard knows it.
  private func checkLeases(of machine: Machine, _ process: NodeProcess, _ area: GuardArea) {
    guard !machine.options.lease.isOff else { return }
    let own = process.platform.machineKernel.installed
    var longest = Duration.zero
    for entry in machine.kernel.entries where entry.record.isOurs {
      let place = MachineKernel.Place(
        interfaceIndex: entry.record.interfaceIndex, address: entry.record.address)
      guard own.contains(place) else { continue }
      if let end = entry.validUntil { longest = max(longest, end - machine.kernel.now) }
    }
    guard longest > .zero else { return }
    let end = process.platform.now() + longest
    let removals = area.deeds(at: end.nanoseconds).reduce(0) { count, deed in
      if case .requests = deed { return count + 1 }
      return count
    }
    if removals == 0 {
      breach(.guardKnows, machine, "it gives up \(longest.text) before the last lease ends")
    }
  }

  /// The addresses that the guard would remove now; `nil` if there is none, or it is asked in vain.
  ///
  /// What is put up next must be among them before.
  func removalsOfGuard(of machine: Machine) -> Set<MachineKernel.Place>? {
    guard let process = machine.process, let area = process.area,
      process.engine.guardState != .off
    else { return nil }
    var places: Set<MachineKernel.Place> = []
    let deeds = area.deeds(at: process.platform.now().nanoseconds)
    for requests in process.guardReading.requests(in: deeds) {
      for case .removeAddress(let index, let address) in requests {
        places.insert(MachineKernel.Place(interfaceIndex: index, address: address))
      }
    }
    return places
  }

  // MARK: As it was

  /// A difference between a machine and what it would be without a node.
  enum Difference: CustomStringConvertible {
    /// An address of a node is there.
    case left(MachineKernel.Place)
    /// An address of the host is gone.
    case lost(MachineKernel.Place)
    /// A route of a node is there.
    case route(MachineKernel.Place)
    /// A route or a rule of a node is there.
    case routing(RoutingEntry)
    /// An interface is there, or is other than it was.
    case link(String)

    var description: String {
      switch self {
      case .left(let place): "\(place.address) is left on interface \(place.interfaceIndex)"
      case .lost(let place): "\(place.address) of the host would be lost"
      case .route(let place):
        "the route to \(place.address) is left on interface \(place.interfaceIndex)"
      case .routing(let entry): "left is the \(entry)"
      case .link(let text): text
      }
    }
  }

  /// The differences of a kernel to what it would be without a node.
  func differences(_ kernel: FakeKernel, of machine: Machine) -> [Difference] {
    func places(_ kernel: FakeKernel) -> Set<MachineKernel.Place> {
      Set(
        kernel.entries.map {
          MachineKernel.Place(
            interfaceIndex: $0.record.interfaceIndex, address: $0.record.address)
        })
    }
    let (present, wanted) = (places(kernel), places(machine.untouched))
    var found: [Difference] = present.subtracting(wanted).map { .left($0) }
    found += wanted.subtracting(present).map { .lost($0) }
    found.sort { $0.description < $1.description }
    for route in kernel.routes where !machine.untouched.routes.contains(route) {
      found.append(
        .route(MachineKernel.Place(interfaceIndex: route.interfaceIndex, address: route.subnet)))
    }
    found += kernel.presentRouting.filter { $0.protocolTag == vipProtocolTag }
      .map { .routing($0.entry) }
    for link in kernel.currentLinks {
      guard let before = machine.untouched.currentLinks.first(where: { $0.index == link.index })
      else {
        found.append(.link("interface \(link.name) is left"))
        continue
      }
      if before != link { found.append(.link("\(link.name) is not as it was")) }
    }
    if kernel.promotesSecondaries != machine.untouched.promotesSecondaries {
      found.append(.link("promote_secondaries is not as it was"))
    }
    return found
  }

  /// Nothing is left once the last router is gone.
  func checkUntouched(_ machine: Machine) {
    guard machine.caretakers.isEmpty, machine.standstill == nil,
      !machine.refuses(.link, at: now), !machine.refuses(.remove, at: now)
    else { return }
    guard machine.process.map({ $0.isIdle && $0.engine.routerNames.isEmpty }) ?? true else {
      return
    }
    let own = machine.process?.platform.machineKernel
    for difference in differences(machine.kernel, of: machine) {
      // Leases of an earlier life that died with its guard go by themselves.
      if case .left(let place) = difference, let own, !own.installed.contains(place) { continue }
      if case .route(let place) = difference, let own, !own.routed.contains(place) { continue }
      if case .routing(let entry) = difference, let own, !own.madeRouting.contains(entry) {
        continue
      }
      breach(.nothingLeft, machine, "\(difference)")
    }
    if !machine.names.isEmpty {
      breach(.nothingLeft, machine, "names are claimed: \(machine.names.sorted())")
    }
    if let process = machine.process, process.engine.guardState != .off, let area = process.area {
      let deeds = area.deeds(at: process.platform.now().nanoseconds)
      if !deeds.isEmpty {
        breach(.nothingLeft, machine, "the guard still has \(deeds.count) deeds")
      }
    }
  }
}
