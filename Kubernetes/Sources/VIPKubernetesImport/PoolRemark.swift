/// A remark about an object of another program.
public struct PoolRemark: Sendable, Hashable {
  /// The importance of a remark.
  public enum Kind: String, Sendable, Hashable {
    /// Something could not be carried over.
    case lost
    /// All was carried over or needs no equivalent, but there is something to know.
    case note
  }

  /// The name of the file.
  public var file: String
  /// The line in it, counted from 1.
  public var number: Int
  /// The object, such as `Eip lan`; empty if it is about the whole file.
  public var object: String
  /// Whether something is lost.
  public var kind: Kind
  /// The field that could not be carried over and what to do, in one sentence.
  public var text: String

  /// `file:line: object: text`, with `note:` before the object if nothing is lost.
  public var line: String {
    let subject = object.isEmpty ? "" : "\(object): "
    return "\(file):\(number): \(kind == .note ? "note: " : "")\(subject)\(text)".onOneLine
  }
}

/// The reason why nothing can be imported: one line that says which file, where in it, what is
/// wrong, and what to do.
public struct PoolImportError: Error, Sendable, Hashable, CustomStringConvertible {
  /// `FILE:LINE:COLUMN: what is wrong`, the place as far as there is one.
  public let description: String

  /// Makes an error.
  public init(_ description: String) { self.description = description.onOneLine }
}

/// Collects the remarks about one object.
struct RemarkBook: Sendable {
  let file: String
  let object: String
  private(set) var remarks: [PoolRemark] = []

  init(file: String, object: String) {
    self.file = file
    self.object = object
  }

  /// Notes something that could not be carried over.
  mutating func lost(_ line: Int, _ text: String) { add(line, .lost, text) }

  /// Notes something that is only to be known.
  mutating func note(_ line: Int, _ text: String) { add(line, .note, text) }

  /// Leaves only what could not be carried over.
  mutating func forgetNotes() { remarks.removeAll { $0.kind == .note } }

  private mutating func add(_ line: Int, _ kind: PoolRemark.Kind, _ text: String) {
    remarks.append(
      PoolRemark(file: file, number: line, object: object, kind: kind, text: text))
  }
}

/// Why no pool comes from an object.
struct LeftOut: Error, Sendable, Hashable {
  let line: Int
  /// What is wrong and what to do, in one sentence.
  let text: String

  init(_ line: Int, _ text: String) {
    self.line = line
    self.text = text
  }
}

extension String {
  /// The text with everything that could break a line or reach into a terminal made visible.
  var onOneLine: String {
    func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
      switch scalar.value {
      case 0..<0x20, 0x7F..<0xA0, 0x2028...0x202E, 0x2066...0x2069: false
      default: true
      }
    }
    guard !unicodeScalars.allSatisfy(isHarmless) else { return self }
    var text = ""
    for scalar in unicodeScalars {
      if isHarmless(scalar) {
        text.unicodeScalars.append(scalar)
      } else {
        text += "\\u{\(String(scalar.value, radix: 16))}"
      }
    }
    return text
  }

  /// The text as it stands in a message, which a long one would make unreadable.
  var shortened: String { utf8.count > 80 ? "\(prefix(60))…" : self }
}
