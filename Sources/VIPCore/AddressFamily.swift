/// The network protocol an address, a virtual router or an advertisement belongs to.
///
/// RFC 9568 keeps the two apart completely: the same VRID in IPv4 and in IPv6 names two unrelated
/// virtual routers.
public enum AddressFamily: String, Sendable, Hashable, Codable, CaseIterable {
  /// Internet Protocol version 4.
  case ipv4
  /// Internet Protocol version 6.
  case ipv6

  /// Size of an address of this family, in bytes.
  public var addressByteCount: Int { self == .ipv4 ? 4 : 16 }

  /// Size of an address of this family, in bits; the longest possible prefix length.
  public var addressBitCount: Int { addressByteCount * 8 }
}

extension AddressFamily: CustomStringConvertible {
  /// The family as people write it: `IPv4` or `IPv6`.
  public var description: String { self == .ipv4 ? "IPv4" : "IPv6" }
}
