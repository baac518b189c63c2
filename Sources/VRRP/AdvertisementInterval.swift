import VIPCore

/// A time between advertisements that a packet can carry.
///
/// Version 3 carries 10 ms to 40.95 s in steps of 10 ms, version 2 whole seconds from 1 to 255.
/// Kept in nanoseconds; only the field on the wire counts in hundredths of a second
/// (RFC 9568 §5.2.7 and erratum 8301) or in seconds (RFC 3768 §5.3.7).
public struct AdvertisementInterval: Sendable, Hashable {
  /// The interval in nanoseconds.
  public let nanoseconds: UInt64

  /// The interval that the 12-bit field of version 3 carries; `nil` for zero.
  @inlinable
  public init?(centiseconds: UInt16) {
    guard (1...4095).contains(centiseconds) else { return nil }
    nanoseconds = UInt64(centiseconds) * 10_000_000
  }

  /// The interval that the field of version 2 carries; `nil` for zero.
  @inlinable
  public init?(seconds: UInt8) {
    guard seconds > 0 else { return nil }
    nanoseconds = UInt64(seconds) * 1_000_000_000
  }

  /// The interval of a duration; `nil` for one that packets of the version can't express.
  public init?(_ duration: Duration, version: ProtocolVersion = .v3) {
    let value = duration.inNanoseconds
    let unit: UInt64 = version == .v3 ? 10_000_000 : 1_000_000_000
    guard value % unit == 0, let field = UInt16(exactly: value / unit) else { return nil }
    switch version {
    case .v3: self.init(centiseconds: field)
    case .v2:
      guard let seconds = UInt8(exactly: field) else { return nil }
      self.init(seconds: seconds)
    }
  }

  private init(unchecked nanoseconds: UInt64) {
    self.nanoseconds = nanoseconds
  }

  /// An interval written in the source, such as `.milliseconds(100)`.
  ///
  /// For a number that is known to be right; one that comes from outside belongs into
  /// ``init(_:version:)``, which refuses instead of trapping.
  ///
  /// - Precondition: a multiple of 10 from 10 to 40,950, or whole seconds up to 255,000 (above
  ///   40,950 for version 2 only).
  public static func milliseconds(_ milliseconds: Int) -> AdvertisementInterval {
    let duration = Duration.milliseconds(milliseconds)
    guard
      let interval = AdvertisementInterval(duration)
        ?? AdvertisementInterval(duration, version: .v2)
    else { preconditionFailure("no advertisement carries an interval of \(milliseconds) ms") }
    return interval
  }

  /// An interval written in the source, such as `.seconds(1)`.
  ///
  /// - Precondition: from 1 to 255 (above 40 for version 2 only); other values trap.
  public static func seconds(_ seconds: Int) -> AdvertisementInterval {
    guard let field = UInt8(exactly: seconds), let interval = AdvertisementInterval(seconds: field)
    else { preconditionFailure("no advertisement carries an interval of \(seconds) s") }
    return interval
  }

  /// 1 s, the default of RFC 9568 §6.1.
  public static let `default` = AdvertisementInterval(unchecked: 1_000_000_000)
  /// 40.95 s, the longest that version 3 can express.
  public static let version3Max = AdvertisementInterval(unchecked: 40_950_000_000)

  /// The value of version 3's field on the wire.
  @inlinable
  public var centiseconds: UInt16 { UInt16(truncatingIfNeeded: nanoseconds / 10_000_000) }

  /// The value of version 2's field on the wire; `nil` if it is no whole number of seconds.
  public var wholeSeconds: UInt8? {
    nanoseconds % 1_000_000_000 == 0 ? UInt8(exactly: nanoseconds / 1_000_000_000) : nil
  }

  /// The interval as a duration.
  public var duration: Duration { .nanoseconds(Int64(clamping: nanoseconds)) }
}

extension AdvertisementInterval: LosslessStringConvertible {
  /// Reads an interval with its unit (`1s`, `250ms`); `nil` if it is none that version 3 can carry.
  public init?(_ description: String) {
    guard let duration = Duration(text: description) else { return nil }
    self.init(duration)
  }

  /// Reads an interval with its unit; `nil` if it is none that the version can carry.
  public init?(_ description: String, version: ProtocolVersion) {
    guard let duration = Duration(text: description) else { return nil }
    self.init(duration, version: version)
  }

  /// The interval as people write it: `1s`, `250ms`.
  public var description: String { duration.text }
}

extension AdvertisementInterval: Codable {
  /// Decodes the text form of an interval that either version can carry.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    let known = AdvertisementInterval(text)
    guard let interval = known ?? AdvertisementInterval(text, version: .v2) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text)' is not an interval of 10ms … 255s")
    }
    self = interval
  }

  /// Encodes the text form.
  public func encode(to encoder: any Encoder) throws {
    try encodeText(description, to: encoder)
  }
}
