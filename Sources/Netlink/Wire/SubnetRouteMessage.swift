import VIPCore

/// Requests about routes to subnets, and what the kernel tells of a route.
enum SubnetRouteMessage {
  private enum RouteAttribute {
    static let destination: UInt16 = 1
    static let interface: UInt16 = 4
    static let priority: UInt16 = 6
    static let expires: UInt16 = 23
  }

  static let maximumByteCount = 96

  /// RT_TABLE_MAIN.
  private static let mainTable: UInt8 = 254
  private static let unicast: UInt8 = 1
  private static let local: UInt8 = 2
  /// RTM_F_FIB_MATCH: tell the entry that was found, not what follows from it.
  private static let tellEntry: UInt32 = 0x2000
  /// Larger than what other programs use.
  private static let metric: UInt32 = 0x7FFF_FFFF

  /// RTM_GETROUTE for an address.
  static func encodeQuery(
    _ address: IPAddress, into output: inout OutputSpan<UInt8>, sequence: UInt32
  ) {
    let length = address.family.addressByteCount
    output.appendHeader(
      length: Message.headerByteCount + 12 + 4 + length, type: MessageType.getRoute,
      flags: MessageFlags.request | MessageFlags.acknowledge, sequence: sequence)
    appendFields(address, prefixLength: length * 8, flags: tellEntry, into: &output)
    output.appendAttribute(RouteAttribute.destination, payloadByteCount: length)
    output.append(address)
  }

  /// RTM_NEWROUTE that makes or refreshes a route, or RTM_DELROUTE.
  static func encode(
    _ request: RouteRequest, isRemoval: Bool, isAcknowledged: Bool = true,
    into output: inout OutputSpan<UInt8>, sequence: UInt32
  ) {
    let address = request.subnet.address
    let length = address.family.addressByteCount
    let seconds = address.family == .ipv6 && !isRemoval ? request.seconds : nil
    output.appendHeader(
      length: Message.headerByteCount + 12 + 4 + length + 16 + (seconds == nil ? 0 : 8),
      type: isRemoval ? MessageType.deleteRoute : MessageType.newRoute,
      flags: MessageFlags.request | (isAcknowledged ? MessageFlags.acknowledge : 0)
        | (isRemoval ? 0 : MessageFlags.create | MessageFlags.replace), sequence: sequence)
    appendFields(
      address, prefixLength: request.subnet.prefixLength, table: mainTable,
      protocolTag: vipProtocolTag,
      // RT_SCOPE_LINK
      scope: address.family == .ipv4 ? 253 : 0, type: unicast, flags: 0, into: &output)
    output.appendAttribute(RouteAttribute.destination, payloadByteCount: length)
    output.append(address)
    output.appendAttribute(RouteAttribute.interface, payloadByteCount: 4)
    output.append(native: UInt32(bitPattern: request.interfaceIndex))
    output.appendAttribute(RouteAttribute.priority, payloadByteCount: 4)
    output.append(native: metric)
    guard let seconds else { return }
    output.appendAttribute(RouteAttribute.expires, payloadByteCount: 4)
    output.append(native: seconds)
  }

  private static func appendFields(
    _ address: IPAddress, prefixLength: Int, table: UInt8 = 0, protocolTag: UInt8 = 0,
    scope: UInt8 = 0, type: UInt8 = 0, flags: UInt32, into output: inout OutputSpan<UInt8>
  ) {
    output.append(address.family == .ipv4 ? FamilyNumber.ipv4 : FamilyNumber.ipv6)
    output.append(UInt8(prefixLength))
    output.append(repeating: 0, count: 2)  // source, type of service
    output.append(table)
    output.append(protocolTag)
    output.append(scope)
    output.append(type)
    output.append(native: flags)
  }

  /// Reads RTM_NEWROUTE; `nil` for other and for malformed messages.
  static func record(_ message: Message, in bytes: Span<UInt8>) -> RouteRecord? {
    guard message.type == MessageType.newRoute, message.payload.count >= 12 else { return nil }
    let start = message.payload.lowerBound
    return RouteRecord(
      prefixLength: Int(bytes[start + 1]), protocolTag: bytes[start + 5],
      isLocal: bytes[start + 7] == local)
  }
}

extension RouteRequest {
  /// The bytes of RTM_DELROUTE for each of some routes, one after the other.
  ///
  /// The guard sends them: the kernel answers only to those that fail.
  package static func removals(_ requests: [RouteRequest]) -> [UInt8] {
    [UInt8](capacity: requests.count * SubnetRouteMessage.maximumByteCount) { output in
      for request in requests {
        SubnetRouteMessage.encode(
          request, isRemoval: true, isAcknowledged: false, into: &output, sequence: 0)
      }
    }
  }

  /// The lifetime in whole seconds; `nil` is without end.
  fileprivate var seconds: UInt32? { lifetime?.wholeSeconds }

  /// An error about this request.
  func refused(_ code: Int32, _ message: String?, _ offset: Int?, isRemoval: Bool) -> NetlinkError {
    NetlinkError(
      operation: "\(isRemoval ? "remove the route to" : "add a route to") \(subnet) on interface "
        + "\(interfaceIndex)", code: code, message: message, offset: offset)
  }
}
