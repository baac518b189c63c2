import ARP
import Netlink
import VIPCore
import VRRP

/// Following what happens to interfaces: routers take part while theirs can carry the election.
extension Engine {
  /// Time between attempts to open what could not be opened.
  private static let attachRetryPause = Duration.seconds(1)

  /// Reads all interfaces and addresses and compares them with what should be.
  func rereadInterfaces() throws(NodeError) {
    let records: [AddressRecord]
    do throws(NetlinkError) {
      let links = try platform.kernel.links()
      records = try platform.kernel.addresses()
      interfaces = InterfaceTable(links: links, addresses: records, after: interfaces)
    } catch {
      throw NodeError(error)
    }
    compareAddresses(with: records)
    renewMemberships(where: { _ in true })
    followSettings(of: Set(wires.keys))
    putBehindHostAddresses()
    for case let instance? in instances { reconsider(instance) }
    reviewMacvlans(macvlans.interfaces.union(wires.keys))
  }

  /// Finds held addresses that the kernel no longer has.
  private func compareAddresses(with records: [AddressRecord]) {
    var present: [Int32: Set<IPAddress>] = [:]
    for record in records where record.protocolTag == vipProtocolTag {
      present[record.interfaceIndex, default: []].insert(record.address.address)
    }
    for case let instance? in instances {
      instance.addresses.eventsWereLost()
      compareExtras(of: instance, with: present)
      guard let index = instance.addressInterface else { continue }
      for address in instance.addresses
      where address.isInstalled
        && !(present[index]?.contains(address.address.address) ?? false)
      {
        handleRemoval(of: .lost(address.address, on: index))
      }
    }
  }

  /// Takes in what the kernel tells about interfaces and addresses.
  func drainKernelEvents() {
    var isOverflown = false
    var changed: Set<Int32> = []
    var reset: Set<Int32> = []
    do throws(NetlinkError) {
      try platform.kernel.drainEvents(limit: Bound.kernelEvents) { event in
        switch event {
        case .link(let link):
          interfaces.update(link)
          changed.insert(link.index)
        case .linkRemoved(let index, let name):
          loseExtras(onInterface: index, name)
          interfaces.remove(index)
          changed.insert(index)
        case .address(let record):
          guard record.protocolTag != vipProtocolTag else {
            takeBack(record)
            interfaces.update(record)
            if record.flags.contains(.dadFailed) { handleRefusal(of: record) }
            return
          }
          interfaces.update(record)
          changed.insert(record.interfaceIndex)
          handleReplacement(by: record)
        case .addressRemoved(let record):
          interfaces.remove(record)
          handleRemoval(of: record)
          if record.protocolTag != vipProtocolTag { changed.insert(record.interfaceIndex) }
        case .settings(let index):
          if let index { reset.insert(index) } else { reset.formUnion(wires.keys) }
        case .overflow:
          isOverflown = true
        }
      }
    } catch {
      isOverflown = true
    }
    if isOverflown {
      // Events were lost. If even the reading fails, the next event or refresh tries again.
      try? rereadInterfaces()
      return
    }
    putBehindHostAddresses()
    if !reset.isEmpty { followSettings(of: reset) }
    guard !changed.isEmpty else { return }
    renewMemberships(where: changed.contains)
    for case let instance? in instances {
      let link = interfaces.link(named: instance.settings.interface)
      if changed.contains(link?.index ?? 0) || changed.contains(instance.link?.index ?? 0)
        || !instance.settings.tracks.isEmpty || instance.settings.hasExtras
        || instance.router.group?.tracksAnything ?? false
      {
        reconsider(instance)
      }
    }
    reviewMacvlans(changed)
  }

  /// Takes an address with this node's tag out of the host's ones, where it was if it had no tag a
  /// moment ago: `ip address replace` takes the tag off an address, and a refresh that was under
  /// way puts it back.
  private func takeBack(_ record: AddressRecord) {
    guard interfaces.hostRecord(record.address.address, on: record.interfaceIndex) != nil else {
      return
    }
    interfaces.remove(record)
  }

  /// Lets an instance take part or wait, as its fitness allows.
  func reconsider(_ instance: RouterInstance) {
    guard !instance.attendance.isLeaving else { return }
    let name = instance.settings.interface
    let link = interfaces.link(named: name)
    if let attached = instance.link, attached.index != link?.index {
      // One that only has another name now still serves.
      let isRenamed =
        interfaces.link(attached.index).map { fault(of: $0, named: name) == nil } ?? false
      pause(
        instance,
        .interface(link == nil ? absence(of: name) : InterfaceFault(.replaced, of: name)),
        handsOver: isRenamed)
      // ``tellSettled()`` comes back here when that is over.
      if instance.handover.isUnderWay {
        instance.router.fitness.set(
          .unfit(.interface(InterfaceFault(.replaced, of: name))), for: .interface)
        return
      }
      // The addresses would stay there, without a refresh.
      if interfaces.link(attached.index) != nil { removeAll(of: instance) }
      detach(instance)
    }
    if let link { followHostAddresses(of: instance, on: link) }
    followNames(of: instance)
    let primary = assess(instance, link)
    assessGroup(of: instance)
    defer { lookAgainAtLink(of: instance) }
    switch instance.router.fitness.verdict(for: instance.family) {
    case .unfit(let reason, let handsOver):
      pause(instance, reason, handsOver: handsOver)
    case .fit:
      guard let link, let primary else { return }
      do throws(NodeError) {
        try attach(instance, link)
      } catch {
        let reason: WaitingReason =
          isGone(link.index) ? .interface(absence(of: name)) : .system(error)
        wait(instance, for: reason, .attachment(instance.family))
        instance.attendance.retry(at: now + Self.attachRetryPause)
        return schedule(instance)
      }
      adjustPriority(of: instance)
      run(instance, from: primary)
    }
  }

