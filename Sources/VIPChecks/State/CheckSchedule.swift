import VIPCore

/// The times at which the runs of a check start: one every interval, and never two at once.
///
/// A run that takes longer than the interval delays the next one to its own end and no further.
struct CheckSchedule: Sendable, Hashable {
  /// The shortest time between two runs, however often something asks for one.
  static let shortestPause = Duration.milliseconds(10)

  private let interval: Duration
  private var due: Instant
  /// The time when the run under way, or the last one, has started.
  private(set) var started: Instant?
  private(set) var isRunning = false

  /// Begins with a first run at a time.
  init(every interval: Duration, from first: Instant) {
    self.interval = interval
    due = first
  }

  /// The time for the next start; `nil` while a run is under way.
  var deadline: Instant? { isRunning ? nil : due }

  /// Notes that a run has started.
  mutating func begin(at now: Instant) {
    isRunning = true
    started = now
    due = now + interval
  }

  /// Notes that the run is over, with all that it has left behind.
  mutating func end(at now: Instant) {
    isRunning = false
    due = max(due, now)
  }

  /// Asks for a run as soon as possible: something has happened that may change its result.
  mutating func hasten(at now: Instant) {
    let soonest = started.map { max(now, $0 + Self.shortestPause) } ?? now
    due = min(due, soonest)
  }
}
