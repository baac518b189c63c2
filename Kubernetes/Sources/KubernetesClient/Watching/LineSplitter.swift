/// Cuts a stream of bytes into lines, of which none may be longer than a limit.
struct LineSplitter: Sendable {
  /// A line without its end, or what is told of one that is too long.
  enum Line: Sendable, Hashable {
    case text([UInt8])
    case tooLong
  }

  let byteCountMax: Int
  /// What has come of a line so far.
  private var rest: [UInt8] = []
  /// Whether all up to the next end of a line is dropped.
  private var isDropping = false

  init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

  /// Whether a line has begun and not ended.
  var isInLine: Bool { !rest.isEmpty || isDropping }

  /// Takes bytes and hands out the lines that end in them; empty lines are left out.
  mutating func append(_ bytes: some Sequence<UInt8>) -> [Line] {
    var lines: [Line] = []
    for part in Array(bytes).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .enumerated()
    {
      if part.offset > 0, let line = endLine() { lines.append(line) }
      guard !isDropping else { continue }
      if rest.count + part.element.count > byteCountMax {
        rest = []
        isDropping = true
      } else {
        rest += part.element
      }
    }
    return lines
  }

  private mutating func endLine() -> Line? {
    defer {
      rest = []
      isDropping = false
    }
    if isDropping { return .tooLong }
    if rest.last == UInt8(ascii: "\r") { rest.removeLast() }
    return rest.isEmpty ? nil : .text(rest)
  }
}
