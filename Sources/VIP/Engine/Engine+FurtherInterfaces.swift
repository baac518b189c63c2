import ARP
import Netlink
import VIPCore
import VRRP

/// Announcing the addresses that are not on a router's own interface, and what is told of all that
/// is beside its addresses.
extension Engine {
  // MARK: Announcements

  /// Opens what announcements leave by on further interfaces, as far as these are Ethernet and ask
  /// for neighbours.
  ///
  /// Nothing can be opened on one that is down. That keeps no router out: what is held there is
  /// announced when it is up.
  func openFurtherWires(of instance: RouterInstance) throws(NodeError) {
    var wanted: Set<Int32> = []
    for entry in instance.extras.current {
      guard case .address(_, let interface) = entry.extra,
        let link = interfaces.link(named: interface), link.isEthernet, link.macAddress != nil,
        !link.isLoopback, !link.flags.contains(.noARP), link.index != instance.link?.index,
        link.isUp || instance.furtherWires.contains(link.index),
        interface != instance.settings.interface, wanted.insert(link.index).inserted
      else { continue }
      wires[link.index]?.update(link, isRouter: platform.isForwarding(link, .ipv6))
    }
    for index in instance.furtherWires.subtracting(wanted) { closeFurtherWire(index, of: instance) }
    for index in wanted.subtracting(instance.furtherWires) {
      guard let link = interfaces.link(index) else { continue }
      let wire = try wire(link)
      wire.addUser()
      instance.furtherWires.insert(index)
      announceHeld(on: wire, by: instance)
    }
  }

  /// Announces what a router holds already on an interface that has been down until now.
  private func announceHeld(on wire: Wire, by instance: RouterInstance) {
    guard instance.isHolding else { return }
    for entry in instance.extras.current {
      guard case .address(let address, wire.interfaceIndex)? = entry.place else { continue }
      wire.queue.announce(address.address, now: now)
    }
  }

  private func closeFurtherWire(_ index: Int32, of instance: RouterInstance) {
    guard instance.furtherWires.remove(index) != nil else { return }
    wires[index]?.removeUser()
    closeUnusedWire(index)
  }

  func closeFurtherWires(of instance: RouterInstance) {
    for index in instance.furtherWires { closeFurtherWire(index, of: instance) }
  }

  /// Announces an address that is not on its router's own interface.
  ///
  /// - Returns: whether it is such a one.
  func announceExtra(_ address: IPAddress, on wire: Wire) -> Bool {
    guard owners.slot(of: address, on: wire.interfaceIndex) == nil,
      let link = interfaces.link(wire.interfaceIndex)
    else { return false }
    for case let instance? in instances where instance.isHolding {
      guard let position = instance.extras.position(of: address, on: link),
        instance.extras.all[position].isInstalled
      else { continue }
      announce(address, on: wire, for: instance)
      return true
    }
    return false
  }

  /// Announces the addresses on further interfaces once more.
  func refreshExtraAnnouncements(of instance: RouterInstance) {
    for entry in instance.extras.current where entry.isInstalled {
      guard case .address(let address, let index)? = place(of: entry) else { continue }
      wires[index]?.queue.refresh(address.address, now: now)
    }
  }

  /// Stops announcing on further interfaces.
  func silenceExtras(of instance: RouterInstance) {
    for entry in instance.extras.all {
      guard case .address(let address, let index)? = place(of: entry) else { continue }
      wires[index]?.queue.cancel(address.address)
    }
  }

  // MARK: Questions

  /// Whether a router has an address on an interface that is not the one it is attached to.
  func hasExtra(_ address: IPAddress, on link: Link) -> Bool {
    instances.contains { $0?.extras.position(of: address, on: link) != nil }
  }

  /// The entry of a router that is an address.
  func extra(_ address: InterfaceAddress, of instance: RouterInstance) -> Extras.Entry? {
    instance.extras.all.first {
      if case .address(address, _) = $0.extra { true } else { false }
    }
  }

  /// The requests by which the guard removes what a router may have put up; what the host has is
  /// not among them.
  func extraRemovals(of instance: RouterInstance) -> [UInt8] {
    guard !instance.extras.isEmpty else { return [] }
    var addresses: [AddressRequest] = []
    var entries: [RoutingEntry] = []
    for entry in instance.extras.all.reversed() {
      switch place(of: entry) {
      case nil: break
      case .address(let address, let index)?:
        guard interfaces.hostRecord(address.address, on: index) == nil else { continue }
        addresses.append(AddressRequest(interfaceIndex: index, address: address))
      case .routing(let routing)?: entries.append(routing)
      }
    }
    return RoutingEntry.removals(entries) + AddressRequest.removals(addresses)
  }

  /// The problems of what is beside a router's addresses.
  func extraProblems(of instance: RouterInstance, at time: Instant) -> [Problem] {
    instance.extras.all.compactMap { entry in
      if let failure = entry.failure {
        return instance.problem(failureKind(of: entry.extra), failure)
      }
      guard entry.isContested(at: time) else { return nil }
      if case .address(let address, _) = entry.extra {
        return instance.problem(.addressRemoved(address), Self.fightText(entry.extra))
      }
      return instance.problem(.routing(entry.extra.description), Self.fightText(entry.extra))
    }
  }

  /// The addresses that are not on a router's own interface, or not of its family.
  func extraAddresses(of instance: RouterInstance) -> [RouterStatus.AddressStatus] {
    let settings = instance.settings
    return instance.extras.current.compactMap { entry in
      guard case .address(let address, let interface) = entry.extra else { return nil }
      let listed = settings.elsewhere.contains { $0.address == address && $0.isAdvertised }
      return RouterStatus.AddressStatus(
        address: address, installed: entry.isInstalled,
        interface: interface == settings.interface ? nil : interface,
        advertised: listed ? nil : false)
    }
  }

  /// The routes and rules of a router; `nil` if it has none.
  func routing(of instance: RouterInstance) -> [RouterStatus.RoutingStatus]? {
    let list = instance.extras.current.filter(\.extra.isRouting)
    guard !list.isEmpty else { return nil }
    return list.map {
      RouterStatus.RoutingStatus(entry: $0.extra.description, installed: $0.isInstalled)
    }
  }
}
