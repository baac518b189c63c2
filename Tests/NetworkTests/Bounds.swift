import TestSupport
import VIPCore

/// What the protocol allows, and how much a busy test machine may add.
enum Bounds {
  /// The interval of most tests; a second would only make them slow.
  static let interval = Duration.milliseconds(100)
  /// What starting processes, scheduling and a 2-core machine may add to a bound.
  static let margin = Duration.milliseconds(250)
  /// A pause in advertisements after which nobody can be said to be still Active.
  static let silence = interval * 2 + .milliseconds(50)

  /// RFC 9568 §6.1: three intervals and (256 − priority)/256 of one.
  static func activeDown(priority: Int, interval: Duration = interval) -> Duration {
    interval * 3 + interval * (256 - priority) / 256
  }

  /// The longest outage a client may see when the next router has this priority.
  static func outage(priority: Int) -> Duration {
    activeDown(priority: priority) + margin
  }

  /// How long addresses outlive a killed node whose guard removes them.
  static let guarded = margin

  /// The longest outage a client may see when the holder was killed and its guard says farewell:
  /// the skew of the next router, RFC 9568 §6.1.
  static func guardedOutage(priority: Int, interval: Duration = interval) -> Duration {
    interval * (257 - priority) / 256 + margin
  }

  /// How long addresses outlive a node that died together with its guard: the lease, the second by
  /// which the kernel may be late, and the margin.
  static func lease(_ family: AddressFamily) -> Duration {
    .seconds(family == .ipv4 ? 3 : 9) + .seconds(1) + margin
  }

  /// The longest time two routers may both advertise as Active.
  static let overlap = interval + margin
}
