import CLinux
import Glibc
import Synchronization

/// The most processor time that a node's thread has taken without looking at what is due.
///
/// Processor time, not time: how late a busy machine lets the thread run is another matter, see
/// ``NodeStatus/WakeUps``.
package final class WorkMeter: Sendable {
  private let isOn = Atomic(false)
  private let most = Atomic<UInt64>(0)
  /// The time when the thread has begun; 0 while it does not work, or is not measured.
  private let start = Atomic<UInt64>(0)

  /// Begins to measure, or begins again.
  package func reset() {
    most.store(0, ordering: .relaxed)
    isOn.store(true, ordering: .relaxed)
  }

  /// The most so far.
  package var longest: Duration {
    .nanoseconds(Int64(clamping: most.load(ordering: .relaxed)))
  }

  /// The thread begins to work; to be called on it, as those below.
  func begin() {
    guard isOn.load(ordering: .relaxed) else { return }
    start.store(Self.processorTime, ordering: .relaxed)
  }

  /// The thread has looked at what is due, and goes on with its work.
  func lap() {
    end()
    begin()
  }

  /// The thread has done its work.
  func end() {
    let start = start.exchange(0, ordering: .relaxed)
    guard start > 0 else { return }
    let taken = Self.processorTime - start
    if taken > most.load(ordering: .relaxed) { most.store(taken, ordering: .relaxed) }
  }

  private static var processorTime: UInt64 { vip_clock_nanoseconds(CLOCK_THREAD_CPUTIME_ID) }
}
