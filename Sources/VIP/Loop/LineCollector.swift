/// Cuts what a program writes into lines, and keeps no more of it than a log should have.
package struct LineCollector {
  /// The most lines of one run, and the most bytes of one line.
  package static let lineCountMax = 50, byteCountMax = 1000

  private var line: [UInt8] = []
  private var isInLine = false
  private var kept = 0
  /// Lines that were not kept.
  package private(set) var dropped: UInt64 = 0

  /// Makes one that has seen nothing.
  package init() {}

  /// Takes in some bytes.
  ///
  /// - Returns: the lines that are complete now.
  package mutating func take(_ bytes: ArraySlice<UInt8>) -> [String] {
    var lines: [String] = []
    for byte in bytes {
      guard byte == UInt8(ascii: "\n") else {
        isInLine = true
        if line.count <= Self.byteCountMax { line.append(byte) }
        continue
      }
      if let text = end() { lines.append(text) }
    }
    return lines
  }

  /// The last words of the program, if it did not end the line.
  package mutating func end() -> String? {
    defer {
      line.removeAll(keepingCapacity: true)
      isInLine = false
    }
    guard isInLine else { return nil }
    guard kept < Self.lineCountMax else {
      dropped += 1
      return nil
    }
    kept += 1
    let text = String(decoding: line.prefix(Self.byteCountMax), as: UTF8.self)
    return line.count > Self.byteCountMax ? text + "…" : text
  }
}
