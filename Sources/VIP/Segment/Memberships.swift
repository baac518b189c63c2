import VIPCore

/// The multicast groups that sockets could not be put into again, until they are.
///
/// A value without a clock and without a socket: it is told what became of each attempt, and
/// answers which are due.
struct Memberships {
  /// The time between two attempts, and how long one must have failed before it is told.
  static let retryPause = Duration.seconds(1)

  private struct Refusal {
    let since: Instant
    var nextAttempt: Instant
    var text: String
  }

  private var refusals: [SegmentKey: Refusal] = [:]

  /// Whether all sockets are in their groups as far as is known.
  var isEmpty: Bool { refusals.isEmpty }

  /// The time to try again; `nil` if there is no need.
  var deadline: Instant? { refusals.values.lazy.map(\.nextAttempt).min() }

  /// The error of the last attempt; `nil` if the socket is in its group.
  func failure(_ key: SegmentKey) -> String? { refusals[key]?.text }

  /// The same, once it has lasted: while Linux makes a part of an interface again, joining fails
  /// for a moment.
  func lastingFailure(_ key: SegmentKey, at now: Instant) -> String? {
    refusals[key].flatMap { $0.since + Self.retryPause <= now ? $0.text : nil }
  }

  /// The kernel has refused to put a socket into its group.
  mutating func refused(_ key: SegmentKey, _ text: String, at now: Instant) {
    let since = refusals[key]?.since ?? now
    refusals[key] = Refusal(since: since, nextAttempt: now + Self.retryPause, text: text)
  }

  /// A socket is in its group, or there is none any more.
  mutating func forget(_ key: SegmentKey) { refusals[key] = nil }

  /// The sockets for which to try again now.
  func due(by now: Instant) -> [SegmentKey] {
    refusals.filter { $0.value.nextAttempt <= now }.map(\.key)
  }
}
