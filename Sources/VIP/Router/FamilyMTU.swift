package import Netlink
package import VIPCore

extension AddressFamily {
  /// The least MTU of an interface that has the family (RFC 791, RFC 8200 §5).
  package var mtuMin: Int { self == .ipv4 ? 68 : 1280 }
}

extension Link {
  /// Whether the MTU is large enough for a family; Linux takes the family off an interface with a
  /// smaller one, with all addresses, settings and groups.
  package func hasRoom(for family: AddressFamily) -> Bool { mtu >= family.mtuMin }
}
