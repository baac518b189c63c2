/// The priority of a virtual router on one node (RFC 9568 §5.2.4).
///
/// `1...254` for backups, ``owner`` for the node that owns the virtual addresses, ``farewell`` only
/// on the wire: the Active is leaving.
public struct Priority: Sendable, Hashable, RawRepresentable {
  /// The number on the wire.
  public let rawValue: UInt8

  /// Makes a priority from the number on the wire.
  @inlinable
  public init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  /// Makes a priority a node can have; `nil` for numbers outside `1...255`.
  public init?(configured value: some BinaryInteger) {
    guard let number = UInt8(exactly: value), number > 0 else { return nil }
    rawValue = number
  }

  /// 255: the node owns the virtual addresses.
  public static let owner = Priority(rawValue: 255)
  /// 100: what RFC 9568 §6.1 gives a backup by default.
  public static let `default` = Priority(rawValue: 100)
  /// 1: the lowest a router can have.
  public static let lowest = Priority(rawValue: 1)
  /// 254: the highest of a router that does not own the addresses.
  public static let highestBackup = Priority(rawValue: 254)
  /// 0: the Active has stopped taking part.
  public static let farewell = Priority(rawValue: 0)
}

extension Priority: ExpressibleByIntegerLiteral {
  /// A priority written in the program.
  public init(integerLiteral value: UInt8) {
    rawValue = value
  }
}

extension Priority: Comparable {
  /// Orders priorities as numbers; the higher one wins an election.
  @inlinable
  public static func < (left: Priority, right: Priority) -> Bool {
    left.rawValue < right.rawValue
  }
}

extension Priority: CustomStringConvertible {
  /// The number in decimal.
  public var description: String { String(rawValue) }
}

extension Priority: Codable {
  /// Decodes a number in `1...255`.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let value = try container.decode(Int.self)
    guard let priority = Priority(configured: value) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "priority \(value) is outside 1...255")
    }
    self = priority
  }

  /// Encodes the number.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }
}
