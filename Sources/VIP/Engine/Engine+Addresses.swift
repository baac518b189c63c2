import ARP
import Netlink
import VIPCore
import VRRP

/// Putting addresses on the interface, keeping them there, taking them off.
extension Engine {
  /// Starts to install an instance's addresses.
  func hold(_ instance: RouterInstance) {
    endHandover(of: instance)
    changeListening(for: instance)
    instance.holderProbing.begin(at: now)
    work.add(.install, instance.slot)
    beginLease(of: instance)
  }

  /// Starts to remove an instance's addresses.
  func release(_ instance: RouterInstance) {
    endHandover(of: instance)
    changeListening(for: instance)
    work.add(.remove, instance.slot)
  }

  /// Stops announcing an instance's addresses and putting them back.
  func silence(_ instance: RouterInstance) {
    instance.addresses.letGo()
    instance.extras.letGo()
    instance.holderProbing.end()
    failedAnnouncements.forget(instance.slot)
    guard let wire = wire(of: instance) else { return }
    for address in instance.addresses { wire.queue.cancel(address.address.address) }
    silenceExtras(of: instance)
  }

  /// Works off one slice of what waits, bounded in number and in time.
  func performAddressWork() {
    // What is installed next must not outlive this process.
    updateSafeguard()
    var budget = Bound.addresses
    let end = platform.now().advanced(byNanoseconds: Bound.addressNanoseconds)
    // In a turn that stood still the addresses may be another machine's by now: the next turn knows.
    while budget > 0, !isAtRest, let entry = work.first {
      // A refresh changes nothing but times: what it fails in, or finds missing, is told and noted.
      // There is one for each router and interval.
      if entry.kind != .refresh { noteChange() }
      budget -= perform(entry, atMost: budget)
      // Whatever it was: to switch a macvlan is about no address and takes its time.
      if platform.now() >= end { break }
    }
    finishLeaving()
    updateSafeguard()
  }

  /// Works off a slice of one entry.
  ///
  /// - Returns: how many addresses it was about.
  private func perform(_ entry: AddressWork.Entry, atMost budget: Int) -> Int {
    guard let instance = instances[entry.slot] else {
      work.advanceFirst(to: nil)
      return 0
    }
    if entry.next >= Extras.passStart { return performExtras(entry, of: instance, budget) }
    let extrasStart = entry.kind == .load || instance.extras.isEmpty ? nil : Extras.passStart
    if entry.kind == .remove, instance.macvlan != nil {
      work.advanceFirst(to: extrasStart)
      removeRoutes(of: instance)
      switchOff(instance)
      return 0
    }
    if entry.kind == .install, instance.settings.virtualMAC, !switchOn(instance) {
      work.advanceFirst(to: nil)
      return 0
    }
    // What an IPv6 request costs grows with the number of addresses on the interface.
    let batch = instance.family == .ipv4 ? Bound.addressBatch : Bound.addressBatch / 4
    let circumstances = instance.circumstances
    let (indices, next) = instance.addresses.due(
      for: entry.kind, from: entry.next, atMost: min(budget, batch), circumstances)
    work.advanceFirst(to: next ?? extrasStart)
    if !indices.isEmpty {
      apply(entry.kind, indices, of: instance)
      schedule(instance)
    }
    if entry.kind == .retire, next == nil { dropRetired(of: instance) }
    if next == nil {
      switch entry.kind {
      case .install: reviewRoutes(of: instance, .all)
      case .refresh: reviewRoutes(of: instance, .refresh)
      case .remove: removeRoutes(of: instance)
      case .retire, .load: break
      }
    }
    if entry.kind == .load, next == nil { handleLoaded(instance) }
    return indices.count
  }

  private func apply(_ kind: AddressWork.Kind, _ indices: [Int], of instance: RouterInstance) {
    switch kind {
    case .install, .load, .refresh: install(indices, of: instance, kind)
    case .remove: remove(indices, of: instance)
    case .retire: remove(indices.filter { !handsOn($0, of: instance) }, of: instance)
    }
  }

  /// The longest wait for addresses that makes no advertisement late: an eighth of the shortest
  /// interval, 50 ms at most.
  private var useWait: Duration {
    var shortest = AdvertisementInterval.default.nanoseconds
    for case let instance? in instances {
      shortest = min(shortest, instance.settings.interval.nanoseconds)
    }
    return min(.nanoseconds(shortest / 8), .milliseconds(50))
  }

