import Netlink
import VIP
import VIPCore

/// Remarks about what a router has beside the addresses on its interface.
extension MachineCheck {
  /// The remarks about further interfaces, and about the source of unicast advertisements.
  func furtherRemarks(_ router: PlacedRouter) -> [Remark] {
    let settings = router.configuration
    var remarks: [Remark] = []
    func waits(_ field: ConfigurationError.Field, _ text: String) {
      remarks.append(Remark(kind: .waits, place: router.place(of: field), text: text))
    }
    for (index, entry) in settings.elsewhere.enumerated() {
      guard let link = self.link(entry.interface) else {
        waits(
          .elsewhere(index),
          "there is no interface '\(entry.interface)'; the router takes no part until there is")
        continue
      }
      let isHosts = addresses.contains {
        $0.interfaceIndex == link.index && $0.address.address == entry.address.address
          && !$0.isOurs
      }
      guard isHosts else { continue }
      remarks.append(
        Remark(
          kind: .warning, place: router.place(of: .elsewhere(index)),
          text: "\(entry.address.address) is \(link.name)'s own address and is left alone; remove "
            + "it there"))
    }
    for (index, route) in settings.routes.enumerated() {
      guard let interface = route.interface, self.link(interface) == nil else { continue }
      waits(
        .route(index),
        "there is no interface '\(interface)'; the router takes no part until there is")
    }
    for source in settings.unicastSource
    where !addresses.contains(where: { $0.address.address == source }) {
      waits(
        .unicastSource, "this machine does not have \(source); the router waits until it has")
    }
    return remarks
  }

  /// The remarks about routes of several routers of which the kernel takes only one at a time.
  ///
  /// Routers may have the same route, which stays until none needs it.
  func routeRemarks(_ routers: [PlacedRouter]) -> [Remark] {
    var first: [VirtualRoute.Place: (router: String, route: VirtualRoute)] = [:]
    var remarks: [Remark] = []
    for router in routers {
      let settings = router.configuration
      for (index, route) in settings.routes.enumerated() {
        guard let other = first[route.place] else {
          first[route.place] = (settings.name, route)
          continue
        }
        guard other.router != settings.name, other.route != route else { continue }
        remarks.append(
          Remark(
            kind: .warning, place: router.place(of: .route(index)),
            text: "the router \(other.router) has the route \(other.route), and of two with one "
              + "destination, metric and table the kernel takes one; give another metric",
            router: settings.name))
      }
    }
    return remarks
  }
}
