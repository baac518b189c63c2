import Glibc
public import VIP
package import VIPCore
import VRRP

/// One line of the log of a running node: `TIME level=… key=value … msg="…"` (logfmt).
public struct LogLine: Sendable {
  /// The importance of a line.
  public enum Level: String, Sendable {
    /// Something that is as it should be.
    case info
    /// The node goes on, but not as it could.
    case warning
    /// Something was not done.
    case error

    /// The priority of syslog, by which a journal sorts.
    public var priority: Int {
      switch self {
      case .info: 6
      case .warning: 4
      case .error: 3
      }
    }
  }

  /// The importance of the line.
  public var level: Level
  /// The fields that say what the line is about, in order.
  public var fields: [(key: String, value: String)] = []
  /// The event, in one sentence.
  public var message: String
  /// The part that the line has in telling that a router takes no part in the election any more.
  var part: Part?
  /// The kind of the line, by which it is counted if it is left out.
  var kind: String
  /// Whether the line explains what has become of a router: a change of state or a warning.
  ///
  /// Its room in the log is not taken by other lines.
  var isVital: Bool

  /// The parts of the news that a router takes no part any more, each of which is a line.
  enum Part: Sendable {
    /// The router has changed its state to Initialize.
    case transition
    /// The reason for that.
    case reason
  }

  /// Makes a line.
  public init(_ level: Level, _ message: String, fields: [(key: String, value: String)] = []) {
    self.level = level
    self.fields = fields
    self.message = message
    kind = level.rawValue
    isVital = level != .info
  }

  /// An event of a node as a line.
  public init(_ event: NodeEvent) {
    var fields: [(key: String, value: String)] = []
    if let router = event.router { fields.append(("router", router)) }
    if let family = event.family { fields.append(("family", family.rawValue)) }
    if let group = event.group { fields.append(("group", group)) }
    switch event {
    case .warning, .repaired, .repairedRoute, .nodeWarning:
      self.init(.warning, event.text, fields: fields)
    case .conflict(_, _, let mac):
      self.init(.warning, event.text, fields: fields + [("mac", "\(mac)")])
    case .waiting:
      self.init(.warning, "fault: \(event.text)", fields: fields)
      part = .reason
    case .changed: self.init(.info, "changed: \(event.text)", fields: fields)
    case .command(_, let command):
      let requester = command.requester
      let time = command.duration.map { " for \($0.text)" } ?? ""
      self.init(
        .info, "command: \(command.kind.rawValue)\(time)",
        fields: fields + [
          ("uid", "\(requester.uid)"), ("pid", "\(requester.pid)"),
          ("command", requester.command),
        ])
    case .transition(_, _, let change):
      self.init(.info, event.text, fields: fields)
      if change.to == .initialize { part = .transition }
    case .check(let name, let standing, _):
      self.init(
        standing == .failing ? .warning : .info, event.text, fields: fields + [("check", name)])
    case .settled, .cleared, .hook, .removed, .groupSettled, .nodeCleared:
      self.init(.info, event.text, fields: fields)
    }
    (kind, isVital) = Self.kind(of: event)
  }

  private static func kind(of event: NodeEvent) -> (String, isVital: Bool) {
    switch event {
    case .transition: ("transition", true)
    case .waiting: ("fault", true)
    case .warning, .nodeWarning: ("warning", true)
    case .conflict: ("conflict", true)
    case .cleared, .nodeCleared: ("cleared", true)
    case .removed: ("removed", true)
    case .command: ("command", true)
    case .groupSettled: ("group-settled", true)
    case .settled: ("settled", false)
    case .changed: ("changed", false)
    case .repaired, .repairedRoute: ("repaired", false)
    case .hook: ("hook", false)
    case .check: ("check", false)
    }
  }

  /// `TIME level=… key=value … msg="…"`; without a time the level goes without saying too.
  public func logfmt(at time: String?) -> String {
    var line = time.map { "\($0) level=\(level.rawValue) " } ?? ""
    for (key, value) in fields {
      let isPlain = !value.isEmpty && !value.contains { " =\"\\".contains($0) }
      line += "\(key)=\(isPlain ? value.onOneLine : Self.quoted(value)) "
    }
    return line + "msg=\(Self.quoted(message))"
  }

  /// An object with the same keys in one line.
  public func json(at time: String?) -> String {
    var object = ["level": level.rawValue, "msg": message]
    object["time"] = time
    for (key, value) in fields { object[key] = value }
    return String(decoding: JSONCoding.line(object), as: UTF8.self)
  }

  /// The line for people: `TIME warning: web ipv4: text (key=value)`.
  public func plain(at time: String?) -> String {
    var line = time.map { "\($0) " } ?? ""
    if level != .info { line += "\(level.rawValue): " }
    let about = fields.filter { ["router", "family"].contains($0.key) }.map(\.value)
    if !about.isEmpty { line += about.joined(separator: " ") + ": " }
    line += message
    let rest = fields.filter { !["router", "family"].contains($0.key) }
    if !rest.isEmpty {
      line += " (" + rest.map { "\($0.key)=\($0.value)" }.joined(separator: " ") + ")"
    }
    return line.onOneLine
  }

  private static func quoted(_ text: String) -> String {
    var escaped = "\""
    for character in text {
      if character == "\"" || character == "\\" { escaped += "\\" }
      escaped.append(character)
    }
    return escaped.onOneLine + "\""
  }

  /// UTC with milliseconds: `2026-11-23T10:00:00.123Z`.
  package static func timestamp(_ moment: Instant) -> String {
    Timestamp(nanosecondsSince1970: moment.nanoseconds).milliseconds
  }
}

/// The forms a log can have.
public enum LogFormat: String, Sendable, CaseIterable {
  /// `TIME level=… key=value … msg="…"`.
  case logfmt
  /// An object in each line, with the same keys.
  case json
  /// Lines for people: `TIME level: router family: text`.
  case text
}
