/// A place in a file, both counted from 1.
public struct Place: Sendable, Hashable, CustomStringConvertible {
  /// The line.
  public var line: Int
  /// The column, in characters.
  public var column: Int

  /// `LINE:COLUMN`.
  public var description: String { "\(line):\(column)" }
}

/// A fault in a file, with its place.
struct Diagnostic: Error, Sendable, Hashable, CustomStringConvertible {
  var place: Place?
  var text: String

  init(_ place: Place?, _ text: String) {
    self.place = place
    self.text = text
  }

  /// `LINE:COLUMN: text`, or the text alone if it concerns the whole file.
  var description: String { place.map { "\($0): \(text)" } ?? text }
}
