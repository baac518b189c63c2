import VIPCore

/// The looks at settings of interfaces that Linux does not report: some interfaces in each round,
/// so that no turn takes long, until all have had their turn.
struct SettingRounds {
  /// The largest number of interfaces in a round.
  static let size = 8
  /// The time between two rounds.
  static let pause = Duration.seconds(1)
  /// The time between two passes over all interfaces.
  static let rest = Duration.seconds(5)

  private var waiting: [Int32] = []
  /// The setting for all interfaces when it was last looked at.
  private var ofAll: Int?

  /// Takes the interfaces of the next round.
  ///
  /// - Parameter all: all that are to be looked at; asked for when a pass begins.
  /// - Returns: their numbers, and the time until the round after it.
  mutating func next(of all: () -> Set<Int32>) -> (interfaces: [Int32], pause: Duration) {
    if waiting.isEmpty { waiting = all().sorted(by: >) }
    let round = waiting.suffix(Self.size)
    waiting.removeLast(round.count)
    return (round.reversed(), waiting.isEmpty ? Self.rest : Self.pause)
  }

  /// Takes in what is set for all interfaces now.
  ///
  /// - Returns: whether that is something else than before.
  mutating func note(ofAll value: Int?) -> Bool {
    defer { ofAll = value }
    return value != ofAll
  }
}
