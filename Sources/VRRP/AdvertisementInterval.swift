import VIPCore

/// A time between advertisements that version 3 can carry: 10 ms to 40.95 s.
///
/// Kept in nanoseconds; only the field on the wire counts in hundredths of a second
/// (RFC 9568 §5.2.7 and erratum 8301).
public struct AdvertisementInterval: Sendable, Hashable {
  /// The interval in nanoseconds.
  public let nanoseconds: UInt64

  /// The interval that the 12-bit field of an advertisement carries; `nil` for zero.
  @inlinable
  public init?(centiseconds: UInt16) {
    guard (1...4095).contains(centiseconds) else { return nil }
    nanoseconds = UInt64(centiseconds) * 10_000_000
  }

  /// The interval of a duration; `nil` outside 10 ms … 40.95 s and for anything that hundredths of
  /// a second can't express.
  public init?(_ duration: Duration) {
    let value = duration.inNanoseconds
    guard value % 10_000_000 == 0, let centiseconds = UInt16(exactly: value / 10_000_000) else {
      return nil
    }
    self.init(centiseconds: centiseconds)
  }

  private init(secondsUnchecked seconds: UInt64) {
    nanoseconds = seconds * 1_000_000_000
  }

  /// 1 s, the default of RFC 9568 §6.1.
  public static let `default` = AdvertisementInterval(secondsUnchecked: 1)

  /// The value of the field on the wire.
  @inlinable
  public var centiseconds: UInt16 { UInt16(truncatingIfNeeded: nanoseconds / 10_000_000) }

  /// The interval as a duration.
  public var duration: Duration { .nanoseconds(Int64(clamping: nanoseconds)) }
}

extension AdvertisementInterval: LosslessStringConvertible {
  /// Reads an interval with its unit (`1s`, `250ms`); `nil` if it is none that version 3 can carry.
  public init?(_ description: String) {
    guard let duration = Duration(text: description) else { return nil }
    self.init(duration)
  }

  /// The interval as people write it: `1s`, `250ms`.
  public var description: String { duration.text }
}

extension AdvertisementInterval: Codable {
  /// Decodes the text form.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let interval = AdvertisementInterval(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text)' is not an interval of 10ms … 40.95s")
    }
    self = interval
  }

  /// Encodes the text form.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
