import ARP
import Netlink
import VIPCore

/// Putting addresses on the interface, keeping them there, taking them off.
extension Engine {
  /// Starts to install an instance's addresses.
  func hold(_ instance: RouterInstance) {
    endHandover(instance)
    changeListening(for: instance)
    work.add(.install, instance)
    startRefreshing()
  }

  /// Starts to remove an instance's addresses.
  func release(_ instance: RouterInstance) {
    endHandover(instance)
    changeListening(for: instance)
    work.add(.remove, instance)
  }

  /// Stops announcing an instance's addresses.
  func silence(_ instance: RouterInstance) {
    guard let wire = wire(of: instance) else { return }
    for index in instance.addresses.indices {
      instance.addresses[index].retryAt = nil
      instance.addresses[index].isMissing = false
      wire.queue.cancel(instance.addresses[index].address.address)
    }
  }

  /// Works off one slice of what waits, bounded in number and in time.
  func performAddressWork() {
    // What is installed next must not outlive this process.
    updateSafeguard()
    var budget = Bound.addresses
    let end = platform.now().advanced(byNanoseconds: Bound.addressNanoseconds)
    while budget > 0, let entry = work.first {
      hasChanged = true
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
    if entry.kind == .remove, instance.virtual != nil {
      work.advanceFirst(to: nil)
      lower(instance)
      return 0
    }
    if entry.kind == .install, instance.settings.virtualMac, !raise(instance) {
      work.advanceFirst(to: nil)
      return 0
    }
    // What an IPv6 request costs grows with the number of addresses on the interface.
    let batch = instance.family == .ipv4 ? Bound.addressBatch : Bound.addressBatch / 4
    let (indices, next) = select(entry, of: instance, atMost: min(budget, batch))
    work.advanceFirst(to: next)
    if !indices.isEmpty { apply(entry.kind, indices, of: instance) }
    if entry.kind == .retire, next == nil { dropRetired(of: instance) }
    if entry.kind == .load, next == nil { settle(instance) }
    return indices.count
  }

  /// The addresses of a slice, and where the next slice starts (`nil` after the last).
  private func select(
    _ entry: AddressWork.Entry, of instance: RouterInstance, atMost count: Int
  ) -> ([Int], Int?) {
    var indices: [Int] = []
    var next = entry.next
    while next < instance.addresses.count {
      guard indices.count < count else { return (indices, next) }
      // The last first: the others of a subnet may depend on the first.
      let index = entry.kind == .remove ? instance.addresses.count - 1 - next : next
      let address = instance.addresses[index]
      let isWanted =
        switch entry.kind {
        case .install:
          instance.isHolding && !address.isPresent && address.retryAt == nil
            && !address.isRetired && !isTakenByHost(index, of: instance)
        case .refresh:
          address.isInstalled && !address.isRetired
            && (instance.isHolding || address.isLingering || instance.virtual != nil)
            && instance.isReachable
        case .load:
          !instance.isHolding && !instance.isReachable && instance.carrierIndex != nil
            && (!address.isInstalled || address.isLeased || address.isAwake)
            && !address.belongsToHost
            && address.retryAt == nil && !address.isRetired && !isTakenByHost(index, of: instance)
        case .retire: address.isInstalled && address.isRetired && address.retryAt == nil
        case .remove: address.isInstalled && !instance.isHolding && !address.isLingering
        }
      if isWanted { indices.append(index) }
      next += 1
    }
    return (indices, nil)
  }

  /// Leaves alone what has become an address of the host itself, for example by an operator's hand:
  /// a request of ours would turn it into a lease.
  private func isTakenByHost(_ index: Int, of instance: RouterInstance) -> Bool {
    let address = instance.addresses[index].address.address
    guard let link = instance.link, interfaces.hostRecord(address, on: link.index) != nil else {
      return false
    }
    fail(
      index, of: instance,
      because: "\(address) is now \(link.name)'s own address and is left alone; remove it there")
    return true
  }

  private func apply(_ kind: AddressWork.Kind, _ indices: [Int], of instance: RouterInstance) {
    let indices = kind == .retire ? indices.filter { !handsOn($0, of: instance) } : indices
    // What waits on a macvlan that is off waits without an end.
    let lifetime = kind == .load ? nil : lifetime(of: instance)
    let requests = indices.map {
      instance.request($0, lifetime: lifetime, isDormant: kind == .load)
    }
    if kind == .remove || kind == .retire {
      isSafeguardStale = true
      let results = keepingNeighbours(of: indices, instance) { platform.kernel.remove(requests) }
      for (index, error) in zip(indices, results) { noteRemoval(index, of: instance, error) }
      return
    }
    let results = platform.kernel.install(requests)
    for (index, error) in zip(indices, results) {
      noteInstallation(index, of: instance, error, isNew: kind == .install)
      instance.addresses[index].isLeased = error == nil && lifetime != nil
      instance.addresses[index].isAwake = error == nil && kind != .load
    }
  }

  private func noteInstallation(
    _ index: Int, of instance: RouterInstance, _ error: NetlinkError?, isNew: Bool
  ) {
    let address = instance.addresses[index].address
    if let error {
      instance.addresses[index].isInstalled = false
      fail(index, of: instance, because: error.description)
      return
    }
    instance.addresses[index].isInstalled = true
    instance.addresses[index].refreshedAt = now
    instance.addresses[index].failure = nil
    guard isNew else { return }
    if instance.addresses[index].isMissing {
      instance.addresses[index].isMissing = false
      report(.repaired(router: instance.settings.name, address: address))
    }
    wire(of: instance)?.queue.announce(address.address, now: now)
  }

  private func noteRemoval(_ index: Int, of instance: RouterInstance, _ error: NetlinkError?) {
    if let error, !error.isNotThere {
      fail(index, of: instance, because: error.description)
      return
    }
    instance.addresses[index].isInstalled = false
    instance.addresses[index].failure = nil
    instance.addresses[index].losses = 0
    guard error == nil else { return }
    // The kernel's report goes to whoever has the address then.
    let address = instance.addresses[index].address
    guard let owner = owner(of: address.address, near: instance),
      let holder = instances[owner.slot], holder.addresses[owner.index].address == address
    else { return }
    holder.addresses[owner.index].expectedRemovals += 1
  }

  /// Remembers a failed request and when to try again; says so once.
  private func fail(_ index: Int, of instance: RouterInstance, because text: String) {
    if instance.addresses[index].failure != text {
      instance.addresses[index].failure = text
      warn(.addressFailure(instance.addresses[index].address), of: instance, text)
    }
    retry(index, of: instance, at: now + .seconds(1))
  }

  private func retry(_ index: Int, of instance: RouterInstance, at time: Instant) {
    instance.addresses[index].retryAt = time
    armRetry(at: time)
  }

  func armRetry(at time: Instant) {
    timers.schedule(.retry, noLaterThan: time)
  }

  /// Takes up what failed a while ago.
  func retryAddresses() {
    var next: Instant?
    for case let instance? in instances {
      if let later = attendMacvlan(of: instance) { next = min(next ?? later, later) }
      var isDue = false
      for index in instance.addresses.indices {
        guard let time = instance.addresses[index].retryAt else { continue }
        if time <= now {
          instance.addresses[index].retryAt = nil
          isDue = true
        } else {
          next = min(next ?? time, time)
        }
      }
      guard isDue else { continue }
      work.add(
        instance.isHolding ? .install : instance.settings.virtualMac ? .load : .remove, instance)
      if instance.addresses.last?.isRetired ?? false { work.add(.retire, instance) }
    }
    if let next { timers.schedule(.retry, at: next) }
  }

  // MARK: Repair

  /// Somebody removed an address from an interface.
  func noteLoss(of record: AddressRecord) {
    let parent = virtuals[record.interfaceIndex].flatMap { instances[$0]?.link?.index }
    let key = OwnerKey(
      interfaceIndex: parent ?? record.interfaceIndex, address: record.address.address)
    guard let (slot, index) = owners[key], let instance = instances[slot],
      instance.carrierIndex == record.interfaceIndex
    else { return }
    guard record.address == instance.addresses[index].address else { return }
    if instance.addresses[index].expectedRemovals > 0 {
      instance.addresses[index].expectedRemovals -= 1
      return
    }
    guard instance.addresses[index].isInstalled else { return }
    instance.addresses[index].isInstalled = false
    instance.addresses[index].isLeased = false
    guard !instance.addresses[index].isRetired else { return }
    if instance.isHolding {
      repair(index, of: instance)
    } else if instance.settings.virtualMac {
      retry(index, of: instance, at: now + .seconds(1))
    }
  }

  /// Puts a lost address back: at once the first time, later and later if it is lost again.
  private func repair(_ index: Int, of instance: RouterInstance) {
    if now.nanoseconds(since: instance.addresses[index].lastLoss) > 30_000_000_000 {
      instance.addresses[index].losses = 0
    }
    let losses = instance.addresses[index].losses
    instance.addresses[index].isMissing = true
    instance.addresses[index].losses = min(losses + 1, 10)
    instance.addresses[index].lastLoss = now
    if losses == 0 {
      work.add(.install, instance)
    } else {
      let pause = Duration.milliseconds(100) * (1 << min(losses, 6))
      retry(index, of: instance, at: now + pause)
    }
    if losses == 3 {
      let address = instance.addresses[index].address
      warn(.addressRemoved(address), of: instance, Self.fightText(address, instance))
    }
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
    for address in instance.currentAddresses where address.isPresent {
      wire.queue.announce(address.address.address, now: now)
    }
  }

  /// Sends the announcements whose time has come, up to a bound.
  func sendAnnouncements() {
    // A process that was frozen in the middle of a turn must listen first. The next turn does.
    guard platform.now() - now < Bound.turnMax else { return }
    for (index, wire) in wires {
      var budget = Bound.announcements
      while budget > 0, let address = wire.queue.popDue(by: now) {
        budget -= 1
        guard let (slot, place) = owners[OwnerKey(interfaceIndex: index, address: address)],
          let instance = instances[slot], instance.isHolding, instance.isReachable,
          instance.addresses[place].isPresent
        else { continue }
        if announce(address, on: wire, for: instance) { handleAnnounced(place, of: instance) }
      }
    }
  }

  /// Announces an address; where a queue is full for the moment, again a little later.
  ///
  /// - Returns: whether it was sent.
  @discardableResult
  func announce(_ address: IPAddress, on wire: Wire, for instance: RouterInstance) -> Bool {
    let announcement = Announcement(
      address, at: instance.virtual?.macAddress ?? wire.macAddress, isRouter: wire.isRouter)
    do throws(FrameError) {
      try wire.transport.send(announcement)
      instance.announceFailure = nil
      return true
    } catch {
      if error.isTransient { wire.queue.retry(address, now: now) }
      guard instance.announceFailure != error.description else { return false }
      instance.announceFailure = error.description
      warn(.announcing, of: instance, "\(address) can't be announced: \(error)")
      return false
    }
  }
}
