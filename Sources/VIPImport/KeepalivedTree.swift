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
  /// The replacements and turns of loops that are left for the whole configuration.
  private var budget = 200_000
  private(set) var definitions: KeepalivedDefinitions
  private var patterns = IncludePattern()
  /// The blocks that are open, the outermost first, each with the statement it belongs to.
  private var open: [KeepalivedNode] = []
  private var top: [KeepalivedNode] = []

  /// - Parameter configID: the name of the machine whose conditional lines are read.
  init(configID: String) {
    definitions = KeepalivedDefinitions(configID: configID)
  }

  /// Reads a file.
  ///
  /// - Throws: what makes it no configuration at all.
  mutating func read(_ path: String) throws(FileError) -> [KeepalivedNode] {
    let bytes = try InputFile.bytes(
      path, limit: Self.byteCountMax, kind: "a keepalived configuration")
    try add(
      bytes, file: path == "-" ? "standard input" : path, folder: folder(of: path), depth: 0)
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

  /// The folder as keepalived names it, which goes there.
  private static func folderName(_ folder: String) -> String {
    let path = absolutePath(folder)
    return path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }

  private mutating func add(
    _ bytes: [UInt8], file: String, folder: String, depth: Int
  ) throws(FileError) {
    byteCount += bytes.count
    guard byteCount <= Self.byteCountMax * Self.totalFactor else {
      throw FileError(
        .invalid,
        "\(file): more than \((Self.byteCountMax * Self.totalFactor) >> 20) MiB with its includes")
    }
    for line in KeepalivedLexer.lines(of: try text(bytes, file)) {
      definitions.folder = Self.folderName(folder)
      var expansion = KeepalivedExpansion(line.pieces)
      while let text = try next(&expansion, file, line.number) {
        lineCount += 1
        guard lineCount <= Self.lineCountMax else {
          throw FileError(
            .invalid, "\(file): more than \(Self.lineCountMax) lines with its includes")
        }
        let source = SourceLine(
          file: file, number: line.number, text: KeepalivedLexer.trimmed(text))
        let tokens = KeepalivedLexer.tokens(of: text)
        guard case .word(let keyword)? = tokens.first, Self.includes.contains(keyword) else {
          try add(tokens, source)
          continue
        }
        guard source.text == line.text else {
          remarks.append(
            ImportRemark(
              source: source,
              text:
                "keepalived reads no 'include' on a line that is conditional or has a definition "
                + "in it; write it out"))
          continue
        }
        try include(tokens.dropFirst(), source, folder: folder, depth: depth)
      }
    }
  }

  /// The text of a file, as keepalived takes it: any line ends, and any bytes in comments.
  private mutating func text(_ bytes: [UInt8], _ file: String) throws(FileError) -> String {
    var bytes = bytes[...]
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      bytes = bytes.dropFirst(3)
      remarks.append(
        ImportRemark(
          source: SourceLine(file: file, number: 1, text: ""), kind: .note,
          text:
            "the file begins with a byte order mark, with which keepalived doesn't know the first "
            + "word; here it is passed over"))
    }
    bytes = bytes.filter { $0 != UInt8(ascii: "\r") }[...]
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    let text = String(decoding: bytes, as: UTF8.self)
    for line in KeepalivedLexer.lines(of: text)
    where line.pieces.contains(where: { $0.unicodeScalars.contains("\u{FFFD}") }) {
      throw FileError(
        .invalid,
        "\(file):\(line.number): not UTF-8 text; is this a keepalived configuration? Other bytes may "
          + "stand in comments only")
    }
    return text
  }

  private mutating func next(
    _ expansion: inout KeepalivedExpansion, _ file: String, _ number: Int
  ) throws(FileError) -> String? {
    do throws(KeepalivedExpansion.Problem) {
      return try expansion.next(&definitions, &budget)
    } catch {
      let text =
        switch error {
        case .endless(let name):
          "the definitions in '\(name.shortened)' have no end or become too long; write out what "
            + "they stand for"
        case .tooManyTurns: "sequences and lists have too many turns; write out what you need"
        }
      throw FileError(.invalid, "\(file):\(number): \(text)")
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
    let bytes: [UInt8]
    do throws(FileError) {
      bytes = try InputFile.bytes(
        path, limit: Self.byteCountMax, kind: "a keepalived configuration")
    } catch {
      // A file that can't be read is one thing; nonsense in one that can is another.
      guard access(path, R_OK) != 0 else { throw error }
      remarks.append(ImportRemark(source: line, text: "\(error.description); it is missing here"))
      return
    }
    try add(bytes, file: path, folder: folder(of: path), depth: depth + 1)
    definitions.folder = Self.folderName(folder(of: line.file))
  }
}

extension String {
  /// The text as far as a message repeats it.
  var shortened: String { utf8.count > 60 ? "\(prefix(50))…" : self }
}
