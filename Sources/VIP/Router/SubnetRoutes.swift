import Netlink
import VIPCore

/// The subnets that a router's addresses need a route to, and those that it has made one for.
struct SubnetRoutes {
  /// The subnets of the addresses, each once.
  private(set) var subnets: [InterfaceAddress] = []
  /// Those for which this node has made a route.
  private(set) var made: Set<InterfaceAddress> = []
  /// Those for which the kernel has refused one, with what that means.
  private var refused: [InterfaceAddress: String] = [:]
  private var revision: Int?

  /// Those to which there may be a route of this node, now or after the next review.
  var possible: Set<InterfaceAddress> { made.union(subnets) }

  /// What is wrong with a subnet: why there is no route to it although an address needs one.
  func failure(_ subnet: InterfaceAddress) -> String? {
    subnets.contains(subnet) ? refused[subnet] : nil
  }

  /// Takes in the router's addresses, whose subnets have a route only if something makes one: those of
  /// IPv6, whose addresses come without it, and of IPv4 on a macvlan.
  mutating func update(_ addresses: VirtualAddresses, hasOwnInterface: Bool) {
    guard revision != addresses.revision else { return }
    revision = addresses.revision
    var seen: Set<InterfaceAddress> = []
    subnets = addresses.current.compactMap { address in
      let address = address.address
      guard !address.address.isLinkLocal, address.family == .ipv6 || hasOwnInterface,
        (1..<address.family.addressByteCount * 8 - 1).contains(address.prefixLength)
      else { return nil }
      let subnet = address.network
      return seen.insert(subnet).inserted ? subnet : nil
    }
  }
}

extension SubnetRoutes {
  /// A route has been made, or made again.
  ///
  /// - Returns: whether there was none of this node before.
  mutating func noteMade(_ subnet: InterfaceAddress) -> Bool {
    refused[subnet] = nil
    return made.insert(subnet).inserted
  }

  /// The kernel has refused a route; the text says what that means.
  ///
  /// - Returns: whether that is news.
  mutating func noteRefusal(_ subnet: InterfaceAddress, _ text: String) -> Bool {
    guard refused[subnet] == nil else { return false }
    refused[subnet] = text
    return true
  }

  /// The router has got addresses of another one, and needs the routes that were made for them.
  mutating func inherit(_ other: SubnetRoutes) { made.formUnion(other.made) }

  /// The subnets to which this node has made a route, and in which the router has no address any more,
  /// nor one that is still to be removed.
  func superfluous(_ addresses: VirtualAddresses) -> [InterfaceAddress] {
    let unused = made.subtracting(subnets)
    guard !unused.isEmpty else { return [] }
    let waiting = Set(addresses.retired.lazy.filter(\.isInstalled).map(\.address.network))
    return unused.subtracting(waiting).sorted { $0.address < $1.address }
  }

  /// Addresses are on the interface that an earlier life of this node has put there, perhaps with routes.
  mutating func adopt(_ addresses: some Sequence<InterfaceAddress>) {
    made.formUnion(addresses.lazy.filter { $0.family == .ipv6 }.map(\.network))
  }

  /// A subnet needs no route of this node any more.
  ///
  /// - Returns: whether there was one.
  mutating func forget(_ subnet: InterfaceAddress) -> Bool { made.remove(subnet) != nil }
}

extension InterfaceAddress {
  /// The network with its prefix length: no bits behind the prefix.
  var network: InterfaceAddress {
    guard case .v6(let v6) = address else { return subnet }
    let hosts = hostBits
    let network = IPv6Address(high: v6.high & ~hosts.high, low: v6.low & ~hosts.low)
    return InterfaceAddress(.v6(network), prefixLength: prefixLength) ?? self
  }

  /// The bits of an IPv6 address behind the prefix.
  private var hostBits: (high: UInt64, low: UInt64) {
    // A shift by all 64 bits gives 0.
    (UInt64.max >> UInt64(min(prefixLength, 64)), UInt64.max >> UInt64(max(prefixLength - 64, 0)))
  }

  /// Addresses in a network that hardly any machine has, to ask for the route to: from its end.
  var strangers: [IPAddress] {
    (2...5).map { distance in
      switch address {
      case .v4(let v4):
        let hosts = UInt32.max >> UInt32(prefixLength)
        return .v4(IPv4Address(rawValue: (v4.rawValue | hosts) &- UInt32(distance)))
      case .v6(let v6):
        let hosts = hostBits
        return .v6(
          IPv6Address(high: v6.high | hosts.high, low: (v6.low | hosts.low) &- UInt64(distance)))
      }
    }.filter(contains)
  }
}
