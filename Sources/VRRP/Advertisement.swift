public import VIPCore

/// A VRRP version 3 advertisement (RFC 9568 §5.2), the only message of the protocol.
///
/// ```
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |Version| Type  | Virtual Rtr ID|   Priority    |IPvX Addr Count|
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |Reserve| Max Advertise Interval|          Checksum             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                       IPvX Address(es)                        |
/// ```
///
/// The value holds what the election needs. The addresses stay in the message, so that receiving
/// an advertisement allocates nothing; ``addresses(in:)`` reads them.
public struct Advertisement: Sendable, Hashable {
  /// Which virtual router this speaks for.
  public let vrid: VRID
  /// The sender's priority.
  public let priority: Priority
  /// The sender's time between advertisements.
  public let interval: AdvertisementInterval
  /// How many addresses the message lists.
  public let addressCount: Int
  /// The family of the IP header that carried the message, and so of the addresses.
  public let family: AddressFamily
  /// The form the checksum was correct in.
  public let checksumForm: ChecksumForm

  /// The IP protocol number of VRRP (RFC 9568 §5.1.1.4).
  public static let protocolNumber: UInt8 = 112
  /// The TTL or hop limit of every advertisement (RFC 9568 §5.1.1.3).
  public static let hopLimit: UInt8 = 255
  /// Bytes before the first address.
  public static let headerByteCount = 8
  /// The most addresses one advertisement can list.
  public static let addressCountMax = 255

  private enum Offset {
    static let versionAndType = 0
    static let vrid = 1
    static let priority = 2
    static let addressCount = 3
    static let reserveAndInterval = 4
    static let checksum = 6
  }
  private static let versionAndType: UInt8 = 0x31

  /// The length of a message with a number of addresses.
  public static func byteCount(addresses count: Int, family: AddressFamily) -> Int {
    headerByteCount + count * family.addressByteCount
  }

  /// The most addresses that fit into one packet on a link (RFC 9568 §5.2.5 forbids fragments
  /// nowhere, but receivers don't expect them).
  public static func addressCountMax(mtu: Int, family: AddressFamily) -> Int {
    let ipHeader = family == .ipv4 ? 20 : 40
    let room = (mtu - ipHeader - headerByteCount) / family.addressByteCount
    return min(max(room, 1), addressCountMax)
  }

  /// Makes an advertisement to send.
  public init(
    vrid: VRID, priority: Priority, interval: AdvertisementInterval, addressCount: Int,
    family: AddressFamily, checksumForm: ChecksumForm
  ) {
    self.vrid = vrid
    self.priority = priority
    self.interval = interval
    self.addressCount = addressCount
    self.family = family
    self.checksumForm = checksumForm
  }
}

// MARK: Receiving

extension Advertisement {
  /// Reads and checks a message in the order of RFC 9568 §7.1.
  ///
  /// Bytes behind the last address are ignored, reserved bits too. Never traps, whatever the bytes
  /// are.
  ///
  /// - Parameters:
  ///   - message: what followed the IP header, up to the length that header gives.
  ///   - source: the source address of the IP header.
  ///   - destination: the destination address of the IP header.
  ///   - hopLimit: the TTL or hop limit of the IP header.
  /// - Throws: the first check that failed, which also names the counter to advance.
  public init(
    parsing message: Span<UInt8>, from source: IPAddress, to destination: IPAddress,
    hopLimit: UInt8
  ) throws(AdvertisementError) {
    guard hopLimit == Self.hopLimit else { throw .hopLimit(hopLimit) }
    guard message.count >= Self.headerByteCount else { throw .length(message.count) }
    let version = message[Offset.versionAndType] >> 4
    let type = message[Offset.versionAndType] & 0x0F
    guard version == 3 else { throw .version(version) }
    guard type == 1 else { throw .type(type) }

    family = source.family
    addressCount = Int(message[Offset.addressCount])
    let length = Self.byteCount(addresses: addressCount, family: family)
    guard message.count >= length else { throw .length(message.count) }

    guard
      let form = Self.validChecksumForm(
        message, length: length, from: source, to: destination)
    else { throw .checksum }
    checksumForm = form

    guard let vrid = VRID(exactly: message[Offset.vrid]) else { throw .vridZero }
    guard addressCount > 0 else { throw .noAddresses }
    let field = message.uint16(at: Offset.reserveAndInterval) & 0x0FFF
    guard let interval = AdvertisementInterval(centiseconds: field) else { throw .intervalZero }
    self.vrid = vrid
    self.interval = interval
    priority = Priority(rawValue: message[Offset.priority])
  }

