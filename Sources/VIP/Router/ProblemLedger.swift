/// The problems that observers have been told of and not yet that they are over.
struct ProblemLedger {
  private struct Entry {
    let text: String
    /// Number of problems that were told of the router before it.
    let order: Int
  }

  /// The routers' problems by slot and kind.
  private var routers: [Int: [Problem.Kind: Entry]] = [:]
  private var count = 0
  /// The problem of the node itself.
  private(set) var node: NodeProblem?

  /// Whether nothing is wrong with any router as far as observers know.
  var isClear: Bool { routers.isEmpty }

  /// The slots of the routers that something is wrong with.
  var slots: [Int] { routers.keys.sorted() }

  /// The words in which observers were told of a problem of a router; `nil` if it is over, or they
  /// were told of none.
  func text(of kind: Problem.Kind, of slot: Int) -> String? { routers[slot]?[kind]?.text }

  /// Notes that a problem of a router is there.
  ///
  /// - Returns: whether that is news, or the words are.
  mutating func begin(_ kind: Problem.Kind, _ text: String, of slot: Int) -> Bool {
    let known = routers[slot]?[kind]
    guard known?.text != text else { return false }
    routers[slot, default: [:]][kind] = Entry(text: text, order: known?.order ?? count)
    count += 1
    return true
  }

  /// Forgets the problems of a router that are over.
  ///
  /// - Parameters:
  ///   - slot: the router.
  ///   - isThere: whether a problem is still there.
  /// - Returns: those that are over with the words they were told in, the oldest first.
  mutating func end(
    of slot: Int, unless isThere: (Problem.Kind) -> Bool
  ) -> [(kind: Problem.Kind, text: String)] {
    guard let entries = routers[slot] else { return [] }
    let staying = entries.filter { isThere($0.key) }
    guard staying.count < entries.count else { return [] }
    routers[slot] = staying.isEmpty ? nil : staying
    return entries.filter { staying[$0.key] == nil }
      .sorted { $0.value.order < $1.value.order }
      .map { ($0.key, $0.value.text) }
  }

  /// Notes that something is wrong with the node.
  ///
  /// - Returns: whether that is news.
  mutating func begin(_ problem: NodeProblem) -> Bool {
    guard node != problem else { return false }
    node = problem
    return true
  }

  /// Notes that nothing is wrong with the node any more.
  ///
  /// - Returns: what was.
  mutating func endNode() -> NodeProblem? {
    defer { node = nil }
    return node
  }
}
