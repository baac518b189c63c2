import Netlink
import VIPCore
import VRRP

/// Addresses that a dead node has left on the interfaces; ``Leftovers`` tells which they are.
extension Engine {
  /// Time for which addresses of an earlier life wait for the first routers.
  private static let routerPatience = Duration.seconds(2)

  /// Removes what the earlier life of this node has left, and the macvlans of all dead nodes;
  /// before there are routers.
  package func removeLeftovers(_ listed: Set<AddressFile.Entry>, routing: [Extra] = []) {
    step {
      removeStrays()
      remove(leftovers: listed)
      remove(leftovers: routing)
    }
  }

  /// Removes the macvlans of all dead nodes, and has the first routers go on with what the earlier
  /// life of this node has left; before there are routers.
  ///
  /// What none of them wants goes when they come, or if none comes. What has no lease goes at once:
  /// it is no sign that its node was alive a moment ago, and may have a new holder for long. So do
  /// routes and rules: a router puts its own up with the role.
  package func takeOverLeftovers(_ listed: Set<AddressFile.Entry>, routing: [Extra] = []) {
    step {
      removeStrays()
      remove(leftovers: routing)
      leftovers = leased(among: listed)
      remove(leftovers: listed.subtracting(leftovers))
      guard !leftovers.isEmpty else { return }
      timers.schedule(.leftovers, at: now + Self.routerPatience)
    }
  }

  /// Removes what an earlier life has left, but for what some routers go on with.
  func removeLeftovers(except wanted: [RouterConfiguration]) {
    guard !leftovers.isEmpty else { return }
    let kept = AddressFile.entries(
      of: wanted.filter { $0.handover == .seamless && !$0.virtualMAC })
    let unwanted = leftovers.subtracting(kept)
    leftovers.formIntersection(kept)
    timers.cancel(.leftovers)
    remove(leftovers: unwanted)
  }

  /// Has the first routers go on with what is left: as after a change that makes other virtual
  /// routers of them, it stays until a successor has announced it, or until they hold it.
  func inheritLeftovers() {
    guard !leftovers.isEmpty else { return }
    var rest = leftovers
    leftovers = []
    let records = (try? platform.kernel.addresses()) ?? []
    let leased = Set(
      records.lazy.filter { $0.isOurs && $0.validLifetime != nil }.map {
        Place(interfaceIndex: $0.interfaceIndex, address: $0.address)
      })
    for case let instance? in instances {
      guard let link = instance.link, instance.attendance.isRunning, instance.isReachable,
        instance.addressInterface == link.index
      else { continue }
      let present = instance.addresses.current.map(\.address).filter { address in
        leased.contains(Place(interfaceIndex: link.index, address: address))
          && claims.hasAddress(address.address, on: link.index)
          && rest.remove(
            AddressFile.Entry(interface: instance.settings.interface, address: address)) != nil
      }
      if !present.isEmpty { inherit(present, by: instance) }
    }
    remove(leftovers: rest)
  }

  /// Those of what is listed that have a lease.
  private func leased(among listed: Set<AddressFile.Entry>) -> Set<AddressFile.Entry> {
    guard !listed.isEmpty, let records = try? platform.kernel.addresses() else { return [] }
    var found: Set<AddressFile.Entry> = []
    for record in records where record.isOurs && record.validLifetime != nil {
      guard let link = interfaces.link(record.interfaceIndex) else { continue }
      for name in [link.name] + link.alternativeNames {
        found.insert(AddressFile.Entry(interface: name, address: record.address))
      }
    }
    return listed.intersection(found)
  }

  private struct Place: Hashable {
    var interfaceIndex: Int32
    var address: InterfaceAddress
  }

  private func inherit(_ addresses: [InterfaceAddress], by instance: RouterInstance) {
    for address in addresses {
      guard let position = instance.addresses.position(of: address) else { continue }
      instance.addresses.inherited(
        position, VirtualAddress(address, .here(.refreshed(at: now))))
      if !instance.isHolding { instance.handover.inherit(address.address) }
    }
    instance.routes.adopt(addresses)
    changeListening(for: instance)
    // At once: the lease may be about to end, and the guard of the earlier life lets go.
    work.add(.refresh, instance.slot)
    startRefreshing()
    noteChange()
    schedule(instance)
  }

  private func removeStrays() {
    // The neighbours of what goes must be known.
    drainKernelEvents()
    macvlans.removeStrays()
  }

