public import VIPCore

/// An ARP message about IPv4 on Ethernet (RFC 826), the payload of a frame of type 0x0806.
public struct ARPPacket: Sendable, Hashable {
  private enum Offset {
    static let hardwareType = 0
    static let protocolType = 2
    static let hardwareLength = 4
    static let protocolLength = 5
    static let operation = 6
    static let senderMAC = 8
    static let senderAddress = 14
    static let targetMAC = 18
    static let targetAddress = 24
  }
  private static let ethernet: UInt16 = 1
  private static let hardwareLength: UInt8 = 6
  private static let protocolLength: UInt8 = 4
  /// Size of a message, in bytes.
  public static let byteCount = 28

  /// Operation of a message, as its number on the wire.
  public struct Operation: RawRepresentable, Sendable, Hashable {
    /// The number on the wire.
    public let rawValue: UInt16

    /// Makes an operation from its number.
    public init(rawValue: UInt16) {
      self.rawValue = rawValue
    }

    /// Asks who has the target address.
    public static let request = Operation(rawValue: 1)
    /// Answers a request.
    public static let reply = Operation(rawValue: 2)
  }

  /// The operation of the message.
  public var operation: Operation
  /// The sender's Ethernet address.
  public var senderMAC: MACAddress
  /// The sender's IPv4 address; 0.0.0.0 in a probe.
  public var senderAddress: IPv4Address
  /// The target's Ethernet address; without meaning in a request.
  public var targetMAC: MACAddress
  /// The address in question.
  public var targetAddress: IPv4Address

  /// Makes a message from its fields.
  public init(
    operation: Operation, senderMAC: MACAddress, senderAddress: IPv4Address,
    targetMAC: MACAddress, targetAddress: IPv4Address
  ) {
    self.operation = operation
    self.senderMAC = senderMAC
    self.senderAddress = senderAddress
    self.targetMAC = targetMAC
    self.targetAddress = targetAddress
  }

  /// "This address is mine, at this Ethernet address" (RFC 5227 §2.3).
  ///
  /// A broadcast request, not a reply: Linux takes it at once whatever the target's Ethernet
  /// address says, while a reply may have to wait until the old entry is a second old.
  public static func announcement(of address: IPv4Address, from mac: MACAddress) -> ARPPacket {
    ARPPacket(
      operation: .request, senderMAC: mac, senderAddress: address,
      targetMAC: MACAddress(rawValue: 0), targetAddress: address)
  }

  /// Asks whether a machine has this address, without claiming any (RFC 5227 §2.1.1).
  public static func probe(for address: IPv4Address, from mac: MACAddress) -> ARPPacket {
    ARPPacket(
      operation: .request, senderMAC: mac, senderAddress: .any,
      targetMAC: MACAddress(rawValue: 0), targetAddress: address)
  }

  /// Reads a message; bytes after it are the frame's padding.
  public init(parsing payload: Span<UInt8>) throws(WireError) {
    guard payload.count >= Self.byteCount else {
      throw .truncated(needed: Self.byteCount, found: payload.count)
    }
    func check(
      _ field: WireError.Field, _ found: some FixedWidthInteger, is expected: some FixedWidthInteger
    ) throws(WireError) {
      guard found == expected else { throw .invalid(field, found: Int(found)) }
    }
    try check(.hardwareType, payload.uint16(at: Offset.hardwareType), is: Self.ethernet)
    try check(.protocolType, payload.uint16(at: Offset.protocolType), is: EtherType.ipv4.rawValue)
    try check(.hardwareLength, payload[Offset.hardwareLength], is: Self.hardwareLength)
    try check(.protocolLength, payload[Offset.protocolLength], is: Self.protocolLength)
    operation = Operation(rawValue: payload.uint16(at: Offset.operation))
    senderMAC = payload.macAddress(at: Offset.senderMAC)
    senderAddress = payload.ipv4Address(at: Offset.senderAddress)
    targetMAC = payload.macAddress(at: Offset.targetMAC)
    targetAddress = payload.ipv4Address(at: Offset.targetAddress)
  }

  /// Writes the message, ``byteCount`` bytes.
  public func encode(into output: inout OutputSpan<UInt8>) {
    output.append(bigEndian: Self.ethernet)
    output.append(bigEndian: EtherType.ipv4.rawValue)
    output.append(Self.hardwareLength)
    output.append(Self.protocolLength)
    output.append(bigEndian: operation.rawValue)
    output.append(senderMAC)
    output.append(bigEndian: senderAddress.rawValue)
    output.append(targetMAC)
    output.append(bigEndian: targetAddress.rawValue)
  }
}

/// The purpose of a message.
extension ARPPacket {
  /// The uses that RFC 826 and RFC 5227 make of the two operations.
  public enum Kind: String, Sendable, Hashable {
    /// Asks for another machine's address.
    case request
    /// Answers a request.
    case reply
    /// Asks whether an address is free, with 0.0.0.0 as the sender (RFC 5227 §2.1.1).
    case probe
    /// Tells all machines the sender's own address, as a request or as a reply ("gratuitous ARP").
    case announcement
    /// Anything else, such as the operations of RARP.
    case other
  }

  /// The purpose of the message.
  public var kind: Kind {
    switch operation {
    case .request, .reply:
      if senderAddress == targetAddress {
        return senderAddress.isUnspecified ? .other : .announcement
      }
      if operation == .reply { return .reply }
      return senderAddress.isUnspecified ? .probe : .request
    default:
      return .other
    }
  }

  /// Whether the sender announces its own address, as a request or as a reply.
  public var isAnnouncement: Bool { kind == .announcement }

  /// Whether the sender asks if an address is free.
  public var isProbe: Bool { kind == .probe }
}

extension ARPPacket: CustomStringConvertible {
  /// The message in the words of capture programs.
  public var description: String {
    switch kind {
    case .request: "who has \(targetAddress)? tell \(senderAddress) at \(senderMAC)"
    case .reply: "\(senderAddress) is at \(senderMAC)"
    case .probe: "who has \(targetAddress)? (probe from \(senderMAC))"
    case .announcement: "announcement: \(senderAddress) is at \(senderMAC)"
    case .other:
      "operation \(operation.rawValue), \(senderAddress) at \(senderMAC), target \(targetAddress)"
    }
  }
}
