/// The words of a command line.
enum CommandWords {
  private static let flag = "--runtime-dir"

  /// Moves a runtime directory before the command behind it, where it is an option of most.
  ///
  /// - Returns: the words, none if there is no command; and the directory that stood before it.
  static func inOrder(_ words: [String]) -> (words: [String], directory: String?) {
    var rest = words[...]
    var moved: [String] = []
    var directory: String?
    while let first = rest.first {
      if first == flag, rest.count > 1 {
        directory = rest[rest.startIndex + 1]
        moved += rest.prefix(2)
        rest = rest.dropFirst(2)
      } else if first.hasPrefix(flag + "=") {
        directory = String(first.dropFirst(flag.count + 1))
        moved.append(first)
        rest = rest.dropFirst()
      } else {
        break
      }
    }
    guard !rest.isEmpty else { return ([], directory) }
    let end = rest.firstIndex(of: "--") ?? rest.endIndex
    return (Array(rest[..<end]) + moved + Array(rest[end...]), directory)
  }
}
