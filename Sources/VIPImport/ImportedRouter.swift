import VIP
import VIPCore

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

  /// The router that the settings amount to.
  var configuration: RouterConfiguration
  /// The line where its block begins.
  var source: SourceLine
  /// All settings but the addresses, in the order in which they are written.
  var settings: [Setting]
  /// The lines that the addresses came from, in the order of the configuration's.
  var addressOrigins: [SourceLine]
  /// Keepalived's settings of its announcements, which a node sets for all its routers.
  var announcements: [String: KeepalivedNode]

  // MARK: Text

  /// The column in which comments begin, if there is room.
  private static let commentColumn = 36

  /// The router as an item of the list `routers`.
  var yaml: String {
    var lines: [String] = []
    for (index, setting) in settings.enumerated() {
      let indent = index == 0 ? "  - " : "    "
      lines.append(
        Self.line(
          "\(indent)\(setting.key):" + (setting.value.isEmpty ? "" : " \(setting.value)"),
          setting.origin.comment))
    }
    lines.append("    addresses:")
    for (address, origin) in zip(configuration.addresses, addressOrigins) {
      lines.append(Self.line("      - \(address)", Origin.line(origin).comment))
    }
    return lines.joined(separator: "\n") + "\n"
  }

  static func line(_ text: String, _ comment: String) -> String {
    // The reader of our files counts these signs wherever they stand, to keep bombs out.
    guard !comment.contains("&"), !comment.contains("*") else { return text }
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
