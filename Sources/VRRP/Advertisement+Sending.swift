public import VIPCore

extension Advertisement {
  /// Writes the message, checksum included.
  ///
  /// - Parameters:
  ///   - addresses: as many as ``addressCount``, all of one family; over IPv6 RFC 9568 §5.2.9 wants
  ///     the link-local address first.
  ///   - source: the source address of the IP header that will carry it.
  ///   - destination: the destination address of that header.
  ///   - output: room for at least ``byteCount(addresses:family:version:)`` bytes.
  public func encode(
    _ addresses: [IPAddress], from source: IPAddress, to destination: IPAddress,
    into output: inout OutputSpan<UInt8>
  ) {
    precondition(addresses.count == addressCount, "the count and the addresses disagree")
    precondition(addressCount <= Self.addressCountMax, "the count does not fit its field")
    let firstWord =
      UInt32(version.rawValue) << 28 | 1 << 24 | UInt32(vrid.rawValue) << 16
      | UInt32(priority.rawValue) << 8 | UInt32(addressCount)
    let secondWord =
      version == .v3
      ? interval.centiseconds & 0x0FFF
      : UInt16(authentication.type) << 8 | UInt16(interval.wholeSeconds ?? 1)
    var sum = InternetChecksum()
    sum.add(firstWord)
    sum.add(UInt32(secondWord))
    for address in addresses { sum.add(address) }
    if version == .v2 {
      sum.add(authentication.data)
    } else if family == .ipv6 || checksumForm == .pseudoHeader {
      sum.addPseudoHeader(
        source: source, destination: destination,
        length: Self.byteCount(addresses: addressCount, family: family),
        protocolNumber: Self.protocolNumber)
    }
    output.append(bigEndian: firstWord)
    output.append(bigEndian: secondWord)
    output.append(bigEndian: sum.value)
    for address in addresses { output.append(address) }
    if version == .v2 { output.append(bigEndian: authentication.data) }
  }

  /// The message as bytes of its own; see ``encode(_:from:to:into:)``.
  public func encoded(
    _ addresses: [IPAddress], from source: IPAddress, to destination: IPAddress
  ) -> [UInt8] {
    let size = Self.byteCount(addresses: addressCount, family: family, version: version)
    return [UInt8](capacity: size) { output in
      encode(addresses, from: source, to: destination, into: &output)
    }
  }
}
