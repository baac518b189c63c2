import Netlink
import VIPCore

/// Sparing the addresses that would go with others.
///
/// Linux takes the first IPv4 address of a subnet for the primary one. When it is removed, the
/// others of the subnet on that interface, our own and the host's, go with it unless the
/// interface's setting `promote_secondaries` says otherwise, which it does not by default.
extension Engine {
  /// Removes addresses from an interface while the setting is on, if others depend on them; then
  /// the setting is as it was.
  func sparingNeighbours<Result>(
    of addresses: [InterfaceAddress], onInterface index: Int32, _ remove: () -> Result
  ) -> Result {
    guard haveNeighbours(addresses, onInterface: index), let link = interfaces.link(index) else {
      return remove()
    }
    let path = "ipv4/conf/\(link.name)/promote_secondaries"
    guard platform.setting(path) == 0, platform.changeSetting(path, to: 1) == 0 else {
      return remove()
    }
    defer { _ = platform.changeSetting(path, to: 0) }
    return remove()
  }

  /// Whether addresses that stay share a subnet with some that go.
  private func haveNeighbours(_ going: [InterfaceAddress], onInterface index: Int32) -> Bool {
    var subnets: Set<InterfaceAddress> = []
    for address in going where address.family == .ipv4 && address.prefixLength < 32 {
      subnets.insert(address.subnet)
    }
    guard !subnets.isEmpty else { return false }
    if interfaces.hasHostAddress(in: subnets, on: index) { return true }
    let going = Set(going)
    for case let other? in instances where other.addressInterface == index {
      for address in other.addresses
      where address.isInstalled && subnets.contains(address.address.subnet)
        && !going.contains(address.address)
      {
        return true
      }
    }
    return false
  }

  /// Puts virtual addresses that have become the first of a subnet behind the host's own, which the
  /// host would otherwise no longer speak from.
  ///
  /// That happens when the host's first address is removed, or comes back. An address is there
  /// twice for a moment, with its prefix length and as one of its own, so that it is answered for
  /// all the time.
  func putBehindHostAddresses() {
    for (index, address) in interfaces.misplacedAddresses {
      guard let slot = owners.slot(of: address.address, on: index), let instance = routers[slot],
        instance.addressInterface == index, !instance.settings.virtualMAC,
        let position = instance.addresses.position(of: address),
        instance.addresses[position].isInstalled,
        instance.isHolding || instance.handover.keeps(address.address)
      else { continue }
      putBehind(position, of: instance, on: index)
    }
  }

  private func putBehind(_ position: Int, of instance: RouterInstance, on index: Int32) {
    let address = instance.addresses[position].address
    guard let alone = InterfaceAddress(address.address, prefixLength: 32) else { return }
    let detour = AddressRequest(interfaceIndex: index, address: alone, lifetime: .seconds(3))
    guard platform.kernel.install([detour])[0] == nil else { return }
    defer { _ = platform.kernel.remove([detour]) }
    remove([position], of: instance)
    guard !instance.addresses[position].isInstalled else { return }
    install([position], of: instance, .install)
    guard instance.addresses[position].isInstalled else { return }
    report(
      .changed(
        router: instance.settings.name,
        .addressReordered(address, interface: instance.settings.interface)))
  }

  /// Takes off at once what a router has on an interface that it will no longer look after.
  func removeAll(of instance: RouterInstance) {
    let addresses = instance.addresses.filter(\.isInstalled).map(\.address)
    // A macvlan goes as a whole.
    guard !addresses.isEmpty, !instance.settings.virtualMAC, let index = instance.addressInterface
    else { return }
    let requests = addresses.reversed().map { AddressRequest(interfaceIndex: index, address: $0) }
    sparingNeighbours(of: addresses, onInterface: index) { _ = platform.kernel.remove(requests) }
  }
}
