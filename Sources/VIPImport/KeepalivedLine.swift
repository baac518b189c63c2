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
  /// The lines of a file, continued ones joined, without empty ones.
  static func lines(of text: String, file: String) -> [SourceLine] {
    var lines: [SourceLine] = []
    var pending: SourceLine?
    let all = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, raw) in all.enumerated() {
      let (content, isContinued) = withoutComment(raw)
      // A continued line stands where it began.
      var line = pending ?? SourceLine(file: file, number: index + 1, text: "")
      // Before the text grows: it would be copied with each piece if it were held twice.
      pending = nil
      line.text += content
      if isContinued, index + 1 < all.count {
        pending = line
      } else {
        line.text = trimmed(line.text)
        if !line.text.isEmpty { lines.append(line) }
      }
    }
    return lines
  }

  private static func trimmed(_ text: String) -> String {
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
        if next == "\r", rest.isEmpty { return (kept, true) }
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

  /// The words and braces of a line.
  static func tokens(of text: String) -> [KeepalivedToken] {
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
      if character == "\\", quote != nil, let next = rest.popFirst() {
        word.append(next)
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
