/// An IPv4 address.
///
/// Text is dotted decimal with exactly four parts (`192.0.2.1`). Leading zeros are refused, since
/// some programs read them as octal.
public struct IPv4Address: Sendable, Hashable {
  /// The address as a number in host order; comparing two of them is the unsigned comparison in
  /// network order that RFC 9568 §6.4.3 asks for.
  public let rawValue: UInt32

  /// Makes an address from its number in host order.
  @inlinable
  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// Makes an address from its four bytes in the order they are written.
  @inlinable
  public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
    rawValue = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
  }

  /// 0.0.0.0, the unspecified address.
  public static let any = IPv4Address(rawValue: 0)
  /// 224.0.0.18, the group VRRP advertisements are sent to (RFC 9568 §5.1.1.2).
  public static let vrrpGroup = IPv4Address(224, 0, 0, 18)

  /// Whether this is 0.0.0.0.
  public var isUnspecified: Bool { rawValue == 0 }
  /// Whether this lies in 127.0.0.0/8.
  public var isLoopback: Bool { rawValue >> 24 == 127 }
  /// Whether this lies in 224.0.0.0/4.
  public var isMulticast: Bool { rawValue >> 28 == 0xE }
  /// Whether this is 255.255.255.255 or in the reserved block 240.0.0.0/4.
  public var isReserved: Bool { rawValue >> 28 == 0xF }
  /// Whether this lies in 169.254.0.0/16.
  public var isLinkLocal: Bool { rawValue >> 16 == 0xA9FE }
}

extension IPv4Address: Comparable {
  /// Orders addresses as unsigned numbers in network order (RFC 9568 §6.4.3).
  @inlinable
  public static func < (left: IPv4Address, right: IPv4Address) -> Bool {
    left.rawValue < right.rawValue
  }
}

extension IPv4Address: LosslessStringConvertible {
  /// Reads dotted decimal; `nil` if the text is anything else.
  public init?(_ description: String) {
    var value: UInt32 = 0
    var parts = 0
    for part in description.utf8.split(
      separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    {
      guard parts < 4, (1...3).contains(part.count) else { return nil }
      guard part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
      var number: UInt32 = 0
      for digit in part {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
        number = number * 10 + UInt32(digit - UInt8(ascii: "0"))
      }
      guard number <= 255 else { return nil }
      value = value << 8 | number
      parts += 1
    }
    guard parts == 4 else { return nil }
    self.init(rawValue: value)
  }

  /// The address in dotted decimal.
  public var description: String {
    "\(rawValue >> 24).\(rawValue >> 16 & 0xFF).\(rawValue >> 8 & 0xFF).\(rawValue & 0xFF)"
  }
}

extension IPv4Address: Codable {
  /// Decodes the text form.
  public init(from decoder: any Decoder) throws {
    self = try decodeText(from: decoder, what: "an IPv4 address")
  }

  /// Encodes the text form.
  public func encode(to encoder: any Encoder) throws {
    try encodeText(description, to: encoder)
  }
}
