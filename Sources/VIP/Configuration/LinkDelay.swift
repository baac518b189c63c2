import VIPCore
import VRRP

/// The times for which a router's own interface must have had a link, or none, before the router
/// goes by it.
public struct LinkDelay: Sendable, Hashable, Codable {
  /// The time for which the link must be there before the router takes part again.
  public var up: Duration
  /// The time for which the link must be gone before the router leaves its election.
  ///
  /// No longer than two intervals: after three another machine is Active, whatever this one does.
  public var down: Duration

  /// Makes delays; what is left out is zero.
  public init(up: Duration = .zero, down: Duration = .zero) {
    self.up = up
    self.down = down
  }

  /// Such as "up 2s, down 0s".
  var text: String { "up \(up.text), down \(down.text)" }
}

extension RouterConfiguration {
  /// The longest time by which a router can be held back: more than a day is a mistake.
  public static let dampingMax = Duration.seconds(86_400)

  /// The longest time for which a link may be gone before that counts: two intervals.
  package var linkDelayDownMax: Duration { interval.duration * 2 }

  /// Checks the times that hold the router back.
  func validateDamping() throws(ConfigurationError) {
    let range = Duration.zero...Self.dampingMax
    func refuse(
      _ field: ConfigurationError.Field, _ text: String
    ) -> ConfigurationError {
      ConfigurationError(field, router: name, text)
    }
    guard range.contains(startDelay) else {
      throw refuse(.startDelay, "a start delay lies between 0s and 24h")
    }
    guard range.contains(holdDown) else {
      throw refuse(.holdDown, "a hold-down lies between 0s and 24h")
    }
    guard range.contains(linkDelay.up) else {
      throw refuse(.linkDelay, "a delay of a link that is back lies between 0s and 24h")
    }
    let downMax = linkDelayDownMax
    guard (.zero...downMax).contains(linkDelay.down) else {
      throw refuse(
        .linkDelay,
        "a delay of a link that is gone lies between 0s and two intervals (\(downMax.text)): after "
          + "three another machine is Active")
    }
    guard priority != .owner || (startDelay == .zero && holdDown == .zero) else {
      throw refuse(
        startDelay == .zero ? .holdDown : .startDelay,
        "an owner (priority 255) is Active at once and always preempts; leave the delay out, or take "
          + "a lower priority")
    }
  }
}
