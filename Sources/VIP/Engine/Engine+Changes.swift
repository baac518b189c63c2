import ARP
import Netlink
import VIPCore
import VRRP

/// Changing routers while they run: only what is different is touched.
extension Engine {
  /// Checks that routers can be added or changed as wanted, beside those that stay as they are.
  ///
  /// - Parameters:
  ///   - wanted: new routers, and new settings of present ones.
  ///   - removed: the names of routers that will be gone by then.
  ///   - lease: the lease that the node will have by then; the one it has if left out.
  ///   - unready: what becomes of those that this machine can't serve yet.
  /// - Throws: the first thing that is wrong.
  package func check(
    _ wanted: [RouterConfiguration], removing removed: Set<String> = [], lease: LeasePolicy? = nil,
    unready: UnreadyPolicy = .refuse
  ) throws(NodeError) {
    try step { () throws(NodeError) in
      try validate(wanted, removing: removed, lease: lease, unready: unready)
    }
  }

  /// Does what ``check(_:removing:lease:unready:)`` says, within a command.
  func validate(
    _ wanted: [RouterConfiguration], removing removed: Set<String> = [], lease: LeasePolicy? = nil,
    unready: UnreadyPolicy = .refuse
  ) throws(NodeError) {
    drainKernelEvents()
    do throws(ConfigurationError) {
      for settings in wanted { try checked.check(settings) }
      let changing = removed.union(wanted.map(\.name))
      var others = RouterSet()
      // One of each name, told by that: comparing them as a whole would compare all addresses.
      let staying = Dictionary(
        liveInstances.lazy.filter { !changing.contains($0.settings.name) }
          .map { ($0.settings.name, $0.settings) }, uniquingKeysWith: { first, _ in first }
      ).values
      // These get along with one another already.
      for settings in staying { _ = others.insert(withOwnName(settings)) }
      for settings in wanted {
        if let collision = others.insert(withOwnName(settings)) { throw collision }
      }
      let lease = lease ?? self.lease
      // Another lease must suit those too that stay as they are.
      let concerned = lease == self.lease ? [] : staying.sorted { $0.name < $1.name }
      // The addresses of those that leave are gone before the others' have to be refreshed.
      let besides = staying.filter { isStaying($0.name) }.reduce(0) { $0 + $1.addresses.count }
      try lease.check(wanted + concerned, besides: concerned.isEmpty ? besides : 0)
    } catch {
      throw NodeError(error)
    }
    for settings in wanted { try requireReady(settings, unready) }
  }

  /// Gives running routers other settings, all of them checked, and none of them a replacement.
  ///
  /// - Throws: what the kernel said when it was asked; nothing has changed then.
  package func change(_ wanted: [RouterConfiguration]) throws(NodeError) {
    _ = try step { () throws(NodeError) in try carryOut(Rearrangement(changed: wanted)) }
  }

  /// The addresses that an earlier life of this node has left, on each interface where new ones
  /// could be among them.
  ///
  /// - Throws: what the kernel said.
  func leftovers(
    of wanted: [RouterConfiguration]
  ) throws(NodeError) -> [String: Set<InterfaceAddress>] {
    var leftovers: [String: Set<InterfaceAddress>] = [:]
    for settings in wanted {
      guard leftovers[settings.interface] == nil, needsLeftovers(settings),
        let link = interfaces.link(named: settings.interface)
      else { continue }
      leftovers[settings.interface] = try leftoverAddresses(on: link)
    }
    return leftovers
  }

  /// Gives running routers other settings.
  func reconfigure(
    _ wanted: [RouterConfiguration], _ leftovers: [String: Set<InterfaceAddress>]
  ) {
    let members = wanted.compactMap { routers[$0.name] }.flatMap(routers.members)
    let before = members.map {
      ($0.outgoing.listedAddresses, $0.election.statistics.advertisementSent)
    }
    // What goes goes first: an address may move from one router to another.
    for settings in wanted { retireAddresses(notIn: settings) }
    for settings in wanted {
      guard let router = routers[settings.name] else { continue }
      reconfigure(router, settings, leftovers[settings.interface] ?? [])
    }
    for (instance, (list, sentCount)) in zip(members, before)
    where instance.outgoing.listedAddresses != list
      && instance.election.statistics.advertisementSent == sentCount
    {
      perform(instance.election.addressesChanged(at: now), for: instance)
      schedule(instance)
    }
  }

  private func reconfigure(
    _ router: Router, _ settings: RouterConfiguration, _ leftovers: Set<InterfaceAddress>
  ) {
    let old = router.settings
    // With the settings that they have had.
    for instance in routers.members(of: router)
    where !settings.families.contains(instance.family) { leave(instance) }
    router.reconfigure(settings)
    let members = routers.members(of: router)
    for instance in members { reconfigure(instance, from: old, leftovers) }
    for family in settings.families where !members.contains(where: { $0.family == family }) {
      start(family, of: router, on: interfaces.link(named: settings.interface), leftovers)
    }
    report(.changed(router: router.name, .settings(ChangeReport.Change(from: old, to: settings))))
  }

  /// Whether addresses that an earlier life of this node left must be looked for: only where new
  /// ones would not be put up anyway.
  private func needsLeftovers(_ settings: RouterConfiguration) -> Bool {
    settings.families.contains { family in
      guard
        let instance = routers.members(named: settings.name).first(where: {
          $0.family == family
        })
      else { return true }
      return !instance.isHolding && instance.settings.addresses != settings.addresses
    }
  }

