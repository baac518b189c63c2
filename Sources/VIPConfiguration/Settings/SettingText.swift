package import VIP
package import VIPCore
package import VRRP

/// A fault of the text of one setting: what the text should have been.
package struct SettingError: Error, Sendable, Hashable, CustomStringConvertible {
  package let description: String

  package init(_ description: String) {
    self.description = description
  }
}

/// The settings of a router and a node as people write them, in flags and in files alike.
package enum SettingText {
  /// `192.0.2.10/24`, `2001:db8::10/64`, or an address alone for a host address.
  package static func address(_ text: String) throws(SettingError) -> InterfaceAddress {
    if let address = InterfaceAddress(text) { return address }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    if let address = IPAddress(String(parts[0])), parts.count == 2 {
      throw SettingError(
        "'/\(parts[1])' is not a prefix length; "
          + "\(address.family) has /1 to /\(address.family.addressBitCount)")
    }
    if text.contains("%") {
      throw SettingError("'\(text)' has a zone; leave '%…' out, the interface is given apart")
    }
    throw SettingError(
      "'\(text)' is not an address; write it like 192.0.2.10/24 or 2001:db8::10/64")
  }

  /// An address that one host can have, without a prefix length.
  package static func host(_ text: String) throws(SettingError) -> IPAddress {
    // The address of `up`, pasted, is welcome here too: its prefix says nothing more.
    let address = try address(text).address
    guard !address.isUnspecified, !address.isLoopback, !address.isMulticast else {
      throw SettingError("'\(text)' is no address that one machine of a network can have")
    }
    return address
  }

  package static func vrid(_ text: String) throws(SettingError) -> VRID {
    guard let vrid = VRID(text) else {
      throw SettingError("'\(text)' is not a VRID; give a number from 1 to 255")
    }
    return vrid
  }

  package static func priority(_ text: String) throws(SettingError) -> Priority {
    guard let number = decimal(text), let priority = Priority(configured: number) else {
      throw SettingError(
        "'\(text)' is not a priority; give a number from 1 to 255 (255: the address owner)")
    }
    return priority
  }

  /// `eth1` or `eth1=50`.
  package static func track(_ text: String) throws(SettingError) -> Track {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard let track = Track(text) else {
      if parts.count == 2, !parts[0].isEmpty { _ = try decrement(String(parts[1])) }
      throw SettingError("'\(text)' names no interface; write eth1, or eth1=50")
    }
    return track
  }

  package static func decrement(_ text: String) throws(SettingError) -> UInt8 {
    guard let number = decimal(text), (1...254).contains(number) else {
      throw SettingError(
        "'\(text)' is nothing that a priority can fall by; give a number from 1 to 254")
    }
    return UInt8(number)
  }

  package static func interval(
    _ text: String, version: ProtocolVersion = .v3
  ) throws(SettingError) -> AdvertisementInterval {
    if let interval = AdvertisementInterval(text, version: version) { return interval }
    try refuseMissingUnit(text) { AdvertisementInterval($0, version: version) != nil }
    let range =
      version == .v3
      ? "give 10ms to 40.95s in steps of 10ms, such as 1s or 250ms"
      : "version 2 counts in whole seconds, 1s to 255s"
    throw SettingError("'\(text)' is not an interval; \(range)")
  }

  package static func version(_ text: String) throws(SettingError) -> ProtocolVersion {
    switch text {
    case "2": return .v2
    case "3": return .v3
    default: throw SettingError("'\(text)' is not a version of VRRP; give 2 or 3")
    }
  }

  /// Reads the time to wait before preempting, up to a day.
  package static func preemptDelay(_ text: String) throws(SettingError) -> Duration {
    let max = RouterConfiguration.preemptDelayMax
    if let duration = Duration(text: text), duration <= max { return duration }
    try refuseMissingUnit(text) { Duration(text: $0).map { $0 <= max } ?? false }
    throw SettingError("'\(text)' is not a preemption delay; give 0s to 24h, such as 30s")
  }

  /// Reads a time for which a router is held back, up to a day.
  package static func damping(_ text: String) throws(SettingError) -> Duration {
    let max = RouterConfiguration.dampingMax
    if let duration = Duration(text: text), duration <= max { return duration }
    try refuseMissingUnit(text) { Duration(text: $0).map { $0 <= max } ?? false }
    throw SettingError("'\(text)' is not a delay; give 0s to 24h, such as 10s")
  }

  package static func handover(_ text: String) throws(SettingError) -> HandoverPolicy {
    guard let policy = HandoverPolicy(rawValue: text) else {
      let known = HandoverPolicy.allCases.map(\.rawValue).joined(separator: ", ")
      throw SettingError("'\(text)' is not a way to hand over; give one of \(known)")
    }
    return policy
  }

  /// The password of version 2; what is wrong with one is said without repeating it.
  package static func password(_ text: String) throws(SettingError) -> Authentication.Password {
    guard let password = Authentication.Password(text) else {
      throw SettingError("a password has 1 to 8 visible ASCII characters, none of them a space")
    }
    return password
  }

  package static func lease(_ text: String) throws(SettingError) -> LeasePolicy {
    if let lease = LeasePolicy(text) { return lease }
    try refuseMissingUnit(text) { LeasePolicy($0) != nil }
    throw SettingError(
      "'\(text)' is not a lease; give auto, whole seconds from 2s to 1h, or off")
  }

  package static func checksum(_ text: String) throws(SettingError) -> ChecksumPolicy {
    guard let policy = ChecksumPolicy(rawValue: text) else {
      let known = ChecksumPolicy.allCases.map(\.rawValue).joined(separator: ", ")
      throw SettingError("'\(text)' is not a checksum form; give one of \(known)")
    }
    return policy
  }

  /// Announcements a second, or in one go.
  package static func announcementCount(_ text: String) throws(SettingError) -> Int {
    guard let number = decimal(text), (1...1_000_000).contains(number) else {
      throw SettingError(
        "'\(text)' is not a number of announcements; give a number from 1 to 1000000")
    }
    return number
  }

  /// The time between two announcements of an address.
  package static func announcementPause(_ text: String) throws(SettingError) -> Duration {
    let range = Duration.milliseconds(100)...(.seconds(3600))
    if let duration = Duration(text: text), range.contains(duration) { return duration }
    try refuseMissingUnit(text) { Duration(text: $0).map(range.contains) ?? false }
    throw SettingError("'\(text)' is not a time between announcements; give 100ms to 1h")
  }

  /// The time between periodic announcements; `nil` for `off`.
  package static func announcementRefresh(_ text: String) throws(SettingError) -> Duration? {
    if text == "off" { return nil }
    let range = Duration.seconds(1)...(.seconds(86_400))
    if let duration = Duration(text: text), range.contains(duration) { return duration }
    try refuseMissingUnit(text) { Duration(text: $0).map(range.contains) ?? false }
    throw SettingError("'\(text)' is not a time between announcements; give 1s to 24h, or off")
  }

  /// Digits alone say nothing of seconds or milliseconds; guessing could be wrong by 1000.
  package static func refuseMissingUnit(
    _ text: String, isPossible: (String) -> Bool
  ) throws(SettingError) {
    let possible = ["\(text)s", "\(text)ms"].filter(isPossible)
    guard !possible.isEmpty else { return }
    throw SettingError("'\(text)' has no unit; write \(possible.joined(separator: " or "))")
  }

  package static func decimal(_ text: String) -> Int? {
    guard (1...18).contains(text.utf8.count),
      text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
    else { return nil }
    return Int(text)
  }
}
