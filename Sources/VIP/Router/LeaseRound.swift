import VIPCore

/// The time when the leases of a router's addresses are to be refreshed again.
struct LeaseRound {
  private var began: Instant?
  private var period = Duration.zero
  private var interval = Duration.zero

  /// All addresses are refreshed, or put up, from now on.
  mutating func begin(at now: Instant, _ term: LeaseTerm, interval: Duration) {
    began = now
    period = term.period
    self.interval = interval
  }

  /// Whether an advertisement that goes out now is to be followed by a refresh.
  ///
  /// Also one that comes a little early; those that come in between, as answers do, are not.
  func isDue(at now: Instant) -> Bool {
    guard let began else { return false }
    return began + period <= now + interval / 2
  }

  /// Whether no advertisement has come when it was time: addresses are handed over, or the router
  /// has only just got them from another one.
  func isOverdue(at now: Instant) -> Bool {
    guard let began else { return true }
    return began + period + period / 2 <= now
  }
}
