import VIPCore

/// The calls that wait for something on a node.
///
/// Each has a condition, which is looked at after every turn of the engine and after every command:
/// what it depends on need not be reported by anything. Waiting costs no timer of its own; the
/// earliest time limit is a deadline of the node's thread.
struct Waits {
  /// The way in which a wait ended.
  enum End: Sendable {
    /// The condition is met.
    case met
    /// The time is over.
    case timedOut
    /// The task that waits was cancelled.
    case cancelled
  }

  private struct Wait {
    let condition: () -> Bool
    let deadline: Instant?
    let continuation: CheckedContinuation<End, Never>
  }

  private var pending: [Int: Wait] = [:]
  private var lastID = 0

  var isEmpty: Bool { pending.isEmpty }

  /// The time when the next time limit is over; `nil` if there is none.
  private(set) var deadline: Instant?

  /// A number for a wait that is about to begin.
  mutating func makeID() -> Int {
    lastID += 1
    return lastID
  }

  /// Begins a wait.
  mutating func add(
    _ id: Int, until deadline: Instant?, _ continuation: CheckedContinuation<End, Never>,
    condition: @escaping () -> Bool
  ) {
    pending[id] = Wait(condition: condition, deadline: deadline, continuation: continuation)
    if let deadline { self.deadline = min(self.deadline ?? deadline, deadline) }
  }

  /// Ends the wait of a task that was cancelled, if it has not ended already.
  mutating func cancel(_ id: Int) {
    guard let wait = pending.removeValue(forKey: id) else { return }
    updateDeadline()
    wait.continuation.resume(returning: .cancelled)
  }

  /// Ends the waits whose conditions are met or whose time is over.
  mutating func review(at now: Instant) {
    var isAnyOver = false
    for (id, wait) in pending {
      let end: End
      if wait.condition() {
        end = .met
      } else if let deadline = wait.deadline, deadline <= now {
        end = .timedOut
      } else {
        continue
      }
      pending[id] = nil
      isAnyOver = true
      wait.continuation.resume(returning: end)
    }
    if isAnyOver { updateDeadline() }
  }

  private mutating func updateDeadline() {
    deadline = pending.values.lazy.compactMap(\.deadline).min()
  }
}
