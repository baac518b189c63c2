import Glibc
import VIPConfiguration
import VIPCore

/// A program with its arguments, as keepalived takes it from one string.
struct KeepalivedCommand {
  /// The program by its absolute path, and its arguments.
  private(set) var words: [String]
  /// The remarks about it, each with its importance.
  private(set) var remarks: [(ImportRemark.Kind, String)] = []

  /// The reason why a string is no command here.
  struct Problem: Error {
    var text: String
  }

  /// Reads the string of a statement, such as `"/usr/bin/pgrep -x nginx"`.
  ///
  /// keepalived starts programs itself, with words between which white space stands and in which
  /// quotes may be. A program without a path is the first one of its name in the usual folders.
  init(_ text: String) throws(Problem) {
    words = Self.words(text)
    guard let program = words.first, !program.isEmpty else {
      throw Problem(text: "it names no program")
    }
    if Self.needsShell(words) {
      // Only this shell has files that are connections.
      let shell = text.contains("/dev/tcp/") ? "/bin/bash" : "/bin/sh"
      words = [shell, "-c", text]
      remarks.append(
        (
          .note,
          "keepalived starts programs without a shell, which '\(text.shortened)' needs; here \(shell) "
            + "runs it"
        ))
      return
    }
    guard !program.hasPrefix("/") else { return }
    guard !program.contains("/"), let path = Self.path(of: program) else {
      throw Problem(
        text:
          "'\(program.shortened)' is no absolute path, and no program of that name is known; write "
          + "out where it is")
    }
    words[0] = path
  }

  static func words(_ text: String) -> [String] {
    KeepalivedLexer.tokens(of: text, isCommand: true).map { token in
      switch token {
      case .word(let text): text
      case .open: "{"
      case .close: "}"
      }
    }
  }

  // MARK: Programs

  private static let folders = [
    "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
  ]

  /// Programs that are in the same place on all machines, for an import on a machine without them.
  private static let places: [String: String] = {
    var places = ["sh": "/bin/sh", "ip": "/sbin/ip", "pidof": "/bin/pidof", "ping": "/bin/ping"]
    for name in [
      "awk", "bash", "cat", "curl", "dig", "docker", "echo", "false", "grep", "host", "killall",
      "logger", "nc", "pgrep", "pkill", "python3", "sed", "ss", "systemctl", "test", "timeout",
      "true", "wget",
    ] { places[name] = "/usr/bin/\(name)" }
    return places
  }()

  /// The place of a program; `nil` if it is not known.
  private static func path(of program: String) -> String? {
    let paths = folders.map { "\($0)/\(program)" }
    return paths.first { access($0, X_OK) == 0 && IncludePattern.kind(of: $0) == S_IFREG }
      ?? places[program]
  }

  // MARK: Shells

  /// Whether words mean something to a shell only; those in quotes may stand for themselves.
  private static func needsShell(_ words: [String]) -> Bool {
    let signs: Set<String> = ["|", "||", "&", "&&", ";", "<", ">", ">>", "!", "2>&1"]
    return words.contains { word in
      signs.contains(word) || word.hasSuffix(";") || word.contains("$(") || word.contains("`")
        || ["<", ">", "1>", "2>", "&>"].contains { word.hasPrefix($0) }
    } && !isShell(words)
  }

  /// Whether the command is a shell that is given its text, where such signs belong.
  private static func isShell(_ words: [String]) -> Bool {
    let name = words.first?.split(separator: "/").last ?? ""
    return ["sh", "bash", "dash", "ash", "zsh"].contains(name) && words.dropFirst().first == "-c"
  }

  /// A word for a shell.
  static func shellWord(_ word: String) -> String {
    "'\(word.replacing("'", with: "'\\''"))'"
  }

  // MARK: What a check can do without a program

  /// The address and port of `</dev/tcp/ADDRESS/PORT`, with which a shell connects; `nil` for any
  /// other text.
  static func connection(_ text: String) -> String? {
    let text = text.split(whereSeparator: \.isWhitespace).joined()
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 5, parts[0] == "<", parts[1] == "dev", parts[2] == "tcp",
      let port = UInt16(parts[4]), port > 0,
      let address = IPAddress(parts[3] == "localhost" ? "127.0.0.1" : String(parts[3]))
    else { return nil }
    return address.family == .ipv6 ? "[\(address)]:\(port)" : "\(address):\(port)"
  }

  /// The process that must be there, if the command asks for one of exactly this name.
  var process: String? {
    let options: Set<String>
    let required: String?
    switch words[0].split(separator: "/").last {
    case "killall": (options, required) = (["-0", "-q", "-e"], "-0")
    case "pidof": (options, required) = (["-s", "-q"], nil)
    case "pgrep": (options, required) = (["-x", "-c"], "-x")
    default: return nil
    }
    let given = words.dropFirst().dropLast()
    guard words.count > 1, given.allSatisfy(options.contains),
      required.map({ given.contains($0) }) ?? true, let name = words.last,
      // The kernel has no more of a name.
      (1...15).contains(name.utf8.count),
      name.utf8.allSatisfy({ byte in
        byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
          || Character(Unicode.Scalar(byte)).isLetter || Character(Unicode.Scalar(byte)).isNumber
      }), !name.hasPrefix("-")
    else { return nil }
    return name
  }
}
