import Foundation

/// The repository that this test was built from.
enum Repository {
  static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The Swift files under a folder, with paths relative to the repository.
  static func swiftFiles(under folder: String) throws -> [SourceFile] {
    let paths = try FileManager.default.subpathsOfDirectory(
      atPath: root.appending(path: folder).path)
    return paths.filter { $0.hasSuffix(".swift") }.sorted().map {
      SourceFile(path: "\(folder)/\($0)")
    }
  }

  /// The paths of the files of a name under a folder, relative to the repository.
  static func files(under folder: String, named name: String) throws -> [String] {
    let paths = try FileManager.default.subpathsOfDirectory(
      atPath: root.appending(path: folder).path)
    return paths.filter { ($0 as NSString).lastPathComponent == name }.sorted().map {
      "\(folder)/\($0)"
    }
  }
}

/// One file, line by line.
struct SourceFile {
  let path: String

  /// The folder below Sources or Tests that it is in.
  var module: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }

  var lines: [Line] {
    get throws {
      try String(contentsOf: Repository.root.appending(path: path), encoding: .utf8)
        .split(separator: "\n", omittingEmptySubsequences: false)
        .map { Line(text: String($0)) }
    }
  }

  struct Line {
    let text: String

    /// The line without its comment.
    var code: Substring { text.firstRange(of: "//").map { text[..<$0.lowerBound] } ?? text[...] }

    /// The module that the line imports and the access it gives, if it is an import.
    var `import`: (module: String, access: String?)? {
      var words = code.split(whereSeparator: \.isWhitespace).map(String.init)
      words.removeAll { $0.hasPrefix("@") }
      guard let place = words.firstIndex(of: "import"), place <= 1, place + 1 < words.count else {
        return nil
      }
      // Help texts may have the word too.
      let levels = ["public", "package", "internal", "fileprivate", "private"]
      guard place == 0 || levels.contains(words[0]) else { return nil }
      // `import struct Module.Type` names a declaration of a module.
      let kinds = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
      let name = kinds.contains(words[place + 1]) ? words.last : words[place + 1]
      let module = name.map { String($0.prefix { $0 != "." }) }
      return module.map { ($0, place == 1 ? words[0] : nil) }
    }
  }
}
