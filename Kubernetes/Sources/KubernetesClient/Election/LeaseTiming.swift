/// How a ``LeaseElection`` keeps time.
public struct LeaseTiming: Sendable, Hashable {
  /// For how long the Lease is given from a renewal on.
  ///
  /// Others take it no sooner.
  public let duration: Duration
  /// After what time without a successful renewal the holder stops to act.
  public let deadline: Duration
  /// The time between two renewals that succeed.
  public let renewal: Duration
  /// The time after an attempt that has failed.
  public let retry: Duration
  /// The time between two looks of those that do not have it.
  public let poll: Duration

  /// Times as other programs have them: given for 15 s, renewed every 3 s, for 10 s at the longest.
  public static let standard = LeaseTiming(
    checked: .seconds(15), .seconds(10), .seconds(3), .seconds(2), .seconds(5))

  private init(
    checked duration: Duration, _ deadline: Duration, _ renewal: Duration, _ retry: Duration,
    _ poll: Duration
  ) {
    self.duration = duration
    self.deadline = deadline
    self.renewal = renewal
    self.retry = retry
    self.poll = poll
  }

  /// Makes times; `nil` unless they have room for each other.
  ///
  /// Between the deadline and the end of the Lease there is time for what is under way to end, and
  /// for clocks that do not run equally fast: a quarter of the deadline at least.
  public init?(
    duration: Duration, deadline: Duration, renewal: Duration, retry: Duration, poll: Duration
  ) {
    guard duration >= .seconds(1), duration.components.attoseconds == 0,
      duration * 4 >= deadline * 5, deadline >= renewal + retry * 1.2, retry > .zero,
      renewal > .zero, poll > .zero
    else { return nil }
    self.init(checked: duration, deadline, renewal, retry, poll)
  }
}
