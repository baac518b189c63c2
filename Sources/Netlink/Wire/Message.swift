/// Message types this module sends or understands (linux/rtnetlink.h, linux/netlink.h).
enum MessageType {
  static let error: UInt16 = 2
  static let done: UInt16 = 3
  static let overrun: UInt16 = 4
  static let newLink: UInt16 = 16
  static let deleteLink: UInt16 = 17
  static let getLink: UInt16 = 18
  static let setLink: UInt16 = 19
  static let newAddress: UInt16 = 20
  static let deleteAddress: UInt16 = 21
  static let getAddress: UInt16 = 22
  static let newRoute: UInt16 = 24
  static let deleteRoute: UInt16 = 25
  static let getRoute: UInt16 = 26
  static let newRule: UInt16 = 32
  static let deleteRule: UInt16 = 33
  static let newSettings: UInt16 = 80
}

/// Message flags; their meaning depends on the message, hence equal numbers.
enum MessageFlags {
  static let request: UInt16 = 0x1
  static let acknowledge: UInt16 = 0x4
  /// The list changed while it was read: some message of a dump carries this, not always the last.
  static let dumpInterrupted: UInt16 = 0x10
  /// NLM_F_ROOT and NLM_F_MATCH: the whole list.
  static let dump: UInt16 = 0x300
  static let replace: UInt16 = 0x100
  static let exclusive: UInt16 = 0x200
  static let create: UInt16 = 0x400
  /// An error reply leaves out the body of the request.
  static let capped: UInt16 = 0x100
  /// An error reply carries attributes.
  static let errorAttributes: UInt16 = 0x200
}

/// Address families as netlink numbers them.
enum FamilyNumber {
  static let unspecified: UInt8 = 0
  static let ipv4: UInt8 = 2
  static let ipv6: UInt8 = 10
}

/// The place of one netlink message in a datagram, with the fields of its header.
struct Message {
  static let headerByteCount = 16

  var type: UInt16
  var flags: UInt16
  var sequence: UInt32
  /// The bytes after the header, without padding.
  var payload: Range<Int>

  /// The message at a position, which then moves behind it.
  ///
  /// `nil` at the end, and when the header contradicts the number of bytes: nothing after that can
  /// be trusted.
  static func next(in bytes: Span<UInt8>, from position: inout Int) -> Message? {
    let start = position
    guard start >= 0, start <= bytes.count, bytes.count - start >= headerByteCount else {
      return nil
    }
    let length = Int(bytes.native32(at: start))
    guard length >= headerByteCount, length <= bytes.count - start else { return nil }
    position = min(start + aligned(length), bytes.count)
    return Message(
      type: bytes.native16(at: start + 4), flags: bytes.native16(at: start + 6),
      sequence: bytes.native32(at: start + 8),
      payload: start + headerByteCount..<start + length)
  }
}

/// The place of one attribute in a message.
struct Attribute {
  static let headerByteCount = 4

  /// The number of the attribute, without the bits for nesting and byte order.
  var type: UInt16
  /// The bytes after the header, without padding.
  var payload: Range<Int>

  /// The attribute at the start of a range, which then begins behind it.
  ///
  /// `nil` at the end, and when the length is impossible.
  static func next(in bytes: Span<UInt8>, from range: inout Range<Int>) -> Attribute? {
    let start = range.lowerBound
    guard range.count >= headerByteCount else { return nil }
    let length = Int(bytes.native16(at: start))
    guard length >= headerByteCount, length <= range.count else { return nil }
    range = min(start + aligned(length), range.upperBound)..<range.upperBound
    return Attribute(
      type: bytes.native16(at: start + 2) & 0x3FFF,
      payload: start + headerByteCount..<start + length)
  }
}

extension OutputSpan where Element == UInt8 {
  /// Appends a message header; the sender's port is left to the kernel.
  mutating func appendHeader(length: Int, type: UInt16, flags: UInt16, sequence: UInt32) {
    append(native: UInt32(length))
    append(native: type)
    append(native: flags)
    append(native: sequence)
    append(native: UInt32(0))
  }

  /// Appends an attribute header; the payload has to follow, padded by the caller.
  mutating func appendAttribute(_ type: UInt16, payloadByteCount: Int) {
    append(native: UInt16(Attribute.headerByteCount + payloadByteCount))
    append(native: type)
  }
}
