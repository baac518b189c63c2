import Glibc
import VIPCore
public import VIPMonitor
import VRRP

/// Packets of a segment, and what was learned about it, as text.
public enum MonitorText {
  // MARK: Packets

  /// `10:00:00.123456 warning  ARP … — why`.
  public static func line(_ observation: Observation, colour: Bool) -> String {
    let verdict = observation.verdict
    let word = verdict.rawValue.padded(to: 8)
    var line = "\(timeOfDay(observation.nanoseconds)) "
    line += colour ? "\u{1B}[\(code(verdict))m\(word)\u{1B}[0m " : "\(word) "
    if let vlan = observation.vlan { line += "vlan \(vlan) " }
    line += observation.text.onOneLine
    let reasons = observation.findings.map(\.text).joined(separator: "; ")
    return reasons.isEmpty ? line : line + " — " + reasons.onOneLine
  }

  private static func code(_ level: Finding.Level) -> String {
    switch level {
    case .fine: "32"
    case .note: "36"
    case .warning: "33"
    case .rejected: "31"
    }
  }

  /// One packet for programs.
  private struct Packet: Encodable {
    let time: String
    let verdict: Finding.Level
    let kind: Observation.Kind
    let sender: MACAddress
    let vlan: UInt16?
    let text: String
    let advertisement: AdvertisementFacts?
    let findings: [Finding]
  }

  /// A packet as one line of JSON.
  public static func json(_ observation: Observation) -> String {
    let packet = Packet(
      time: timestamp(observation.nanoseconds), verdict: observation.verdict,
      kind: observation.kind, sender: observation.sender, vlan: observation.vlan,
      text: observation.text, advertisement: observation.advertisement,
      findings: observation.findings)
    return String(decoding: JSONCoding.line(packet), as: UTF8.self)
  }

  // MARK: Times

  /// Local time of day with microseconds, as in other capture programs.
  private static func timeOfDay(_ nanoseconds: UInt64) -> String {
    var seconds = time_t(nanoseconds / 1_000_000_000)
    var parts = tm()
    localtime_r(&seconds, &parts)
    func two(_ value: Int32) -> String { "\(value)".zeroPadded(to: 2) }
    return "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
      + ".\("\(nanoseconds / 1000 % 1_000_000)".zeroPadded(to: 6))"
  }

  /// UTC with microseconds, for programs.
  private static func timestamp(_ nanoseconds: UInt64) -> String {
    // The log's form ends with milliseconds and Z.
    LogLine.timestamp(Instant(nanoseconds: nanoseconds)).dropLast()
      + "\(nanoseconds / 1000 % 1000)".zeroPadded(to: 3) + "Z"
  }

  // MARK: Summary

  /// A table of the groups, what is wrong, and the free VRIDs.
  public static func render(_ summary: SegmentSummary, colour: Bool) -> String {
    var lines = summary.groups.isEmpty ? ["No advertisement was heard."] : table(summary.groups)
    let groupWarnings = summary.groups.flatMap { group in
      group.warnings.map { "VRID \(group.vrid) \(group.family.rawValue): \(text($0))" }
    }
    let warnings = groupWarnings + summary.warnings.map(text)
    if !warnings.isEmpty { lines.append("") }
    for warning in warnings {
      lines.append((colour ? "\u{1B}[33m!\u{1B}[0m " : "! ") + warning.onOneLine)
    }
    let counts = summary.counts
    lines += [
      "",
      "Free VRIDs: \(summary.freeVRIDs.joined(separator: ", "))",
      "Heard in \(seconds(summary.seconds)): \(counts.advertisements) advertisements, "
        + "\(counts.announcements) announcements, \(counts.probes) probes, "
        + "\(counts.rejected) rejected.",
    ]
    return lines.joined(separator: "\n")
  }

  private static func text(_ warning: SegmentSummary.Warning) -> String {
    warning.count == 1 ? warning.text : "\(warning.text) (\(warning.count) times)"
  }

  private static func table(_ groups: [SegmentSummary.Group]) -> [String] {
    var rows = [
      ["VRID", "FAMILY", "ROUTER", "STATE", "PRIO", "EVERY", "VERSION", "CHECKSUM", "ADDRESSES"]
    ]
    for group in groups {
      let vrid = group.vlan.map { "\(group.vrid)@\($0)" } ?? "\(group.vrid)"
      for router in group.routers {
        rows.append([
          vrid, group.family.rawValue, router.address.description, condition(router),
          "\(router.priority)", seconds(router.intervalSeconds), "\(router.version.rawValue)",
          router.checksum.rawValue, addresses(router.addresses),
        ])
      }
    }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = zip(row, widths).map { $0.padded(to: $1) }
      return cells.joined(separator: "  ").withoutTrailingSpaces
    }
  }

  private static func condition(_ router: SegmentSummary.Router) -> String {
    switch router.condition {
    case .active: "active"
    case .alsoActive: "active too!"
    case .left: "left"
    case .silent: "silent \(seconds(router.silentSeconds))"
    }
  }

  private static func addresses(_ addresses: [IPAddress]) -> String {
    guard let first = addresses.first else { return "-" }
    return addresses.count == 1 ? "\(first)" : "\(first) +\(addresses.count - 1)"
  }

  /// Seconds with as many decimals as help: `1s`, `0.25s`, `12.3s`.
  private static func seconds(_ value: Double) -> String {
    let places = value < 10 ? 100.0 : 10.0
    let rounded = (value * places).rounded() / places
    return rounded == rounded.rounded() ? "\(Int64(rounded))s" : "\(rounded)s"
  }
}

extension String {
  /// The text with spaces up to a width.
  fileprivate func padded(to width: Int) -> String {
    self + String(repeating: " ", count: Swift.max(width - count, 0))
  }

  fileprivate func zeroPadded(to width: Int) -> String {
    String(repeating: "0", count: Swift.max(width - count, 0)) + self
  }

  fileprivate var withoutTrailingSpaces: String {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }
}
