/// Netlink numbers are in the byte order of the machine. Callers check the length first; a read or
/// write past the end traps.
extension Span where Element == UInt8 {
  /// The 16-bit number at an offset.
  func native16(at offset: Int) -> UInt16 {
    bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self)
  }

  /// The 32-bit number at an offset.
  func native32(at offset: Int) -> UInt32 {
    bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self)
  }

  /// Text up to its end or the first zero byte; what is not UTF-8 is replaced.
  func text(_ range: Range<Int>) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(range.count)
    for index in range {
      guard self[index] != 0 else { break }
      bytes.append(self[index])
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension OutputSpan where Element == UInt8 {
  /// Appends a 16-bit number.
  mutating func append(native value: UInt16) {
    // Where the machine is big-endian, this swaps first, so that the low byte is the leading one.
    let ordered = value.littleEndian
    append(UInt8(truncatingIfNeeded: ordered))
    append(UInt8(truncatingIfNeeded: ordered >> 8))
  }

  /// Appends a 32-bit number.
  mutating func append(native value: UInt32) {
    let ordered = value.littleEndian
    append(UInt8(truncatingIfNeeded: ordered))
    append(UInt8(truncatingIfNeeded: ordered >> 8))
    append(UInt8(truncatingIfNeeded: ordered >> 16))
    append(UInt8(truncatingIfNeeded: ordered >> 24))
  }
}

/// The next multiple of four, to which netlink pads messages and attributes.
func aligned(_ length: Int) -> Int { (length + 3) & ~3 }
