import VIPCore

/// Requests to make, change and remove links, as bytes.
///
/// Attributes nest, so each is written after its contents: messages of this kind are rare and
/// short.
struct LinkRequestMessage {
  private static let up: UInt32 = 1
  private static let nested: UInt16 = 0x8000

  private enum MacvlanMode {
    static let attribute: UInt16 = 1
    static let bridge: UInt32 = 4
  }

  private enum SpecAttribute {
    /// IFLA_INET_CONF, inside AF_INET.
    static let ipv4Settings: UInt16 = 1
    /// IFLA_INET6_ADDR_GEN_MODE, inside AF_INET6, and its value IN6_ADDR_GEN_MODE_NONE.
    static let generation: UInt16 = 8
    static let none: UInt8 = 1
  }

  private var type = MessageType.setLink
  private var messageFlags: UInt16 = 0
  private var index: Int32 = 0
  private var linkFlags: UInt32 = 0
  private var changedFlags: UInt32 = 0
  private var attributes: [UInt8] = []

  init(_ request: LinkRequest) {
    switch request {
    case .create(let macvlan):
      type = MessageType.newLink
      messageFlags = MessageFlags.create | MessageFlags.exclusive
      attributes = Self.attributes(of: macvlan)
    case .setUp(let isUp, let index):
      self.index = index
      setUp(isUp)
    case .setAlias(let text, let index):
      self.index = index
      attributes = Self.attribute(LinkAttribute.alias, Array(text.utf8))
    case .setIPv4(let settings, let index):
      self.index = index
      attributes = Self.ipv4(settings)
    case .withoutLinkLocal(let index):
      self.index = index
      let mode = Self.attribute(SpecAttribute.generation, [SpecAttribute.none])
      attributes = Self.specification(FamilyNumber.ipv6, mode)
    case .delete(let index):
      type = MessageType.deleteLink
      self.index = index
    }
  }

  /// A request about whatever interface has a name.
  private init(named name: String) {
    attributes = Self.attribute(LinkAttribute.name, Array(name.utf8) + [0])
  }

  static func switchOff(named name: String) -> LinkRequestMessage {
    var message = LinkRequestMessage(named: name)
    message.setUp(false)
    return message
  }

  static func delete(named name: String) -> LinkRequestMessage {
    var message = LinkRequestMessage(named: name)
    message.type = MessageType.deleteLink
    return message
  }

  private mutating func setUp(_ isUp: Bool) {
    linkFlags = isUp ? Self.up : 0
    changedFlags = Self.up
  }

  /// The message; without `isAcknowledged` the kernel answers only if it refuses.
  func encoded(sequence: UInt32, isAcknowledged: Bool = true) -> [UInt8] {
    let length = Message.headerByteCount + LinkMessage.fixedByteCount + attributes.count
    return [UInt8](capacity: length) { output in
      output.appendHeader(
        length: length, type: type,
        flags: MessageFlags.request | (isAcknowledged ? MessageFlags.acknowledge : 0)
          | messageFlags,
        sequence: sequence)
      output.append(native: UInt32(0))  // family and type of hardware
      output.append(native: UInt32(bitPattern: index))
      output.append(native: linkFlags)
      output.append(native: changedFlags)
      for byte in attributes { output.append(byte) }
    }
  }

  // MARK: Attributes

  private static func attributes(of macvlan: Macvlan) -> [UInt8] {
    let mac = (0..<6).map { macvlan.macAddress.byte($0) }
    let mode = attribute(MacvlanMode.attribute, native: MacvlanMode.bridge)
    return attribute(LinkAttribute.name, Array(macvlan.name.utf8) + [0])
      + attribute(LinkAttribute.parent, native: UInt32(bitPattern: macvlan.parentIndex))
      + attribute(LinkAttribute.address, mac)
      + attribute(
        LinkAttribute.info | nested,
        attribute(LinkAttribute.infoKind, Array("macvlan".utf8))
          + attribute(LinkAttribute.infoData | nested, mode))
  }

  private static func ipv4(_ settings: [IPv4Setting: Int32]) -> [UInt8] {
    let sorted = settings.sorted { $0.key.rawValue < $1.key.rawValue }
    let values = sorted.flatMap { attribute($0.key.rawValue, native: UInt32(bitPattern: $0.value)) }
    return specification(
      FamilyNumber.ipv4, attribute(SpecAttribute.ipv4Settings | nested, values))
  }

  /// IFLA_AF_SPEC: what concerns one family.
  private static func specification(_ family: UInt8, _ contents: [UInt8]) -> [UInt8] {
    attribute(
      LinkAttribute.specification | nested, attribute(UInt16(family) | nested, contents))
  }

  private static func attribute(_ type: UInt16, native value: UInt32) -> [UInt8] {
    attribute(type, [UInt8](capacity: 4) { $0.append(native: value) })
  }

  private static func attribute(_ type: UInt16, _ payload: [UInt8]) -> [UInt8] {
    [UInt8](capacity: Attribute.headerByteCount + aligned(payload.count)) { output in
      output.appendAttribute(type, payloadByteCount: payload.count)
      for byte in payload { output.append(byte) }
      output.append(repeating: 0, count: aligned(payload.count) - payload.count)
    }
  }
}

extension LinkRequest {
  /// The bytes of requests that switch a macvlan off, give its parent settings back, and delete the
  /// macvlan.
  ///
  /// The guard sends them. The macvlan is named, not numbered, so that no other interface can be
  /// meant.
  package static func removal(
    ofMacvlan name: String, restoring settings: [IPv4Setting: Int32], ofParent parent: Int32
  ) -> [UInt8] {
    var messages = [LinkRequestMessage.switchOff(named: name)]
    if !settings.isEmpty {
      messages.append(LinkRequestMessage(.setIPv4(settings, index: parent)))
    }
    messages.append(.delete(named: name))
    return messages.flatMap { $0.encoded(sequence: 0, isAcknowledged: false) }
  }
}
