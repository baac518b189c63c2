import Glibc
import Synchronization

/// The most processor time that a node's thread has taken without looking at what is due.
///
/// Processor time, not time: how late a busy machine lets the thread run is another matter, see
/// ``WakeUpStatus``.
package final class WorkMeter: Sendable {
  private let isOn = Atomic(false)
  private let most = Atomic<UInt64>(0)

  /// Begins to measure, or begins again.
  package func reset() {
    most.store(0, ordering: .relaxed)
    isOn.store(true, ordering: .relaxed)
  }

  /// The most so far.
  package var longest: Duration {
    .nanoseconds(Int64(clamping: most.load(ordering: .relaxed)))
  }

  /// The thread begins to work; to be called on it.
  ///
  /// - Returns: what ``end(_:)`` is to be told; `nil` while nothing is measured.
  func begin() -> UInt64? { isOn.load(ordering: .relaxed) ? Self.processorTime : nil }

  /// The thread has worked since ``begin()``, on which it was told this.
  func end(_ start: UInt64?) {
    guard let start else { return }
    let taken = Self.processorTime - start
    if taken > most.load(ordering: .relaxed) { most.store(taken, ordering: .relaxed) }
  }

  private static var processorTime: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
