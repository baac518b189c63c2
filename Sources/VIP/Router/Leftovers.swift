import Netlink
import VIPCore

/// The addresses on an interface that carry the tag of this package, of which some are left by a
/// dead node.
///
/// Beside those of this node there are three kinds: what its earlier life left, what another node
/// that lives on this machine holds, and what another dead node left. The first kind is listed in
/// the runtime directory that this node has claimed, so the one that wrote it is dead: it goes at
/// once, unless a node that lives has claimed the address since. Of the others, an address with a
/// lease is either refreshed by its node, or it goes by itself within the lease; either way it is
/// left alone. Only an address without an end that this node itself shall manage is taken for a
/// leftover also if it is not listed, since no other program would ever remove it.
struct Leftovers {
  private let records: [AddressRecord]

  /// Takes in what is on an interface.
  ///
  /// - Parameters:
  ///   - records: all addresses of the machine.
  ///   - index: the interface.
  init(among records: [AddressRecord], onInterface index: Int32) {
    self.records = records.filter { $0.interfaceIndex == index && $0.isOurs }
  }

  /// Those of an earlier life of this node.
  ///
  /// - Parameter listed: what that had listed and no other node has claimed since.
  /// - Returns: those that are there, in the kernel's order.
  func ofEarlierLife(_ listed: Set<InterfaceAddress>) -> [InterfaceAddress] {
    records.map(\.address).filter(listed.contains)
  }

  /// Those without an end that belong to no router of this node.
  func endless(unless isOwned: (IPAddress) -> Bool) -> Set<InterfaceAddress> {
    Set(
      records.filter { $0.validLifetime == nil && !isOwned($0.address.address) }.map(\.address))
  }

  /// Finds the subnets in which another node that lives has an address here, so that it needs a
  /// route.
  ///
  /// - Parameters:
  ///   - subnets: those to which there may be a route.
  ///   - isForeign: whether another node that lives has claimed an address.
  /// - Returns: those that must stay.
  func subnetsInUse(
    among subnets: Set<InterfaceAddress>, isForeign: (IPAddress) -> Bool
  ) -> Set<InterfaceAddress> {
    subnets.filter { subnet in
      records.contains { subnet.contains($0.address.address) && isForeign($0.address.address) }
    }
  }
}
