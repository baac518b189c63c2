import Netlink
import VIPCore
import VRRP

/// The facts that a guard has to know of one virtual router to clean up after it.
struct GuardedRouter {
  /// The way to take its addresses off the machine.
  enum Removal {
    /// Each address is removed from an interface, but for those of the host, by their positions;
    /// then the routes that this node makes for their subnets.
    case addresses(VirtualAddresses, hostAddresses: Set<Int>, subnets: Set<InterfaceAddress>)
    /// One request removes its macvlan with all of them, and puts back what the interface below
    /// had.
    case macvlan(name: String, restoring: [IPv4Setting: Int32])
  }

  /// Its place in the area.
  var slot: Int
  /// Tells it from others that had the same place before.
  var serial: Int
  /// The interface it is attached to.
  var interfaceIndex: Int32
  /// The duties of the guard if the node dies now.
  var duties: GuardArea.Duties
  /// The way to take its addresses off the machine.
  var removal: Removal
  /// The advertisement by which it would leave, and the addresses listed there.
  var farewell: Advertisement
  var listedAddresses: [IPAddress]
  /// The address that it comes from, and those that it goes to.
  var source: IPAddress
  var destinations: [IPAddress]
  /// Requests that remove what it has beside its addresses.
  var extraRemovals: [UInt8] = []
  /// Its advertisement interval.
  var interval: AdvertisementInterval
  /// Time for which its addresses stay after the node's death if no successor is heard, and from a
  /// successor's first advertisement on.
  var stay: Handover.Stay

  /// The farewell as IP packets, one for each destination.
  var farewellPackets: [UInt8] {
    destinations.flatMap { destination in
      AdvertisementPacket.encoded(
        farewell.encoded(listedAddresses, from: source, to: destination), from: source,
        to: destination)
    }
  }

  /// Requests that remove addresses, but for those of the host, and routes to subnets.
  ///
  /// A route of this node is known by its tag and its metric: where another one leads to the subnet
  /// the request removes nothing.
  func removals(
    of addresses: VirtualAddresses, except hostAddresses: Set<Int>,
    routesTo subnets: Set<InterfaceAddress>
  ) -> [UInt8] {
    let routes = subnets.sorted { $0.address < $1.address }.map {
      RouteRequest(interfaceIndex: interfaceIndex, subnet: $0)
    }
    let requests = addresses.indices.lazy
      .filter { addresses[$0].place != .host && !hostAddresses.contains($0) }
      .map { AddressRequest(interfaceIndex: interfaceIndex, address: addresses[$0].address) }
    // Linux searches IPv6 addresses from the latest to the earliest, IPv4 the other way round.
    return AddressRequest.removals(
      source.family == .ipv4 ? Array(requests) : requests.reversed())
      + RouteRequest.removals(routes)
  }
}
