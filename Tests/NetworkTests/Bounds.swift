import TestSupport
import VIPCore

/// What the protocol allows, and what an idle machine may add to it; a ``Bound`` tells how much
/// more that is on a busy one.
enum Bounds {
  /// The interval of most tests; a second would only make them slow.
  static let interval = Duration.milliseconds(100)
  /// What starting processes and scheduling may add to a bound.
  static let margin = Bound(machine: .milliseconds(250))
  /// A pause in advertisements after which no machine can be said to be still Active.
  static let silence = interval * 2 + .milliseconds(50)

  /// RFC 9568 §6.1: three intervals and (256 − priority)/256 of one.
  static func activeDown(priority: Int, interval: Duration = interval) -> Duration {
    interval * 3 + interval * (256 - priority) / 256
  }

  /// The longest outage a client may see when the next router has this priority.
  static func outage(priority: Int) -> Bound {
    activeDown(priority: priority) + margin
  }

  /// How long addresses outlive a killed node whose guard removes them: until a successor has
  /// advertised, and has had its time to announce them.
  static let guarded = (interval + .milliseconds(300)) + margin

  /// The longest outage a client may see when the holder was killed and its guard keeps the
  /// addresses until the next has announced them: that of a planned move.
  static let guardedOutage = Bound(machine: .milliseconds(100))

  /// How long addresses outlive a node that died together with its guard: the lease of four
  /// intervals in whole seconds, the second by which the kernel may be late, and the margin.
  static let lease = .seconds(2) + margin

  /// The longest time two routers may both advertise as Active.
  static let overlap = interval + margin
}
