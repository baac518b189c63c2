import VIPCore

/// The time since which another machine is Active, as far as a router has heard.
///
/// An Active that falls silent and comes back without another one in between has been Active all
/// the time, as far as can be told.
struct ActiveSpan {
  private var address: IPAddress?
  private var since = Instant.zero

  /// An advertisement was accepted, after which a machine is the Active; `nil` if none is known.
  mutating func heard(_ active: IPAddress?, at now: Instant) {
    guard active != address else { return }
    (address, since) = (active, now)
  }

  /// No other machine is Active: this one is, or it hears the others no longer.
  mutating func end() { address = nil }

  /// The time since which a machine is Active; `nil` if it was not heard.
  func start(of active: IPAddress?) -> Instant? {
    guard let active, active == address else { return nil }
    return since
  }
}
