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
      interfaces = InterfaceTable(links: links, addresses: records)
    } catch {
      throw NodeError(error)
    }
    compareAddresses(with: records)
    for case let instance? in instances { reconsider(instance) }
    reviewVirtualInterfaces(Set(virtuals.keys).union(hushed.keys))
  }

  /// Finds held addresses that the kernel no longer has.
  private func compareAddresses(with records: [AddressRecord]) {
    var present: Set<OwnerKey> = []
    for record in records where record.protocolTag == vipProtocolTag {
      present.insert(
        OwnerKey(interfaceIndex: record.interfaceIndex, address: record.address.address))
    }
    for (key, owner) in owners where !present.contains(key) {
      guard let instance = instances[owner.slot] else { continue }
      instance.addresses[owner.index].expectedRemovals = 0
      guard let carrier = instance.carrierIndex, instance.addresses[owner.index].isInstalled,
        !present.contains(OwnerKey(interfaceIndex: carrier, address: key.address))
      else { continue }
      noteLoss(of: AddressRecord.lost(instance.addresses[owner.index].address, on: carrier))
    }
  }

  /// Takes in what the kernel tells about interfaces and addresses.
  func drainKernelEvents() {
    var isOverflown = false
    var changed: Set<Int32> = []
    do throws(NetlinkError) {
      try platform.kernel.drainEvents(limit: Bound.kernelEvents) { event in
        switch event {
        case .link(let link):
          interfaces.update(link)
          changed.insert(link.index)
        case .linkRemoved(let index, _):
          interfaces.remove(index)
          changed.insert(index)
        case .address(let record):
          guard record.protocolTag != vipProtocolTag else {
            if record.flags.contains(.dadFailed) { noteRefusal(of: record) }
            return
          }
          interfaces.update(record)
          changed.insert(record.interfaceIndex)
          tellGuard(ofHostAddress: record)
        case .addressRemoved(let record):
          interfaces.remove(record)
          tellGuard(ofHostAddress: record)
          noteLoss(of: record)
          if record.protocolTag != vipProtocolTag { changed.insert(record.interfaceIndex) }
        case .overflow:
          isOverflown = true
        }
      }
    } catch {
      isOverflown = true
    }
    if isOverflown {
      // Events were lost. If even reading anew fails, the next event or refresh tries again.
      try? rereadInterfaces()
      return
    }
    guard !changed.isEmpty else { return }
    for case let instance? in instances {
      let link = interfaces.link(named: instance.settings.interface)
      if changed.contains(link?.index ?? 0) || changed.contains(instance.link?.index ?? 0)
        || !instance.settings.tracks.isEmpty
      {
        reconsider(instance)
      }
    }
    if !virtuals.isEmpty { reviewVirtualInterfaces(changed) }
  }

  /// What has become, or no longer is, an address of the host itself is removed by the guard no more,
  /// or again.
  private func tellGuard(ofHostAddress record: AddressRecord) {
    let key = OwnerKey(interfaceIndex: record.interfaceIndex, address: record.address.address)
    if owners[key] != nil, record.protocolTag != vipProtocolTag { isSafeguardStale = true }
  }

  /// Lets an instance take part or wait, as its interface allows.
  func reconsider(_ instance: RouterInstance) {
    guard instance.activity != .leaving else { return }
    let name = instance.settings.interface
    let link = interfaces.link(named: name)
    if let attached = instance.link, attached.index != link?.index {
      pause(instance, link == nil ? "interface \(name) does not exist" : "\(name) was replaced")
      // One that only has another name now keeps its addresses, and nobody would refresh them.
      if interfaces.link(attached.index) != nil { removeAll(of: instance) }
      detach(instance)
    }
    guard let link else { return pause(instance, "interface \(name) does not exist") }
    guard link.isUp else { return pause(instance, "\(name) is down") }
    guard link.isRunning else { return pause(instance, "\(name) has no carrier") }
    let isGlobal = instance.settings.needsGlobalSource(instance.family)
    let source = interfaces.primaryAddress(
      of: link.index, instance.family, isGlobal: isGlobal)
    guard let primary = source else {
      let scope = isGlobal ? "global" : "link-local"
      let kind = instance.family == .ipv4 ? "IPv4 address" : "usable \(scope) IPv6 address"
      return pause(instance, "\(name) has no \(kind) to send from")
    }
    if let unfitness = unfitness(of: instance) {
      return pause(instance, unfitness, isUnfit: true)
    }
    // What an attempt does to interfaces comes back as events, and others cause some too.
    if let retryAt = instance.attachRetryAt, retryAt > now, instance.activity != .running { return }
    do throws(NodeError) {
      try attach(instance, link)
    } catch {
      pause(instance, error.description)
      instance.attachRetryAt = now + Self.attachRetryPause
      return schedule(instance)
    }
    updateDecrement(of: instance)
    run(instance, from: primary)
  }

  private func run(_ instance: RouterInstance, from primary: IPAddress) {
    guard let segment = segment(of: instance) else { return }
    if !instance.isUnicast { segment.transport.setSource(primary) }
    if instance.activity != .running {
      instance.prepareElection(primaryAddress: primary)
      instance.activity = .running
      instance.isUnfit = false
      perform(instance.election.start(at: now, from: primary), for: instance)
      if !instance.isHolding, !instance.hasReleased, instance.handoverDeadline == nil {
        // Left on the interface by an earlier life of this node.
        work.add(.remove, instance)
      }
      startProbe(of: instance)
    } else if primary != instance.election.primaryAddress {
      instance.election.changePrimaryAddress(to: primary)
    }
    isSafeguardStale = true
    schedule(instance)
  }

  /// Takes an instance out of the election until its interface is usable again.
  ///
  /// One that is only unfit hands over: its interface still serves.
  func pause(_ instance: RouterInstance, _ reason: String, isUnfit: Bool = false) {
    let waiting = RouterInstance.Activity.waiting(reason)
    guard instance.activity != waiting else { return }
    instance.activity = waiting
    instance.attachRetryAt = nil
    instance.isUnfit = isUnfit
    perform(instance.election.stop(at: now), for: instance)
    if instance.handoverDeadline != nil, !isUnfit { release(instance) }
    stopProbe(of: instance)
    schedule(instance)
    instance.stateSince = now
    instance.stateReason = reason
    instance.troubles.clear()
    report(
      .waiting(router: instance.settings.name, family: instance.family, reason: reason))
    noteHook(.fault, of: instance, because: reason)
  }

  // MARK: Sockets

  private func attach(_ instance: RouterInstance, _ link: Link) throws(NodeError) {
    if instance.link == nil {
      let key = SegmentKey(interfaceIndex: link.index, family: instance.family)
      if instance.settings.virtualMac { try claimVirtualInterface(for: instance, on: link) }
      do throws(NodeError) {
        let wire = try wire(link)
        let segment = try segment(key, link)
        try createVirtualInterface(for: instance, on: link)
        wire.userCount += 1
        segment.add(instance)
      } catch {
        removeVirtualInterface(of: instance)
        closeUnused(key)
        throw error
      }
      claimAddresses(of: instance, on: link.index)
      if instance.settings.virtualMac { work.add(.load, instance) }
    }
    if instance.link != link {
      let hasNewMAC = instance.link != nil && instance.link?.macAddress != link.macAddress
      instance.attach(link)
      wires[link.index]?.macAddress = link.macAddress ?? MACAddress(rawValue: 0)
      wires[link.index]?.isRouter = platform.isForwarding(link, .ipv6)
      if hasNewMAC, instance.isHolding { announceInstalled(instance) }
    }
  }

  /// The interface's wire, opened if need be.
  private func wire(_ link: Link) throws(NodeError) -> Wire {
    if let wire = wires[link.index] { return wire }
    let wire = Wire(
      link.index, try platform.openWire(link),
      macAddress: link.macAddress ?? MACAddress(rawValue: 0),
      isRouter: platform.isForwarding(link, .ipv6), announcements)
    wires[link.index] = wire
    return wire
  }

  /// The interface's segment for a family, opened if need be.
  private func segment(_ key: SegmentKey, _ link: Link) throws(NodeError) -> Segment {
    if let segment = segments[key] { return segment }
    let segment = Segment(key, try platform.openAdvertisements(link, key.family))
    segments[key] = segment
    platform.watch(segment.transport.descriptor, .segment(key))
    return segment
  }

  /// Lets go of the interface; closes what nobody else uses.
  func detach(_ instance: RouterInstance) {
    guard let link = instance.link else { return }
    changeListening(for: instance)
    isSafeguardStale = true
    endHandover(instance)
    removeVirtualInterface(of: instance)
    instance.link = nil
    work.forget(instance)
    for index in instance.addresses.indices {
      let address = instance.addresses[index].address.address
      instance.addresses[index].isInstalled = false
      instance.addresses[index].isLeased = false
      instance.addresses[index].isAwake = false
      instance.addresses[index].expectedRemovals = 0
      disown(address, of: instance, on: link.index)
    }
    instance.addresses.removeAll(where: \.isRetired)
    let key = SegmentKey(interfaceIndex: link.index, family: instance.family)
    segments[key]?.remove(instance)
    wires[link.index]?.userCount -= 1
    closeUnused(key)
  }

  private func closeUnused(_ key: SegmentKey) {
    if let segment = segments[key], segment.routerCount == 0 {
      flush()
      platform.unwatch(segment.transport.descriptor)
      segments[key] = nil
    }
    if let wire = wires[key.interfaceIndex], wire.userCount == 0 {
      wires[key.interfaceIndex] = nil
      if wire.listening.isWatched { platform.unwatch(wire.transport.fileDescriptor) }
      platform.close(wire.transport)
    }
  }
}

extension AddressRecord {
  /// The record of an address that has vanished without an event.
  static func lost(_ address: InterfaceAddress, on index: Int32) -> AddressRecord {
    AddressRecord(interfaceIndex: index, address: address, protocolTag: vipProtocolTag)
  }
}
