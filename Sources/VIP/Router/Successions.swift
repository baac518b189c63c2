/// The virtual routers that are not done yet with those which had their addresses before, by slot.
struct Successions {
  private var watching: Set<Int> = []
  private var serving: [Int: Succession.Seat] = [:]

  // MARK: Routers that watch

  /// Whether a router listens to groups which had its addresses before.
  var isAnyWatching: Bool { !watching.isEmpty }

  /// The routers that do, in order.
  var watchers: [Int] { watching.sorted() }

  /// A router listens to such groups from now on.
  mutating func watch(_ slot: Int) { watching.insert(slot) }

  /// No other machine has addresses of a router in such a group any more.
  mutating func endWatch(_ slot: Int) { watching.remove(slot) }

  // MARK: Routers that linger

  /// Whether a router serves until the one in its place does.
  var isAnyLingering: Bool { !serving.isEmpty }

  /// The routers that do, in order.
  var lingering: [Int] { serving.keys.sorted() }

  /// The routers that serve in the place of one until that one does, in order.
  ///
  /// One that is replaced itself has none: what serves there waits for the one that has come last.
  func predecessors(of router: Succession) -> [Int] {
    guard isAnyLingering, !router.isReplaced else { return [] }
    return serving.filter { $0.value == router.seat }.map(\.key).sorted()
  }

  /// A router serves until the one in its place does.
  ///
  /// - Returns: whether that is new.
  mutating func linger(_ slot: Int, in seat: Succession.Seat) -> Bool {
    serving.updateValue(seat, forKey: slot) == nil
  }

  /// A router is gone.
  mutating func forget(_ slot: Int) {
    watching.remove(slot)
    serving[slot] = nil
  }
}
