import CLinux
import Glibc
import Synchronization
import VIP
import VIPCore

/// Threads for the calls that the kernel may hold up: opening a file or starting a program on a
/// file system that does not answer, or looking up a user.
///
/// A few threads do the work in its order. One that does not get on is left to itself, and another
/// one takes its place, so that only the check waits which it works for.
final class Helpers: Sendable {
  /// The number of threads that get on with their work at the same time.
  private static let parallelism = 4
  /// The time after which a thread counts as one that does not get on.
  private static let patience = Duration.milliseconds(100)

  private struct Job {
    let check: Int
    let work: @Sendable () -> Void
  }

  private struct State {
    var waiting: [Job] = []
    /// The times when the threads that are busy have begun, by thread.
    var begun: [Int: Instant] = [:]
    var threads = 0
    /// The checks whose work has been done.
    var done: [Int] = []
    var isEnding = false
  }

  private let state = Mutex(State())
  private let shared: CheckRunner.Shared
  /// Readable as often as there is work; -1 if there is no descriptor for it.
  private let work: Int32

  /// Makes helpers, whose threads start with the first work.
  ///
  /// - Parameter shared: where to wake up the loop when work has been done.
  init(_ shared: CheckRunner.Shared) {
    self.shared = shared
    work = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_SEMAPHORE))
  }

  deinit { if work >= 0 { close(work) } }

  /// Whether work waits, so that ``relieve(at:)`` has to be called soon.
  var isBehind: Bool { state.withLock { !$0.waiting.isEmpty } }

  /// Has a thread do some work for a check.
  func post(_ check: Int, _ body: @escaping @Sendable () -> Void) {
    state.withLock { $0.waiting.append(Job(check: check, work: body)) }
    offer(1)
    relieve(at: bootTime())
  }

  /// Starts another thread if work waits and too few threads get on.
  func relieve(at now: Instant) {
    let number = state.withLock { state -> Int? in
      let idle = state.threads - state.begun.count
      guard !state.isEnding, state.waiting.count > idle else { return nil }
      let busy = state.begun.values.count { now - $0 < Self.patience }
      guard idle + busy < Self.parallelism else { return nil }
      state.threads += 1
      return state.threads
    }
    guard let number else { return }
    do throws(NodeError) {
      try DetachedThread.start("a thread of the checks") { [self] in run(number) }
    } catch {
      // Work that waits is tried again with the next turn, and takes too long otherwise.
      state.withLock { $0.threads -= 1 }
    }
  }

  /// The checks whose work has been done since the last call.
  func takeDone() -> [Int] {
    state.withLock { state in
      defer { state.done.removeAll(keepingCapacity: true) }
      return state.done
    }
  }

  /// Ends the threads once they have done what waits.
  func end() {
    let threads = state.withLock { state in
      state.isEnding = true
      return state.threads
    }
    offer(threads)
  }

  private func offer(_ count: Int) {
    var count = UInt64(count)
    if count > 0 { _ = write(work, &count, 8) }
  }

  private func run(_ number: Int) {
    while true {
      var count: UInt64 = 0
      guard read(work, &count, 8) == 8 || errno == EINTR else { return }
      let (job, isEnding) = state.withLock { state -> (Job?, Bool) in
        guard !state.waiting.isEmpty else { return (nil, state.isEnding) }
        state.begun[number] = bootTime()
        return (state.waiting.removeFirst(), state.isEnding)
      }
      guard let job else {
        if isEnding { return }
        continue
      }
      job.work()
      state.withLock { state in
        state.begun[number] = nil
        state.done.append(job.check)
      }
      shared.wakeUp.wake()
    }
  }
}

/// Work that a helper does for a check, and what has come of it.
final class Errand<Value: Sendable>: Sendable {
  private struct State {
    var value: Value?
    var isOver = false
    var isAbandoned = false
  }

  private let state = Mutex(State())
  private let dispose: @Sendable (Value) -> Void

  /// Has a helper do it.
  ///
  /// - Parameters:
  ///   - helpers: the threads for it.
  ///   - check: the check that it is for.
  ///   - work: what to do.
  ///   - dispose: what to do with something that comes of it when it is not wanted any more.
  init(
    _ helpers: Helpers, for check: Int, _ work: @escaping @Sendable () -> Value,
    dispose: @escaping @Sendable (Value) -> Void = { _ in }
  ) {
    self.dispose = dispose
    helpers.post(check) { [self] in run(work) }
  }

  /// Whether nothing of it goes on any more.
  var isOver: Bool { state.withLock { $0.isOver } }

  /// Hands over what has come of it, once.
  func take() -> Value? {
    state.withLock { state in
      defer { state.value = nil }
      return state.value
    }
  }

  /// Does without what may come of it.
  func abandon() {
    state.withLock { $0.isAbandoned = true }
    if let value = take() { dispose(value) }
  }

  private func run(_ work: () -> Value) {
    let isWanted = state.withLock { !$0.isAbandoned }
    if isWanted {
      let value = work()
      let isStillWanted = state.withLock { state in
        if !state.isAbandoned { state.value = value }
        return !state.isAbandoned
      }
      if !isStillWanted { dispose(value) }
    }
    state.withLock { $0.isOver = true }
  }
}
