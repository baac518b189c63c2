import VIPCore

/// Attributes of a link message (linux/if_link.h).
enum LinkAttribute {
  static let address: UInt16 = 1
  static let name: UInt16 = 3
  static let mtu: UInt16 = 4
  static let parent: UInt16 = 5
  static let master: UInt16 = 10
  static let info: UInt16 = 18
  static let extensionMask: UInt16 = 29
  static let parentNamespace: UInt16 = 37
  /// Inside `info`.
  static let infoKind: UInt16 = 1
}

/// Requests about links.
enum LinkMessage {
  static let fixedByteCount = 16

  /// Writes a request for all links, without their traffic counters.
  static func encodeDump(into output: inout OutputSpan<UInt8>, sequence: UInt32) {
    output.appendHeader(
      length: Message.headerByteCount + fixedByteCount + 8, type: MessageType.getLink,
      flags: MessageFlags.request | MessageFlags.dump, sequence: sequence)
    output.append(repeating: 0, count: fixedByteCount)
    output.appendAttribute(LinkAttribute.extensionMask, payloadByteCount: 4)
    output.append(native: UInt32(1 << 3))  // RTEXT_FILTER_SKIP_STATS
  }
}

extension Link {
  /// Reads RTM_NEWLINK or RTM_DELLINK; `nil` for malformed messages.
  ///
  /// `nil` also for reports of a protocol about its own view of a link: a bridge announces a port
  /// that leaves it as a "deleted link" of family AF_BRIDGE, though the interface lives on.
  init?(_ message: Message, in bytes: Span<UInt8>) {
    let payload = message.payload
    guard payload.count >= LinkMessage.fixedByteCount else { return nil }
    let start = payload.lowerBound
    guard bytes[start] == FamilyNumber.unspecified else { return nil }

    var link = Link(
      index: Int32(bitPattern: bytes.native32(at: start + 4)), name: "", mtu: 0,
      flags: LinkFlags(rawValue: bytes.native32(at: start + 8)))
    var parentIsElsewhere = false
    var rest = start + LinkMessage.fixedByteCount..<payload.upperBound
    while let attribute = Attribute.next(in: bytes, from: &rest) {
      let at = attribute.payload.lowerBound
      switch (attribute.type, attribute.payload.count) {
      case (LinkAttribute.address, 6): link.macAddress = bytes.macAddress(at: at)
      case (LinkAttribute.name, _): link.name = bytes.text(attribute.payload)
      case (LinkAttribute.mtu, 4...): link.mtu = Int(bytes.native32(at: at))
      case (LinkAttribute.parent, 4...): link.parentIndex = Self.index(bytes.native32(at: at))
      case (LinkAttribute.master, 4...): link.masterIndex = Self.index(bytes.native32(at: at))
      case (LinkAttribute.info, _): link.kind = Self.kind(attribute.payload, in: bytes)
      case (LinkAttribute.parentNamespace, _): parentIsElsewhere = true
      default: break
      }
    }
    guard link.index > 0, !link.name.isEmpty else { return nil }
    if parentIsElsewhere { link.parentIndex = nil }
    self = link
  }

  /// Zero stands for "none".
  private static func index(_ number: UInt32) -> Int32? {
    number == 0 ? nil : Int32(bitPattern: number)
  }

  /// IFLA_INFO_KIND inside IFLA_LINKINFO.
  private static func kind(_ nested: Range<Int>, in bytes: Span<UInt8>) -> String? {
    var rest = nested
    while let attribute = Attribute.next(in: bytes, from: &rest) {
      if attribute.type == LinkAttribute.infoKind { return bytes.text(attribute.payload) }
    }
    return nil
  }
}

extension KernelEvent {
  /// Reads a report of a change; `nil` for messages that are none, or malformed.
  init?(_ message: Message, in bytes: Span<UInt8>) {
    switch message.type {
    case MessageType.newLink:
      guard let link = Link(message, in: bytes) else { return nil }
      self = .link(link)
    case MessageType.deleteLink:
      guard let link = Link(message, in: bytes) else { return nil }
      self = .linkRemoved(index: link.index, name: link.name)
    case MessageType.newAddress:
      guard let record = AddressRecord(message, in: bytes) else { return nil }
      self = .address(record)
    case MessageType.deleteAddress:
      guard let record = AddressRecord(message, in: bytes) else { return nil }
      self = .addressRemoved(record)
    case MessageType.overrun:
      self = .overflow
    default:
      return nil
    }
  }
}
