public import VIPCore

/// The kind of an Ethernet frame's payload.
public struct EtherType: RawRepresentable, Sendable, Hashable {
  /// The number on the wire.
  public let rawValue: UInt16

  /// Makes a type from its number.
  public init(rawValue: UInt16) {
    self.rawValue = rawValue
  }

  /// Internet Protocol version 4, 0x0800.
  public static let ipv4 = EtherType(rawValue: 0x0800)
  /// The Address Resolution Protocol, 0x0806.
  public static let arp = EtherType(rawValue: 0x0806)
  /// Internet Protocol version 6, 0x86dd.
  public static let ipv6 = EtherType(rawValue: 0x86DD)
  /// A tag of IEEE 802.1Q before the actual type, 0x8100.
  static let vlanTag = EtherType(rawValue: 0x8100)
}

/// The header of an Ethernet frame.
///
/// The payload starts after ``byteCount`` bytes. It may be longer than its protocol says: the
/// shortest frame on a wire has 60 bytes, and senders fill up.
public struct EthernetFrame: Sendable, Hashable {
  private enum Offset {
    static let destination = 0
    static let source = 6
    static let etherType = 12
    static let tag = 14
    static let taggedType = 16
  }
  /// Size of a header without a tag, in bytes.
  public static let headerByteCount = 14
  private static let taggedHeaderByteCount = 18

  /// The receiver of the frame.
  public var destination: MACAddress
  /// The sender; switches learn from this field.
  public var source: MACAddress
  /// The tag of IEEE 802.1Q (priority, drop bit, VLAN), if the frame has one.
  public var tag: UInt16?
  /// The type of the payload.
  public var etherType: EtherType

  /// Makes a header.
  public init(
    destination: MACAddress, source: MACAddress, tag: UInt16? = nil, etherType: EtherType
  ) {
    self.destination = destination
    self.source = source
    self.tag = tag
    self.etherType = etherType
  }

  /// The VLAN that the tag names; 0, a mere priority, means the same segment as no tag at all.
  public var vlanID: UInt16 { (tag ?? 0) & 0x0FFF }

  /// Size of this header, in bytes.
  public var byteCount: Int { tag == nil ? Self.headerByteCount : Self.taggedHeaderByteCount }

  /// Reads the header at the start of a frame.
  public init(parsing frame: Span<UInt8>) throws(WireError) {
    guard frame.count >= Self.headerByteCount else {
      throw .truncated(needed: Self.headerByteCount, found: frame.count)
    }
    destination = frame.macAddress(at: Offset.destination)
    source = frame.macAddress(at: Offset.source)
    etherType = EtherType(rawValue: frame.uint16(at: Offset.etherType))
    guard etherType == .vlanTag else { return }
    guard frame.count >= Self.taggedHeaderByteCount else {
      throw .truncated(needed: Self.taggedHeaderByteCount, found: frame.count)
    }
    tag = frame.uint16(at: Offset.tag)
    etherType = EtherType(rawValue: frame.uint16(at: Offset.taggedType))
  }

  /// Writes the header, ``byteCount`` bytes.
  public func encode(into output: inout OutputSpan<UInt8>) {
    output.append(destination)
    output.append(source)
    if let tag {
      output.append(bigEndian: EtherType.vlanTag.rawValue)
      output.append(bigEndian: tag)
    }
    output.append(bigEndian: etherType.rawValue)
  }
}

extension EthernetFrame: CustomStringConvertible {
  /// Source, destination and type, as capture programs print them.
  public var description: String {
    let digits = String(etherType.rawValue, radix: 16)
    let type = "0x" + String(repeating: "0", count: 4 - digits.count) + digits
    return "\(source) > \(destination), type \(type)" + (tag == nil ? "" : ", vlan \(vlanID)")
  }
}