  func install(
    _ indices: [Int], of instance: RouterInstance, _ kind: AddressWork.Kind
  ) {
    // What waits on a macvlan that is off waits without an end.
    let lifetime = kind == .load ? nil : lifetime(of: instance)
    let indices =
      kind == .refresh
      ? indices
      : indices.filter { !isTakenByHost($0, of: instance) && !isTakenByNode($0, of: instance) }
    let requests = indices.map {
      instance.request($0, lifetime: lifetime, isDormant: kind == .load)
    }
    let lease: VirtualAddress.Lease =
      kind == .load ? .asleep : lifetime == nil ? .endless : .refreshed(at: now)
    let results = platform.kernel.install(requests)
    // They are announced next, and a machine that hears that may answer at once.
    if kind == .install, instance.family == .ipv6, instance.macvlan == nil {
      platform.kernel.awaitUse(
        of: zip(requests, results).filter { $0.1 == nil }.map(\.0.address.address),
        atMost: useWait)
    }
    let cause = results.contains { $0 != nil } ? refusalCause(of: instance) : nil
    for (index, error) in zip(indices, results) {
      if let error {
        switch cause {
        case .interfaceGone, .macvlanWithoutIPv6: break
        case .withoutIPv6(let reason):
          handleRefusedRequest(index, of: instance, because: reason.description)
        case nil:
          handleRefusedRequest(index, of: instance, because: instance.words(of: error))
        }
        continue
      }
      let wasMissing = instance.addresses.installed(index, lease)
      guard kind == .install else { continue }
      let address = instance.addresses[index].address
      if wasMissing { report(.repaired(router: instance.settings.name, address: address)) }
      wire(of: instance)?.queue.announce(address.address, now: now)
    }
    if case .macvlanWithoutIPv6 = cause { restoreIPv6(of: instance) }
  }

  /// Puts back what the kernel has just taken off a holder's interface together with an address of
  /// the host, so that it can be handed over; of very many addresses the first ones.
  func restoreAddresses(of instance: RouterInstance) {
    guard instance.isHolding, instance.settings.handover == .seamless, !instance.settings.virtualMAC
    else { return }
    let indices = instance.addresses.due(
      for: .install, from: 0, atMost: Bound.addresses, instance.circumstances
    ).positions
    guard !indices.isEmpty else { return }
    // The guard did not cover an address that an owner's host had; now it must.
    noteChange()
    updateSafeguard()
    let lifetime = lifetime(of: instance)
    let results = platform.kernel.install(indices.map { instance.request($0, lifetime: lifetime) })
    // What the kernel refuses can't be handed over.
    for (index, error) in zip(indices, results) where error == nil {
      _ = instance.addresses.installed(index, lifetime == nil ? .endless : .refreshed(at: now))
    }
  }

  /// Leaves alone what has become an address of the host itself, for example by an operator's hand:
  /// a request of ours would turn it into a lease.
  private func isTakenByHost(_ index: Int, of instance: RouterInstance) -> Bool {
    let address = instance.addresses[index].address.address
    guard let link = instance.link, interfaces.hostRecord(address, on: link.index) != nil else {
      return false
    }
    handleRefusedRequest(index, of: instance, because: Self.hostText(address, link))
    return true
  }

  /// Leaves alone what another node of this machine has in another group.
  private func isTakenByNode(_ index: Int, of instance: RouterInstance) -> Bool {
    guard let link = instance.link else { return false }
    let address = instance.addresses[index].address.address
    // It has been claimed long before a takeover.
    guard !claims.hasAddress(address, on: link.index) else { return false }
    do throws(NodeError) {
      try claims.claimAddresses([address], on: link)
      return false
    } catch {
      handleRefusedRequest(index, of: instance, because: error.description)
      return true
    }
  }

  static func hostText(_ address: IPAddress, _ link: Link) -> String {
    "\(address) is now \(link.name)'s own address and is left alone; remove it there"
  }

  /// The host has made one of our addresses its own, by `ip address replace`: from now on it is
  /// neither refreshed nor removed here.
  func handleReplacement(by record: AddressRecord) {
    handleExtraReplacement(by: record)
    guard let slot = owners.slot(of: record.address.address, on: record.interfaceIndex),
      let instance = instances[slot], let link = instance.link,
      instance.addressInterface == record.interfaceIndex, !instance.settings.virtualMAC,
      let position = instance.addresses.position(of: record.address),
      instance.addresses[position].isInstalled
    else { return }
    instance.addresses.removed(position)
    handle(instance.handover.withdrawn(record.address.address), of: instance)
    if instance.addresses.isRetired(position) {
      work.add(.retire, instance.slot)
    } else if instance.isHolding, instance.settings.priority != .owner {
      handleRefusedRequest(
        position, of: instance, because: Self.hostText(record.address.address, link))
    }
    schedule(instance)
  }

  func remove(_ indices: [Int], of instance: RouterInstance) {
    guard !indices.isEmpty else { return }
    let requests = indices.map { instance.request($0, lifetime: nil) }
    let results = remove(requests, of: instance)
    for (index, error) in zip(indices, results) {
      if let error, !error.isNotThere {
        handleRefusedRequest(index, of: instance, because: instance.words(of: error))
        continue
      }
      instance.addresses.removed(index)
      if error == nil { expectRemoval(of: instance.addresses[index].address, near: instance) }
    }
  }

