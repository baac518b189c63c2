import VIPCore

/// Attributes of a link message (linux/if_link.h).
enum LinkAttribute {
  static let address: UInt16 = 1
  static let name: UInt16 = 3
  static let mtu: UInt16 = 4
  static let parent: UInt16 = 5
  static let master: UInt16 = 10
  static let info: UInt16 = 18
  static let alias: UInt16 = 20
  static let specification: UInt16 = 26
  static let extensionMask: UInt16 = 29
  static let parentNamespace: UInt16 = 37
  static let properties: UInt16 = 52
  /// Inside `properties`.
  static let alternativeName: UInt16 = 53
  /// Inside `info`.
  static let infoKind: UInt16 = 1
  static let infoData: UInt16 = 2
}

/// Requests about links.
enum LinkMessage {
  static let fixedByteCount = 16
  /// ARPHRD_ETHER.
  static let ethernet: UInt16 = 1

  /// Writes a request for all links, without their traffic counters.
  static func encodeDump(into output: inout OutputSpan<UInt8>, sequence: UInt32) {
    output.appendHeader(
      length: Message.headerByteCount + fixedByteCount + 8, type: MessageType.getLink,
      flags: MessageFlags.request | MessageFlags.dump, sequence: sequence)
    output.append(repeating: 0, count: fixedByteCount)
    output.appendAttribute(LinkAttribute.extensionMask, payloadByteCount: 4)
    output.append(native: UInt32(1 << 3))  // RTEXT_FILTER_SKIP_STATS
  }

  /// Writes a request for one link, by its number or its name.
  static func encodeQuery(
    index: Int32, name: String?, into output: inout OutputSpan<UInt8>, sequence: UInt32
  ) {
    var bytes: [UInt8] = []
    if let name { bytes = Array(name.utf8) + [0] }
    let attribute = name == nil ? 0 : Attribute.headerByteCount + aligned(bytes.count)
    output.appendHeader(
      length: Message.headerByteCount + fixedByteCount + attribute, type: MessageType.getLink,
      flags: MessageFlags.request | MessageFlags.acknowledge, sequence: sequence)
    output.append(native: UInt32(0))
    output.append(native: UInt32(bitPattern: index))
    output.append(repeating: 0, count: 8)
    guard name != nil else { return }
    output.appendAttribute(LinkAttribute.name, payloadByteCount: bytes.count)
    for byte in bytes { output.append(byte) }
    output.append(repeating: 0, count: aligned(bytes.count) - bytes.count)
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
      index: Int32(bitPattern: bytes.native32(at: start + 4)), name: "",
      isEthernet: bytes.native16(at: start + 2) == LinkMessage.ethernet, mtu: 0,
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
      case (LinkAttribute.alias, _): link.alias = bytes.text(attribute.payload)
      case (LinkAttribute.specification, _):
        link.ipv4 = Self.ipv4Settings(attribute.payload, in: bytes)
      case (LinkAttribute.parentNamespace, _): parentIsElsewhere = true
      case (LinkAttribute.properties, _):
        link.alternativeNames = Self.alternativeNames(attribute.payload, in: bytes)
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

  /// IFLA_INET_CONF inside AF_INET inside IFLA_AF_SPEC: the values in the order of their numbers.
  private static func ipv4Settings(
    _ nested: Range<Int>, in bytes: Span<UInt8>
  ) -> [IPv4Setting: Int32] {
    var settings: [IPv4Setting: Int32] = [:]
    var families = nested
    while let family = Attribute.next(in: bytes, from: &families) {
      guard family.type == UInt16(FamilyNumber.ipv4) else { continue }
      var rest = family.payload
      while let list = Attribute.next(in: bytes, from: &rest) {
        guard list.type == 1 else { continue }
        for setting in IPv4Setting.allCases {
          let at = list.payload.lowerBound + 4 * (Int(setting.rawValue) - 1)
          guard at + 4 <= list.payload.upperBound else { continue }
          settings[setting] = Int32(bitPattern: bytes.native32(at: at))
        }
      }
    }
    return settings
  }

  /// IFLA_ALT_IFNAME inside IFLA_PROP_LIST.
  private static func alternativeNames(
    _ nested: Range<Int>, in bytes: Span<UInt8>
  ) -> [String] {
    var names: [String] = []
    var rest = nested
    while let attribute = Attribute.next(in: bytes, from: &rest) {
      if attribute.type == LinkAttribute.alternativeName {
        names.append(bytes.text(attribute.payload))
      }
    }
    return names
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
    case MessageType.newSettings:
      guard let index = Self.settingsIndex(message, in: bytes) else { return nil }
      self = .settings(interfaceIndex: index > 0 ? index : nil)
    case MessageType.overrun:
      self = .overflow
    default:
      return nil
    }
  }
  /// NETCONFA_IFINDEX, behind the family; negative for all interfaces and for those to come.
  private static func settingsIndex(_ message: Message, in bytes: Span<UInt8>) -> Int32? {
    let end = message.payload.upperBound
    var rest = min(message.payload.lowerBound + 4, end)..<end
    while let attribute = Attribute.next(in: bytes, from: &rest) {
      guard attribute.type == 1, attribute.payload.count == 4 else { continue }
      return Int32(bitPattern: bytes.native32(at: attribute.payload.lowerBound))
    }
    return nil
  }
}
