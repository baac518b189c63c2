/// A 48-bit Ethernet address.
public struct MACAddress: Sendable, Hashable {
  /// The address as a number in host order; the upper 16 bits are zero.
  public let rawValue: UInt64

  /// Makes an address from the lower 48 bits of a number.
  @inlinable
  public init(rawValue: UInt64) {
    self.rawValue = rawValue & 0xFFFF_FFFF_FFFF
  }

  /// Makes an address from six bytes in the order they are written.
  @inlinable
  public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8, _ e: UInt8, _ f: UInt8) {
    rawValue =
      UInt64(a) << 40 | UInt64(b) << 32 | UInt64(c) << 24
      | UInt64(d) << 16 | UInt64(e) << 8 | UInt64(f)
  }

  /// The all-ones broadcast address.
  public static let broadcast = MACAddress(rawValue: 0xFFFF_FFFF_FFFF)

  /// The virtual router MAC address of RFC 9568 §7.3: `00-00-5E-00-01-{VRID}` for IPv4 and
  /// `00-00-5E-00-02-{VRID}` for IPv6.
  public static func virtualRouter(_ vrid: VRID, _ family: AddressFamily) -> MACAddress {
    MACAddress(0, 0, 0x5E, 0, family == .ipv4 ? 1 : 2, vrid.rawValue)
  }

  /// The Ethernet group an IPv6 group is sent to (RFC 2464 §7).
  public static func multicast(for group: IPv6Address) -> MACAddress {
    MACAddress(rawValue: 0x3333_0000_0000 | group.low & 0xFFFF_FFFF)
  }

  /// One of the six bytes, counted as they are written.
  @inlinable
  public func byte(_ index: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: rawValue >> UInt64((5 - index) * 8))
  }

  /// Whether the address names a group (the lowest bit of the first byte).
  public var isMulticast: Bool { byte(0) & 1 == 1 }
}

extension MACAddress: LosslessStringConvertible {
  /// Reads six pairs of hexadecimal digits with `:` or `-` between them.
  public init?(_ description: String) {
    let separator: Character = description.contains("-") ? "-" : ":"
    let parts = description.split(separator: separator, omittingEmptySubsequences: false)
    guard parts.count == 6 else { return nil }
    var value: UInt64 = 0
    for part in parts {
      guard part.utf8.count == 2, part.first != "+", part.first != "-",
        let byte = UInt8(part, radix: 16)
      else { return nil }
      value = value << 8 | UInt64(byte)
    }
    self.init(rawValue: value)
  }

  /// The address in lower case with colons: `00:00:5e:00:01:33`.
  public var description: String {
    (0..<6).map { index in
      let text = String(byte(index), radix: 16)
      return text.utf8.count == 1 ? "0" + text : text
    }.joined(separator: ":")
  }
}

extension MACAddress: Codable {
  /// Decodes the text form.
  public init(from decoder: any Decoder) throws {
    self = try decodeText(from: decoder, what: "a MAC address")
  }

  /// Encodes the text form.
  public func encode(to encoder: any Encoder) throws {
    try encodeText(description, to: encoder)
  }
}
