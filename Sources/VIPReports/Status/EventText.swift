public import VIPControl
import VIPCore

/// An event in a line for people.
public enum EventText {
  /// `TIME web ipv4: backup → active: …`.
  public static func line(_ record: EventRecord) -> String {
    let family = record.family.map { " \($0.rawValue)" } ?? ""
    let kind =
      switch record.event {
      case .transition, .settled, .cleared, .repaired, .hook, .check, .removed, .groupSettled: ""
      case .waiting, .warning, .changed, .conflict, .command: "\(record.event.rawValue): "
      }
    let about = record.router ?? record.group.map { "group \($0)" } ?? "node"
    return "\(record.time) \(about)\(family): \(kind)\(record.text)".onOneLine
  }
}
