import Yams

/// One value of a YAML file with its place.
///
/// A plain value of bounded size, so that the rest of the program neither knows the parser nor
/// needs to fear what a file can make of it.
struct YAMLTree: Sendable {
  enum Content: Sendable {
    /// A scalar as written; a quoted one is text whatever it looks like.
    case scalar(String, quoted: Bool)
    case list([YAMLTree])
    case map([(key: YAMLTree, value: YAMLTree)])
  }

  var content: Content
  var place: Place

  /// The most values one file may have.
  static let valueCountMax = 200_000
  /// The most lists and maps within one another.
  static let depthMax = 16
  /// The most anchors and the most aliases in one file.
  ///
  /// A few dozen of them could stand for billions of values, each naming the one before it several
  /// times. With these limits nothing is repeated more often than (16 / 4)^4 times.
  static let anchorCountMax = 4, aliasCountMax = 16

  /// The kind of the value, for messages.
  var kind: String {
    switch content {
    case .scalar("", quoted: false): "nothing"
    case .scalar: "a single value"
    case .list: "a list"
    case .map: "a mapping"
    }
  }
}

extension YAMLTree {
  /// Parses the one document of a file; `nil` if it has none.
  static func parse(_ text: String) throws(Diagnostic) -> YAMLTree? {
    try refuseBombs(text)
    let root: Yams.Node?
    do throws(any Error) {
      root = try Yams.Parser(yaml: text, encoding: .utf8).singleRoot()
    } catch let error as YamlError {
      throw diagnostic(error, in: text)
    } catch {
      throw Diagnostic(nil, "can't be parsed as YAML: \(error)")
    }
    guard let root else { return nil }
    var budget = valueCountMax
    return try YAMLTree(root, depth: 0, budget: &budget)
  }

  private init(_ node: Yams.Node, depth: Int, budget: inout Int) throws(Diagnostic) {
    place = Place(line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
    budget -= 1
    guard budget >= 0 else {
      throw Diagnostic(place, "the file has more than \(Self.valueCountMax) values")
    }
    guard depth <= Self.depthMax else {
      throw Diagnostic(place, "lists and mappings are nested more than \(Self.depthMax) deep")
    }
    switch node {
    case .scalar(let scalar):
      content = .scalar(scalar.string, quoted: scalar.style != .plain && scalar.style != .any)
    case .sequence(let sequence):
      var items: [YAMLTree] = []
      for item in sequence {
        items.append(try YAMLTree(item, depth: depth + 1, budget: &budget))
      }
      content = .list(items)
    case .mapping(let mapping):
      var entries: [(key: YAMLTree, value: YAMLTree)] = []
      for (key, value) in mapping {
        let key = try YAMLTree(key, depth: depth + 1, budget: &budget)
        entries.append((key, try YAMLTree(value, depth: depth + 1, budget: &budget)))
      }
      content = .map(entries)
    case .alias:
      throw Diagnostic(place, "an alias can't stand here; write the value out")
    }
  }

  /// The parser compares keys by their whole content, aliases followed, before they could be
  /// counted; so anchors and aliases are counted in the text first, rather too many than too few.
  private static func refuseBombs(_ text: String) throws(Diagnostic) {
    var anchors = 0
    var aliases = 0
    var place = Place(line: 1, column: 0)
    var previous: Unicode.Scalar = "\n"
    for scalar in text.unicodeScalars {
      place.column += 1
      defer { previous = scalar }
      switch scalar {
      case "\n": place = Place(line: place.line + 1, column: 0)
      case "&" where !previous.properties.isAlphabetic: anchors += 1
      case "*" where previous != "*" && !previous.properties.isAlphabetic: aliases += 1
      default: continue
      }
      if anchors > anchorCountMax {
        throw Diagnostic(place, "more than \(anchorCountMax) anchors (&name); write values out")
      }
    }
    if anchors > 0, aliases > aliasCountMax {
      throw Diagnostic(nil, "more than \(aliasCountMax) aliases (*name); write the values out")
    }
  }
}

extension YAMLTree {
  private static func diagnostic(_ error: YamlError, in text: String) -> Diagnostic {
    switch error {
    case .scanner(let context, let problem, let mark, _),
      .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      let place = Place(line: mark.line, column: mark.column)
      if beginsWithTab(text, line: mark.line) {
        return Diagnostic(place, "not valid YAML: indent with spaces, not with tabs")
      }
      let context = context.map { " \($0.text)" } ?? ""
      return Diagnostic(place, "not valid YAML: \(problem)\(context)")
    case .duplicatedKeysInMapping(let keys, let context):
      return Diagnostic(
        Place(line: context.mark.line, column: context.mark.column),
        "the key '\(keys.first ?? "")' is given twice; remove one of them")
    case .reader(let problem, let offset, _, _):
      return Diagnostic(
        offset.map { self.place(ofCharacter: $0, in: text) }, "not valid YAML: \(problem)")
    case .memory:
      return Diagnostic(nil, "not enough memory to parse the file")
    case .no, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
      return Diagnostic(nil, "can't be parsed as YAML")
    }
  }

  private static func beginsWithTab(_ text: String, line: Int) -> Bool {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.indices.contains(line - 1) else { return false }
    return lines[line - 1].prefix { $0 == " " || $0 == "\t" }.contains("\t")
  }

  private static func place(ofCharacter offset: Int, in text: String) -> Place {
    var place = Place(line: 1, column: 1)
    for character in text.prefix(offset) {
      place =
        character.isNewline
        ? Place(line: place.line + 1, column: 1)
        : Place(line: place.line, column: place.column + 1)
    }
    return place
  }
}
