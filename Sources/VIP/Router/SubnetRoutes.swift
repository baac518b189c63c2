import Netlink
import VIPCore

/// The subnets that a router's addresses need a route to, and those that it has made one for.
struct SubnetRoutes {
  /// The places to look at: the subnets of the addresses, each once, then addresses of IPv6 that
  /// name no network, a few of those that are far from each other.
  private(set) var places: [InterfaceAddress] = []
  private var subnetCount = 0
  /// Those for which this node has made a route.
  private(set) var made: Set<InterfaceAddress> = []
  /// Those of them that have been seen in use since.
  private var used: Set<InterfaceAddress> = []
  /// Those to which no usable route leads, with why.
  private var refused: [InterfaceAddress: String] = [:]
  private var revision: Int?
  /// The largest number of addresses without a network that are looked at.
  private static let singleCountMax = 16

  /// The subnets of the addresses, each once.
  var subnets: ArraySlice<InterfaceAddress> { places[..<subnetCount] }

  /// Those to which there may be a route of this node, now or after the next review.
  var possible: Set<InterfaceAddress> { made.union(subnets) }

  /// The subnets to which a route was made or refused: what a review can't leave as it is.
  var known: [InterfaceAddress] {
    guard !made.isEmpty || !refused.isEmpty else { return [] }
    return subnets.filter { made.contains($0) || refused[$0] != nil }
  }

  /// The fault of a subnet or an address: the reason why no usable route leads there.
  func failure(_ place: InterfaceAddress) -> String? { refused[place] }

  /// All that is wrong.
  var failures: [(place: InterfaceAddress, text: String)] {
    guard !refused.isEmpty else { return [] }
    return places.compactMap { place in refused[place].map { (place, $0) } }
  }

  /// The router's addresses, as they are now.
  ///
  /// An address of IPv6 comes without a route to its subnet, one of IPv4 on a macvlan too, and one
  /// of IPv4 that is secondary to an address without a route of its own. A host address of IPv4
  /// (`/32`) may well be routed to this machine, so nothing is asked about it.
  mutating func update(_ addresses: VirtualAddresses) {
    guard revision != addresses.revision else { return }
    revision = addresses.revision
    var seen: Set<InterfaceAddress> = []
    var singles: [InterfaceAddress] = []
    var parts: Set<UInt64> = []
    places = addresses.current.compactMap { entry in
      let address = entry.address
      guard !address.address.isLinkLocal else { return nil }
      guard address.hasNetwork else {
        if case .v6(let v6) = address.address, address.prefixLength > 0,
          parts.count < Self.singleCountMax, parts.insert(v6.high).inserted
        {
          singles.append(address)
        }
        return nil
      }
      let subnet = address.network
      return seen.insert(subnet).inserted ? subnet : nil
    }
    subnetCount = places.count
    places += singles
    guard !refused.isEmpty else { return }
    seen.formUnion(singles)
    refused = refused.filter { seen.contains($0.key) }
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

  /// The route of this node to a subnet is in use.
  mutating func noteUse(_ subnet: InterfaceAddress) { used.insert(subnet) }

  /// Whether a route of this node to a subnet has been in use, so that another program has removed
  /// it if it is missing.
  func wasInUse(_ subnet: InterfaceAddress) -> Bool { used.contains(subnet) }

  /// No usable route leads to a subnet or an address; the text says why.
  mutating func noteRefusal(_ place: InterfaceAddress, _ text: String) { refused[place] = text }

  /// The router does not hold its addresses any more: what is wrong then is told once more.
  mutating func forgetRefusals() { refused = [:] }

  /// The router has got addresses of another one, and needs the routes that were made for them.
  mutating func inherit(_ other: SubnetRoutes) {
    made.formUnion(other.made)
    used.formUnion(other.used)
  }

  /// The subnets to which this node has made a route, and in which the router has no address any
  /// more, nor one that is still to be removed.
  func superfluous(_ addresses: VirtualAddresses) -> [InterfaceAddress] {
    let unused = made.subtracting(subnets)
    guard !unused.isEmpty else { return [] }
    let waiting = Set(addresses.retired.lazy.filter(\.isInstalled).map(\.address.network))
    return unused.subtracting(waiting).sorted { $0.address < $1.address }
  }

  /// Addresses are on the interface that an earlier life of this node has put there, perhaps with
  /// routes.
  mutating func adopt(_ addresses: some Sequence<InterfaceAddress>) {
    made.formUnion(addresses.lazy.filter(\.hasNetwork).map(\.network))
  }

  /// A subnet or an address needs no route of this node any more.
  ///
  /// - Returns: whether there was one.
  mutating func forget(_ place: InterfaceAddress) -> Bool {
    refused[place] = nil
    used.remove(place)
    return made.remove(place) != nil
  }
}

/// The rounds in which the routes to all subnets are looked at, a bounded number in each.
struct RouteRounds {
  /// The time between two rounds.
  static let period = Duration.seconds(1)
  /// The largest number of questions to the kernel in a round.
  static let size = 64

  private var position = 0

  /// The places of the next round, as numbers below a count; beyond its end they begin again.
  mutating func next(of count: Int) -> Range<Int> {
    guard count > 0 else { return 0..<0 }
    let start = position < count ? position : 0
    position = start + min(Self.size, count)
    if position >= count { position -= count }
    return start..<start + min(Self.size, count)
  }
}

extension InterfaceAddress {
  /// Whether the prefix names a network of more than one address, and not all there are.
  var hasNetwork: Bool { (1..<address.family.addressBitCount).contains(prefixLength) }

  /// The text about an address that names no network, and for which none is known.
  package func withoutNetwork(_ reason: String) -> String {
    "\(address) has no prefix length that names its network, and \(reason); write it with the length "
      + "of its network, as in /64"
  }

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
  ///
  /// Of a pair it is the other address. For an address that names no network these are its
  /// neighbours.
  var strangers: [IPAddress] {
    let length = address.family.addressBitCount
    guard prefixLength < length - 1 else {
      return (1...(prefixLength == length ? 4 : 1)).map(neighbour)
    }
    return [2, 3, 4, 5, 1].map(fromEnd).filter { contains($0) && $0 != network.address }
  }

  private func fromEnd(_ distance: Int) -> IPAddress {
    switch address {
    case .v4(let v4):
      let hosts = UInt32.max >> UInt32(prefixLength)
      return .v4(IPv4Address(rawValue: (v4.rawValue | hosts) &- UInt32(distance)))
    case .v6(let v6):
      let hosts = hostBits
      return .v6(
        IPv6Address(high: v6.high | hosts.high, low: (v6.low | hosts.low) &- UInt64(distance)))
    }
  }

  /// The address with some of its last bits turned over.
  private func neighbour(_ bits: Int) -> IPAddress {
    switch address {
    case .v4(let v4): .v4(IPv4Address(rawValue: v4.rawValue ^ UInt32(bits)))
    case .v6(let v6): .v6(IPv6Address(high: v6.high, low: v6.low ^ UInt64(bits)))
    }
  }
}
