import Glibc
public import VIPCore

/// Times of the wall clock as people read them: where they are, with the offset to UTC.
public enum LocalTime {
  /// A time as ISO 8601, such as `2026-11-23T11:00:00.123+01:00`.
  ///
  /// - Parameters:
  ///   - time: the time.
  ///   - isExact: whether milliseconds are told.
  ///   - inUTC: whether it is told in UTC, with `Z` at its end, instead of local time.
  /// - Returns: the text.
  public static func text(_ time: Timestamp, isExact: Bool = false, inUTC: Bool = false) -> String {
    func iso(_ time: Timestamp) -> String { isExact ? time.milliseconds : time.seconds }
    var seconds = time_t(clamping: time.nanoseconds / 1_000_000_000)
    var parts = tm()
    guard !inUTC, localtime_r(&seconds, &parts) != nil else { return iso(time) }
    let offset = Int64(parts.tm_gmtoff)
    let shifted = Int64(clamping: time.nanoseconds).addingReportingOverflow(offset * 1_000_000_000)
    guard !shifted.overflow, shifted.partialValue >= 0 else { return iso(time) }
    let local = Timestamp(nanosecondsSince1970: UInt64(shifted.partialValue))
    let minutes = abs(offset) / 60
    return String(iso(local).dropLast()) + (offset < 0 ? "-" : "+") + pair(minutes / 60) + ":"
      + pair(minutes % 60)
  }

  /// A time that a record tells in UTC, as text for people; what is none stays as it is.
  public static func text(_ record: String, inUTC: Bool = false) -> String {
    guard let time = timestamp(record) else { return record.onOneLine }
    return text(time, isExact: record.contains("."), inUTC: inUTC)
  }

  /// The time that a record tells: `2026-11-23T10:00:00Z`, with up to nine digits behind a point.
  ///
  /// - Returns: the time; `nil` if the text is none, or one before 1970.
  public static func timestamp(_ record: String) -> Timestamp? {
    let bytes = Array(record.utf8)
    guard bytes.count >= 20, bytes.count <= 30, bytes.last == UInt8(ascii: "Z") else { return nil }
    for (place, mark) in [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")] {
      guard bytes[place] == Character(mark).asciiValue else { return nil }
    }
    func number(_ range: Range<Int>) -> Int? {
      bytes[range].reduce(into: Int?(0)) { value, byte in
        let digit = Int(byte) - Int(UInt8(ascii: "0"))
        value = (0...9).contains(digit) ? value.map { $0 * 10 + digit } : nil
      }
    }
    guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
      let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
      year >= 1970, (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60,
      second <= 60
    else { return nil }
    var fraction = 0
    if bytes[19] == UInt8(ascii: ".") {
      let digits = 20..<bytes.count - 1
      guard !digits.isEmpty, let value = number(digits) else { return nil }
      fraction = digits.reduce(1_000_000_000) { scale, _ in scale / 10 } * value
    } else if bytes.count != 20 {
      return nil
    }
    let days = daysSince1970(year, month, day)
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second
    return Timestamp(nanosecondsSince1970: UInt64(seconds) * 1_000_000_000 + UInt64(fraction))
  }

  /// The time that a text with an offset to UTC tells, as ``text(_:isExact:inUTC:)`` makes it.
  ///
  /// - Returns: the time; `nil` if the text is none, or one before 1970.
  public static func timestamp(withOffset text: String) -> Timestamp? {
    let offset = text.suffix(6)
    let digits = offset.dropFirst().split(separator: ":", omittingEmptySubsequences: false)
    guard let sign = offset.first, "+-".contains(sign), digits.count == 2,
      digits.allSatisfy({ $0.count == 2 && $0.allSatisfy { ("0"..."9").contains($0) } }),
      let hours = Int(digits[0]), let minutes = Int(digits[1]), hours < 24, minutes < 60,
      let local = timestamp(String(text.dropLast(6)) + "Z")
    else { return nil }
    let span = Duration.seconds((hours * 60 + minutes) * 60)
    if sign == "+" { return local - span }
    return Timestamp(
      nanosecondsSince1970: local.nanoseconds + span.inNanoseconds)
  }

  /// The days from 1970-01-01 to a date of the Gregorian calendar, in years that begin in March.
  private static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let year = month <= 2 ? year - 1 : year
    let era = year / 400
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  private static func pair(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
