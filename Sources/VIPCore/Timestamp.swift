/// A time of day and date, in nanoseconds since the beginning of 1970 in UTC: for reports only.
///
/// What has to be on time goes by ``Instant``; the wall clock may be set at any moment.
public struct Timestamp: Sendable, Hashable {
  /// Nanoseconds since 1970-01-01T00:00:00Z, without leap seconds.
  public let nanoseconds: UInt64

  /// Makes a time from nanoseconds since 1970.
  public init(nanosecondsSince1970 nanoseconds: UInt64) {
    self.nanoseconds = nanoseconds
  }

  /// The time a duration earlier; not before 1970.
  public static func - (left: Timestamp, right: Duration) -> Timestamp {
    let back = right.inNanoseconds
    return Timestamp(
      nanosecondsSince1970: left.nanoseconds > back ? left.nanoseconds - back : 0)
  }

  /// ISO 8601 in UTC, in whole seconds: `2026-11-23T10:00:00Z`.
  public var seconds: String { text(fraction: "") }

  /// ISO 8601 in UTC, with milliseconds: `2026-11-23T10:00:00.123Z`.
  public var milliseconds: String {
    text(fraction: "." + Self.padded(nanoseconds / 1_000_000 % 1000, to: 3))
  }

  private func text(fraction: String) -> String {
    let seconds = nanoseconds / 1_000_000_000
    let (year, month, day) = Self.date(ofDay: Int(seconds / 86_400))
    let rest = seconds % 86_400
    return Self.padded(year, to: 4) + "-" + Self.padded(month, to: 2) + "-"
      + Self.padded(day, to: 2) + "T" + Self.padded(rest / 3600, to: 2) + ":"
      + Self.padded(rest / 60 % 60, to: 2) + ":" + Self.padded(rest % 60, to: 2) + fraction + "Z"
  }

  private static func padded(_ value: some BinaryInteger, to count: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, count - digits.count)) + digits
  }

  /// The date of a day after 1970-01-01 in the Gregorian calendar.
  ///
  /// Years are counted from March here, so that a leap day is the last of its year.
  private static func date(ofDay day: Int) -> (year: Int, month: Int, day: Int) {
    // 0000-03-01 is 719,468 days earlier; 400 years are 146,097 days.
    let shifted = day + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    return (
      era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month,
      dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    )
  }
}

extension Timestamp: Comparable {
  /// Orders times.
  public static func < (left: Timestamp, right: Timestamp) -> Bool {
    left.nanoseconds < right.nanoseconds
  }
}

extension Timestamp: CustomStringConvertible {
  /// ISO 8601 in UTC, with milliseconds.
  public var description: String { milliseconds }
}
