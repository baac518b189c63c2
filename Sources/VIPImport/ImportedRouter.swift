import VIP
import VIPCore
import VRRP

/// A router as it was carried over: what it is, and where each part of it came from.
package struct ImportedRouter: Sendable {
  /// One setting in its YAML form.
  struct Setting: Sendable, Hashable {
    var key: String
    var value: String
    /// The line that it came from; a note instead for what keepalived takes for granted.
    var origin: Origin
  }

  enum Origin: Sendable, Hashable {
    case line(SourceLine)
    /// A line that is not repeated, since it has a secret in it.
    case secret(SourceLine)
    case note(String)

    var comment: String {
      switch self {
      case .line(let source): "\(source.shortPlace): \(source.text)"
      case .secret(let source): source.shortPlace
      case .note(let text): text
      }
    }
  }

  /// An address, and where it is.
  struct Address: Sendable, Hashable {
    var address: InterfaceAddress
    /// The interface that it is on; `nil` for the router's.
    var interface: String?
    var label: String?
    var isAdvertised = true
    var source: SourceLine

    var yaml: String {
      guard interface != nil || label != nil || !isAdvertised else { return "\(address)" }
      var parts = ["address: \(ImportedRouter.plainAddress("\(address)"))"]
      if let interface { parts.append("interface: \(ImportedRouter.scalar(interface))") }
      if !isAdvertised { parts.append("advertised: false") }
      if let label { parts.append("label: \(ImportedRouter.scalar(label))") }
      return "{ \(parts.joined(separator: ", ")) }"
    }
  }

  /// A route or rule that comes and goes with the addresses.
  struct Entry: Sendable, Hashable {
    var fields: [(key: String, value: String)] { zip(keys, values).map { ($0, $1) } }
    private var keys: [String]
    private var values: [String]
    var source: SourceLine

    init(_ fields: [(key: String, value: String)], source: SourceLine) {
      (keys, values) = (fields.map(\.key), fields.map(\.value))
      self.source = source
    }

    var yaml: String {
      "{ \(fields.map { "\($0.key): \(ImportedRouter.plainAddress($0.value))" }.joined(separator: ", ")) }"
    }
  }

  /// The election of the router and what is advertised, for the checks that can be made before the
  /// file is read.
  var configuration: RouterConfiguration
  /// The line where its block begins.
  var source: SourceLine
  /// All settings that have a line, in the order in which they are written.
  var settings: [Setting]
  var addresses: [Address]
  var routes: [Entry] = []
  var rules: [Entry] = []
  /// The checks that it heeds.
  var checks: [ImportedCheckUse] = []
  /// The name that the instance has in keepalived, by which groups name it.
  var originalName = ""
  /// Keepalived's settings of its announcements, which a node sets for all its routers.
  var announcements: [String: KeepalivedNode]

  /// Raises the priority by the weight of an interface, which is lost while that is down.
  mutating func raisePriority(by weight: Int, for interface: String) {
    let raised = Int(configuration.priority.rawValue) + weight
    configuration.priority = Priority(rawValue: UInt8(clamping: raised))
    if let index = settings.firstIndex(where: { $0.key == "priority" }) {
      settings[index].value = "\(configuration.priority)"
    } else {
      let place = min(3, settings.count)
      settings.insert(
        Setting(
          key: "priority", value: "\(configuration.priority)",
          origin: .note("raised by the weight of \(interface)")), at: place)
    }
  }

  // MARK: Text

  /// The column in which comments begin, if there is room.
  private static let commentColumn = 36

  /// The router as an item of the list `routers`.
  var yaml: String {
    var lines = [Self.item(settings).dropLast()]
    lines.append("    addresses:")
    lines += addresses.map { Self.line("      - \($0.yaml)", Origin.line($0.source).comment)[...] }
    for (key, entries) in [("routes", routes), ("rules", rules)] where !entries.isEmpty {
      lines.append("    \(key):")
      lines += entries.map { Self.line("      - \($0.yaml)", Origin.line($0.source).comment)[...] }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// An item of a list that has these settings.
  static func item(_ settings: [Setting]) -> String {
    var text = ""
    for (index, setting) in settings.enumerated() {
      let indent = index == 0 ? "  - " : "    "
      text += line(
        "\(indent)\(setting.key):" + (setting.value.isEmpty ? "" : " \(setting.value)"),
        setting.origin.comment)
      text += "\n"
    }
    return text
  }

  static func line(_ text: String, _ comment: String) -> String {
    // The reader of our files counts these signs wherever they stand, to keep bombs out.
    guard !comment.isEmpty, !comment.contains("&"), !comment.contains("*") else { return text }
    let padding = String(repeating: " ", count: max(commentColumn - text.count, 1))
    return text + padding + "# " + comment.onOneLine
  }

  /// Text as a YAML value, in quotes where it could be read as something else.
  static func scalar(_ text: String) -> String {
    let isPlain =
      text.first?.isLetter == true
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."),
          UInt8(ascii: "-"):
          true
        default: false
        }
      }
    let meanings = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
    guard !isPlain || meanings.contains(text.lowercased()) else { return text }
    return quoted(text)
  }

  /// A path or a name as a YAML value.
  static func scalarOrPath(_ text: String) -> String {
    guard text.hasPrefix("/"), scalar("a" + text.replacing("/", with: "")).first != "\"" else {
      return scalar(text)
    }
    return text
  }

  /// An address, a number or a name as a value in braces, where a colon may end a key.
  static func plainAddress(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy { byte in
      byte == UInt8(ascii: ".") || byte == UInt8(ascii: "/")
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
    return isPlain && !text.isEmpty ? text : scalar(text)
  }

  /// A name with what names can have, at most 64 of it.
  static func usableName(_ text: String, otherwise name: String) -> String {
    let usable = text.unicodeScalars.map { scalar -> Character in
      let isUsable =
        scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
      return isUsable || "._-".unicodeScalars.contains(scalar) ? Character(scalar) : "-"
    }
    return usable.isEmpty ? name : String(usable.prefix(64))
  }

  /// Text in double quotes; what could confuse a reader is written as a number.
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case "&", "*",
        _ where scalar.value < 0x20 || scalar.value == 0x7F:
        let digits = String(scalar.value, radix: 16)
        result += "\\x" + (digits.count < 2 ? "0" : "") + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
