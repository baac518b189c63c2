import Glibc

/// Finds the files that an `include` names: shell patterns, with alternatives in braces.
///
/// A pattern can name any part of the file system. How much of it is looked at has an end here,
/// other than with glob(3).
struct IncludePattern {
  /// The most entries of folders that are looked at for a whole configuration.
  private static let entryCountMax = 50_000
  /// The most levels of folders in which a pattern may leave the names open.
  private static let levelCountMax = 16
  /// The most alternatives of one pattern.
  private static let alternativeCountMax = 256

  /// The reason why the files of a pattern are not known.
  enum Problem: Error {
    case tooLong, tooManyAlternatives, tooManyEntries

    var text: String {
      switch self {
      case .tooLong: "no path is longer than \(PATH_MAX) bytes"
      case .tooManyAlternatives:
        "more than \(IncludePattern.alternativeCountMax) alternatives in braces"
      case .tooManyEntries:
        "more than \(IncludePattern.entryCountMax) files and folders would have to be looked at"
      }
    }
  }

  private var entryCount = 0

  /// The files that a pattern names, sorted; none if there are none.
  mutating func files(matching pattern: String) throws(Problem) -> [String] {
    guard pattern.utf8.count <= PATH_MAX else { throw .tooLong }
    var found: [String] = []
    for alternative in try Self.alternatives(of: pattern) {
      let parts = alternative.split(separator: "/", omittingEmptySubsequences: true)
      let levels = parts.count { $0.contains { "*?[\\".contains($0) } }
      guard levels <= Self.levelCountMax else { throw .tooManyEntries }
      var paths: [String] = []
      try expand(alternative.hasPrefix("/") ? "/" : "", parts[...], into: &paths)
      found += paths.sorted()
    }
    return found
  }

  /// The paths below a folder that the rest of a pattern names.
  private mutating func expand(
    _ folder: String, _ rest: ArraySlice<Substring>, into found: inout [String]
  ) throws(Problem) {
    // What stands for itself needs no look into a folder.
    let literal = rest.prefix { !$0.contains { "*?[\\".contains($0) } }
    let below = rest[literal.endIndex...]
    let path = folder + literal.joined(separator: "/")
    guard let part = below.first else {
      if !literal.isEmpty, Self.kind(of: path) != nil { found.append(path) }
      return
    }
    let parent = literal.isEmpty ? folder : path + "/"
    let deeper = below.dropFirst()
    for name in try entries(parent.isEmpty ? "." : parent) {
      guard fnmatch(String(part), name, FNM_PERIOD) == 0 else { continue }
      let path = parent + name
      if deeper.isEmpty {
        found.append(path)
      } else if Self.kind(of: path) == S_IFDIR {
        try expand(path + "/", deeper, into: &found)
      }
    }
  }

  private mutating func entries(_ folder: String) throws(Problem) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      entryCount += 1
      guard entryCount <= Self.entryCountMax else { throw .tooManyEntries }
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// The kind of file at a path, as `S_IFREG` and the like; `nil` if there is none.
  static func kind(of path: String) -> mode_t? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return status.st_mode & S_IFMT
  }

  // MARK: Alternatives

  /// The patterns that `a{b,c}d` stands for; braces may stand in braces.
  private static func alternatives(of pattern: String) throws(Problem) -> [String] {
    var done: [String] = []
    var pending = [pattern]
    while let text = pending.popLast() {
      guard let (before, choices, after) = firstBraces(text) else {
        done.append(text)
        guard done.count <= alternativeCountMax else { throw .tooManyAlternatives }
        continue
      }
      guard pending.count + choices.count <= alternativeCountMax else { throw .tooManyAlternatives }
      // The first alternative is to be the next one.
      pending += choices.reversed().map { before + $0 + after }
    }
    return done
  }

  /// Splits a text at the first braces that have a comma and an end: before, in and after them.
  private static func firstBraces(_ text: String) -> (String, [String], String)? {
    guard let open = text.firstIndex(of: "{") else { return nil }
    var choices: [String] = []
    var depth = 0
    var start = text.index(after: open)
    var index = start
    while index < text.endIndex {
      switch text[index] {
      case "{": depth += 1
      case "}" where depth > 0: depth -= 1
      case ",", "}":
        guard depth == 0 else { break }
        choices.append(String(text[start..<index]))
        start = text.index(after: index)
        if text[index] == "}" {
          return (String(text[..<open]), choices, String(text[start...]))
        }
      default: break
      }
      index = text.index(after: index)
    }
    return nil
  }
}
