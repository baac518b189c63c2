public import VIPCore

extension Advertisement {
  /// Reads and checks a message of either version in the order of RFC 9568 §7.1.
  ///
  /// Bytes behind the last address are ignored, reserved bits too. Never traps, whatever the bytes
  /// are.
  ///
  /// - Parameters:
  ///   - message: what followed the IP header, up to the length that header gives.
  ///   - source: the source address of the IP header.
  ///   - destination: the destination address of the IP header.
  ///   - hopLimit: the TTL or hop limit of the IP header.
  ///   - mayListNothing: whether a message without addresses is taken too, which RFC 9568 §5.2.5
  ///     does not allow: as between routers that have none.
  /// - Throws: the first check that failed, which also names the counter to advance.
  public init(
    parsing message: Span<UInt8>, from source: IPAddress, to destination: IPAddress,
    hopLimit: UInt8, mayListNothing: Bool = false
  ) throws(AdvertisementError) {
    guard hopLimit == Self.hopLimit else { throw .hopLimit(hopLimit) }
    guard message.count >= Self.headerByteCount else { throw .length(message.count) }
    family = source.family
    let number = message[Offset.versionAndType] >> 4
    let type = message[Offset.versionAndType] & 0x0F
    // Version 2 was never defined for IPv6.
    guard let version = ProtocolVersion(rawValue: number), version == .v3 || family == .ipv4 else {
      throw .version(number)
    }
    guard type == 1 else { throw .type(type) }
    self.version = version

    addressCount = Int(message[Offset.addressCount])
    let length = Self.byteCount(addresses: addressCount, family: family, version: version)
    guard message.count >= length else { throw .length(message.count) }

    let form =
      version == .v3
      ? Self.validChecksumForm(message, length: length, from: source, to: destination)
      : Self.plainSumIsValid(message, length: length) ? .message : nil
    guard let form else { throw .checksum }
    checksumForm = form

    guard let vrid = VRID(octet: message[Offset.vrid]) else { throw .vridZero }
    guard addressCount > 0 || mayListNothing else { throw .noAddresses }
    let interval =
      version == .v3
      ? AdvertisementInterval(
        centiseconds: message.uint16(at: Offset.reserveAndInterval) & 0x0FFF)
      : AdvertisementInterval(seconds: message[Offset.intervalSeconds])
    guard let interval else { throw .intervalZero }
    authentication =
      version == .v3
      ? .none
      : try Self.authentication(
        type: message[Offset.authenticationType],
        data: message.uint64(at: length - Self.authenticationByteCount))
    self.vrid = vrid
    self.interval = interval
    priority = Priority(rawValue: message[Offset.priority])
  }

  private static func authentication(
    type: UInt8, data: UInt64
  ) throws(AdvertisementError) -> Authentication {
    switch type {
    case 0: .none
    case 1: .simpleText(Authentication.Password(rawValue: data))
    case 2: throw .authenticationHeader
    default: throw .authenticationType(type)
    }
  }

  private static func plainSumIsValid(_ message: Span<UInt8>, length: Int) -> Bool {
    var sum = InternetChecksum()
    sum.add(message.extracting(..<length))
    return sum.isZero
  }

  /// The form in which the checksum is right; IPv4 tries both.
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

  /// The relation of the addresses in the message that this was parsed from to ours.
  ///
  /// Allocates nothing if they stand in our order, as they usually do.
  public func match(_ ours: [IPAddress], in message: Span<UInt8>) -> AddressListMatch {
    if lists(ours, in: message) { return .same }
    // Those in front are enough for most, without allocating.
    let count = Swift.min(addressCount, 8)
    for index in 0..<count {
      let offset = Self.headerByteCount + index * family.addressByteCount
      if ours.contains(message.ipAddress(family, at: offset)) { return .overlapping }
    }
    guard addressCount > count else { return .disjoint }
    return Set(ours).isDisjoint(with: addresses(in: message)) ? .disjoint : .overlapping
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
