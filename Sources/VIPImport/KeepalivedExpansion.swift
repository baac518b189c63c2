/// The lines that a line of a file stands for: with definitions put in, once for each value of a
/// sequence or list, without those for other machines.
///
/// It is read from the front to the back once, however many definitions are put in: what is still
/// to be read is a stack of pieces.
struct KeepalivedExpansion {
  /// The greatest length of a line; a handful of definitions could make one of any length.
  private static let lengthMax = 64 << 10

  /// The reason why there is no end.
  enum Problem: Error {
    /// Definitions name one another without end; the text is what stands in the file.
    case endless(String)
    case tooManyTurns
  }

  private enum Piece {
    case text(ArraySlice<UInt8>)
    case loop(KeepalivedLoop)
  }

  /// The pieces that are still to be read, the next one last.
  private var pending: [Piece]
  /// Whether the line may define a name as all that follows, line ends included.
  private var isWhole: Bool
  /// The first name that has been replaced, as it stands there.
  private var firstName = ""

  /// - Parameter pieces: the line, in as many pieces as there are lines that it is continued on.
  init(_ pieces: [String]) {
    let joined = Array(pieces.joined(separator: "\n").utf8)
    isWhole = pieces.count > 1 && Self.isDefinition(joined[...])
    pending = [.text(isWhole ? joined[...] : Array(pieces.joined().utf8)[...])]
  }

  /// Whether a line defines something, perhaps for some machines only.
  private static func isDefinition(_ line: ArraySlice<UInt8>) -> Bool {
    var rest = line.drop(while: KeepalivedDefinitions.isBlank)
    while rest.first == UInt8(ascii: "@") {
      rest = rest.drop { !KeepalivedDefinitions.isBlank($0) }
      rest = rest.drop(while: KeepalivedDefinitions.isBlank)
    }
    return KeepalivedDefinitions.definition(rest) != nil
  }

  /// The next line; `nil` if there is none left.
  mutating func next(
    _ definitions: inout KeepalivedDefinitions, _ budget: inout Int
  ) throws(Problem) -> String? {
    while true {
      try skipBlanks(&definitions, &budget)
      guard let rest = top else { return nil }
      switch rest.first {
      case UInt8(ascii: "@"):
        let condition = rest.prefix { !KeepalivedDefinitions.isBlank($0) }
        replaceTop(rest[condition.endIndex...])
        guard !definitions.holds(condition) else { continue }
        _ = try isWhole ? takeAll() : takeLine()
        continue
      case UInt8(ascii: "~"):
        let line = try takeLine()
        guard let loop = KeepalivedLoop(line[...]) else {
          return String(decoding: line, as: UTF8.self)
        }
        pending.append(.loop(loop))
        continue
      case UInt8(ascii: "$"):
        if let (name, value) = KeepalivedDefinitions.definition(rest) {
          replaceTop(value)
          let text = try isWhole ? takeAll() : takeLine()
          definitions.define(name, as: Self.trimmed(text))
          continue
        }
      default: break
      }
      if let line = try scan(&definitions, &budget) { return line }
    }
  }

  /// A line with definitions put in; `nil` if it is to be looked at from its beginning again.
  private mutating func scan(
    _ definitions: inout KeepalivedDefinitions, _ budget: inout Int
  ) throws(Problem) -> String? {
    var result: [UInt8] = []
    while var rest = top, let byte = rest.first, byte != UInt8(ascii: "\n") {
      if byte == UInt8(ascii: "$"), let (name, after) = KeepalivedDefinitions.name(rest),
        let value = definitions.value(of: name)
      {
        if firstName.isEmpty {
          firstName = String(decoding: rest[..<after.startIndex], as: UTF8.self)
        }
        budget -= 1
        guard budget > 0 else { throw .endless(firstName) }
        replaceTop(after)
        pending.append(.text(value[...]))
        if result.isEmpty { return nil }
        continue
      }
      // Up to where the next one may stand.
      rest = rest.dropFirst()
      let plain = rest.prefix { $0 != UInt8(ascii: "$") && $0 != UInt8(ascii: "\n") }
      result.append(byte)
      result += plain
      guard result.count <= Self.lengthMax else { throw .endless(firstName) }
      replaceTop(rest[plain.endIndex...])
    }
    return String(decoding: result, as: UTF8.self)
  }

  // MARK: Pieces

  /// The piece that is to be read next; `nil` at the end.
  private var top: ArraySlice<UInt8>? {
    mutating get {
      while case .text(let text)? = pending.last {
        guard text.isEmpty else { return text }
        pending.removeLast()
      }
      return nil
    }
  }

  private mutating func replaceTop(_ text: ArraySlice<UInt8>) {
    pending[pending.count - 1] = .text(text)
  }

  /// Goes to the beginning of the next line that has something in it, in the next turn of a loop if
  /// need be.
  private mutating func skipBlanks(
    _ definitions: inout KeepalivedDefinitions, _ budget: inout Int
  ) throws(Problem) {
    while true {
      while let rest = top {
        let text = rest.drop(while: KeepalivedDefinitions.isBlank)
        replaceTop(text)
        guard text.isEmpty else { return }
      }
      guard case .loop(var loop)? = pending.popLast() else { return }
      budget -= 1
      guard budget > 0 else { throw .tooManyTurns }
      guard loop.defineNext(&definitions) else { continue }
      pending.append(.loop(loop))
      pending.append(.text(loop.body))
    }
  }

  /// Takes the rest of the line as it stands there.
  private mutating func takeLine() throws(Problem) -> [UInt8] {
    var line: [UInt8] = []
    while let rest = top {
      let part = rest.prefix { $0 != UInt8(ascii: "\n") }
      line += part
      guard line.count <= Self.lengthMax * 64 else { throw .endless(firstName) }
      replaceTop(rest[part.endIndex...])
      guard part.endIndex == rest.endIndex else { break }
    }
    return line
  }

  private mutating func takeAll() -> [UInt8] {
    var text: [UInt8] = []
    while let rest = top {
      text += rest
      replaceTop([])
    }
    return text
  }

  private static func trimmed(_ text: [UInt8]) -> ArraySlice<UInt8> {
    var rest = text[...].drop(while: KeepalivedDefinitions.isBlank)
    while let last = rest.last, KeepalivedDefinitions.isBlank(last) { rest = rest.dropLast() }
    return rest
  }
}
