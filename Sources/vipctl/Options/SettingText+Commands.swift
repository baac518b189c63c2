import VIP
import VIPConfiguration
import VIPCore
import VIPReports

/// Settings that only commands are told.
extension SettingText {
  /// A time to wait, up to a day.
  static func timeout(_ text: String) throws(SettingError) -> Duration {
    if let duration = Duration(text: text), duration <= .seconds(86_400) { return duration }
    try refuseMissingUnit(text) { Duration(text: $0).map { $0 <= .seconds(86_400) } ?? false }
    throw SettingError("'\(text)' is not a time to wait; give 0s to 24h, such as 10s")
  }

  /// A moment in the past: a span until now, or a time with its offset to UTC.
  static func since(_ text: String) throws(SettingError) -> Timestamp {
    if let time = LocalTime.timestamp(text) ?? LocalTime.timestamp(withOffset: text) { return time }
    if let span = Duration(text: text) {
      return Timestamp(nanosecondsSince1970: wallClock().nanoseconds) - span
    }
    try refuseMissingUnit(text) { Duration(text: $0) != nil }
    throw SettingError(
      "'\(text)' is no time; give a span such as 2h, or a time such as 2026-11-23T03:00:00+01:00")
  }

  static func logFormat(_ text: String) throws(SettingError) -> LogFormat {
    guard let format = LogFormat(rawValue: text) else {
      let known = LogFormat.allCases.map(\.rawValue).joined(separator: ", ")
      throw SettingError("'\(text)' is not a form of the log; give one of \(known)")
    }
    return format
  }

  static func count(_ text: String) throws(SettingError) -> Int {
    guard let number = decimal(text), (1...100).contains(number) else {
      throw SettingError("'\(text)' is not a count; give a number from 1 to 100")
    }
    return number
  }

  static func mac(_ text: String) throws(SettingError) -> MACAddress {
    guard let address = MACAddress(text), !address.isMulticast else {
      throw SettingError("'\(text)' is not a machine's Ethernet address, such as 02:00:5e:10:00:01")
    }
    return address
  }
}
