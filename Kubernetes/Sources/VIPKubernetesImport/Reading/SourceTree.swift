import Yams

/// One value of a file with its line.
///
/// A plain value of bounded size, so that the rest of the module neither knows the parser nor
/// needs to fear what a file can make of it. JSON is read as the YAML that it is.
struct SourceTree: Sendable {
  enum Content: Sendable {
    /// A scalar as written; a quoted one is text whatever it looks like.
    case scalar(String, isQuoted: Bool)
    case list([SourceTree])
    case fields([SourceField])
  }

  var content: Content
  var line: Int

  /// The longest text of a file.
  static let byteCountMax = 8 << 20
  /// The most values in one file.
  static let valueCountMax = 500_000
  /// The most lists and mappings within one another; definitions of objects are nested deeply.
  static let depthMax = 100
  /// The most anchors and the most aliases in one file.
  ///
  /// A few dozen of them could stand for billions of values, each naming the one before it several
  /// times. With these limits nothing is repeated more often than (16 / 4)^4 times.
  static let anchorCountMax = 4, aliasCountMax = 16

  /// Whether nothing is written here: `key:` alone, or `null`.
  var isEmpty: Bool {
    guard case .scalar(let text, isQuoted: false) = content else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(text)
  }

  /// The value in as few words as help.
  var found: String {
    switch content {
    case .scalar where isEmpty: "nothing"
    case .scalar(let text, isQuoted: true): "the text '\(text.shortened)'"
    case .scalar(let text, isQuoted: false): "'\(text.shortened)'"
    case .list: "a list"
    case .fields: "a mapping"
    }
  }
}

/// A field of a mapping with the line of its name.
struct SourceField: Sendable {
  var name: String
  var line: Int
  var value: SourceTree
}

extension SourceTree {
  /// Reads the documents of a file that are not empty.
  static func documents(
    in bytes: [UInt8], of file: String
  ) throws(PoolImportError) -> [SourceTree] {
    guard bytes.count <= byteCountMax else {
      throw PoolImportError(
        "\(file): larger than \(byteCountMax >> 20) MiB; give only the objects that are to be imported"
      )
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      let line = bytes.prefix(validCount(bytes)).count { $0 == UInt8(ascii: "\n") } + 1
      throw PoolImportError(
        "\(file):\(line): not UTF-8 text; give objects as YAML or JSON, as kubectl prints them")
    }
    try refuseBombs(text, file)
    var trees: [SourceTree] = []
    var budget = valueCountMax
    do throws(any Error) {
      // Without rules for types, which would be tried on each key.
      let parser = try Yams.Parser(yaml: text, resolver: .basic, encoding: .utf8)
      while let root = try parser.nextRoot() {
        let tree = try SourceTree(root, file, depth: 0, budget: &budget)
        if !tree.isEmpty { trees.append(tree) }
      }
    } catch let error as PoolImportError {
      throw error
    } catch let error as YamlError {
      throw PoolImportError("\(file)\(description(of: error, in: text))")
    } catch {
      throw PoolImportError("\(file): can't be parsed as YAML: \(error)")
    }
    return trees
  }

  /// The length of the longest beginning that is UTF-8.
  private static func validCount(_ bytes: [UInt8]) -> Int {
    var count = 0
    for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      guard String(validating: line, as: UTF8.self) != nil else { break }
      count += line.count + 1
    }
    return count
  }

  private init(
    _ node: Yams.Node, _ file: String, depth: Int, budget: inout Int
  ) throws(PoolImportError) {
    let line = node.mark?.line ?? 1
    self.line = line
    budget -= 1
    guard budget >= 0 else {
      throw PoolImportError(
        "\(file):\(line): the file has more than \(Self.valueCountMax) values; give only the objects "
          + "that are to be imported")
    }
    guard depth <= Self.depthMax else {
      throw PoolImportError(
        "\(file):\(line): lists and mappings are nested more than \(Self.depthMax) deep; no object "
          + "to import is")
    }
    switch node {
    case .scalar(let scalar):
      content = .scalar(scalar.string, isQuoted: scalar.style != .plain && scalar.style != .any)
    case .sequence(let sequence):
      var items: [SourceTree] = []
      for item in sequence {
        items.append(try SourceTree(item, file, depth: depth + 1, budget: &budget))
      }
      content = .list(items)
    case .mapping(let mapping):
      var fields: [SourceField] = []
      for (key, value) in mapping {
        let name = try SourceTree(key, file, depth: depth + 1, budget: &budget)
        guard case .scalar(let text, _) = name.content else {
          throw PoolImportError(
            "\(file):\(name.line): the name of a field is one word, found \(name.found)")
        }
        fields.append(
          SourceField(
            name: text, line: name.line,
            value: try SourceTree(value, file, depth: depth + 1, budget: &budget)))
      }
      content = .fields(fields)
    case .alias:
      throw PoolImportError("\(file):\(line): an alias can't stand here; write the value out")
    }
  }

  /// The parser compares keys by their whole content, aliases followed, before they could be
  /// counted; so anchors and aliases are counted in the text first, rather too many than too few.
  private static func refuseBombs(
    _ text: String, _ file: String
  ) throws(PoolImportError) {
    // Within a word, as in a URL, neither sign begins a name.
    func isInWord(_ scalar: Unicode.Scalar) -> Bool {
      scalar.properties.isAlphabetic || scalar.properties.numericType != nil
    }
    func canFollow(_ scalar: Unicode.Scalar) -> Bool {
      !isInWord(scalar) && !"=;/)&*\\%".unicodeScalars.contains(scalar)
    }
    func canName(_ scalar: Unicode.Scalar) -> Bool {
      isInWord(scalar) || "_-".unicodeScalars.contains(scalar)
    }
    var anchors = 0
    var aliases = 0
    var line = 1
    var before: Unicode.Scalar = "\n"
    var sign: (scalar: Unicode.Scalar, before: Unicode.Scalar)?
    for scalar in text.unicodeScalars {
      if let sign, canName(scalar), canFollow(sign.before) {
        if sign.scalar == "&" { anchors += 1 } else { aliases += 1 }
        guard anchors <= anchorCountMax else {
          throw PoolImportError(
            "\(file):\(line): more than \(anchorCountMax) anchors (&name); write values out")
        }
      }
      sign = scalar == "&" || scalar == "*" ? (scalar, before) : nil
      if scalar == "\n" { line += 1 }
      before = scalar
    }
    guard anchors == 0 || aliases <= aliasCountMax else {
      throw PoolImportError(
        "\(file): more than \(aliasCountMax) aliases (*name); write the values out")
    }
  }

  private static func description(of error: YamlError, in text: String) -> String {
    switch error {
    case .scanner(let context, let problem, let mark, _),
      .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      let indent =
        lines.indices.contains(mark.line - 1)
        ? lines[mark.line - 1].prefix { $0 == " " || $0 == "\t" } : ""
      if indent.contains("\t") {
        return ":\(mark.line):\(mark.column): not valid YAML: indent with spaces, not with tabs"
      }
      let context = context.map { " \($0.text)" } ?? ""
      return ":\(mark.line):\(mark.column): not valid YAML: \(problem)\(context)"
    case .duplicatedKeysInMapping(let keys, let context):
      return ":\(context.mark.line):\(context.mark.column): the field "
        + "'\((keys.first ?? "").shortened)' is given twice; remove one of them"
    case .reader(let problem, _, _, _): return ": not valid YAML: \(problem)"
    case .memory: return ": not enough memory to parse the file"
    case .no, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
      return ": can't be parsed as YAML"
    }
  }
}
