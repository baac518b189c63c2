import VIPCore

/// Attributes of an address message (linux/if_addr.h).
enum AddressAttribute {
  static let address: UInt16 = 1
  static let local: UInt16 = 2
  static let label: UInt16 = 3
  static let broadcast: UInt16 = 4
  static let cacheInfo: UInt16 = 6
  static let flags: UInt16 = 8
  static let proto: UInt16 = 11
}

/// A request to add or delete an address, ready to be encoded.
struct AddressMessage {
  static let fixedByteCount = 8
  /// The longest message `encode(into:sequence:)` writes.
  static let maximumByteCount = 104

  var type: UInt16
  /// Whether the kernel answers also when all went well (NLM_F_ACK).
  var isAcknowledged = true
  /// Besides NLM_F_REQUEST and NLM_F_ACK.
  var messageFlags: UInt16 = 0
  var interfaceIndex: Int32
  var address: InterfaceAddress
  var scope: UInt8 = 0
  var broadcast: IPv4Address?
  /// The lifetimes in seconds; all bits set is without limit.
  var lifetimes: (preferred: UInt32, valid: UInt32)?
  var flags: AddressFlags = []
  /// Zero leaves the attribute out.
  var protocolTag: UInt8 = 0
  /// At most 15 bytes; more are cut off.
  var label: String?

  /// RTM_NEWADDR that creates the address or updates it.
  static func install(_ request: AddressRequest) -> AddressMessage {
    AddressMessage(
      type: MessageType.newAddress, messageFlags: MessageFlags.create | MessageFlags.replace,
      interfaceIndex: request.interfaceIndex, address: request.address, scope: request.scope,
      broadcast: request.broadcast,
      // Without this attribute the kernel assumes that neither has a limit.
      lifetimes: request.preferredSeconds == .max
        ? nil : (request.preferredSeconds, request.validSeconds),
      flags: request.flags, protocolTag: request.protocolTag,
      label: request.address.family == .ipv4 ? request.label : nil)
  }

  /// RTM_DELADDR.
  static func remove(_ request: AddressRequest) -> AddressMessage {
    AddressMessage(
      type: MessageType.deleteAddress, interfaceIndex: request.interfaceIndex,
      address: request.address)
  }

  /// IPv6 has no broadcast.
  private var hasBroadcast: Bool { broadcast != nil && address.family == .ipv4 }

  /// The length of the encoded message.
  private var byteCount: Int {
    var count = Message.headerByteCount + Self.fixedByteCount
    count += address.family == .ipv4 ? 16 : 20
    if hasBroadcast { count += 8 }
    if lifetimes != nil { count += 20 }
    if !flags.isEmpty { count += 8 }
    if protocolTag != 0 { count += 8 }
    if label != nil { count += 20 }
    return count
  }

  /// Writes the message; at most `maximumByteCount` bytes, always a multiple of four.
  func encode(into output: inout OutputSpan<UInt8>, sequence: UInt32) {
    output.appendHeader(
      length: byteCount, type: type,
      flags: MessageFlags.request | (isAcknowledged ? MessageFlags.acknowledge : 0) | messageFlags,
      sequence: sequence)
    output.append(address.family == .ipv4 ? FamilyNumber.ipv4 : FamilyNumber.ipv6)
    output.append(UInt8(address.prefixLength))
    output.append(0)  // flags, superseded by the attribute
    output.append(scope)
    output.append(native: UInt32(bitPattern: interfaceIndex))

    let length = address.family.addressByteCount
    output.appendAttribute(AddressAttribute.local, payloadByteCount: length)
    output.append(address.address)
    if address.family == .ipv4 {
      // Without this, a deletion would take the first match whatever its prefix length.
      output.appendAttribute(AddressAttribute.address, payloadByteCount: length)
      output.append(address.address)
    }
    if hasBroadcast, let broadcast {
      output.appendAttribute(AddressAttribute.broadcast, payloadByteCount: 4)
      output.append(.v4(broadcast))
    }
    if let lifetimes {
      output.appendAttribute(AddressAttribute.cacheInfo, payloadByteCount: 16)
      output.append(native: lifetimes.preferred)
      output.append(native: lifetimes.valid)
      output.append(native: UInt32(0))  // created and updated: set by the kernel
      output.append(native: UInt32(0))
    }
    if !flags.isEmpty {
      output.appendAttribute(AddressAttribute.flags, payloadByteCount: 4)
      output.append(native: flags.rawValue)
    }
    if protocolTag != 0 {
      output.appendAttribute(AddressAttribute.proto, payloadByteCount: 1)
      output.append(protocolTag)
      output.append(repeating: 0, count: 3)
    }
    if let label {
      // With the zero at its end, and padded to 16.
      let bytes = label.utf8.prefix(15)
      output.appendAttribute(AddressAttribute.label, payloadByteCount: 16)
      for byte in bytes { output.append(byte) }
      output.append(repeating: 0, count: 16 - bytes.count)
    }
  }