  private func remove(
    _ requests: [AddressRequest], of instance: RouterInstance
  ) -> [NetlinkError?] {
    guard !instance.settings.virtualMAC, let index = instance.addressInterface else {
      return platform.kernel.remove(requests)
    }
    return sparingNeighbours(of: requests.map(\.address), onInterface: index) {
      platform.kernel.remove(requests)
    }
  }

  /// The kernel's report of a removal counts for the router that has the address by then.
  private func expectRemoval(of address: InterfaceAddress, near instance: RouterInstance) {
    guard let owner = owner(of: address.address, near: instance),
      owner.addressInterface == instance.addressInterface,
      let position = owner.addresses.position(of: address)
    else { return }
    owner.addresses.expectRemoval(position)
  }

  /// Takes in that a request was refused and says so once; it is made again in a second.
  func handleRefusedRequest(_ index: Int, of instance: RouterInstance, because text: String) {
    let isNew = instance.addresses.refused(index, text, retryAt: now + .seconds(1))
    if isNew {
      warn(.addressFailure(instance.addresses[index].address), of: instance, text)
    }
  }

  /// Makes the attempts that were put off until now.
  func retryAddresses(of instance: RouterInstance) {
    let due = instance.addresses.takeRetries(by: now)
    if due.current {
      work.add(
        instance.isHolding ? .install : instance.settings.virtualMAC ? .load : .remove,
        instance.slot)
    }
    if due.retired { work.add(.retire, instance.slot) }
  }

  // MARK: Repair

  /// The kernel has removed an address from an interface.
  func handleRemoval(of record: AddressRecord) {
    handleExtraRemoval(of: record)
    let parent = macvlans.slot(of: record.interfaceIndex).flatMap { instances[$0]?.link?.index }
    let slot = owners.slot(of: record.address.address, on: parent ?? record.interfaceIndex)
    guard let instance = slot.flatMap({ instances[$0] }),
      instance.addressInterface == record.interfaceIndex,
      let position = instance.addresses.position(of: record.address)
    else { return }
    let loss = instance.addresses.reportedGone(position, at: now, instance.circumstances)
    // One whose removal was refused is not asked for again: the guard must not know it any more
    // either.
    if instance.addresses.isRetired(position),
      loss != .expected || !work.isUnfinished(instance.slot)
    {
      work.add(.retire, instance.slot)
    }
    guard loss != .expected else { return }
    handle(instance.handover.withdrawn(record.address.address), of: instance)
    schedule(instance)
    guard case .held(let isDueNow, let isFight) = loss else { return }
    if isDueNow { work.add(.install, instance.slot) }
    guard isFight else { return }
    warn(
      .addressRemoved(record.address), of: instance, Self.fightText(record.address, instance))
  }

  static func fightText(_ address: InterfaceAddress, _ instance: RouterInstance) -> String {
    "something on this host keeps removing \(address) from \(instance.settings.interface); "
      + "exclude it from other network managers"
  }

  // MARK: Announcements

  func wire(of instance: RouterInstance) -> Wire? {
    instance.link.flatMap { wires[$0.index] }
  }

  /// Announces the addresses that are on the interface already; the others are announced when they
  /// get there.
  func announceInstalled(_ instance: RouterInstance) {
    guard let wire = wire(of: instance), instance.isReachable else { return }
    for address in instance.addresses.current where address.isPresent {
      wire.queue.announce(address.address.address, now: now)
    }
  }

  /// Sends the announcements whose time has come, up to a bound.
  func sendAnnouncements() {
    // A process that was frozen in the middle of a turn must listen first. The next turn does.
    guard platform.now() - now < Bound.turnMax else { return }
    for index in wireOrder {
      guard let wire = wires[index] else { continue }
      var budget = Bound.announcements
      while budget > 0, let address = wire.queue.popDue(by: now) {
        budget -= 1
        if announceExtra(address, on: wire) { continue }
        guard let slot = owners.slot(of: address, on: index),
          let instance = instances[slot], instance.isHolding, instance.isReachable,
          let position = instance.addresses.position(of: address),
          instance.addresses[position].isPresent
        else { continue }
        if announce(address, on: wire, for: instance) { handleAnnounced(position, of: instance) }
      }
    }
    failedAnnouncements.turnEnded()
  }

  /// Announces an address; where a queue is full for the moment, again a little later.
  ///
  /// - Returns: whether it was sent.
  @discardableResult
  func announce(_ address: IPAddress, on wire: Wire, for instance: RouterInstance) -> Bool {
    let isElsewhere = instance.addresses.position(of: address) == nil
    let macvlan = isElsewhere ? nil : instance.macvlan
    let announcement = Announcement(
      address, at: macvlan?.macAddress ?? wire.macAddress, isRouter: wire.isRouter)
    do throws(FrameError) {
      try wire.transport.send(announcement)
      failedAnnouncements.sent(of: instance.slot)
      return true
    } catch {
      if error.isTransient { wire.queue.retry(address, now: now) }
      if failedAnnouncements.refused(of: instance.slot, because: error.description) {
        warn(.announcing, of: instance, "\(address) can't be announced: \(error)")
      }
      return false
    }
  }
}
