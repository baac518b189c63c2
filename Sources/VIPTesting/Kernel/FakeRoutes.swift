import Glibc
public import Netlink
public import VIPCore

/// A route to a subnet over an interface, in a kernel in memory.
package struct FakeRoute: Sendable, Hashable {
  package var interfaceIndex: Int32
  package var subnet: InterfaceAddress
  /// The program that made it.
  package var protocolTag: UInt8
  package var validUntil: Duration?
  /// The fate of packets.
  package var kind = Kind.unicast

  /// The fate of the packets of a route.
  package enum Kind: Sendable, Hashable {
    /// Packets leave by the interface.
    case unicast
    /// Packets are dropped or refused.
    case blackhole, unreachable, prohibit
  }
}

/// Linux's part in requests about routes.
///
/// There is one table, and one route to a subnet over an interface for each program. An address has
/// a route to its subnet for as long as it is on a link that is up, unless it was put up without.
extension FakeKernel {
  /// The route of the longest prefix; of two the one that is not ours, whose metric is smaller.
  public func route(to address: IPAddress) throws(NetlinkError) -> RouteRecord? {
    record(.findRoute(address))
    if let error = failure?(.findRoute(address)) { throw error }
    if isLocal(address) {
      return RouteRecord(
        prefixLength: address.family.addressByteCount * 8, protocolTag: 2, isLocal: true)
    }
    let own = entries.lazy.filter { entry in
      entry.isLocal && entry.record.flags.isDisjoint(with: [.noPrefixRoute, .secondary])
        && entry.record.address.contains(address) && self.isUp(entry.record.interfaceIndex)
    }.map { RouteRecord(prefixLength: $0.record.address.prefixLength, protocolTag: 2) }
    let all =
      own.map { (record: $0, kind: FakeRoute.Kind.unicast) }
      + routes.lazy.filter { $0.subnet.contains(address) }.map { route in
        let record = RouteRecord(
          prefixLength: route.subnet.prefixLength, protocolTag: route.protocolTag)
        return (record: record, kind: route.kind)
      }
    let best = all.max { one, other in
      (one.record.prefixLength, one.record.isOurs ? 0 : 1)
        < (other.record.prefixLength, other.record.isOurs ? 0 : 1)
    }
    return best?.kind == .unicast ? best?.record : nil
  }

  /// Makes a route, or refreshes it.
  public func install(_ request: RouteRequest) -> NetlinkError? {
    record(.installRoute(request))
    if let error = failure?(.installRoute(request)) { return error }
    func refused(_ code: Int32, _ message: String? = nil) -> NetlinkError {
      NetlinkError(
        operation: "add a route to \(request.subnet) on interface \(request.interfaceIndex)",
        code: code, message: message)
    }
    guard let link = currentLinks.first(where: { $0.index == request.interfaceIndex }) else {
      return refused(ENODEV)
    }
    guard link.isUp else { return refused(ENETDOWN, "Nexthop device is not up") }
    if request.subnet.family == .ipv6, withoutIPv6.contains(link.index) {
      return refused(EACCES, "IPv6 is disabled on nexthop device")
    }
    addRoute(
      to: request.subnet, onInterface: request.interfaceIndex, protocolTag: vipProtocolTag,
      // In whole seconds, and only in IPv6.
      lifetime: request.subnet.family == .ipv4
        ? nil
        : request.lifetime.map {
          .seconds($0.components.seconds + ($0.components.attoseconds > 0 ? 1 : 0))
        })
    return nil
  }

  /// Removes a route; one that is not there is no error.
  public func remove(_ request: RouteRequest) -> NetlinkError? {
    record(.removeRoute(request))
    if let error = failure?(.removeRoute(request)) { return error }
    removeRoute(
      to: request.subnet, onInterface: request.interfaceIndex, protocolTag: vipProtocolTag)
    return nil
  }

  /// Makes a route as another program would, or puts another end to it.
  ///
  /// Equivalent to: `ip route replace SUBNET dev IF proto TAG`
  public func addRoute(
    to subnet: InterfaceAddress, onInterface index: Int32, protocolTag: UInt8,
    lifetime: Duration? = nil
  ) {
    addRoute(
      to: subnet, onInterface: index, protocolTag: protocolTag, lifetime: lifetime, kind: .unicast)
  }

  /// Makes a route of a kind as another program would.
  ///
  /// Equivalent to: `ip route replace KIND SUBNET proto TAG`
  package func addRoute(
    to subnet: InterfaceAddress, onInterface index: Int32, protocolTag: UInt8,
    lifetime: Duration? = nil, kind: FakeRoute.Kind
  ) {
    removeRoute(to: subnet, onInterface: index, protocolTag: protocolTag)
    routes.append(
      FakeRoute(
        interfaceIndex: index, subnet: subnet, protocolTag: protocolTag,
        validUntil: lifetime.map { now + $0 }, kind: kind))
  }

  /// Removes a route as another program would.
  ///
  /// Equivalent to: `ip route delete SUBNET dev IF proto TAG`
  public func removeRoute(
    to subnet: InterfaceAddress, onInterface index: Int32, protocolTag: UInt8
  ) {
    routes.removeAll {
      $0.interfaceIndex == index && $0.subnet == subnet && $0.protocolTag == protocolTag
    }
  }

  private func isUp(_ index: Int32) -> Bool {
    currentLinks.first { $0.index == index }?.isUp ?? false
  }
}
