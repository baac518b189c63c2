import Netlink
import VIPCore

/// Routes for addresses that no other route serves.
///
/// An IPv6 address comes without a route to its subnet, which belongs to the host's own address; an
/// IPv4 address without one where it is secondary to another, or on a macvlan. Where nothing else
/// makes one, the machine could not answer its clients. The route has the largest of metrics, so
/// that it is in no other's way, and a lifetime like the addresses, with which it is refreshed.
/// Others come and go at any time, and the kernel is not listened to about that, since a machine
/// may have a million routes: once a second it is asked, and whenever an address or an interface
/// changes.
extension Engine {
  /// The part of the routes that is looked at.
  enum RouteReview {
    /// All, once the addresses are there; of IPv4, which mostly has its own routes, no more than in
    /// a round.
    case all
    /// The routes that may be missing because an address or an interface has changed.
    ///
    /// An IPv4 address mostly has its own route, and is left to the next round.
    case change
    /// The routes of this node, to which a lifetime is given again.
    case refresh
  }

  /// Sees to it that the subnets of held addresses have a route, and that what others have made in
  /// the meantime replaces ours.
  func reviewRoutes(of instance: RouterInstance, _ review: RouteReview) {
    guard let index = prepareRoutes(of: instance) else { return }
    let routes = instance.routes
    if !routes.places.isEmpty {
      timers.schedule(.routes, noLaterThan: now + RouteRounds.period)
    }
    let isServedByHost = instance.family == .ipv4 && !instance.settings.virtualMAC
    let places =
      switch review {
      case .all where isServedByHost: Array(routes.places.prefix(RouteRounds.size))
      case .all: routes.places
      case .change where !isServedByHost: Array(routes.subnets)
      case .change, .refresh: routes.known
      }
    for place in places {
      self.review(place, of: instance, on: index, refreshes: review != .change)
    }
  }

  /// Looks at the routes of all routers, some in each round.
  func continueRouteReviews() {
    var due: [(instance: RouterInstance, index: Int32)] = []
    var count = 0
    for case let instance? in instances {
      guard let index = prepareRoutes(of: instance), !instance.routes.places.isEmpty else {
        continue
      }
      due.append((instance, index))
      count += instance.routes.places.count
    }
    guard count > 0 else { return }
    timers.schedule(.routes, at: now + RouteRounds.period)
    let round = routeRounds.next(of: count)
    var start = 0
    for (instance, index) in due {
      let places = instance.routes.places
      // The same places once more behind the end, where a round begins again.
      for first in [start, start + count] {
        let range = round.clamped(to: first..<first + places.count)
        for number in range {
          review(places[number - first], of: instance, on: index, refreshes: false)
        }
      }
      start += places.count
    }
  }

  /// Learns which routes a router needs, and removes those it needs no more.
  ///
  /// - Returns: the interface of its addresses; `nil` if it needs none now.
  private func prepareRoutes(of instance: RouterInstance) -> Int32? {
    guard instance.isHolding || instance.handover.hasInherited, instance.isReachable,
      let index = instance.addressInterface, !isInVRF(instance)
    else { return nil }
    instance.routes.update(instance.addresses)
    for subnet in instance.routes.superfluous(instance.addresses) {
      removeRoute(to: subnet, of: instance)
    }
    return index
  }

  private func review(
    _ place: InterfaceAddress, of instance: RouterInstance, on index: Int32, refreshes: Bool
  ) {
    let way = way(to: place)
    guard place.hasNetwork else {
      return tellReach(of: place, of: instance, way)
    }
    switch way {
    case .unknown: return
    case .other: removeRoute(to: place, of: instance)
    case .ours
    where !refreshes && instance.routes.made.contains(place)
      && instance.routes.failure(place) == nil:
      instance.routes.noteUse(place)
    case .ours, .nowhere, .defaultOnly: makeRoute(to: place, of: instance, on: index, way)
    }
  }