  /// Has a link that is otherwise than the router goes by looked at when that counts.
  private func lookAgainAtLink(of instance: RouterInstance) {
    guard let due = instance.router.linkDamping.deadline else { return }
    instance.attendance.retry(at: due)
    schedule(instance)
  }

  /// Sees what speaks against an instance as far as that is to be seen on this machine.
  ///
  /// - Returns: the address to send from, if there is one.
  @discardableResult
  func assess(_ instance: RouterInstance, _ link: Link?) -> IPAddress? {
    let settings = instance.settings
    let family = instance.family
    let fault =
      link.flatMap { unsuitability(of: $0, for: settings) }
      ?? self.fault(of: link, named: settings.interface)
    let lasting = instance.router.linkDamping.judge(fault, settings.linkDelay, at: now)
    instance.router.fitness.set(lasting.map { .unfit(.interface($0)) }, for: .interface)
    instance.router.fitness.setTracks(trackFaults(of: settings, instance.router.group))
    instance.router.fitness.setFurther(furtherFaults(of: settings))
    let isGlobal = settings.needsGlobalSource(family)
    if let wanted = settings.unicastSource(family) {
      let isHere = interfaces.isHostAddress(wanted)
      instance.router.fitness.set(
        isHere ? nil : .unfit(.sourceNotHere(wanted)), for: .source(family))
      instance.router.fitness.set(hostAddressFault(of: instance, on: link), for: .host(family))
      return isHere ? wanted : nil
    }
    let source = link.flatMap {
      interfaces.primaryAddress(
        of: $0.index, family, isGlobal: isGlobal, isVirtual: virtualAddresses(on: $0, of: instance))
    }
    let lack =
      source == nil
      ? WaitingReason.lacksSource(
        of: link, called: settings.interface, family, isGlobal: isGlobal
      ) { isWithoutIPv6($0.name) } : nil
    instance.router.fitness.set(lack.map { .unfit($0) }, for: .source(family))
    instance.router.fitness.set(hostAddressFault(of: instance, on: link), for: .host(family))
    return source
  }

  /// The addresses on an interface that are virtual ones, also if the host has been given them; an
  /// owner's are its own.
  private func virtualAddresses(
    on link: Link, of instance: RouterInstance
  ) -> (IPAddress) -> Bool {
    if instance.settings.priority == .owner { return { _ in false } }
    return { [owners] in
      owners.slot(of: $0, on: link.index) != nil || instance.addresses.position(of: $0) != nil
    }
  }

  private func run(_ instance: RouterInstance, from primary: IPAddress) {
    guard let segment = segment(of: instance) else { return }
    if !instance.isUnicast { segment.transport.setSource(primary) }
    if !instance.attendance.isRunning {
      instance.formerGroups.resume(at: now)
      instance.prepareElection(primaryAddress: primary)
      instance.attendance.run()
      perform(instance.election.start(at: now, from: primary), for: instance)
      if !instance.isHolding, !instance.hasReleased, !instance.handover.isUnderWay,
        !instance.settings.virtualMAC
      {
        // Left on the interface by an earlier life of this node.
        work.add(.remove, instance.slot)
      }
      startProbing(of: instance)
    } else if primary != instance.election.primaryAddress {
      instance.election.changePrimaryAddress(to: primary)
    }
    reviewRoutes(of: instance, .change)
    schedule(instance)
  }

  /// Takes an instance out of the election until nothing speaks against it.
  ///
  /// If its interface still serves, it hands over.
  private func pause(_ instance: RouterInstance, _ reason: WaitingReason, handsOver: Bool) {
    guard instance.attendance.wait(for: reason, handsOver: handsOver, at: now) else { return }
    forgetRetry(of: instance)
    if handsOver {
      restoreAddresses(of: instance)
      reviewRoutes(of: instance, .change)
    }
    stopElection(of: instance)
    if instance.handover.isUnderWay, !handsOver { release(instance) }
    stopProbing(of: instance)
    schedule(instance)
    instance.troubles.clear()
    report(
      .waiting(router: instance.settings.name, family: instance.family, reason: reason))
    beginSettling(instance, as: .fault, because: .waiting(reason))
  }

  /// Takes an instance out of the election until something is tried again; the caller says when.
  func wait(_ instance: RouterInstance, for reason: WaitingReason, _ cause: Fitness.Cause) {
    pause(instance, reason, handsOver: false)
    instance.router.fitness.set(.unfit(reason), for: cause)
  }

