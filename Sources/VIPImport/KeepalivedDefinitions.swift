/// The definitions `$NAME=value`, and the replacing of their names.
///
/// As in keepalived, `${NAME}` is replaced anywhere and `$NAME` where white space or the end
/// follows; what is replaced may name others, with the values that they have then. A name that is
/// not defined stays as it is.
struct KeepalivedDefinitions {
  /// The greatest length of a word; a handful of definitions could make one of any length.
  private static let lengthMax = 64 << 10
  /// Number of names that may be replaced in a whole configuration, those in values included.
  private static let replacementCountMax = 200_000

  private var values: [String: String] = [:]
  private var count = 0

  var isEmpty: Bool { values.isEmpty }

  /// Notes `$NAME=value`; `false` if the line is none.
  mutating func define(_ line: String) -> Bool {
    guard let equals = line.firstIndex(of: "=") else { return false }
    let name = line[..<equals].dropFirst()
    guard !name.isEmpty, name.utf8.allSatisfy(Self.isPartOfName) else { return false }
    values[String(name)] = String(line[line.index(after: equals)...])
    return true
  }

  /// A word with the definitions put in; `nil` if it would become too long, or too many are put in.
  mutating func substituted(_ word: String) -> String? {
    guard !isEmpty, word.utf8.contains(UInt8(ascii: "$")) else { return word }
    var result: [UInt8] = []
    /// The pieces that are still to be read, the next one last.
    var pending = [word.utf8[...]]
    while var piece = pending.popLast() {
      while let byte = piece.first {
        guard byte == UInt8(ascii: "$"), let (name, rest) = Self.name(piece),
          let value = values[name]
        else {
          result.append(byte)
          guard result.count <= Self.lengthMax else { return nil }
          piece = piece.dropFirst()
          continue
        }
        count += 1
        guard count <= Self.replacementCountMax else { return nil }
        pending.append(rest)
        piece = value.utf8[...]
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// The name at the beginning of a text and what follows it; `nil` if there is none.
  private static func name(
    _ text: Substring.UTF8View
  ) -> (name: String, rest: Substring.UTF8View)? {
    let afterSign = text.dropFirst()
    let isBraced = afterSign.first == UInt8(ascii: "{")
    let start = isBraced ? afterSign.dropFirst() : afterSign
    let name = start.prefix(while: isPartOfName)
    var rest = start[name.endIndex...]
    guard !name.isEmpty else { return nil }
    if isBraced {
      guard rest.popFirst() == UInt8(ascii: "}") else { return nil }
    } else {
      guard rest.first.map({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }) ?? true else {
        return nil
      }
    }
    return (String(Substring(name)), rest)
  }

  private static func isPartOfName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
