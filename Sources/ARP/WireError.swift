/// The reason why a frame was not understood.
///
/// Nothing that arrives can do more than cause one of these: each parser checks the length before
/// it reads and each value before it believes it.
public enum WireError: Error, Sendable, Hashable {
  /// A header field that must have a certain value.
  public enum Field: String, Sendable, Hashable {
    /// The Ethernet payload's type.
    case etherType = "EtherType"
    /// ARP's hardware type; 1 is Ethernet.
    case hardwareType = "ARP hardware type"
    /// ARP's protocol type; 0x0800 is IPv4.
    case protocolType = "ARP protocol type"
    /// ARP's size of a hardware address; 6 here.
    case hardwareLength = "ARP hardware address length"
    /// ARP's size of a protocol address; 4 here.
    case protocolLength = "ARP protocol address length"
    /// The first four bits of an IP packet; 6 here.
    case ipVersion = "IP version"
    /// The protocol after the IPv6 header; 58 is ICMPv6.
    case nextHeader = "IPv6 next header"
    /// The IPv6 hop limit; 255 proves that no router forwarded the packet.
    case hopLimit = "IPv6 hop limit"
    /// The ICMPv6 message type.
    case messageType = "ICMPv6 type"
    /// The ICMPv6 code; 0 in all of Neighbor Discovery.
    case messageCode = "ICMPv6 code"
    /// The length of a Neighbor Discovery option, in units of eight bytes.
    case optionLength = "ICMPv6 option length"
    /// The solicited flag, which a message to a group must not set.
    case solicitedFlag = "ICMPv6 solicited flag"
  }

  /// The bytes end before the message does.
  case truncated(needed: Int, found: Int)
  /// A field has a value that this protocol, or this implementation, doesn't allow.
  case invalid(Field, found: Int)
  /// The target is a group, which has no link-layer address of its own.
  case multicastTarget
  /// A probe for a duplicate that isn't addressed to the target's group, or tells a sender.
  case malformedProbe
  /// The checksum doesn't match: the message was damaged.
  case checksum
}

extension WireError: CustomStringConvertible {
  /// The fault, in a few words.
  public var description: String {
    switch self {
    case .truncated(let needed, let found): "truncated: \(found) bytes where \(needed) are needed"
    case .invalid(let field, let found): "\(field.rawValue) \(found) is not valid here"
    case .multicastTarget: "the target is a multicast address"
    case .malformedProbe: "malformed probe for a duplicate address"
    case .checksum: "wrong checksum"
    }
  }
}
