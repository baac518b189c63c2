/// Builds the tree of a document from its events and counts what the file makes of it.
///
/// A text that is no YAML is said to be none, whatever else is wrong with it. So after the first
/// thing that is too much the rest is still read, within bounds, but no longer kept.
struct YAMLComposer {
  /// A value with what it costs to repeat it.
  private struct Composed {
    var tree: YAMLTree
    /// The number of values in it, itself included.
    var count = 1
    /// The most lists and mappings within one another in it.
    var depth = 0
  }

  /// A list or a mapping that has not come to its end.
  private struct Opened {
    var start: YAMLParser.Event
    /// The items; of a mapping the keys and values in turn.
    var items: [Composed] = []
  }

  /// The most lists and mappings within one another in what is still read to its end.
  ///
  /// The time that the library takes for them grows with the square of their number.
  private static let readDepthMax = 1000

  private var root: YAMLTree?
  private var opened: [Opened] = []
  private var anchored: [String: Composed] = [:]
  private var readDepth = 0
  private var documentCount = 0
  private var valueCount = 0
  private var anchorCount = 0
  private var aliasCount = 0
  /// The first thing that was too much.
  private var excess: Diagnostic?
  /// The number of events that were read since.
  private var skippedCount = 0

  /// Takes the next event.
  mutating func take(_ event: YAMLParser.Event) throws(Diagnostic) {
    switch event.kind {
    case .documentStart:
      documentCount += 1
      guard documentCount == 1 else {
        throw Diagnostic(
          event.place,
          "not valid YAML: but found another document expected a single document in the stream")
      }
    case .listStart, .mapStart:
      readDepth += 1
      guard readDepth <= Self.readDepthMax else {
        throw Diagnostic(
          event.place,
          "not valid YAML: lists and mappings are nested more than \(Self.readDepthMax) deep")
      }
    case .listEnd, .mapEnd: readDepth -= 1
    case .scalar, .alias, .documentEnd, .streamStart, .streamEnd: break
    }
    guard let excess else { return try compose(event) }
    skippedCount += 1
    guard skippedCount <= YAMLTree.valueCountMax else { throw excess }
  }

  /// Returns the tree once all events were taken; `nil` if there was no document.
  func tree() throws(Diagnostic) -> YAMLTree? {
    if let excess { throw excess }
    guard aliasCount <= YAMLTree.aliasCountMax else {
      throw Diagnostic(
        nil, "more than \(YAMLTree.aliasCountMax) aliases (*name); write the values out")
    }
    return root
  }

  private mutating func compose(_ event: YAMLParser.Event) throws(Diagnostic) {
    if event.anchor != nil { anchorCount += 1 }
    guard anchorCount <= YAMLTree.anchorCountMax else {
      excess = Diagnostic(
        event.place, "more than \(YAMLTree.anchorCountMax) anchors (&name); write values out")
      return
    }
    switch event.kind {
    case .scalar(let text, let isQuoted):
      let tree = YAMLTree(content: .scalar(text, quoted: isQuoted), place: event.place)
      add(Composed(tree: tree), event)
    case .listStart, .mapStart:
      count(1, depth: 0, event.place)
      opened.append(Opened(start: event))
    case .listEnd, .mapEnd:
      if let last = opened.popLast() { keep(try Self.closed(last), anchor: last.start.anchor) }
    case .alias(let name):
      aliasCount += 1
      guard let value = anchored[name] else {
        throw Diagnostic(event.place, "not valid YAML: found undefined alias")
      }
      // A file with more of them is refused in the end; what they stand for does not matter.
      let nothing = Composed(tree: YAMLTree(content: .list([]), place: event.place))
      add(aliasCount <= YAMLTree.aliasCountMax ? value : nothing, event)
    case .documentStart, .documentEnd, .streamStart, .streamEnd: break
    }
  }

  /// Counts a value and keeps it.
  private mutating func add(_ value: Composed, _ event: YAMLParser.Event) {
    count(value.count, depth: value.depth, event.place)
    keep(value, anchor: event.anchor)
  }

  private mutating func count(_ count: Int, depth: Int, _ place: Place) {
    valueCount += count
    if opened.count + depth > YAMLTree.depthMax {
      excess = Diagnostic(
        place, "lists and mappings are nested more than \(YAMLTree.depthMax) deep")
    } else if valueCount > YAMLTree.valueCountMax {
      excess = Diagnostic(place, "the file has more than \(YAMLTree.valueCountMax) values")
    }
  }

  private mutating func keep(_ value: Composed, anchor: String?) {
    if let anchor { anchored[anchor] = value }
    if opened.isEmpty {
      root = value.tree
    } else {
      opened[opened.count - 1].items.append(value)
    }
  }

  private static func closed(_ opened: Opened) throws(Diagnostic) -> Composed {
    let items = opened.items
    var content = YAMLTree.Content.list(items.map(\.tree))
    if case .mapStart = opened.start.kind {
      let entries = stride(from: 0, to: items.count - 1, by: 2).map {
        (key: items[$0].tree, value: items[$0 + 1].tree)
      }
      try refuseDuplicates(entries.map(\.key))
      content = .map(entries)
    }
    return Composed(
      tree: YAMLTree(content: content, place: opened.start.place),
      count: items.reduce(1) { $0 + $1.count }, depth: 1 + (items.map(\.depth).max() ?? 0))
  }

  private static func refuseDuplicates(_ keys: [YAMLTree]) throws(Diagnostic) {
    var places: [String: Place] = [:]
    for key in keys {
      guard case .scalar(let name, _) = key.content else { continue }
      if let first = places.updateValue(key.place, forKey: name) {
        throw Diagnostic(first, "the key '\(name)' is given twice; remove one of them")
      }
    }
  }
}
