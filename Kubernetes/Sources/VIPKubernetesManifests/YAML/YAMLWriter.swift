/// Writes values as YAML 1.2 that readers of YAML 1.1 understand in the same way.
package struct YAMLWriter {
  private(set) var lines: [String] = []

  /// The length that lines have at most, but for words that are longer.
  static let width = 100

  /// The text of a stream of documents.
  package static func text(_ documents: [YAMLDocument]) -> String {
    var writer = YAMLWriter()
    for document in documents {
      if !writer.lines.isEmpty { writer.lines.append("---") }
      if let comment = document.comment { writer.comment(comment, 0) }
      writer.value(document.value, 0)
    }
    return writer.lines.joined(separator: "\n") + "\n"
  }

  private mutating func comment(_ text: String, _ indent: Int) {
    for paragraph in text.split(separator: "\n", omittingEmptySubsequences: false) {
      // What is moved in stays as it is: commands and tables.
      if paragraph.isEmpty || paragraph.first == " " {
        lines.append(Self.spaces(indent) + "#" + paragraph)
      } else {
        for line in Self.wrapped(String(paragraph), Self.width - indent - 2) {
          lines.append(Self.spaces(indent) + "# " + line)
        }
      }
    }
  }

  private mutating func value(_ value: YAMLValue, _ indent: Int) {
    switch value {
    case .fields(let fields) where !fields.isEmpty:
      for field in fields { self.field(field, indent) }
    case .list(let elements) where !elements.isEmpty:
      for element in elements { self.element(element, indent) }
    default: lines.append(Self.spaces(indent) + Self.line(value))
    }
  }

  private mutating func field(_ field: YAMLField, _ indent: Int) {
    if let comment = field.comment { self.comment(comment, indent) }
    let name = Self.spaces(indent) + Self.scalar(field.name, isInList: true) + ":"
    if case .text(let text) = field.value, let folded = Self.folded(text, name.count, indent + 2) {
      lines.append(name + " >-")
      lines += folded
    } else if let short = Self.short(field.value), name.count + 1 + short.count <= Self.width {
      lines.append("\(name) \(short)")
    } else if Self.isNested(field.value) {
      lines.append(name)
      value(field.value, indent + 2)
    } else {
      lines.append("\(name) \(Self.line(field.value))")
    }
  }

  /// An element of a list, whose first line begins with a dash in place of two spaces.
  private mutating func element(_ element: YAMLValue, _ indent: Int) {
    if case .text(let text) = element, let folded = Self.folded(text, indent + 1, indent + 2) {
      lines.append(Self.spaces(indent) + "- >-")
      lines += folded
      return
    }
    let first = lines.count
    value(element, indent + 2)
    // A comment of the first field stands before the dash.
    var place = first
    while place + 1 < lines.count, lines[place].drop(while: { $0 == " " }).first == "#" {
      lines[place] = Self.spaces(indent) + lines[place].dropFirst(indent + 2)
      place += 1
    }
    lines[place] = Self.spaces(indent) + "- " + lines[place].dropFirst(indent + 2)
  }

  private static func isNested(_ value: YAMLValue) -> Bool {
    switch value {
    case .fields(let fields): !fields.isEmpty
    case .list(let elements): !elements.isEmpty
    case .text, .number, .truth: false
    }
  }

  /// A value on the rest of a line.
  private static func line(_ value: YAMLValue) -> String {
    switch value {
    case .text(let text): scalar(text, isInList: false)
    case .number(let number): "\(number)"
    case .truth(let truth): "\(truth)"
    case .list: "[]"
    case .fields: "{}"
    }
  }

  /// A list of scalars in brackets; `nil` for all else.
  private static func short(_ value: YAMLValue) -> String? {
    guard case .list(let elements) = value, !elements.isEmpty,
      !elements.contains(where: { if case .list = $0 { true } else { false } }),
      !elements.contains(where: { if case .fields = $0 { true } else { false } })
    else { return nil }
    let texts = elements.map { element in
      if case .text(let text) = element { scalar(text, isInList: true) } else { line(element) }
    }
    return "[\(texts.joined(separator: ", "))]"
  }

  /// The lines of a text that is too long for one; `nil` if it is not, or would not come back as it
  /// is.
  private static func folded(_ text: String, _ nameCount: Int, _ indent: Int) -> [String]? {
    let isWords =
      text.contains(" ") && text.first != " " && text.last != " " && !text.contains("  ")
      && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
    guard isWords, nameCount + 1 + scalar(text, isInList: false).count > width else { return nil }
    return wrapped(text, width - indent).map { spaces(indent) + $0 }
  }

  private static func wrapped(_ text: String, _ width: Int) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }

  private static func spaces(_ count: Int) -> String { String(repeating: " ", count: count) }
}

extension YAMLWriter {
  /// Words that readers take for something else than a text.
  private static let words: Set<String> = [
    "true", "false", "yes", "no", "on", "off", "null", "y", "n",
  ]

  /// A text on one line, in quotes if it would be read as something else without them.
  static func scalar(_ text: String, isInList: Bool) -> String {
    if isPlain(text, isInList: isInList) { return text }
    let isPrintable = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
    if isPrintable, text.contains("\\") || text.contains("\"") {
      return
        "'\(text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''"))'"
    }
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\t": quoted += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        let digits = String(scalar.value, radix: 16)
        quoted += "\\x" + (digits.count < 2 ? "0" : "") + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }

  private static func isPlain(_ text: String, isInList: Bool) -> Bool {
    guard let first = text.utf8.first, isLetter(first) || first == UInt8(ascii: "/"),
      !words.contains(text.lowercased()), text.utf8.last != UInt8(ascii: " "),
      text.utf8.last != UInt8(ascii: ":"), !text.contains(": "), !text.contains("  ")
    else { return false }
    return text.utf8.allSatisfy { byte in
      isLetter(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        || "._/-".utf8.contains(byte) || !isInList && ": ,;()=+'".utf8.contains(byte)
    }
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }
}
