import Netlink
import VIPCore

/// Routes for addresses that no other route serves.
///
/// An IPv6 address comes without a route to its subnet, which belongs to the host's own address. Where
/// the host has none, the machine could not answer its clients. The route has the largest of metrics, so
/// that it is in no other's way, and a lifetime like the addresses; it is looked after with their leases
/// and whenever an address or an interface changes.
extension Engine {
  /// Sees to it that the subnets of held addresses have a route, and that what others have made in the
  /// meantime replaces ours.
  func reviewRoutes(of instance: RouterInstance) {
    guard instance.isHolding || instance.handover.hasInherited, instance.isReachable,
      let index = instance.addressInterface, !isInVRF(instance)
    else { return }
    instance.routes.update(instance.addresses, hasOwnInterface: instance.settings.virtualMAC)
    for subnet in instance.routes.superfluous(instance.addresses) {
      removeRoute(to: subnet, of: instance)
    }
    for subnet in instance.routes.subnets {
      guard let isServed = isServed(subnet) else { continue }
      if isServed {
        removeRoute(to: subnet, of: instance)
      } else {
        makeRoute(to: subnet, of: instance, on: index)
      }
    }
  }

  /// Whether the routes of an instance's interface are in a table of their own, where none is made or
  /// looked for.
  private func isInVRF(_ instance: RouterInstance) -> Bool {
    let master = instance.link?.masterIndex.flatMap { interfaces.link($0) }
    return master?.kind == "vrf"
  }

  /// Whether a route to a subnet exists that is not ours and no default route; `nil` if that can't be
  /// learned.
  private func isServed(_ subnet: InterfaceAddress) -> Bool? {
    for address in subnet.strangers {
      let found: RouteRecord?
      do throws(NetlinkError) {
        found = try platform.kernel.route(to: address)
      } catch {
        return nil
      }
      guard let route = found else { return false }
      if !route.isLocal { return !route.isOurs && route.prefixLength > 0 }
    }
    return nil
  }

  private func makeRoute(
    to subnet: InterfaceAddress, of instance: RouterInstance, on index: Int32
  ) {
    let request = RouteRequest(
      interfaceIndex: index, subnet: subnet, lifetime: lifetime(of: instance))
    if let error = platform.kernel.install(request) {
      // An interface without IPv6 can't serve it anyway, which is told elsewhere.
      guard !error.isNotThere, !error.isNotPermitted else { return }
      let text = "\(instance.words(of: error)); addresses in \(subnet) can't be reached here"
      guard instance.routes.noteRefusal(subnet, text) else { return }
      return warn(.addressFailure(subnet), of: instance, text)
    }
    guard instance.routes.noteMade(subnet) else { return }
    report(
      .changed(
        router: instance.settings.name,
        text: "this machine has no route to \(subnet) and gets one with the virtual address"))
  }

  func removeRoute(to subnet: InterfaceAddress, of instance: RouterInstance) {
    guard instance.routes.forget(subnet), let index = instance.addressInterface,
      !isRouteMade(to: subnet, onInterface: index)
    else { return }
    _ = platform.kernel.remove(RouteRequest(interfaceIndex: index, subnet: subnet))
  }

  /// Whether a router of this node has a route of ours to a subnet.
  func isRouteMade(to subnet: InterfaceAddress, onInterface index: Int32) -> Bool {
    instances.contains {
      $0?.addressInterface == index && $0?.routes.made.contains(subnet) ?? false
    }
  }

  /// Takes back the routes of a router whose addresses are gone.
  func removeRoutes(of instance: RouterInstance) {
    guard !instance.routes.made.isEmpty, !instance.isHolding,
      instance.addresses.installedCount == 0 || instance.settings.virtualMAC
    else { return }
    for subnet in instance.routes.made { removeRoute(to: subnet, of: instance) }
  }
}