  private func reconfigure(
    _ instance: RouterInstance, from old: RouterConfiguration, _ leftovers: Set<InterfaceAddress>
  ) {
    let settings = instance.settings
    addAddresses(settings.addresses(instance.family), to: instance, leftovers)
    changeExtras(of: instance, from: old)
    let dependsOnOthers =
      settings.tracks != old.tracks || settings.peers != old.peers
      || settings.furtherInterfaces != old.furtherInterfaces
      || settings.unicastSource != old.unicastSource
      || settings.linkDelay != old.linkDelay
    if settings.startDelay != old.startDelay || settings.holdDown != old.holdDown {
      beginDamping(of: instance)
      schedule(instance)
    }
    instance.outgoing.forget()
    let endsProbe = !settings.probes && !instance.probing.hasEnded
    if endsProbe {
      instance.probing.end()
      forgetRetry(of: instance)
      changeListening(for: instance)
    }
    if instance.electionSettings != instance.election.configuration {
      perform(instance.election.reconfigure(instance.electionSettings, at: now), for: instance)
      schedule(instance)
    }
    if dependsOnOthers || endsProbe { reconsider(instance) }
  }

  // MARK: Addresses

  /// Retires the addresses of a router that are not in its new settings.
  private func retireAddresses(notIn settings: RouterConfiguration) {
    let kept = Set(settings.addresses)
    guard let router = routers[settings.name] else { return }
    for instance in routers.members(of: router) {
      // The last address of a family leaves with its virtual router, which hands over.
      guard settings.families.contains(instance.family) else { continue }
      let before = instance.addresses
      guard instance.addresses.retire(keeping: kept) else { continue }
      for address in before.current where !kept.contains(address.address) {
        if address.isInstalled {
          handle(instance.handover.withdrawn(address.address.address), of: instance)
        }
      }
      handleNewList(of: instance, after: before)
      work.add(.retire, instance.slot)
    }
  }

  /// Puts a router's addresses into the order of its settings and adds those that are missing.
  private func addAddresses(
    _ wanted: [InterfaceAddress], to instance: RouterInstance, _ leftovers: Set<InterfaceAddress>
  ) {
    let before = instance.addresses
    // What lies on the interface is put up anyway by a router that holds its addresses.
    let leftovers = instance.isHolding ? [] : leftovers
    let new = instance.addresses.arrange(wanted) { address in
      place(of: address, leftovers, instance.settings, on: instance.link)
    }
    guard let new else { return }
    for address in new { instance.handover.added(address.address) }
    handleNewList(of: instance, after: before)
    if let link = instance.link { removeUnused(leftovers, of: instance, on: link) }
    guard !new.isEmpty else { return }
    if instance.isHolding {
      work.add(.install, instance.slot)
      for address in new {
        guard let position = instance.addresses.position(of: address),
          instance.addresses[position].isPresent
        else { continue }
        wire(of: instance)?.queue.announce(address.address, now: now)
      }
    } else if instance.settings.virtualMAC {
      work.add(.load, instance.slot)
    } else if !instance.hasReleased {
      work.add(.remove, instance.slot)
    }
  }

  /// Follows a change of a router's list of addresses.
  private func handleNewList(of instance: RouterInstance, after before: VirtualAddresses) {
    guard let link = instance.link else { return }
    let gone = before.map(\.address.address).filter { instance.addresses.position(of: $0) == nil }
    disown(gone, of: instance, on: link.index)
    endConflicts(
      of: instance, exceptAbout: Set(instance.addresses.current.lazy.map(\.address.address)))
    claimAddresses(of: instance, on: link.index)
    claims.claimEach(instance.addresses.map(\.address.address), on: link)
    changeListening(for: instance)
    instance.attach(link)
    // A pass over the addresses that is under way would go on at the wrong place.
    work.restart(instance.slot)
    recountTakeover(of: instance)
    changeProbe(of: instance)
  }

  /// Records whose addresses these are; one that goes does not displace one that stays.
  func claimAddresses(of instance: RouterInstance, on interfaceIndex: Int32) {
    for (position, address) in instance.addresses.enumerated() {
      owners.claim(
        address.address.address, on: interfaceIndex, for: instance.slot,
        isRetired: instance.addresses.isRetired(position))
    }
  }

  /// Forgets that addresses are an instance's, and what is still to be announced of them.
  func disown(_ addresses: [IPAddress], of instance: RouterInstance, on interfaceIndex: Int32) {
    let free = addresses.filter { owners.giveUp($0, on: interfaceIndex, by: instance.slot) }
    for address in free { wires[interfaceIndex]?.queue.cancel(address) }
    claims.releaseAddresses(free, on: interfaceIndex)
  }

  /// The router that has an address on the interface of an instance.
  func owner(of address: IPAddress, near instance: RouterInstance) -> RouterInstance? {
    guard let link = instance.link, let slot = owners.slot(of: address, on: link.index) else {
      return nil
    }
    return instances[slot]
  }

  /// Leaves a retired address to the router that has taken it over meanwhile.
  ///
  /// - Returns: whether there is one.
  func handsOn(_ position: Int, of instance: RouterInstance) -> Bool {
    let address = instance.addresses[position].address
    guard let heir = owner(of: address.address, near: instance), heir !== instance,
      heir.addressInterface == instance.addressInterface,
      let place = heir.addresses.position(of: address), heir.addresses[place].isInstalled
    else { return false }
    instance.addresses.removed(position)
    return true
  }

  /// Forgets the retired addresses that are gone.
  func dropRetired(of instance: RouterInstance) {
    let before = instance.addresses
    if instance.addresses.dropRetired() { handleNewList(of: instance, after: before) }
  }

  // MARK: Lease

  /// Changes how long addresses outlive this node.
  package func setLease(_ lease: LeasePolicy) {
    guard lease != self.lease else { return }
    step { apply(lease) }
  }

  private func apply(_ lease: LeasePolicy) {
    self.lease = lease
    renewLeases()
  }
}
