/// The Internet checksum of RFC 1071.
///
/// It is the one's complement of the one's complement sum of 16-bit words. Parts are added one
/// after the other; each part but the last has an even length.
///
/// A message whose checksum field is filled in sums to ``isZero``.
public struct InternetChecksum: Sendable, Equatable {
  @usableFromInline var sum: UInt64 = 0

  /// Starts with nothing summed.
  @inlinable
  public init() {}

  /// Adds bytes; an odd last byte counts as the high half of a word.
  @inlinable
  public mutating func add(_ bytes: Span<UInt8>) {
    var offset = 0
    // Words of any even size may be summed, since 2^16 and 2^32 leave the same remainder, 1.
    while offset + 3 < bytes.count {
      sum &+= UInt64(bytes.uint32(at: offset))
      offset += 4
    }
    while offset + 1 < bytes.count {
      sum &+= UInt64(bytes.uint16(at: offset))
      offset += 2
    }
    if offset < bytes.count { sum &+= UInt64(bytes[offset]) << 8 }
  }

  /// Adds a number as the words of its big-endian form.
  @inlinable
  public mutating func add(_ value: UInt32) {
    sum &+= UInt64(value)
  }

  /// Adds a number as the words of its big-endian form.
  @inlinable
  public mutating func add(_ value: UInt64) {
    add(UInt32(truncatingIfNeeded: value >> 32))
    add(UInt32(truncatingIfNeeded: value))
  }

  /// Adds an address.
  @inlinable
  public mutating func add(_ address: IPAddress) {
    switch address {
    case .v4(let address):
      add(address.rawValue)
    case .v6(let address):
      add(address.high)
      add(address.low)
    }
  }

  /// Adds the pseudo-header of an upper-layer message.
  ///
  /// For IPv6 that of RFC 8200 §8.1, for IPv4 the same fields in IPv4's sizes. Both addresses are
  /// of one family.
  @inlinable
  public mutating func addPseudoHeader(
    source: IPAddress, destination: IPAddress, length: Int, protocolNumber: UInt8
  ) {
    add(source)
    add(destination)
    add(UInt32(truncatingIfNeeded: length))
    add(UInt32(protocolNumber))
  }

  /// The checksum field's value for what was added (with the field itself taken as zero).
  @inlinable
  public var value: UInt16 {
    var folded = sum >> 32 &+ sum & 0xFFFF_FFFF
    while folded > 0xFFFF { folded = folded >> 16 &+ folded & 0xFFFF }
    return ~UInt16(truncatingIfNeeded: folded)
  }

  /// Whether what was added, checksum field included, is undamaged.
  @inlinable
  public var isZero: Bool { value == 0 }
}
