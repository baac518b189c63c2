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
  /// times. What an alias stands for counts as values, too.
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
    let parser = try YAMLParser(text)
    var composer = YAMLComposer()
    while true {
      let event = try parser.next()
      if case .streamEnd = event.kind { return try composer.tree() }
      try composer.take(event)
    }
  }
}
