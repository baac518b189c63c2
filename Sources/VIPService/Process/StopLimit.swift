import Glibc
import Synchronization
import VIP
import VIPCore
import VIPReports

/// Ends the process when stopping takes too long, whatever it is that hangs.
///
/// Service managers and containers kill what does not stop, with all that belongs to it: the guard
/// too. A node that ends by itself leaves the guard to its work.
final class StopLimit: Sendable {
  /// Time that stopping may take beyond the handover; with an interval of up to a second it is over
  /// before the shortest grace period in use, Docker's ten seconds.
  static let slack = Duration.seconds(6)

  /// The limit of this process.
  static let shared = StopLimit(initially: .seconds(8)) {
    LogLine(.error, "stopping takes too long; the node ends at once").write()
    // Its guard removes the addresses; without one they go when their leases end.
    _exit(EXIT_FAILURE)
  }

  private let initial: Duration
  private let end: @Sendable () -> Void
  private let deadline = Mutex<ContinuousClock.Instant?>(nil)
  /// Whether the kernel counts, since there was no thread to do it.
  private let isAlarm = Atomic(false)

  /// Makes a limit; its time does not run yet.
  ///
  /// - Parameters:
  ///   - initial: how long stopping may take until it is known how long the handover may take.
  ///   - end: what happens then.
  init(initially initial: Duration, end: @escaping @Sendable () -> Void) {
    self.initial = initial
    self.end = end
  }

  /// Limits the life of the process from now on.
  func begin() {
    let isFirst = deadline.withLock { deadline in
      defer { deadline = deadline ?? .now + initial }
      return deadline == nil
    }
    guard isFirst else { return }
    do throws(NodeError) {
      try DetachedThread.start("the thread that bounds the stop") { [self] in
        while let deadline = deadline.withLock({ $0 }), deadline > .now {
          Clocks.pause(min(.milliseconds(100), ContinuousClock.now.duration(to: deadline)))
        }
        end()
      }
    } catch {
      // What stops the node may wait for a thread in vain too. SIGALRM ends the process then.
      isAlarm.store(true, ordering: .relaxed)
      alarm(Self.seconds(initial))
    }
  }

  /// Allows for what begins now and is known to take its time.
  func allow(_ duration: Duration) {
    deadline.withLock { $0 = .now + duration + Self.slack }
    if isAlarm.load(ordering: .relaxed) { alarm(Self.seconds(duration + Self.slack)) }
  }

  private static func seconds(_ duration: Duration) -> UInt32 {
    UInt32(clamping: duration.components.seconds + 1)
  }
}
