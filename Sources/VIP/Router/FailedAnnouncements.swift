/// The routers whose addresses can't be announced, by slot.
///
/// One that could not be is well again when, in one turn, something of it was sent and nothing was
/// refused.
struct FailedAnnouncements {
  private var failures: [Int: String] = [:]
  /// Whether all of this turn has been sent, for routers with a failure.
  private var attempts: [Int: Bool] = [:]

  /// The reason why a router's addresses can't be announced; `nil` if they can.
  subscript(slot: Int) -> String? { failures[slot] }

  /// An announcement has been sent.
  mutating func sent(of slot: Int) {
    guard !failures.isEmpty, failures[slot] != nil, attempts[slot] == nil else { return }
    attempts[slot] = true
  }

  /// An announcement has been refused.
  ///
  /// - Returns: whether the reason is new.
  mutating func refused(of slot: Int, because text: String) -> Bool {
    attempts[slot] = false
    defer { failures[slot] = text }
    return failures[slot] != text
  }

  /// A turn is over.
  mutating func turnEnded() {
    guard !attempts.isEmpty else { return }
    for (slot, hasWorked) in attempts where hasWorked { failures[slot] = nil }
    attempts.removeAll(keepingCapacity: true)
  }

  /// A router announces nothing any more.
  mutating func forget(_ slot: Int) { failures[slot] = nil }
}