  /// Whether the routes of an instance's interface are in a table of their own, where none is made
  /// or looked for.
  private func isInVRF(_ instance: RouterInstance) -> Bool {
    let master = instance.link?.masterIndex.flatMap { interfaces.link($0) }
    return master?.kind == "vrf"
  }

  /// The way that packets to a subnet go.
  private enum Way {
    /// The way of another's route.
    case other
    /// The way of this node's own route to the subnet.
    case ours
    /// The way that everything else goes too.
    case defaultOnly
    /// Nowhere: there is no route, or one by which the kernel drops or refuses them.
    case nowhere
    /// The kernel can't be asked.
    case unknown
  }

  private func way(to subnet: InterfaceAddress) -> Way {
    for address in subnet.strangers {
      let found: RouteRecord?
      do throws(NetlinkError) {
        found = try platform.kernel.route(to: address)
      } catch {
        return .unknown
      }
      guard let route = found else { return .nowhere }
      // A route to nothing but the neighbour says nothing of an address that names no network.
      guard !route.isLocal,
        subnet.hasNetwork || route.prefixLength < address.family.addressBitCount - 2
      else { continue }
      if route.prefixLength == 0 { return .defaultOnly }
      return route.isOurs && subnet.hasNetwork ? .ours : .other
    }
    return .unknown
  }

  /// Tells that an address names no network where no route leads to one that it may be in.
  private func tellReach(of address: InterfaceAddress, of instance: RouterInstance, _ way: Way) {
    switch way {
    case .unknown: return
    case .other, .ours: _ = instance.routes.forget(address)
    case .defaultOnly, .nowhere:
      tellUnreachable(
        address, of: instance,
        address.withoutNetwork("no route but a default one leads there"))
    }
  }

  /// Makes a route of this node, or makes it again; tells if another program has removed it.
  private func makeRoute(
    to subnet: InterfaceAddress, of instance: RouterInstance, on index: Int32, _ former: Way
  ) {
    let wasInUse = instance.routes.wasInUse(subnet)
    let request = RouteRequest(
      interfaceIndex: index, subnet: subnet, lifetime: lifetime(of: instance))
    if let error = platform.kernel.install(request) {
      // An interface without IPv6 can't serve it anyway, which is told elsewhere.
      guard !error.isNotThere, !error.isNotPermitted else { return }
      let text = "\(instance.words(of: error)); addresses in \(subnet) can't be reached here"
      return tellUnreachable(subnet, of: instance, text)
    }
    if instance.routes.noteMade(subnet) {
      report(.changed(router: instance.settings.name, .routeMade(subnet: subnet)))
    }
    let current = way(to: subnet)
    guard current == .nowhere else {
      guard current == .ours else { return }
      instance.routes.noteUse(subnet)
      if wasInUse, former != .ours, instance.isHolding {
        report(.repairedRoute(router: instance.settings.name, subnet: subnet))
      }
      return
    }
    tellUnreachable(
      subnet, of: instance,
      "packets to \(subnet) get nowhere from this machine: a route that is blackhole, unreachable or "
        + "prohibit, or a rule, comes before that of the virtual addresses; remove it")
  }

  private func tellUnreachable(
    _ subnet: InterfaceAddress, of instance: RouterInstance, _ text: String
  ) {
    // What is inherited for a moment is not told of: it would be over with the turn.
    guard instance.isHolding else { return }
    instance.routes.noteRefusal(subnet, text)
    warn(.addressFailure(subnet), of: instance, text)
  }

  func removeRoute(to subnet: InterfaceAddress, of instance: RouterInstance) {
    guard instance.routes.forget(subnet), let index = instance.addressInterface,
      !isRouteMade(to: subnet, onInterface: index)
    else { return }
    noteChange()
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
    if !instance.isHolding { instance.routes.forgetRefusals() }
    guard !instance.routes.made.isEmpty, !instance.isHolding,
      instance.addresses.installedCount == 0 || instance.settings.virtualMAC
    else { return }
    for subnet in instance.routes.made { removeRoute(to: subnet, of: instance) }
  }
}
