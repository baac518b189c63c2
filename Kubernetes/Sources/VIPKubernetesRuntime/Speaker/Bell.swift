import KubernetesClient
import Synchronization

/// Wakes a task that waits for something to do; rung several times before that, it wakes once.
final class Bell: Sendable {
  private struct State {
    var isRung = false
    var waiter: CheckedContinuation<Void, Never>?
  }
  private let state = Mutex(State())

  /// Says that there is something to do.
  func ring() {
    let waiter = state.withLock { state in
      let waiter = state.waiter
      state.waiter = nil
      state.isRung = waiter == nil
      return waiter
    }
    waiter?.resume()
  }

  /// Waits until it is rung, a time has come, or the task is cancelled; one task at a time.
  func wait(until deadline: Duration?, by clock: any ClientClock) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.waitUntilRung() }
      if let deadline {
        group.addTask {
          do throws(CancellationError) {
            try await clock.sleep(until: deadline)
          } catch {
            // It has been rung before.
          }
        }
      }
      await group.next()
      group.cancelAll()
    }
  }

  private func waitUntilRung() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          if state.isRung || Task.isCancelled {
            state.isRung = false
            return true
          }
          precondition(state.waiter == nil, "a bell wakes one task")
          state.waiter = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        defer { state.waiter = nil }
        return state.waiter
      }
      waiter?.resume()
    }
  }
}
