/// The problems of a router that observers have been told of and not yet that they are over.
struct ToldProblems {
  private struct Entry {
    let text: String
    /// How many were told before it.
    let order: Int
  }

  private var entries: [Problem.Kind: Entry] = [:]
  private var count = 0

  /// Whether nothing is wrong as far as observers know.
  var isEmpty: Bool { entries.isEmpty }

  /// Notes that a problem is there.
  ///
  /// - Returns: whether that is news, or the words are.
  mutating func begin(_ kind: Problem.Kind, _ text: String) -> Bool {
    guard entries[kind]?.text != text else { return false }
    entries[kind] = Entry(text: text, order: entries[kind]?.order ?? count)
    count += 1
    return true
  }

  /// Forgets the problems that are over.
  ///
  /// - Parameter isThere: whether a problem is still there.
  /// - Returns: those that are over with the words they were told in, the oldest first.
  mutating func end(unless isThere: (Problem.Kind) -> Bool) -> [(kind: Problem.Kind, text: String)]
  {
    guard entries.contains(where: { !isThere($0.key) }) else { return [] }
    let over = entries.filter { !isThere($0.key) }
    for kind in over.keys { entries[kind] = nil }
    return over.sorted { $0.value.order < $1.value.order }.map { ($0.key, $0.value.text) }
  }
}
