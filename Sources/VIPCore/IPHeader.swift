/// Protocol numbers of what follows an IP header (IANA).
public enum IPProtocolNumber {
  /// The Authentication Header (RFC 4302), which VRRP version 2 may stand behind.
  @inlinable public static var authenticationHeader: UInt8 { 51 }
  /// ICMP for IPv6 (RFC 4443), which carries Neighbor Discovery.
  @inlinable public static var icmpv6: UInt8 { 58 }
  /// The Virtual Router Redundancy Protocol.
  @inlinable public static var vrrp: UInt8 { 112 }
}

/// The header of an IPv4 (RFC 791 §3.1) or IPv6 packet (RFC 8200 §3).
///
/// A parsed header has what the packet says: its lengths are to be checked against the packet with
/// ``payload(in:)`` before they are used. Options of IPv4 are skipped; extension headers of IPv6
/// count as payload.
public struct IPHeader: Sendable, Hashable {
  /// The sender.
  public var source: IPAddress
  /// The address that the packet is sent to; of the same family.
  public var destination: IPAddress
  /// The protocol of the payload, see ``IPProtocolNumber``.
  public var protocolNumber: UInt8
  /// The TTL or hop limit.
  public var hopLimit: UInt8
  /// Type of service or traffic class; the upper six bits are the DSCP.
  public var trafficClass: UInt8
  /// IPv4: whether a router on the way may split the packet.
  public var isFragmentable: Bool
  /// IPv4: whether this is a part of a packet only.
  public private(set) var isFragment: Bool
  /// Size of the header, in bytes; as the packet says, less than 20 in a damaged one.
  public private(set) var byteCount: Int
  /// Size of the whole packet, in bytes; as the packet says.
  public private(set) var totalByteCount: Int

  /// Size of a header of a family without options, in bytes.
  public static func byteCount(_ family: AddressFamily) -> Int { family == .ipv4 ? 20 : 40 }

  /// Network control (RFC 4594 §3.1), as a ``trafficClass``.
  @inlinable public static var networkControl: UInt8 { 0xC0 }

  /// Makes a header without options.
  ///
  /// - Parameters:
  ///   - source: the sender.
  ///   - destination: where the packet is sent to; of the same family.
  ///   - protocolNumber: what the payload is.
  ///   - payloadByteCount: size of what follows the header, in bytes.
  ///   - hopLimit: the TTL or hop limit.
  ///   - trafficClass: type of service or traffic class.
  ///   - isFragmentable: IPv4: whether a router on the way may split the packet.
  public init(
    source: IPAddress, destination: IPAddress, protocolNumber: UInt8, payloadByteCount: Int,
    hopLimit: UInt8 = 255, trafficClass: UInt8 = 0, isFragmentable: Bool = true
  ) {
    self.source = source
    self.destination = destination
    self.protocolNumber = protocolNumber
    self.hopLimit = hopLimit
    self.trafficClass = trafficClass
    self.isFragmentable = isFragmentable
    isFragment = false
    byteCount = Self.byteCount(source.family)
    totalByteCount = byteCount + payloadByteCount
  }

  /// Reads the header at the start of a packet.
  ///
  /// `nil` if there are fewer bytes than the smallest header has, or if it is neither IPv4 nor
  /// IPv6.
  public init?(parsing packet: Span<UInt8>) {
    guard packet.count >= 20 else { return nil }
    switch packet[0] >> 4 {
    case 4:
      source = .v4(packet.ipv4Address(at: 12))
      destination = .v4(packet.ipv4Address(at: 16))
      protocolNumber = packet[9]
      hopLimit = packet[8]
      trafficClass = packet[1]
      let fragment = packet.uint16(at: 6)
      isFragmentable = fragment & 0x4000 == 0
      isFragment = fragment & 0x3FFF != 0
      byteCount = Int(packet[0] & 0x0F) * 4
      totalByteCount = Int(packet.uint16(at: 2))
    case 6:
      guard packet.count >= 40 else { return nil }
      source = .v6(packet.ipv6Address(at: 8))
      destination = .v6(packet.ipv6Address(at: 24))
      protocolNumber = packet[6]
      hopLimit = packet[7]
      trafficClass = UInt8(truncatingIfNeeded: packet.uint16(at: 0) >> 4)
      isFragmentable = false
      isFragment = false
      byteCount = 40
      totalByteCount = 40 + Int(packet.uint16(at: 4))
    default:
      return nil
    }
  }

  /// The bytes of the packet that the header was read from that are its payload.
  ///
  /// `nil` if the lengths contradict one another or the packet is cut off. Bytes behind it are the
  /// frame's padding.
  public func payload(in packet: Span<UInt8>) -> Range<Int>? {
    guard byteCount >= Self.byteCount(source.family), totalByteCount >= byteCount,
      totalByteCount <= packet.count
    else { return nil }
    return byteCount..<totalByteCount
  }

  /// Whether the checksum of the header that this one was read from is right; IPv6 has none.
  ///
  /// `false` if the packet is cut off within the header.
  public func isChecksumSound(in packet: Span<UInt8>) -> Bool {
    guard source.family == .ipv4 else { return true }
    guard byteCount >= 20, byteCount <= packet.count else { return false }
    var sum = InternetChecksum()
    sum.add(packet.extracting(..<byteCount))
    return sum.isZero
  }

  /// Writes the header without options, with its checksum: 20 bytes for IPv4, 40 for IPv6.
  public func encode(into output: inout OutputSpan<UInt8>) {
    let payloadByteCount = totalByteCount - byteCount
    switch source {
    case .v4:
      let total = UInt16(truncatingIfNeeded: Self.byteCount(.ipv4) + payloadByteCount)
      let first = 0x4500_0000 | UInt32(trafficClass) << 16 | UInt32(total)
      // No identification: it means nothing where nothing is put together again (RFC 6864 §4).
      let second: UInt32 = isFragmentable ? 0 : 0x4000
      let third = UInt32(hopLimit) << 24 | UInt32(protocolNumber) << 16
      var sum = InternetChecksum()
      sum.add(first)
      sum.add(second)
      sum.add(third)
      sum.add(source)
      sum.add(destination)
      output.append(bigEndian: first)
      output.append(bigEndian: second)
      output.append(bigEndian: third | UInt32(sum.value))
    case .v6:
      output.append(bigEndian: 0x6000_0000 | UInt32(trafficClass) << 20)
      output.append(bigEndian: UInt16(truncatingIfNeeded: payloadByteCount))
      output.append(protocolNumber)
      output.append(hopLimit)
    }
    output.append(source)
    output.append(destination)
  }
}
