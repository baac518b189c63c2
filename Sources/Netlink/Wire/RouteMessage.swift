import VIPCore

/// A request about a route by which the machine takes an IPv4 address for its own.
struct RouteMessage {
  /// Number of bytes that `encode(into:sequence:)` writes.
  static let byteCount = Message.headerByteCount + 12 + 24

  private enum RouteAttribute {
    static let destination: UInt16 = 1
    static let interface: UInt16 = 4
    static let table: UInt16 = 15
  }

  /// RT_TABLE_LOCAL.
  static let localTable: UInt32 = 255

  var type: UInt16
  /// Besides NLM_F_REQUEST and NLM_F_ACK.
  var messageFlags: UInt16 = 0
  var destination: IPAddress
  var interfaceIndex: Int32
  var table = Self.localTable
  /// RT_SCOPE_NOWHERE matches any in a removal.
  var scope: UInt8 = 255

  /// Writes the message.
  func encode(into output: inout OutputSpan<UInt8>, sequence: UInt32) {
    output.appendHeader(
      length: Self.byteCount, type: type,
      flags: MessageFlags.request | MessageFlags.acknowledge | messageFlags, sequence: sequence)
    output.append(FamilyNumber.ipv4)
    output.append(32)  // length of the destination
    output.append(repeating: 0, count: 2)  // source, type of service
    output.append(0)  // the table, superseded by the attribute
    output.append(0)  // protocol
    output.append(scope)
    output.append(2)  // RTN_LOCAL
    output.append(native: UInt32(0))
    output.appendAttribute(RouteAttribute.destination, payloadByteCount: 4)
    output.append(destination)
    output.appendAttribute(RouteAttribute.interface, payloadByteCount: 4)
    output.append(native: UInt32(bitPattern: interfaceIndex))
    output.appendAttribute(RouteAttribute.table, payloadByteCount: 4)
    output.append(native: table)
  }

  /// A route and its removal that change nothing but one thing: from then on the kernel asks its
  /// routes whether a packet's source is an address of this machine.
  ///
  /// Before, it looks at a list of all addresses, dormant ones too, and drops what comes from the
  /// machine that really has one. It looks at the routes as soon as a local route was ever made by
  /// hand, in any table.
  static var trigger: [RouteMessage] {
    var route = RouteMessage(
      type: MessageType.newRoute, messageFlags: MessageFlags.create | MessageFlags.exclusive,
      destination: .v4(IPv4Address(127, 0, 0, 1)), interfaceIndex: 1, table: 0x7669_7063)
    route.scope = 254  // RT_SCOPE_HOST
    var removal = route
    removal.type = MessageType.deleteRoute
    removal.messageFlags = 0
    return [route, removal]
  }
}
