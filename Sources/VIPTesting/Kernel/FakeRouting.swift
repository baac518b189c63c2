import Glibc
public import Netlink
import VIPCore

/// A route or a rule in a kernel in memory.
package struct FakeRoutingEntry: Sendable, Hashable {
  package var entry: RoutingEntry
  /// The program that made it.
  package var protocolTag: UInt8
  /// The end of its lifetime; `nil` if it has none.
  package var validUntil: Duration?
}

/// Linux's part in requests about routes and rules that come and go with addresses.
///
/// A route is refused if there is one to the same destination with the same metric in its table, a
/// rule only if the same program has made the same. A route goes with its interface, with the
/// address that it prefers as source, and when its interface is switched off.
extension FakeKernel {
  /// Makes a route or a rule.
  public func install(_ entry: RoutingEntry, lifetime: Duration?) -> NetlinkError? {
    record(.installRouting(entry))
    if let error = failure?(.installRouting(entry)) { return error }
    dropDeadRoutes()
    if let code = obstacle(to: entry) { return entry.refused(code) }
    routing.append(
      FakeRoutingEntry(
        entry: entry, protocolTag: vipProtocolTag, validUntil: end(of: entry, lifetime)))
    return nil
  }

  /// Looks for a route or a rule of ours, and gives one with a lifetime that lifetime again.
  public func confirm(_ entry: RoutingEntry, lifetime: Duration?) -> Bool {
    record(.confirmRouting(entry))
    if failure?(.confirmRouting(entry)) != nil { return true }
    dropDeadRoutes()
    let place = routing.firstIndex { $0.entry == entry && $0.protocolTag == vipProtocolTag }
    guard let place else { return false }
    if routing[place].validUntil != nil { routing[place].validUntil = end(of: entry, lifetime) }
    return true
  }

  /// The end of a lifetime that begins now: in whole seconds, and only for a route of IPv6.
  private func end(of entry: RoutingEntry, _ lifetime: Duration?) -> Duration? {
    guard case .route(let route) = entry, route.destination.family == .ipv6, let lifetime else {
      return nil
    }
    let (seconds, attoseconds) = lifetime.components
    return now + .seconds(seconds + (attoseconds > 0 ? 1 : 0))
  }

  /// Removes a route or a rule with our tag.
  public func remove(_ entry: RoutingEntry) -> NetlinkError? {
    record(.removeRouting(entry))
    if let error = failure?(.removeRouting(entry)) { return error }
    let place = routing.firstIndex {
      $0.protocolTag == vipProtocolTag && isNamed($0.entry, by: entry)
    }
    if let place { routing.remove(at: place) }
    return nil
  }

  /// Whether a removal means an entry: what it does not say about a route matches any.
  private func isNamed(_ entry: RoutingEntry, by removal: RoutingEntry) -> Bool {
    guard case .route(let route) = entry, case .route(let named) = removal else {
      return entry == removal
    }
    return route.destination == named.destination && route.table == named.table
      && route.gateway == named.gateway ?? route.gateway
      && route.interfaceIndex == named.interfaceIndex ?? route.interfaceIndex
      && route.source == named.source ?? route.source
      && route.metric == named.metric ?? route.metric
  }

  /// Makes a route or a rule as another program would.
  package func addRouting(_ entry: RoutingEntry, protocolTag: UInt8) {
    routing.append(FakeRoutingEntry(entry: entry, protocolTag: protocolTag))
  }

  /// Removes a route or a rule as another program would.
  package func removeRouting(_ entry: RoutingEntry, protocolTag: UInt8) {
    routing.removeAll { $0.entry == entry && $0.protocolTag == protocolTag }
  }

  /// Removes the entry of ours that a message of a guard names.
  func removeRouting(namedBy message: ArraySlice<UInt8>) {
    routing.removeAll {
      $0.protocolTag == vipProtocolTag && RoutingEntry.removals([$0.entry]).elementsEqual(message)
    }
  }

  /// The routes and rules that are there now.
  package var presentRouting: [FakeRoutingEntry] {
    dropDeadRoutes()
    return routing
  }

  private func dropDeadRoutes() {
    routing.removeAll { isDead($0.entry) || $0.validUntil.map { $0 <= now } ?? false }
  }

  private func isDead(_ entry: RoutingEntry) -> Bool {
    guard case .route(let route) = entry else { return false }
    return hasNoWay(route) != nil
  }

  /// The error for a route that can't be, or be any more.
  private func hasNoWay(_ route: RoutingEntry.Route) -> Int32? {
    if let index = route.interfaceIndex {
      guard let link = currentLinks.first(where: { $0.index == index }) else { return ENODEV }
      guard link.isUp else { return ENETDOWN }
    }
    if let source = route.source,
      !entries.contains(where: { $0.record.address.address == source && $0.isLocal })
    {
      return EINVAL
    }
    return nil
  }

  private func obstacle(to entry: RoutingEntry) -> Int32? {
    switch entry {
    case .route(let route):
      if let code = hasNoWay(route) { return code }
      let isThere = routing.contains { other in
        guard case .route(let other) = other.entry else { return false }
        return other.destination == route.destination && other.metric == route.metric
          && other.table == route.table
      }
      return isThere ? EEXIST : nil
    case .rule:
      return routing.contains { $0.entry == entry && $0.protocolTag == vipProtocolTag }
        ? EEXIST : nil
    }
  }
}
