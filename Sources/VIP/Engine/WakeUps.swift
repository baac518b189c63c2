import VIPCore

/// The lateness of the turns of an engine: the time from a deadline to the clock of the turn that
/// serves it.
///
/// A turn that serves several deadlines counts once, with the oldest. Of fixed size: counting
/// allocates nothing.
struct WakeUps {
  /// The lateness from which on a turn counts as late: the shortest advertisement interval there
  /// is.
  static let lateAfter = Duration.milliseconds(10)
  /// The upper bounds of the histogram's buckets; one more takes all that is later.
  static let bounds: InlineArray<8, UInt64> = [
    100_000, 1_000_000, 5_000_000, 10_000_000, 50_000_000, 100_000_000, 500_000_000, 1_000_000_000,
  ]
  /// "Recently" is this period and the one before.
  static let period = Duration.seconds(60)

  private var buckets = InlineArray<9, UInt64>(repeating: 0)
  private var served: UInt64 = 0
  private var late: UInt64 = 0
  private var sum: UInt64 = 0
  private var longest: UInt64 = 0
  private var periodStart: Instant
  private var longestOfPeriod: UInt64 = 0
  private var longestBefore: UInt64 = 0
  private var lastTurn: Instant

  init(at now: Instant) {
    periodStart = now
    lastTurn = now
  }

  /// Measures how late a turn serves a deadline that has come since the last one; what has been put
  /// off on purpose is not late.
  ///
  /// - Parameters:
  ///   - now: the turn's clock.
  ///   - due: the earliest deadline; `nil` if there is none.
  mutating func beginTurn(at now: Instant, due: Instant?) {
    if let due, due > lastTurn, due <= now { note(due: due, at: now) }
    lastTurn = now
  }

  /// Counts a turn.
  ///
  /// - Parameters:
  ///   - due: the deadline that it serves.
  ///   - now: the turn's clock.
  mutating func note(due: Instant, at now: Instant) {
    let lateness = now.nanoseconds(since: due)
    begin(at: now)
    served &+= 1
    sum &+= lateness
    if lateness > Self.lateAfter.inNanoseconds { late &+= 1 }
    longest = max(longest, lateness)
    longestOfPeriod = max(longestOfPeriod, lateness)
    var bucket = 0
    while bucket < Self.bounds.count, lateness > Self.bounds[bucket] { bucket += 1 }
    buckets[bucket] &+= 1
  }

  private mutating func begin(at now: Instant) {
    guard now >= periodStart + Self.period else { return }
    longestBefore = now < periodStart + Self.period * 2 ? longestOfPeriod : 0
    longestOfPeriod = 0
    periodStart = now
  }

  /// The figures as of a moment.
  func status(at now: Instant) -> NodeStatus.WakeUps {
    var current = self
    current.begin(at: now)
    var total: UInt64 = 0
    return NodeStatus.WakeUps(
      served: served, late: late, lateAfter: Self.lateAfter, max: .nanoseconds(longest),
      recentMax: .nanoseconds(max(current.longestOfPeriod, current.longestBefore)),
      sum: .nanoseconds(sum),
      histogram: Self.bounds.indices.map { index in
        total += buckets[index]
        return NodeStatus.WakeUps.Bucket(upTo: .nanoseconds(Self.bounds[index]), count: total)
      })
  }
}

extension Duration {
  /// The duration as a number of seconds.
  package var inSeconds: Double { Double(inNanoseconds) / 1e9 }

  /// A number of nanoseconds that was counted.
  static func nanoseconds(_ count: UInt64) -> Duration { .nanoseconds(Int64(clamping: count)) }
}
