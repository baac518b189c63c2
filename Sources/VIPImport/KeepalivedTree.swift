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

/// Something to know about a line: that it could not be carried over, or what it has become.
public struct ImportRemark: Sendable, Hashable {
  /// The importance of a remark.
  public enum Kind: String, Sendable, Hashable {
    /// Something could not be carried over.
    case lost
    /// All was carried over or needs no equivalent, but there is something to know.
    case note
  }

  /// The line that it is about.
  public var source: SourceLine
  /// Whether something is lost.
  public var kind: Kind
  /// The statement that could not be carried over and what to do, in one sentence.
  public var text: String

  init(source: SourceLine, kind: Kind = .lost, text: String) {
    self.source = source
    self.kind = kind
    self.text = text
  }

  /// `file:line: text`, with `note:` before the text if nothing is lost.
  public var line: String {
    "\(source.file):\(source.number): \(kind == .note ? "note: " : "")\(text)".onOneLine
  }
}

/// Reads a keepalived configuration with everything it includes.
struct KeepalivedReader {
  /// The greatest depth to which files may include one another, and blocks stand in one another.
  private static let depthMax = 16
  /// The most files, and the most lines in all of them.
  private static let fileCountMax = 256, lineCountMax = 200_000
  private static let byteCountMax = 4 << 20
  /// The multiple of that which all files together may have.
  private static let totalFactor = 4

  private(set) var remarks: [ImportRemark] = []
  private var fileCount = 0
  private var lineCount = 0
  private var byteCount = 0
  private var definitions = KeepalivedDefinitions()
  private var patterns = IncludePattern()
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
    byteCount += text.utf8.count
    guard byteCount <= Self.byteCountMax * Self.totalFactor else {
      throw FileError(
        .invalid,
        "\(file): more than \((Self.byteCountMax * Self.totalFactor) >> 20) MiB with its includes")
    }
    for line in KeepalivedLexer.lines(of: text, file: file) {
      lineCount += 1
      guard lineCount <= Self.lineCountMax else {
        throw FileError(.invalid, "\(file): more than \(Self.lineCountMax) lines with its includes")
      }
      if line.text.hasPrefix("$"), definitions.define(line.text) { continue }
      var tokens: [KeepalivedToken] = []
      for token in KeepalivedLexer.tokens(of: line.text) {
        tokens.append(try substituted(token, line))
      }
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
    let paths: [String]
    do throws(IncludePattern.Problem) {
      paths = try patterns.files(matching: pattern.hasPrefix("/") ? pattern : folder + pattern)
    } catch {
      throw FileError(
        .invalid,
        "\(line.file):\(line.number): '\(pattern.shortened)' is too much: \(error.text); name fewer files"
      )
    }
    let files = paths.filter { IncludePattern.kind(of: $0) != S_IFDIR }
    if files.isEmpty {
      remarks.append(
        ImportRemark(
          source: line,
          text: "no file matches '\(pattern.shortened)'; whatever it should say is missing"))
    }
    for path in files { try include(path, line, depth: depth) }
  }

  private mutating func include(
    _ path: String, _ line: SourceLine, depth: Int
  ) throws(FileError) {
    fileCount += 1
    guard fileCount <= Self.fileCountMax else {
      throw FileError(
        .invalid, "\(line.file):\(line.number): more than \(Self.fileCountMax) files are included"
      )
    }
    // A FIFO may never have anything to say, and a device never an end.
    if let kind = IncludePattern.kind(of: path), kind != S_IFREG {
      remarks.append(
        ImportRemark(source: line, text: "\(path): is no ordinary file; it is missing here"))
      return
    }
    let text: String
    do throws(FileError) {
      text = try InputFile.text(
        path, limit: Self.byteCountMax, kind: "a keepalived configuration")
    } catch {
      // A file that can't be read is one thing; nonsense in one that can is another.
      guard access(path, R_OK) != 0 else { throw error }
      remarks.append(ImportRemark(source: line, text: "\(error.description); it is missing here"))
      return
    }
    try add(text, file: path, folder: folder(of: path), depth: depth + 1)
  }

  // MARK: Definitions

  /// A word with definitions put in for `$NAME` and `${NAME}`.
  private mutating func substituted(
    _ token: KeepalivedToken, _ line: SourceLine
  ) throws(FileError) -> KeepalivedToken {
    guard case .word(let word) = token else { return token }
    guard let text = definitions.substituted(word) else {
      throw FileError(
        .invalid,
        "\(line.file):\(line.number): the definitions in '\(word.shortened)' have no end or become too "
          + "long; write out what they stand for")
    }
    return .word(text)
  }
}

extension String {
  /// The text as far as a message repeats it.
  var shortened: String { utf8.count > 60 ? "\(prefix(50))…" : self }
}
