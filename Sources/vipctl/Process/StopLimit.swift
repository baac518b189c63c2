import Glibc
import Synchronization

/// Ends the process when stopping takes too long, whatever it is that hangs.
///
/// Service managers and containers kill what does not stop, with all that belongs to it: the guard
/// too. A node that ends by itself leaves the guard to its work.
enum StopLimit {
  /// What stopping may take beyond the handover; with an interval of up to a second it is over
  /// before the shortest grace period in use, Docker's ten seconds.
  static let slack = Duration.seconds(6)
  /// Until it is known how long the handover may take.
  private static let initial = Duration.seconds(8)

  private static let deadline = Mutex<ContinuousClock.Instant?>(nil)

  /// From now on, the process is not to live for ever.
  static func begin() {
    let isFirst = deadline.withLock { deadline in
      defer { deadline = deadline ?? .now + initial }
      return deadline == nil
    }
    guard isFirst else { return }
    DetachedThread.run {
      while let deadline = deadline.withLock({ $0 }), deadline > .now {
        Clocks.pause(.milliseconds(100))
      }
      LogLine(.error, "stopping takes too long; the node ends at once").write()
      // Its guard removes the addresses; without one they go when their leases end.
      _exit(ExitStatus.failed.rawValue)
    }
  }

  /// Allows for a handover that begins now.
  static func allow(_ handover: Duration) {
    deadline.withLock { $0 = .now + handover + slack }
  }
}
