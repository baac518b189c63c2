import Glibc
import VIP
import VIPCore
public import VIPMonitor
import VRRP

/// Packets of a segment, and what was learned about it, as text.
public enum MonitorText {
  // MARK: Packets

  /// `10:00:00.123456 warning  ARP … — why`; where there is a width, in several lines that are
  /// broken between words.
  public static func line(
    _ observation: Observation, colour: Bool, width: Int? = nil
  ) -> String {
    let verdict = observation.verdict
    let word = verdict.rawValue.padded(to: 8)
    let start = "\(timeOfDay(observation.time)) "
    var line = "\(start)\(word) "
    let indent = String(repeating: " ", count: line.count)
    if let vlan = observation.vlan { line += "vlan \(vlan) " }
    line += observation.text.onOneLine
    let reasons = observation.judgements.map(\.text).joined(separator: "; ")
    if !reasons.isEmpty { line += " — " + reasons.onOneLine }
    if let width {
      line = StatusBlocks.wrap(line, to: width, indent: indent).joined(separator: "\n")
    }
    guard colour, line.hasPrefix(start + word) else { return line }
    return start + "\u{1B}[\(code(verdict))m\(word)\u{1B}[0m"
      + line.dropFirst(start.count + word.count)
  }

  private static func code(_ level: Judgement.Level) -> String {
    switch level {
    case .fine: "32"
    case .note: "36"
    case .warning: "33"
    case .rejected: "31"
    }
  }

  /// A packet as one line of JSON.
  public static func json(_ observation: Observation) -> String {
    String(decoding: JSONCoding.line(PacketRecord(observation)), as: UTF8.self)
  }

  // MARK: Times

  /// Local time of day with microseconds, as in other capture programs.
  private static func timeOfDay(_ time: Timestamp) -> String {
    let nanoseconds = time.nanoseconds
    var seconds = time_t(nanoseconds / 1_000_000_000)
    var parts = tm()
    localtime_r(&seconds, &parts)
    func two(_ value: Int32) -> String { "\(value)".zeroPadded(to: 2) }
    return "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
      + ".\("\(nanoseconds / 1000 % 1_000_000)".zeroPadded(to: 6))"
  }

  // MARK: Summary

  /// The groups, what is wrong, and the free VRIDs as JSON for programs and people.
  public static func json(_ summary: SegmentSummary) -> String {
    JSONCoding.pretty(SegmentRecord(summary))
  }

  /// A table of the groups, what is wrong, and the free VRIDs.
  ///
  /// What is wrong is broken between words where there is a width.
  public static func render(
    _ summary: SegmentSummary, colour: Bool, width: Int? = nil
  ) -> String {
    var lines = summary.groups.isEmpty ? ["No advertisement was heard."] : table(summary.groups)
    let groupWarnings = summary.groups.flatMap { group in
      group.warnings.map { "VRID \(group.vrid) \(group.family.rawValue): \(text($0))" }
    }
    let warnings = groupWarnings + summary.warnings.map(text)
    if !warnings.isEmpty { lines.append("") }
    for warning in warnings {
      let line = "! " + warning.onOneLine
      let wrapped = width.map { StatusBlocks.wrap(line, to: $0, indent: "  ") } ?? [line]
      let text = wrapped.joined(separator: "\n")
      lines.append(colour ? "\u{1B}[33m!\u{1B}[0m" + text.dropFirst() : text)
    }
    let counts = summary.counts
    lines += [
      "",
      "Free VRIDs: " + summary.freeVRIDs.map(text).joined(separator: ", "),
      "Heard in \(seconds(summary.duration.inSeconds)): \(counts.advertisements) advertisements, "
        + "\(counts.announcements) announcements, \(counts.probes) probes, "
        + "\(counts.rejected) rejected.",
    ]
    return lines.joined(separator: "\n")
  }

  private static func text(_ warning: SegmentSummary.Warning) -> String {
    warning.count == 1 ? warning.text : "\(warning.text) (\(warning.count) times)"
  }

  /// Free identifiers: `7`, `52-255`.
  static func text(_ range: ClosedRange<VRID>) -> String {
    range.lowerBound == range.upperBound
      ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
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
          "\(router.priority)", seconds(router.interval.duration.inSeconds),
          "\(router.version.rawValue)",
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
    case .silent: "silent \(seconds(router.silence.inSeconds))"
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

  func zeroPadded(to width: Int) -> String {
    String(repeating: "0", count: Swift.max(width - count, 0)) + self
  }

  fileprivate var withoutTrailingSpaces: String {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }
}
