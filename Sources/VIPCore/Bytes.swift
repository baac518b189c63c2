/// Big-endian reads, bounds-checked by `Span` itself. Callers check the length first; a read past
/// the end is a programming error and traps.
extension Span where Element == UInt8 {
  /// The 16-bit number at an offset.
  @inlinable
  public func uint16(at offset: Int) -> UInt16 {
    UInt16(self[offset]) << 8 | UInt16(self[offset + 1])
  }

  /// The 32-bit number at an offset.
  @inlinable
  public func uint32(at offset: Int) -> UInt32 {
    UInt32(uint16(at: offset)) << 16 | UInt32(uint16(at: offset + 2))
  }

  /// The 64-bit number at an offset.
  @inlinable
  public func uint64(at offset: Int) -> UInt64 {
    UInt64(uint32(at: offset)) << 32 | UInt64(uint32(at: offset + 4))
  }

  /// The Ethernet address at an offset.
  @inlinable
  public func macAddress(at offset: Int) -> MACAddress {
    MACAddress(rawValue: UInt64(uint16(at: offset)) << 32 | UInt64(uint32(at: offset + 2)))
  }

  /// The IPv4 address at an offset.
  @inlinable
  public func ipv4Address(at offset: Int) -> IPv4Address {
    IPv4Address(rawValue: uint32(at: offset))
  }

  /// The IPv6 address at an offset.
  @inlinable
  public func ipv6Address(at offset: Int) -> IPv6Address {
    IPv6Address(high: uint64(at: offset), low: uint64(at: offset + 8))
  }

  /// The address of a family at an offset.
  @inlinable
  public func ipAddress(_ family: AddressFamily, at offset: Int) -> IPAddress {
    family == .ipv4 ? .v4(ipv4Address(at: offset)) : .v6(ipv6Address(at: offset))
  }
}

/// Big-endian writes. Callers provide enough room; a write past the capacity traps.
extension OutputSpan where Element == UInt8 {
  /// Appends a 16-bit number.
  @inlinable
  public mutating func append(bigEndian value: UInt16) {
    append(UInt8(truncatingIfNeeded: value >> 8))
    append(UInt8(truncatingIfNeeded: value))
  }

  /// Appends a 32-bit number.
  @inlinable
  public mutating func append(bigEndian value: UInt32) {
    append(bigEndian: UInt16(truncatingIfNeeded: value >> 16))
    append(bigEndian: UInt16(truncatingIfNeeded: value))
  }

  /// Appends a 64-bit number.
  @inlinable
  public mutating func append(bigEndian value: UInt64) {
    append(bigEndian: UInt32(truncatingIfNeeded: value >> 32))
    append(bigEndian: UInt32(truncatingIfNeeded: value))
  }

  /// Appends an Ethernet address.
  @inlinable
  public mutating func append(_ address: MACAddress) {
    append(bigEndian: UInt16(truncatingIfNeeded: address.rawValue >> 32))
    append(bigEndian: UInt32(truncatingIfNeeded: address.rawValue))
  }

  /// Appends an IP address, 4 or 16 bytes.
  @inlinable
  public mutating func append(_ address: IPAddress) {
    switch address {
    case .v4(let address):
      append(bigEndian: address.rawValue)
    case .v6(let address):
      append(bigEndian: address.high)
      append(bigEndian: address.low)
    }
  }
}
