/// Bounds the rate of requests: some at once, and then so many a second.
public struct TokenBucket: Sendable, Hashable {
  /// How many requests a second in the long run.
  public let rate: Double
  /// How many at once after a quiet time.
  public let burst: Int

  /// How many tokens there are; negative for requests that wait already.
  private var tokens: Double
  private var updated: Duration?

  /// Makes a full bucket.
  public init(rate: Double, burst: Int) {
    precondition(rate > 0 && burst > 0, "a bucket that gives nothing")
    self.rate = rate
    self.burst = burst
    tokens = Double(burst)
  }

  /// Takes a token and says how long to wait before using it.
  ///
  /// Each caller has its place in the order of the calls, also while others wait.
  public mutating func take(at now: Duration) -> Duration {
    fill(at: now)
    tokens -= 1
    return tokens >= 0 ? .zero : .seconds(1) * (-tokens / rate)
  }

  /// Takes a token if there is one, and says whether there was.
  public mutating func takeIfAny(at now: Duration) -> Bool {
    fill(at: now)
    guard tokens >= 1 else { return false }
    tokens -= 1
    return true
  }

  private mutating func fill(at now: Duration) {
    if let updated, now > updated {
      tokens = min(Double(burst), tokens + (now - updated) / .seconds(1) * rate)
    }
    updated = max(updated ?? now, now)
  }
}
