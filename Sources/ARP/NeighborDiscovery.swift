import VIPCore

/// The common part of all messages of Neighbor Discovery (RFC 4861 §4): an IPv6 header that proves
/// the sender is on this link, an ICMPv6 header, a target and options.
enum NeighborDiscovery {
  enum Offset {
    static let type = 0
    static let code = 1
    static let checksum = 2
    static let flags = 4
    static let target = 8
    static let options = 24
  }
  static let ipv6HeaderByteCount = IPHeader.byteCount(.ipv6)
  static let messageByteCount = 24
  /// A link-layer address option: type, length, six bytes.
  static let addressOptionByteCount = 8
  /// The hop limit of a packet that no router has forwarded (RFC 4861 §11.2).
  static let hopLimit: UInt8 = 255

  /// The IPv6 header's part that matters and the length of the message after it.
  struct Envelope {
    var source: IPv6Address
    var destination: IPv6Address
    var messageLength: Int

    /// The bytes of the packet that are the message.
    var message: Range<Int> { ipv6HeaderByteCount..<(ipv6HeaderByteCount + messageLength) }
  }

  /// Checks everything that RFC 4861 §7.1.1 and §7.1.2 ask of both messages.
  ///
  /// Extension headers are refused: no node of today sends them in Neighbor Discovery, and
  /// RFC 6980 forbids the fragment header.
  static func checkedEnvelope(
    of packet: Span<UInt8>, type: UInt8
  ) throws(WireError) -> Envelope {
    let least = ipv6HeaderByteCount + messageByteCount
    guard packet.count >= least else { throw .truncated(needed: least, found: packet.count) }
    guard let header = IPHeader(parsing: packet), case .v6(let source) = header.source,
      case .v6(let destination) = header.destination
    else { throw .invalid(.ipVersion, found: Int(packet[0] >> 4)) }
    guard header.protocolNumber == IPProtocolNumber.icmpv6 else {
      throw .invalid(.nextHeader, found: Int(header.protocolNumber))
    }
    guard header.hopLimit == hopLimit else {
      throw .invalid(.hopLimit, found: Int(header.hopLimit))
    }
    let length = header.totalByteCount - header.byteCount
    guard length >= messageByteCount else {
      throw .truncated(needed: messageByteCount, found: length)
    }
    guard packet.count >= header.totalByteCount else {
      throw .truncated(needed: header.totalByteCount, found: packet.count)
    }
    let envelope = Envelope(source: source, destination: destination, messageLength: length)
    let message = packet.extracting(envelope.message)
    guard message[Offset.type] == type else {
      throw .invalid(.messageType, found: Int(message[Offset.type]))
    }
    guard message[Offset.code] == 0 else {
      throw .invalid(.messageCode, found: Int(message[Offset.code]))
    }
    var sum = pseudoHeader(envelope.source, envelope.destination, length: length)
    sum.add(message)
    guard sum.isZero else { throw .checksum }
    guard !message.ipv6Address(at: Offset.target).isMulticast else { throw .multicastTarget }
    return envelope
  }

  /// The link-layer address option of a type in a checked message, the first if there are several.
  ///
  /// Walks all options, since one without a length makes the whole message invalid.
  static func linkLayerAddress(
    option wanted: UInt8, in message: Span<UInt8>
  ) throws(WireError) -> MACAddress? {
    var address: MACAddress?
    var offset = Offset.options
    while offset < message.count {
      guard offset + 2 <= message.count else {
        throw .truncated(needed: offset + 2, found: message.count)
      }
      let length = Int(message[offset + 1]) * 8
      guard length > 0 else { throw .invalid(.optionLength, found: 0) }
      guard offset + length <= message.count else {
        throw .truncated(needed: offset + length, found: message.count)
      }
      if message[offset] == wanted {
        // Another length would be the address of another kind of link.
        guard length == addressOptionByteCount else {
          throw .invalid(.optionLength, found: length / 8)
        }
        if address == nil { address = message.macAddress(at: offset + 2) }
      }
      offset += length
    }
    return address
  }

  /// Writes a whole packet: IPv6 header, ICMPv6 message, and the option if there is an address.
  static func encode(
    type: UInt8, flags: UInt32, source: IPv6Address, destination: IPv6Address,
    target: IPv6Address, option: UInt8, linkLayerAddress: MACAddress?,
    into output: inout OutputSpan<UInt8>
  ) {
    let length = messageByteCount + (linkLayerAddress == nil ? 0 : addressOptionByteCount)
    var sum = pseudoHeader(source, destination, length: length)
    sum.add(UInt32(type) << 24)
    sum.add(flags)
    sum.add(.v6(target))
    let optionHead = UInt16(option) << 8 | 1
    if let linkLayerAddress { sum.add(UInt64(optionHead) << 48 | linkLayerAddress.rawValue) }

    IPHeader(
      source: .v6(source), destination: .v6(destination),
      protocolNumber: IPProtocolNumber.icmpv6, payloadByteCount: length, hopLimit: hopLimit
    ).encode(into: &output)
    output.append(type)
    output.append(0)
    output.append(bigEndian: sum.value)
    output.append(bigEndian: flags)
    output.append(.v6(target))
    if let linkLayerAddress {
      output.append(bigEndian: optionHead)
      output.append(linkLayerAddress)
    }
  }

  private static func pseudoHeader(
    _ source: IPv6Address, _ destination: IPv6Address, length: Int
  ) -> InternetChecksum {
    var sum = InternetChecksum()
    sum.addPseudoHeader(
      source: .v6(source), destination: .v6(destination), length: length,
      protocolNumber: IPProtocolNumber.icmpv6)
    return sum
  }
}
