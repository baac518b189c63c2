import KubernetesClient
import Synchronization
import Testing

/// A clock that moves when a test says so.
final class ManualClock: ClientClock {
  private struct Sleeper {
    var deadline: Duration
    var isLimit: Bool
    var continuation: CheckedContinuation<Bool, Never>
  }

  private struct State {
    var now: Duration = .zero
    var nextID = 0
    var sleepers: [Int: Sleeper] = [:]
    var cancelled: Set<Int> = []
  }
  private let state = Mutex(State())

  var now: Duration { state.withLock { $0.now } }

  /// The times until which something sleeps, the earliest first.
  var waits: [Duration] { deadlines(ofLimits: false) }
  /// The times at which something is given up, the earliest first.
  var limits: [Duration] { deadlines(ofLimits: true) }

  private func deadlines(ofLimits isLimit: Bool) -> [Duration] {
    state.withLock { state in
      state.sleepers.values.filter { $0.isLimit == isLimit }.map(\.deadline).sorted()
    }
  }

  func sleep(until deadline: Duration) async throws(CancellationError) {
    try await wait(until: deadline, isLimit: false)
  }

  func expire(at deadline: Duration) async throws(CancellationError) {
    try await wait(until: deadline, isLimit: true)
  }

  private func wait(until deadline: Duration, isLimit: Bool) async throws(CancellationError) {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    let isOver = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver: Bool? = state.withLock { state in
          if state.cancelled.remove(id) != nil { return false }
          if deadline <= state.now { return true }
          state.sleepers[id] = Sleeper(
            deadline: deadline, isLimit: isLimit, continuation: continuation)
          return nil
        }
        if let isOver { continuation.resume(returning: isOver) }
      }
    } onCancel: {
      let sleeper = state.withLock { state in
        let sleeper = state.sleepers.removeValue(forKey: id)
        if sleeper == nil { state.cancelled.insert(id) }
        return sleeper
      }
      sleeper?.continuation.resume(returning: false)
    }
    if !isOver { throw CancellationError() }
  }

  /// Moves to a time, and wakes all that sleep until then.
  func move(to time: Duration) {
    let over = state.withLock { state in
      state.now = max(state.now, time)
      let over = state.sleepers.filter { $0.value.deadline <= state.now }
      for id in over.keys { state.sleepers[id] = nil }
      return over.values.sorted { $0.deadline < $1.deadline }
    }
    for sleeper in over { sleeper.continuation.resume(returning: true) }
  }

  /// Moves on by a time.
  func advance(_ time: Duration) { move(to: now + time) }

  /// Skips all waits, but no limits, until it is cancelled.
  func skipWaits() async {
    while !Task.isCancelled {
      if let first = waits.first { move(to: first) }
      await shortPause()
    }
  }
}

/// Lets others go on for a moment.
func shortPause() async { try? await Task.sleep(for: .milliseconds(1)) }

/// Waits until something holds; the limit only ends a test that hangs.
func eventually(
  _ what: String, sourceLocation: SourceLocation = #_sourceLocation,
  _ condition: () async -> Bool
) async {
  let end = ContinuousClock.now + .seconds(120)
  while ContinuousClock.now < end {
    if await condition() { return }
    await shortPause()
  }
  Issue.record("not in time: \(what)", sourceLocation: sourceLocation)
}