  /// The request that removes the route by which the machine takes an IPv4 address for its own.
  var localRouteRemoval: RouteMessage {
    RouteMessage(
      type: MessageType.deleteRoute, destination: address.address, interfaceIndex: interfaceIndex)
  }

  /// Writes a request for all addresses of a family (all families: zero) on an interface (all
  /// interfaces: zero).
  static func encodeDump(
    family: UInt8, interfaceIndex: Int32, into output: inout OutputSpan<UInt8>, sequence: UInt32
  ) {
    output.appendHeader(
      length: Message.headerByteCount + fixedByteCount, type: MessageType.getAddress,
      flags: MessageFlags.request | MessageFlags.dump, sequence: sequence)
    output.append(family)
    output.append(repeating: 0, count: 3)
    output.append(native: UInt32(bitPattern: interfaceIndex))
  }
}

extension AddressRequest {
  /// The bytes of RTM_DELADDR for each of some addresses, one after the other.
  ///
  /// The guard sends them: the kernel answers only to those that fail.
  package static func removals(_ requests: [AddressRequest]) -> [UInt8] {
    [UInt8](capacity: requests.count * AddressMessage.maximumByteCount) { output in
      for request in requests {
        var message = AddressMessage.remove(request)
        message.isAcknowledged = false
        message.encode(into: &output, sequence: 0)
      }
    }
  }
}

extension AddressRecord {
  /// Reads RTM_NEWADDR or RTM_DELADDR; `nil` for other families and for malformed messages.
  init?(_ message: Message, in bytes: Span<UInt8>) {
    let payload = message.payload
    guard payload.count >= AddressMessage.fixedByteCount else { return nil }
    let start = payload.lowerBound
    let family: AddressFamily
    switch bytes[start] {
    case FamilyNumber.ipv4: family = .ipv4
    case FamilyNumber.ipv6: family = .ipv6
    default: return nil
    }

    var local: IPAddress?
    var remote: IPAddress?
    var flags = AddressFlags(rawValue: UInt32(bytes[start + 2]))
    var lifetimes: (preferred: UInt32, valid: UInt32) = (.max, .max)
    var tag: UInt8 = 0
    var label: String?
    var rest = start + AddressMessage.fixedByteCount..<payload.upperBound
    while let attribute = Attribute.next(in: bytes, from: &rest) {
      let at = attribute.payload.lowerBound
      switch (attribute.type, attribute.payload.count) {
      case (AddressAttribute.local, family.addressByteCount):
        local = bytes.ipAddress(family, at: at)
      case (AddressAttribute.address, family.addressByteCount):
        remote = bytes.ipAddress(family, at: at)
      case (AddressAttribute.cacheInfo, 8...):
        lifetimes = (bytes.native32(at: at), bytes.native32(at: at + 4))
      case (AddressAttribute.flags, 4...):
        flags = AddressFlags(rawValue: bytes.native32(at: at))
      case (AddressAttribute.proto, 1...):
        tag = bytes[at]
      case (AddressAttribute.label, _):
        label = bytes.text(attribute.payload)
      default: break
      }
    }
    // IPv6 sends no IFA_LOCAL unless there is a peer, which is what IFA_ADDRESS then names.
    guard let own = local ?? remote,
      let address = InterfaceAddress(own, prefixLength: Int(bytes[start + 1]))
    else { return nil }
    self.init(
      interfaceIndex: Int32(bitPattern: bytes.native32(at: start + 4)), address: address,
      peer: remote == own ? nil : remote, flags: flags, protocolTag: tag,
      validLifetime: lifetimes.valid == .max ? nil : .seconds(Int64(lifetimes.valid)),
      preferredLifetime: lifetimes.preferred == .max ? nil : .seconds(Int64(lifetimes.preferred)),
      label: label, scope: bytes[start + 3])
  }
}
