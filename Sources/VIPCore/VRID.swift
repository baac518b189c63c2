/// A virtual router identifier, `1...255` (RFC 9568 §5.2.3).
public struct VRID: Sendable, Hashable {
  /// The number on the wire.
  public let rawValue: UInt8

  /// Makes an identifier from the byte on the wire; `nil` for zero.
  @inlinable
  public init?(octet: UInt8) {
    guard octet > 0 else { return nil }
    rawValue = octet
  }

  /// Makes an identifier; `nil` for numbers outside `1...255`.
  public init?(exactly value: some BinaryInteger) {
    guard let number = UInt8(exactly: value), number > 0 else { return nil }
    rawValue = number
  }
}

extension VRID: ExpressibleByIntegerLiteral {
  /// An identifier written in the program; a literal outside `1...255` is a mistake and traps.
  public init(integerLiteral value: UInt8) {
    precondition(value > 0, "a VRID is 1 to 255")
    rawValue = value
  }
}

extension VRID: Comparable {
  /// Orders identifiers as numbers.
  public static func < (left: VRID, right: VRID) -> Bool { left.rawValue < right.rawValue }
}

extension VRID: LosslessStringConvertible {
  /// Reads a decimal number in `1...255`.
  public init?(_ description: String) {
    guard description.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let value = Int(description)
    else { return nil }
    self.init(exactly: value)
  }

  /// The number in decimal.
  public var description: String { String(rawValue) }
}

extension VRID: Codable {
  /// Decodes a number in `1...255`.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let value = try container.decode(Int.self)
    guard let vrid = VRID(exactly: value) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "VRID \(value) is outside 1...255")
    }
    self = vrid
  }

  /// Encodes the number.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }
}
