/// The known word that a mistyped one was probably meant to be.
package enum Suggestion {
  /// The known word nearest to a mistyped one; `nil` if none is near.
  package static func nearest(to word: String, among known: [String]) -> String? {
    guard word.utf8.count <= 64 else { return nil }
    if word.utf8.count > 2, let longer = known.first(where: { $0.hasPrefix(word) }) {
      return longer
    }
    let mistakesMax = max(1, min(3, word.utf8.count / 3))
    return known.map { (distance(word.lowercased(), $0.lowercased()), $0) }
      .filter { $0.0 <= mistakesMax }
      .min { $0.0 < $1.0 }?.1
  }

  /// Number of letters to put in, leave out, replace or swap with their neighbour.
  static func distance(_ left: String, _ right: String) -> Int {
    let (left, right) = (Array(left.utf8), Array(right.utf8))
    var beforeLast = [Int](repeating: 0, count: right.count + 1)
    var last = Array(0...right.count)
    for (row, byte) in left.enumerated() {
      var current = [row + 1]
      for (column, other) in right.enumerated() {
        var cost = min(
          last[column] + (byte == other ? 0 : 1), last[column + 1] + 1, current[column] + 1)
        if row > 0, column > 0, byte == right[column - 1], left[row - 1] == other {
          cost = min(cost, beforeLast[column - 1] + 1)
        }
        current.append(cost)
      }
      (beforeLast, last) = (last, current)
    }
    return last[right.count]
  }
}
