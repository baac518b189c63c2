/// A line that keepalived reads several times: `~SEQ(…) rest`, `~SEQx(…) rest` or `~LST(…) rest`.
struct KeepalivedLoop {
  private enum Values {
    case sequence(next: Int, step: Int, end: Int, radix: Int)
    case list(ArraySlice<[String]>)
  }

  private let names: [String]
  private var values: Values
  /// The text that is read with each value.
  let body: ArraySlice<UInt8>

  /// Reads a line; `nil` if it is none of these.
  init?(_ line: ArraySlice<UInt8>) {
    let text = String(decoding: line, as: UTF8.self)
    guard let open = text.firstIndex(of: "("), let close = text.firstIndex(of: ")"), open < close
    else { return nil }
    let inside = text[text.index(after: open)..<close]
    body = Array(text[text.index(after: close)...].utf8)[...]
    switch text[..<open] {
    case "~SEQ", "~SEQx":
      let radix = text[..<open] == "~SEQ" ? 10 : 16
      guard let (name, sequence) = Self.sequence(inside, radix: radix) else { return nil }
      (names, values) = ([name], sequence)
    case "~LST":
      let items = Self.items(inside)
      guard let names = items.first, items.count > 1, names.allSatisfy({ !$0.isEmpty }),
        items.allSatisfy({ $0.count == names.count })
      else { return nil }
      (self.names, values) = (names, .list(items[1...]))
    default: return nil
    }
  }

  /// Defines the names with their next values; `false` if there are none left.
  mutating func defineNext(_ definitions: inout KeepalivedDefinitions) -> Bool {
    switch values {
    case .list(var rest):
      guard let items = rest.popFirst() else { return false }
      values = .list(rest)
      for (name, item) in zip(names, items) { definitions.define(name, as: item.utf8) }
    case .sequence(let next, let step, let end, let radix):
      guard step > 0 ? next <= end : next >= end else { return false }
      values = .sequence(next: next + step, step: step, end: end, radix: radix)
      definitions.define(names[0], as: String(next, radix: radix).utf8)
    }
    return true
  }

  /// `name, [start, [step,]] end`.
  private static func sequence(_ text: Substring, radix: Int) -> (String, Values)? {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(trimmed)
    let numbers = parts.dropFirst().compactMap(number)
    guard let name = parts.first, !name.isEmpty, numbers.count == parts.count - 1,
      let end = numbers.last, numbers.count <= 3
    else { return nil }
    let start = numbers.count > 1 ? numbers[0] : end < 0 ? -1 : 1
    let step = numbers.count > 2 ? numbers[1] : end < start ? -1 : 1
    guard step != 0 else { return nil }
    return (name, .sequence(next: start, step: step, end: end, radix: radix))
  }

  /// A number that no step can carry beyond what a number may be.
  private static func number(_ text: String) -> Int? {
    let isNegative = text.hasPrefix("-")
    let digits = isNegative ? text.dropFirst() : text[...]
    let value =
      digits.hasPrefix("0x") ? Int(digits.dropFirst(2), radix: 16) : Int(digits, radix: 10)
    guard let value, value >= 0, value <= 1 << 40 else { return nil }
    return isNegative ? -value : value
  }

  /// `a, b, c` as lists of one each, `{a, b}, {c, d}` as lists of what stands in the braces.
  private static func items(_ text: Substring) -> [[String]] {
    var items: [[String]] = []
    var rest = text
    while !rest.isEmpty {
      rest = rest.drop { $0 == " " || $0 == "\t" }
      let isGroup = rest.first == "{"
      let item = rest.prefix { isGroup ? $0 != "}" : $0 != "," }
      let inside = isGroup ? item.dropFirst() : item
      items.append(
        isGroup ? inside.split(separator: ",").map(trimmed) : [trimmed(inside)])
      rest = rest[item.endIndex...].drop { $0 != "," }.dropFirst()
    }
    return items
  }

  private static func trimmed(_ text: Substring) -> String {
    text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }
}
