public import VIPControl
import VIPCore

/// An event in a line for people.
public enum EventText {
  /// `TIME web ipv4: backup → active: …`, in local time or, if that is asked for, in UTC.
  public static func line(_ record: EventRecord, inUTC: Bool = false) -> String {
    let family = record.family.map { " \($0.rawValue)" } ?? ""
    let kind =
      switch record.event {
      case .transition, .settled, .cleared, .repaired, .hook, .check, .removed, .groupSettled,
        .process:
        ""
      case .fault, .warning, .changed, .conflict, .command: "\(record.event.rawValue): "
      }
    let about = record.router ?? record.group.map { "group \($0)" } ?? "node"
    let time = LocalTime.text(record.time, inUTC: inUTC)
    return "\(time) \(about)\(family): \(kind)\(record.text)".onOneLine
  }
}
