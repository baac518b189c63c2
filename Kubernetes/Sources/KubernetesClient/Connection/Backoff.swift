/// A source of chance: numbers from 0 up to, but not including, 1.
public typealias Jitter = @Sendable () -> Double

/// How long to wait after failures: longer with each of them, by chance, so that many clients do
/// not come back at the same moment.
public struct Backoff: Sendable, Hashable {
  /// The longest first delay.
  public var first: Duration
  /// The longest delay.
  public var longest: Duration
  /// The time without a failure after which it starts at the first delay again.
  public var healthy: Duration

  private var exponent = 0
  private var lastFailure: Duration?

  /// Makes a backoff.
  public init(
    first: Duration = .milliseconds(800), longest: Duration = .seconds(30),
    healthy: Duration = .seconds(120)
  ) {
    self.first = first
    self.longest = longest
    self.healthy = healthy
  }

  /// Takes note of a failure and says how long to wait before the next attempt.
  ///
  /// Half of the delay is certain and half is by chance. What the server has asked for comes on top
  /// of that, so that clients that were told the same do not come at the same moment.
  public mutating func delay(
    afterFailureAt now: Duration, retryAfter: Duration? = nil, jitter: Jitter
  ) -> Duration {
    if let lastFailure, now - lastFailure >= healthy { exponent = 0 }
    lastFailure = now
    let full = min(longest, first * (1 << exponent))
    exponent = min(exponent + 1, 16)
    let chance = jitter()
    if let retryAfter { return retryAfter + full * (chance / 2) }
    return full * (0.5 + chance / 2)
  }

  /// Takes note that all is well again.
  public mutating func reset() { exponent = 0 }
}
