/// The reason why a file can't be used: one line that says which file, where in it, and what is
/// wrong.
public struct FileError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kinds that a caller may want to tell apart.
  public enum Kind: Sendable, Hashable {
    /// The file can't be read, or makes no sense.
    case invalid
    /// The file makes sense, but names something that this machine does not have.
    case unusable
  }

  /// The kind of the error.
  public let kind: Kind
  /// `FILE:LINE:COLUMN: what is wrong`, the place as far as there is one.
  public let description: String

  /// Makes an error.
  public init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }
}
