import Netlink
import VIPCore

/// Sparing the addresses that would go with others.
///
/// Linux takes the first IPv4 address of a subnet for the primary one. When it is removed, the
/// others of the subnet on that interface, our own and the host's, go with it unless the interface's
/// setting `promote_secondaries` says otherwise, which it does not by default.
extension Engine {
  /// Removes addresses while the setting is on, if others depend on them; then it is as it was.
  func keepingNeighbours<Result>(
    of indices: [Int], _ instance: RouterInstance, _ remove: () -> Result
  ) -> Result {
    guard let link = instance.link, instance.family == .ipv4, !instance.settings.virtualMac,
      haveNeighbours(indices, of: instance, on: link),
      platform.setPromotesSecondaries(true, on: link)
    else { return remove() }
    defer { _ = platform.setPromotesSecondaries(false, on: link) }
    return remove()
  }

  /// Whether addresses that stay share a subnet with some that go.
  private func haveNeighbours(
    _ indices: [Int], of instance: RouterInstance, on link: Link
  ) -> Bool {
    var subnets: Set<InterfaceAddress> = []
    for index in indices where instance.addresses[index].address.prefixLength < 32 {
      subnets.insert(instance.addresses[index].address.subnet)
    }
    guard !subnets.isEmpty else { return false }
    if interfaces.hasHostAddress(in: subnets, on: link.index) { return true }
    let going = Set(indices)
    for case let other? in instances where other.carrierIndex == link.index {
      for index in other.addresses.indices {
        let address = other.addresses[index]
        if address.isInstalled, subnets.contains(address.address.subnet),
          !(other === instance && going.contains(index))
        {
          return true
        }
      }
    }
    return false
  }

  /// Takes off at once what a router has on an interface that it will no longer look after.
  func removeAll(of instance: RouterInstance) {
    let indices = instance.addresses.indices.filter { instance.addresses[$0].isInstalled }
    // A macvlan goes as a whole.
    guard !indices.isEmpty, !instance.settings.virtualMac else { return }
    isSafeguardStale = true
    let requests = indices.reversed().map { instance.request($0, lifetime: nil) }
    _ = keepingNeighbours(of: indices, instance) { platform.kernel.remove(requests) }
  }
}
