/// A line of a keepalived configuration and where it stands.
public struct SourceLine: Sendable, Hashable {
  /// The file as it was named.
  public var file: String
  /// The line's number, counted from 1.
  public var number: Int
  /// The line without comment and white space around it.
  public var text: String

  /// The file's last name and the number.
  var shortPlace: String {
    "\(file.split(separator: "/").last ?? "standard input"):\(number)"
  }
}

/// A word of a line, or a brace that stands for itself.
enum KeepalivedToken: Sendable, Hashable {
  case word(String)
  case open
  case close
}

/// Takes lines apart as keepalived does.
///
/// `#` and `!` begin a comment anywhere outside quotes, a backslash before one of them makes it an
/// ordinary character, and one at the end of a line continues it. Words may have quotes of either
/// kind, also in their middle.
enum KeepalivedLexer {
  /// A line with those that it is continued on.
  struct Line: Sendable, Hashable {
    var number: Int
    /// Each without comment; the last one is the whole line if it is not continued.
    var pieces: [String]

    var text: String { KeepalivedLexer.trimmed(pieces.joined()) }
  }

  /// The lines of a file, without those that have nothing in them.
  static func lines(of text: String) -> [Line] {
    var lines: [Line] = []
    var pending: Line?
    let all = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, raw) in all.enumerated() {
      let (content, isContinued) = withoutComment(raw)
      // A continued line stands where it began.
      var line = pending ?? Line(number: index + 1, pieces: [])
      // Before the line grows: it would be copied with each piece if it were held twice.
      pending = nil
      line.pieces.append(content)
      if isContinued, index + 1 < all.count {
        pending = line
      } else if line.pieces.contains(where: { $0.contains { !$0.isWhitespace } }) {
        lines.append(line)
      }
    }
    return lines
  }

  static func trimmed(_ text: String) -> String {
    var rest = text[...]
    while rest.first?.isWhitespace == true { rest = rest.dropFirst() }
    while rest.last?.isWhitespace == true { rest = rest.dropLast() }
    return String(rest)
  }

  /// The line up to its comment, and whether it goes on in the next one.
  private static func withoutComment(_ line: Substring) -> (String, Bool) {
    var kept = ""
    var quote: Character?
    var rest = line[...]
    while let character = rest.popFirst() {
      switch character {
      case "\\":
        guard let next = rest.popFirst() else { return (kept, true) }
        if quote == nil, next == "#" || next == "!" {
          kept.append(next)
        } else {
          kept.append(character)
          kept.append(next)
        }
      case "\"", "'":
        if quote == nil { quote = character } else if quote == character { quote = nil }
        kept.append(character)
      case "#", "!":
        if quote == nil { return (kept, false) }
        kept.append(character)
      default:
        kept.append(character)
      }
    }
    return (kept, false)
  }

  /// The character that a backslash and the next one stand for in quotes.
  private static func escaped(_ character: Character, _ rest: inout Substring) -> Character {
    func number(_ digits: Substring, _ radix: Int) -> Character {
      UInt8(digits, radix: radix).map { Character(Unicode.Scalar($0)) } ?? character
    }
    switch character {
    case "a": return "\u{7}"
    case "b": return "\u{8}"
    case "E": return "\u{1B}"
    case "f": return "\u{C}"
    case "n": return "\n"
    case "r": return "\r"
    case "t": return "\t"
    case "v": return "\u{B}"
    case "x":
      let digits = rest.prefix(while: \.isHexDigit)
      rest = rest[digits.endIndex...]
      return number(digits.suffix(2), 16)
    case "0"..."7":
      let digits = rest.prefix(2).prefix { ("0"..."7").contains($0) }
      rest = rest[digits.endIndex...]
      return number("\(character)\(digits)", 8)
    default: return character
    }
  }

  /// The words and braces of a line.
  ///
  /// In the string of a command backslashes mean something outside of quotes too.
  static func tokens(of text: String, isCommand: Bool = false) -> [KeepalivedToken] {
    var tokens: [KeepalivedToken] = []
    var word = ""
    var isQuoted = false
    var quote: Character?
    func end() {
      defer { (word, isQuoted) = ("", false) }
      guard !word.isEmpty || isQuoted else { return }
      guard !isQuoted else { return tokens.append(.word(word)) }
      if word.allSatisfy({ $0 == "{" || $0 == "}" }) {
        tokens += word.map { $0 == "{" ? .open : .close }
      } else if word.last == "{", !word.contains("$") {
        tokens += [.word(String(word.dropLast())), .open]
      } else {
        tokens.append(.word(word))
      }
    }
    var rest = text[...]
    while let character = rest.popFirst() {
      if character == "\\", quote != nil || isCommand, let next = rest.popFirst() {
        word.append(escaped(next, &rest))
      } else if let open = quote {
        if character == open { quote = nil } else { word.append(character) }
      } else if character == "\"" || character == "'" {
        (quote, isQuoted) = (character, true)
      } else if character.isWhitespace {
        end()
      } else {
        word.append(character)
      }
    }
    end()
    return tokens
  }
}