  private func remove(leftovers listed: Set<AddressFile.Entry>) {
    guard !listed.isEmpty, let records = try? platform.kernel.addresses() else { return }
    for link in interfaces.allLinks {
      let names = [link.name] + link.alternativeNames
      let addresses = Set(listed.lazy.filter { names.contains($0.interface) }.map(\.address))
      if !addresses.isEmpty { remove(leftovers: addresses, among: records, on: link) }
    }
  }

  /// Removes what is listed of an interface, except what another node has taken over that lives.
  private func remove(
    leftovers listed: Set<InterfaceAddress>, among records: [AddressRecord], on link: Link
  ) {
    let place = claimIndex(of: link)
    // A router of this node may have some of them already.
    let wanted = listed.map(\.address).filter { !claims.hasAddress($0, on: place) }
    // Claimed meanwhile, so that no other node installs one before it is removed.
    let claimed = claims.claimFree(wanted, on: place)
    defer { claims.releaseAddresses(wanted, on: place) }
    let free = listed.filter { claimed.contains($0.address) || !wanted.contains($0.address) }
    let found = Leftovers(among: records, onInterface: link.index).ofEarlierLife(free)
    if !found.isEmpty { remove(found, onInterface: link.index) }
    // A route may be there although its address is gone.
    removeRoutes(ofLeftovers: listed, onInterface: link.index)
  }

  /// The number of the interface on which the addresses of an interface are claimed: that of a
  /// macvlan of this package is the one below it.
  private func claimIndex(of link: Link) -> Int32 {
    RouterMacvlan.isOurs(link) ? link.parentIndex ?? link.index : link.index
  }

  /// The place of an address that a router gets: the host may have it, or an earlier life of this
  /// node may have left it on the interface.
  func place(
    of address: InterfaceAddress, _ leftovers: Set<InterfaceAddress>,
    _ settings: RouterConfiguration, on link: Link?
  ) -> VirtualAddress.Place {
    if let link, settings.priority == .owner,
      interfaces.hostRecord(address.address, on: link.index) != nil
    {
      return .host
    }
    return !settings.virtualMAC && leftovers.contains(address) ? .here(.endless) : .absent
  }

  /// Removes leftovers that a router does not take for its own: it has the addresses on a macvlan,
  /// or the host has them.
  ///
  /// Those that it takes may have come with a route of the earlier life, which is its own from now
  /// on.
  func removeUnused(
    _ leftovers: Set<InterfaceAddress>, of instance: RouterInstance, on link: Link
  ) {
    instance.routes.adopt(instance.addresses.lazy.filter(\.isInstalled).map(\.address))
    let unused = instance.addresses.filter { !$0.isInstalled && leftovers.contains($0.address) }
    if !unused.isEmpty { remove(unused.map(\.address), onInterface: link.index) }
  }

  private func remove(_ addresses: [InterfaceAddress], onInterface index: Int32) {
    // The last first: the others of a subnet may depend on the first.
    let requests = addresses.reversed().map { AddressRequest(interfaceIndex: index, address: $0) }
    sparingNeighbours(of: addresses, onInterface: index) {
      _ = platform.kernel.remove(requests)
    }
    removeRoutes(ofLeftovers: addresses, onInterface: index)
  }

  /// Removes routes of ours that no router of this node needs, and no other node that lives.
  private func removeRoutes(
    ofLeftovers addresses: some Sequence<InterfaceAddress>, onInterface index: Int32
  ) {
    let subnets = Set(addresses.lazy.filter(\.hasNetwork).map(\.network))
      .filter { !isRouteMade(to: $0, onInterface: index) }
    guard !subnets.isEmpty, let records = try? platform.kernel.addresses() else { return }
    let place = interfaces.link(index).map(claimIndex) ?? index
    let needed = Leftovers(among: records, onInterface: index)
      .subnetsInUse(among: subnets) { claims.isForeign($0, on: place) }
    for subnet in subnets.subtracting(needed) {
      _ = platform.kernel.remove(RouteRequest(interfaceIndex: index, subnet: subnet))
    }
  }

  /// Addresses without an end that carry our tag, on an interface, and belong to no router here.
  func leftoverAddresses(on link: Link) throws(NodeError) -> Set<InterfaceAddress> {
    do throws(NetlinkError) {
      let records = try platform.kernel.addresses()
      return Leftovers(among: records, onInterface: link.index)
        .endless { owners.slot(of: $0, on: link.index) != nil || hasExtra($0, on: link) }
    } catch {
      throw NodeError(error)
    }
  }
}