  /// Forgets what would have been tried again; it is tried when nothing else speaks against it.
  func forgetRetry(of instance: RouterInstance) {
    instance.attendance.forgetRetry()
    instance.router.fitness.set(nil, for: .address(instance.family))
    instance.router.fitness.set(nil, for: .attachment(instance.family))
  }

  // MARK: Sockets

  private func attach(_ instance: RouterInstance, _ link: Link) throws(NodeError) {
    if instance.link == nil {
      let key = SegmentKey(interfaceIndex: link.index, family: instance.family)
      try requireFreeGroup(of: instance, on: link)
      try claims.claimGroup(
        instance.settings.vrid, instance.family, on: link, for: instance.slot)
      let addresses = instance.addresses.map(\.address.address)
      do throws(NodeError) {
        try claims.claimAddresses(addresses, on: link)
        let wire = try wire(link)
        let segment = try segment(key, link)
        // It may have got that of the router in whose place it comes.
        if instance.macvlan == nil { try createMacvlan(for: instance, on: link) }
        if instance.hasOwnGroup {
          try segment.transport.join(instance.settings.multicastGroup(instance.family))
        }
        wire.addUser()
        segment.add(instance)
      } catch {
        removeMacvlan(of: instance)
        claims.releaseGroup(of: instance.slot)
        claims.releaseAddresses(
          addresses.filter { owners.slot(of: $0, on: link.index) == nil }, on: link.index)
        closeUnused(key)
        throw error
      }
      claimAddresses(of: instance, on: link.index)
      if instance.settings.virtualMAC { work.add(.load, instance.slot) }
    }
    try openFurtherWires(of: instance)
    if instance.link != link {
      let hasNewMAC = instance.link != nil && instance.link?.macAddress != link.macAddress
      instance.attach(link)
      wires[link.index]?.update(link, isRouter: platform.isForwarding(link, .ipv6))
      if hasNewMAC, instance.isHolding { announceInstalled(instance) }
    }
  }

  /// The interface's wire, opened if need be.
  func wire(_ link: Link) throws(NodeError) -> Wire {
    if let wire = wires[link.index] { return wire }
    let wire = Wire(
      link, try platform.openWire(link), isRouter: platform.isForwarding(link, .ipv6),
      announcements)
    wires[link.index] = wire
    startSettingRounds()
    return wire
  }

  /// The interface's segment for a family, opened if need be.
  private func segment(_ key: SegmentKey, _ link: Link) throws(NodeError) -> Segment {
    if let segment = segments[key] { return segment }
    let segment = Segment(key, try platform.openAdvertisements(link, key.family))
    segments[key] = segment
    readiness.watch(segment.transport.descriptor, .segment(key))
    return segment
  }

  /// Lets go of the interface; closes what no other router uses.
  func detach(_ instance: RouterInstance) {
    guard let link = instance.link else { return }
    // A farewell that waits must leave while it is known where to.
    flush()
    changeListening(for: instance)
    endHandover(of: instance)
    for subnet in instance.routes.made { removeRoute(to: subnet, of: instance) }
    instance.routes.forgetRefusals()
    removeExtras(of: instance)
    closeFurtherWires(of: instance)
    instance.sightings.clear()
    removeMacvlan(of: instance)
    claims.releaseGroup(of: instance.slot)
    instance.detach()
    work.forget(instance.slot)
    disown(instance.addresses.map(\.address.address), of: instance, on: link.index)
    instance.addresses.interfaceVanished()
    instance.addresses.dropAllRetired()
    let key = SegmentKey(interfaceIndex: link.index, family: instance.family)
    segments[key]?.remove(instance)
    leaveGroup(of: instance, key)
    wires[link.index]?.removeUser()
    closeUnused(key)
  }

  /// Leaves a multicast group of its own that no other router on the segment needs.
  private func leaveGroup(of instance: RouterInstance, _ key: SegmentKey) {
    guard instance.hasOwnGroup, let segment = segments[key] else { return }
    let group = instance.settings.multicastGroup(instance.family)
    let isNeeded = segment.members.contains {
      $0.settings.multicastGroup($0.family) == group
    }
    if !isNeeded { segment.transport.leave(group) }
  }

  private func closeUnused(_ key: SegmentKey) {
    if let segment = segments[key], segment.routerCount == 0 {
      flush()
      readiness.unwatch(segment.transport.descriptor)
      segments[key] = nil
      forgetMembership(key)
    }
    closeUnusedWire(key.interfaceIndex)
  }

  func closeUnusedWire(_ index: Int32) {
    guard let wire = wires[index], wire.isUnused else { return }
    wires[index] = nil
    perform(wire.listening.close(), on: wire)
    platform.close(wire.transport)
  }
}

extension AddressRecord {
  /// The record of an address that has vanished without an event.
  static func lost(_ address: InterfaceAddress, on index: Int32) -> AddressRecord {
    AddressRecord(interfaceIndex: index, address: address, protocolTag: vipProtocolTag)
  }
}
