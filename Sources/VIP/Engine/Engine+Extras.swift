import ARP
import Netlink
import VIPCore
import VRRP

/// Addresses on other interfaces, routes and rules, which come and go with a router's addresses;
/// ``Extras`` decides.
///
/// They are put up after the addresses on the router's own interface. In a handover they stay until
/// that is over: no machine announces a route, and what is announced elsewhere is not heard here.
extension Engine {
  /// The kernel's terms for an entry: where it was put up, or would be now; `nil` while its
  /// interface is not there.
  func place(of entry: Extras.Entry) -> ExtraPlace? { entry.place ?? resolve(entry.extra) }

  /// The kernel's terms for what is to be put up; `nil` while its interface is not there.
  func resolve(_ extra: Extra) -> ExtraPlace? {
    switch extra {
    case .address(let address, let interface):
      return interfaces.link(named: interface).map {
        .address(address, interfaceIndex: $0.index)
      }
    case .route(let route):
      var index: Int32?
      if let interface = route.interface {
        guard let link = interfaces.link(named: interface) else { return nil }
        index = link.index
      }
      return .routing(
        .route(
          RoutingEntry.Route(
            destination: route.destination, gateway: route.via, interfaceIndex: index,
            source: route.source, metric: route.metric, table: route.table,
            scope: route.scope?.number)))
    case .rule(let rule, let family):
      return .routing(
        .rule(
          RoutingEntry.Rule(
            family: family, source: rule.from, destination: rule.to, mark: rule.mark,
            table: rule.table, priority: rule.priority)))
    }
  }

  // MARK: Work

  /// Works off a slice of a pass over what is beside a router's addresses.
  ///
  /// - Returns: how many entries it was about.
  func performExtras(
    _ entry: AddressWork.Entry, of instance: RouterInstance, _ budget: Int
  ) -> Int {
    let (positions, next) = instance.extras.due(
      for: entry.kind, isKept: instance.keepsExtras, isHolding: instance.isHolding,
      from: entry.next - Extras.passStart, atMost: min(budget, Bound.addressBatch))
    work.advanceFirst(to: next.map { $0 + Extras.passStart })
    for position in positions {
      switch entry.kind {
      case .install: install(position, of: instance)
      case .refresh: refresh(position, of: instance)
      case .remove, .retire: removeExtra(position, of: instance)
      case .load: break
      }
    }
    if next == nil {
      instance.extras.dropRetired()
      instance.extras.scheduleLook(after: now)
    }
    schedule(instance)
    return positions.count
  }

  private func install(_ position: Int, of instance: RouterInstance) {
    let extra = instance.extras.all[position].extra
    guard let resolved = resolve(extra) else {
      return refuse(position, of: instance, because: "\(extra.description): its interface is gone")
    }
    switch resolved {
    case .address(let address, let index):
      installAddress(address, on: index, position, of: instance)
    case .routing(let entry):
      if let error = makeRouting(entry, extra, for: instance) {
        return refuse(position, of: instance, because: text(of: error, extra))
      }
      noteInstalled(position, of: instance, at: resolved)
    }
  }

  private func installAddress(
    _ address: InterfaceAddress, on index: Int32, _ position: Int, of instance: RouterInstance
  ) {
    guard let link = interfaces.link(index) else { return }
    if interfaces.hostRecord(address.address, on: index) != nil {
      return refuse(
        position, of: instance, because: Self.hostText(address.address, link))
    }
    let lifetime = lifetime(of: instance)
    let request = AddressRequest(
      interfaceIndex: index, address: address, lifetime: lifetime,
      label: instance.settings.labels[address.address])
    if let error = platform.kernel.install([request])[0] {
      return refuse(
        position, of: instance,
        because: "\(error)".replacing("interface \(index)", with: link.name))
    }
    let isNew = !instance.extras.all[position].isInstalled
    let wasMissing = instance.extras.installed(
      position, lifetime == nil ? .endless : .refreshed(at: now),
      at: .address(address, interfaceIndex: index))
    if wasMissing { report(.repaired(router: instance.settings.name, address: address)) }
    if isNew { wires[index]?.queue.announce(address.address, now: now) }
  }

  /// Asks for a route or a rule, of which an earlier life of this node may have left one.
  private func makeRouting(
    _ entry: RoutingEntry, _ extra: Extra, for instance: RouterInstance
  ) -> NetlinkError? {
    let lifetime = lifetime(of: entry, instance)
    guard let error = platform.kernel.install(entry, lifetime: lifetime) else { return nil }
    guard error.isAlreadyThere else { return error }
    // Another router of this node may have the same.
    let isShared = instances.contains { other in
      other !== instance
        && other?.extras.all.contains { $0.extra == extra && $0.place == .routing(entry) } ?? false
    }
    if isShared, platform.kernel.confirm(entry, lifetime: lifetime) { return nil }
    _ = platform.kernel.remove(entry)
    return platform.kernel.install(entry, lifetime: lifetime)
  }

  /// The lifetime of a route or a rule; `nil` if it has no end, as Linux has none for IPv4 and for
  /// rules.
  func lifetime(of entry: RoutingEntry, _ instance: RouterInstance) -> Duration? {
    guard case .route(let route) = entry, route.destination.family == .ipv6 else { return nil }
    return lifetime(of: instance)
  }

  /// Notes that a route or a rule has been made, or found there.
  func noteInstalled(_ position: Int, of instance: RouterInstance, at place: ExtraPlace) {
    guard case .routing(let entry) = place else { return }
    let hasEnd = lifetime(of: entry, instance) != nil
    _ = instance.extras.installed(position, hasEnd ? .refreshed(at: now) : .endless, at: place)
  }

