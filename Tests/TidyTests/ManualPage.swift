import Foundation
import TestSupport

/// The part of the manual page that the program itself can tell: its commands and their options.
enum ManualPage {
  static let path = "Docs/vipctl.8"
  /// The commands stand between these lines of the page.
  static let begin = ".\\\" The commands, as the program describes them: see CONTRIBUTING.md."
  static let end = ".\\\" End of the commands."

  /// What `--experimental-dump-help` prints.
  struct Help: Decodable {
    let command: Command
  }

  struct Command: Decodable {
    let commandName: String
    let abstract: String?
    let discussion: String?
    let shouldDisplay: Bool?
    let arguments: [Argument]?
    let subcommands: [Command]?

    /// Those that people type, without the parser's own `help`.
    var visible: [Command] {
      (subcommands ?? []).filter { $0.shouldDisplay != false && $0.commandName != "help" }
    }
  }

  struct Argument: Decodable {
    struct Name: Decodable {
      let kind: String
      let name: String
    }

    let kind: String
    let names: [Name]?
    let valueName: String?
    let abstract: String?
    let isOptional: Bool
    let isRepeating: Bool
    let shouldDisplay: Bool?

    /// What all commands have is told once.
    var isCommon: Bool {
      names?.contains { ["help", "runtime-dir"].contains($0.name) } ?? false
    }
  }

  /// The commands in the language of manual pages, mdoc(7).
  static func commands(of binary: String) throws -> String {
    let text = try run([binary, "--experimental-dump-help"]).output
    let help = try JSONDecoder().decode(Help.self, from: Data(text.utf8))
    return help.command.visible.map(section).joined()
  }

  private static func section(_ command: Command) -> String {
    let arguments = (command.arguments ?? []).filter { $0.shouldDisplay != false && !$0.isCommon }
    var lines = [".Ss \(command.commandName)", ".Nm", ".Cm \(command.commandName)"]
    for argument in arguments where argument.kind == "positional" {
      let name = "Ar \(escaped(argument.valueName ?? ""))\(argument.isRepeating ? " ..." : "")"
      lines.append(argument.isOptional ? ".Op \(name)" : ".\(name)")
    }
    lines += [".Op Ar option ...", ".Pp"]
    lines += sentences(command.abstract ?? "")
    for part in (command.discussion ?? "").split(separator: "\n\n") {
      if part.hasPrefix("  ") {
        lines.append(".Bd -literal -offset indent")
        lines += part.split(separator: "\n").map { escaped($0.dropFirst(2)) }
        lines.append(".Ed")
      } else {
        lines.append(".Pp")
        lines += sentences(part)
      }
    }
    guard !arguments.isEmpty else { return lines.joined(separator: "\n") + "\n" }
    lines.append(".Bl -tag -width Ds")
    for argument in arguments {
      lines.append(".It " + heading(argument))
      lines += sentences(argument.abstract ?? "")
    }
    return (lines + [".El"]).joined(separator: "\n") + "\n"
  }

  private static func heading(_ argument: Argument) -> String {
    guard argument.kind != "positional" else { return "Ar \(escaped(argument.valueName ?? ""))" }
    let flags = (argument.names ?? []).map {
      $0.kind == "short" ? "Fl \($0.name)" : "Fl -\($0.name)"
    }
    let value = argument.kind == "option" ? " Ar \(escaped(argument.valueName ?? ""))" : ""
    return flags.joined(separator: " , ") + value
  }

  /// A new line for each sentence, as the language wants it.
  private static func sentences(_ text: some StringProtocol) -> [String] {
    var lines: [String] = []
    var line: [Substring] = []
    for word in String(text).split(whereSeparator: { $0 == " " || $0 == "\n" }) {
      line.append(word)
      guard [".", "!"].contains(word.last), word.count > 2 else {
        continue
      }
      lines.append(escaped(line.joined(separator: " ")))
      line = []
    }
    if !line.isEmpty { lines.append(escaped(line.joined(separator: " "))) }
    return lines
  }

  /// Text that the language takes for nothing else.
  private static func escaped(_ text: some StringProtocol) -> String {
    var result = ""
    for scalar in String(text).unicodeScalars {
      switch scalar {
      case "\\": result += "\\e"
      case "-": result += "\\-"
      case _ where scalar.isASCII: result.unicodeScalars.append(scalar)
      // Names of characters that every formatter understands, in four digits or more.
      default:
        let digits = String(scalar.value, radix: 16, uppercase: true)
        result += "\\[u" + String(repeating: "0", count: max(4 - digits.count, 0)) + digits + "]"
      }
    }
    if result.hasPrefix(".") || result.hasPrefix("'") { result = "\\&" + result }
    return result
  }
}
