import Glibc
import VIPConfiguration
import VIPCore

/// A statement of a keepalived configuration: words, and perhaps a block of further ones.
struct KeepalivedNode: Sendable, Hashable {
  var source: SourceLine
  /// The first word.
  var keyword: String
  /// The other words.
  var arguments: [String]
  /// The statements between its braces; `nil` if it has none.
  var block: [KeepalivedNode]?
}

/// Something that could not be carried over, and what to do about it.
public struct ImportRemark: Sendable, Hashable {
  /// The line that it is about.
  public var source: SourceLine
  /// What could not be carried over and what to do, in one sentence.
  public var text: String

  /// `file:line: text`.
  public var line: String { "\(source.file):\(source.number): \(text)".onOneLine }
}

/// Reads a keepalived configuration with everything it includes.
struct KeepalivedReader {
  /// How deeply files may include one another, and blocks stand in one another.
  private static let depthMax = 16
  /// The most files, and the most lines in all of them.
  private static let fileCountMax = 256, lineCountMax = 200_000
  private static let byteCountMax = 4 << 20

  private(set) var remarks: [ImportRemark] = []
  private var fileCount = 0
  private var lineCount = 0
  private var definitions: [String: String] = [:]
  /// The blocks that are open, the outermost first, each with the statement it belongs to.
  private var open: [KeepalivedNode] = []
  private var top: [KeepalivedNode] = []

  /// Reads a file.
  ///
  /// - Throws: what makes it no configuration at all.
  mutating func read(_ path: String) throws(FileError) -> [KeepalivedNode] {
    let text = try InputFile.text(
      path, limit: Self.byteCountMax, kind: "a keepalived configuration")
    try add(text, file: path == "-" ? "standard input" : path, folder: folder(of: path), depth: 0)
    if let node = open.last {
      throw FileError(
        .invalid,
        "\(node.source.file):\(node.source.number): the block '\(node.keyword)' has no end")
    }
    return top
  }

  private func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "" }
    return String(path[...slash])
  }

  private mutating func add(
    _ text: String, file: String, folder: String, depth: Int
  ) throws(FileError) {
    for line in KeepalivedLexer.lines(of: text, file: file) {
      lineCount += 1
      guard lineCount <= Self.lineCountMax else {
        throw FileError(.invalid, "\(file): more than \(Self.lineCountMax) lines with its includes")
      }
      if line.text.hasPrefix("$"), define(line) { continue }
      let tokens = KeepalivedLexer.tokens(of: line.text).map(substituted)
      if case .word(let keyword)? = tokens.first, Self.includes.contains(keyword) {
        try include(tokens.dropFirst(), line, folder: folder, depth: depth)
      } else {
        try add(tokens, line)
      }
    }
  }

  /// Adds the statements of a line to the block that is open.
  private mutating func add(_ tokens: [KeepalivedToken], _ line: SourceLine) throws(FileError) {
    var node: KeepalivedNode?
    for token in tokens {
      switch token {
      case .word(let word):
        if node == nil {
          node = KeepalivedNode(source: line, keyword: word, arguments: [])
        } else {
          node?.arguments.append(word)
        }
      case .open:
        // A brace on a line of its own belongs to the statement before.
        guard var owner = node ?? takeLast() else {
          throw FileError(.invalid, "\(line.file):\(line.number): '{' follows no keyword")
        }
        guard open.count < Self.depthMax else {
          throw FileError(
            .invalid, "\(line.file):\(line.number): blocks stand more than \(Self.depthMax) deep")
        }
        owner.block = []
        open.append(owner)
        node = nil
      case .close:
        if let node { append(node) }
        node = nil
        guard let closed = open.popLast() else {
          throw FileError(.invalid, "\(line.file):\(line.number): '}' closes nothing")
        }
        append(closed)
      }
    }
    if let node { append(node) }
  }

  private mutating func append(_ node: KeepalivedNode) {
    if open.isEmpty {
      top.append(node)
    } else {
      open[open.count - 1].block?.append(node)
    }
  }

  private mutating func takeLast() -> KeepalivedNode? {
    let isInside = !open.isEmpty
    let last = isInside ? open[open.count - 1].block?.last : top.last
    guard let last, last.block == nil else { return nil }
    if isInside { open[open.count - 1].block?.removeLast() } else { top.removeLast() }
    return last
  }

  // MARK: Includes

  private static let includes: Set<String> = [
    "include", "includer", "includem", "includew", "includeb", "includea", "includet",
  ]

  private mutating func include(
    _ tokens: ArraySlice<KeepalivedToken>, _ line: SourceLine, folder: String, depth: Int
  ) throws(FileError) {
    guard case .word(let pattern)? = tokens.first, tokens.count == 1 else {
      remarks.append(ImportRemark(source: line, text: "an include names one file or pattern"))
      return
    }
    guard depth < Self.depthMax else {
      throw FileError(
        .invalid,
        "\(line.file):\(line.number): files include one another more than "
          + "\(Self.depthMax) deep")
    }
    let paths = Self.files(matching: pattern.hasPrefix("/") ? pattern : folder + pattern)
    if paths.isEmpty {
      remarks.append(
        ImportRemark(
          source: line, text: "no file matches '\(pattern)'; whatever it should say is missing"))
    }
    for path in paths {
      fileCount += 1
      guard fileCount <= Self.fileCountMax else {
        throw FileError(
          .invalid, "\(line.file):\(line.number): more than \(Self.fileCountMax) files are included"
        )
      }
      do throws(FileError) {
        let text = try InputFile.text(
          path, limit: Self.byteCountMax, kind: "a keepalived configuration")
        try add(text, file: path, folder: self.folder(of: path), depth: depth + 1)
      } catch {
        // A file that can't be read is one thing; nonsense in one that can is another.
        guard access(path, R_OK) != 0 else { throw error }
        remarks.append(ImportRemark(source: line, text: "\(error.description); it is missing here"))
      }
    }
  }

  /// The files that a shell pattern names, sorted; none if there are none.
  private static func files(matching pattern: String) -> [String] {
    var result = glob_t()
    defer { globfree(&result) }
    guard glob(pattern, GLOB_MARK, nil, &result) == 0 else { return [] }
    return (0..<Int(result.gl_pathc)).compactMap { index in
      result.gl_pathv[index].map { String(cString: $0) }
    }.filter { !$0.hasSuffix("/") }
  }

  // MARK: Definitions

  /// Notes `$NAME=value`; `false` if the line is none.
  private mutating func define(_ line: SourceLine) -> Bool {
    guard let equals = line.text.firstIndex(of: "=") else { return false }
    let name = line.text[..<equals].dropFirst()
    guard !name.isEmpty, name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }) else {
      return false
    }
    definitions[String(name)] = String(line.text[line.text.index(after: equals)...])
    return true
  }

  /// A word with definitions put in for `$NAME` and `${NAME}`.
  private func substituted(_ token: KeepalivedToken) -> KeepalivedToken {
    guard case .word(let word) = token, word.contains("$"), !definitions.isEmpty else {
      return token
    }
    var text = word
    // Long names first: $VIP must not eat the beginning of $VIP_2.
    for (name, value) in definitions.sorted(by: { $0.key.count > $1.key.count }) {
      text = text.replacing("${\(name)}", with: value).replacing("$\(name)", with: value)
    }
    return .word(text)
  }
}