  func text(of error: NetlinkError, _ extra: Extra) -> String {
    guard error.isAlreadyThere else { return "\(extra.description): \(error)" }
    return "\(extra.description): another program has made such a one, which is left alone; remove "
      + "that or give this one another metric"
  }

  /// Says that a request was refused, once; it is made again in a second.
  func refuse(_ position: Int, of instance: RouterInstance, because text: String) {
    let isNew = instance.extras.refused(position, text, retryAt: now + .seconds(1))
    if isNew { warn(failureKind(of: instance.extras.all[position].extra), of: instance, text) }
  }

  func failureKind(of extra: Extra) -> Problem.Kind {
    if case .address(let address, _) = extra { return .addressFailure(address) }
    return .routing(extra.description)
  }

  /// Gives an address or a route its lifetime again; what has none is looked at in its own time.
  private func refresh(_ position: Int, of instance: RouterInstance) {
    let entry = instance.extras.all[position]
    switch place(of: entry) {
    case .address(let address, let index)?:
      installAddress(address, on: index, position, of: instance)
    case .routing(let routing)?
    where entry.hasLease || lifetime(of: routing, instance) != nil:
      look(at: position, of: instance)
    case .routing?, nil: break
    }
  }

  private func removeExtra(_ position: Int, of instance: RouterInstance) {
    let entry = instance.extras.all[position]
    if passOn(position, of: instance) { return }
    switch place(of: entry) {
    case nil: instance.extras.removed(position)
    case .address(let address, let index)?:
      wires[index]?.queue.cancel(address.address)
      let request = AddressRequest(interfaceIndex: index, address: address)
      let error = sparingNeighbours(of: [address], onInterface: index) {
        platform.kernel.remove([request])[0]
      }
      if let error, !error.isNotThere {
        return refuse(position, of: instance, because: "\(error)")
      }
      // What the kernel tells of an interface with another name is not about this entry.
      let isReported = error == nil && resolve(entry.extra) == place(of: entry)
      instance.extras.removed(position, isReported: isReported)
    case .routing(let routing)?:
      if let error = platform.kernel.remove(routing) {
        return refuse(position, of: instance, because: "\(entry.extra.description): \(error)")
      }
      instance.extras.removed(position)
    }
  }

  /// Leaves an entry to another router of this node that holds, or hands over, the same.
  ///
  /// - Returns: whether there is one.
  private func passOn(_ position: Int, of instance: RouterInstance) -> Bool {
    let extra = instance.extras.all[position].extra
    // What is on an interface that has another name by now is of no use to it.
    guard let wanted = resolve(extra), place(of: instance.extras.all[position]) == wanted else {
      return false
    }
    let heir = instances.lazy.compactMap { $0 }.first { other in
      other !== instance && other.keepsExtras
        && other.extras.current.contains { $0.extra == extra && place(of: $0) == wanted }
    }
    guard let heir else { return false }
    let isThere = heir.extras.current.contains { $0.extra == extra && $0.isInstalled }
    if isThere {
      instance.extras.removed(position)
    } else {
      instance.extras.pass(position, to: &heir.extras)
      heir.extras.scheduleLook(after: now)
      startRefreshing()
      schedule(heir)
    }
    return true
  }

  /// Removes all that is left, at once: the router has no interface any more.
  func removeExtras(of instance: RouterInstance) {
    guard !instance.extras.isEmpty else { return }
    for position in instance.extras.all.indices.reversed()
    where instance.extras.all[position].isInstalled {
      removeExtra(position, of: instance)
    }
    instance.extras.dropRetired()
  }

  /// Moves what is on an interface whose name another one has now.
  func followNames(of instance: RouterInstance) {
    let list = instance.extras.all
    for position in list.indices.reversed() {
      guard let place = list[position].place, let wanted = resolve(list[position].extra),
        place != wanted
      else { continue }
      removeExtra(position, of: instance)
      noteChange()
      if instance.isHolding { work.add(.install, instance.slot) }
    }
  }

  /// Removes routes and rules that an earlier life of this node has noted.
  ///
  /// A route is not told apart by an interface that is not there: it may have another name by now.
  func remove(leftovers: [Extra]) {
    for extra in leftovers.reversed() {
      var extra = extra
      if case .route(var route) = extra, resolve(extra) == nil {
        route.interface = nil
        extra = .route(route)
      }
      guard case .routing(let entry)? = resolve(extra) else { continue }
      _ = platform.kernel.remove(entry)
    }
  }

  // MARK: Changes

  /// Follows a change of the settings.
  func changeExtras(of instance: RouterInstance, from old: RouterConfiguration) {
    let settings = instance.settings
    guard settings.hasExtras || old.hasExtras else { return }
    if settings.unadvertised != old.unadvertised || settings.elsewhere != old.elsewhere,
      let link = instance.link
    {
      instance.probing.omit(settings.unadvertised)
      instance.attach(link)
    }
    guard instance.extras.arrange(settings.extras(instance.family)) else { return }
    noteChange()
    work.restart(instance.slot)
    guard instance.link != nil else { return instance.extras.dropRetired() }
    // What cannot be announced there is put up nevertheless.
    try? openFurtherWires(of: instance)
    work.add(.retire, instance.slot)
    if instance.isHolding {
      work.add(.install, instance.slot)
      startRefreshing()
    }
  }
}
