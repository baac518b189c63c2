import Synchronization
import VIP
import VIPCore

/// What is under way with a node's routers beside the turns of a speaker: the segment is asked for
/// each new address of a router that serves, which takes seconds if another machine uses it.
final class RouterWork: Sendable {
  /// A router as it is wanted, and what is asked for, which is less if something was refused
  /// before.
  struct Order: Sendable, Hashable {
    var wanted: RouterConfiguration
    var asked: RouterConfiguration
  }

  /// An order, and what has become of it.
  typealias Result = (order: Order, verdict: RouterApplication.Verdict)

  private struct State {
    var busy: [String: (id: UInt64, order: Order)] = [:]
    var results: [Result] = []
    var tasks: [UInt64: Task<Void, Never>] = [:]
    var nextID: UInt64 = 0
  }
  private let state = Mutex(State())
  private let application: RouterApplication
  private let ring: @Sendable () -> Void

  /// Makes a worker, which rings when there are results.
  init(_ application: RouterApplication, ring: @escaping @Sendable () -> Void) {
    self.application = application
    self.ring = ring
  }

  /// The routers on which it works, as they were wanted.
  var busy: [String: RouterConfiguration] { state.withLock { $0.busy.mapValues(\.order.wanted) } }

  /// Hands over the results since the last time.
  func takeResults() -> [Result] {
    state.withLock { state in
      defer { state.results = [] }
      return state.results
    }
  }

  /// Begins to give addresses to routers, of which it works on none.
  func start(_ orders: [Order]) {
    guard !orders.isEmpty else { return }
    state.withLock { state in
      let id = state.nextID
      state.nextID += 1
      for order in orders { state.busy[order.asked.name] = (id, order) }
      state.tasks[id] = Task { [self] in
        await application.add(orders.map(\.asked)) { name, verdict in finish(name, id, verdict) }
        end(id)
      }
    }
  }

  private func finish(_ name: String, _ id: UInt64, _ verdict: RouterApplication.Verdict) {
    state.withLock { state in
      guard let (owner, order) = state.busy[name], owner == id else { return }
      state.busy[name] = nil
      state.results.append((order, verdict))
    }
    ring()
  }

  private func end(_ id: UInt64) {
    state.withLock { state in
      state.tasks[id] = nil
      state.busy = state.busy.filter { $0.value.id != id }
    }
    ring()
  }

  /// Ends all that is under way; what has begun on the machine is carried through.
  func stop() async {
    let tasks = state.withLock { Array($0.tasks.values) }
    for task in tasks { task.cancel() }
    for task in tasks { await task.value }
  }
}