  /// Which form the checksum is right in; IPv4 tries both.
  private static func validChecksumForm(
    _ message: Span<UInt8>, length: Int, from source: IPAddress, to destination: IPAddress
  ) -> ChecksumForm? {
    var sum = InternetChecksum()
    if source.family == .ipv6 {
      // Over IPv6 the sum covers the whole payload, also bytes behind the last address.
      sum.add(message)
      sum.addPseudoHeader(
        source: source, destination: destination, length: message.count,
        protocolNumber: protocolNumber)
      return sum.isZero ? .pseudoHeader : nil
    }
    sum.add(message.extracting(..<length))
    if sum.isZero { return .message }
    sum.addPseudoHeader(
      source: source, destination: destination, length: length, protocolNumber: protocolNumber)
    return sum.isZero ? .pseudoHeader : nil
  }

  /// The addresses listed in the message this was parsed from.
  public func addresses(in message: Span<UInt8>) -> [IPAddress] {
    (0..<addressCount).map { index in
      message.ipAddress(family, at: Self.headerByteCount + index * family.addressByteCount)
    }
  }

  /// Whether the message this was parsed from lists exactly these addresses, in any order.
  public func lists(_ expected: [IPAddress], in message: Span<UInt8>) -> Bool {
    guard expected.count == addressCount else { return false }
    // All routers of a group are usually configured in one order: no allocation then.
    for (index, address) in expected.enumerated() {
      let offset = Self.headerByteCount + index * family.addressByteCount
      guard message.ipAddress(family, at: offset) == address else {
        return Set(expected) == Set(addresses(in: message))
      }
    }
    return true
  }
}

// MARK: Sending

extension Advertisement {
  /// Writes the message, checksum included.
  ///
  /// - Parameters:
  ///   - addresses: as many as ``addressCount``, all of one family; over IPv6 RFC 9568 §5.2.9 wants
  ///     the link-local address first.
  ///   - source: the source address of the IP header that will carry it.
  ///   - destination: the destination address of that header.
  ///   - output: room for at least ``byteCount(addresses:family:)`` bytes.
  public func encode(
    _ addresses: [IPAddress], from source: IPAddress, to destination: IPAddress,
    into output: inout OutputSpan<UInt8>
  ) {
    precondition(addresses.count == addressCount, "the count and the addresses disagree")
    precondition(addressCount <= Self.addressCountMax, "the count does not fit its field")
    let firstWord =
      UInt32(Self.versionAndType) << 24 | UInt32(vrid.rawValue) << 16
      | UInt32(priority.rawValue) << 8 | UInt32(addressCount)
    var sum = InternetChecksum()
    sum.add(firstWord)
    sum.add(UInt32(interval.centiseconds))
    for address in addresses { sum.add(address) }
    if family == .ipv6 || checksumForm == .pseudoHeader {
      sum.addPseudoHeader(
        source: source, destination: destination,
        length: Self.byteCount(addresses: addressCount, family: family),
        protocolNumber: Self.protocolNumber)
    }
    output.append(bigEndian: firstWord)
    output.append(bigEndian: interval.centiseconds)
    output.append(bigEndian: sum.value)
    for address in addresses { output.append(address) }
  }

  /// The message as bytes of its own; see ``encode(_:from:to:into:)``.
  public func encoded(
    _ addresses: [IPAddress], from source: IPAddress, to destination: IPAddress
  ) -> [UInt8] {
    let size = Self.byteCount(addresses: addressCount, family: family)
    return [UInt8](capacity: size) { output in
      encode(addresses, from: source, to: destination, into: &output)
    }
  }
}
