import Glibc
import Synchronization
import VIPCore

/// A node: the virtual routers of this machine, their elections, addresses and announcements.
///
/// ```swift
/// let node = try Node()
/// try await node.up(settings)
/// for await event in node.events() { print(event) }
/// ```
///
/// The work is done on a thread of the node's own, which is also the actor's executor: calling it
/// never blocks the caller's thread and never makes an advertisement late. It needs CAP_NET_ADMIN
/// and CAP_NET_RAW (``ProcessCapabilities``).
///
/// End a node with ``shutdown()``. A node that is merely dropped stops at once; its addresses go by
/// its guard if it has one (``NodeSettings/isGuarded``), else when their leases end.
public actor Node {
  /// Settings that a node is given when it is made.
  public struct Options: Sendable, Hashable {
    /// The settings that all routers share; ``Node/apply(_:replacing:)`` changes them while it
    /// runs.
    public var settings: NodeSettings
    /// The file in which to note the addresses that the node may hold; `nil` if nowhere.
    ///
    /// What an earlier node noted there and left on the interfaces is removed at the start; the
    /// caller sees to it that no other node that lives uses the same file.
    public var addressesPath: String?
    /// Whether the node does without what it can't have at its start, and tells of it.
    ///
    /// That is a list of addresses that can't be believed, and real-time scheduling that is not
    /// permitted; see ``NodeStatus/Node/problems``.
    public var unready: UnreadyPolicy
    /// The words by which the program's users know its settings and commands.
    public var wording: Wording
    /// Whether the process around the node ends it once it has no routers any more, which
    /// ``NodeStatus`` tells to clients that wait for that end.
    package var endsWhenIdle = false

    /// Makes options; what is left out has its default.
    public init(
      settings: NodeSettings = NodeSettings(), addressesPath: String? = nil,
      unready: UnreadyPolicy = .refuse, wording: Wording = Wording()
    ) {
      self.settings = settings
      self.addressesPath = addressesPath
      self.unready = unready
      self.wording = wording
    }
  }

  let options: Options
  var addressFile: AddressFile?
  /// Whether the directory of that file is still this process's; `nil` if no other could have it.
  nonisolated let directoryHolding = Mutex<(@Sendable () -> Bool)?>(nil)
  /// The writing of that file that was begun last.
  var lastAddressWrite: Task<NodeError?, Never>?
  /// Problems beside the engine, in the order in which they began.
  private(set) var problems: NodeProblems
  /// Problems at the start, until observers are told.
  private var startProblems: [NodeProblem] = []
  /// The elections and addresses; nothing but this actor touches them.
  let engine: Engine
  nonisolated let loop: EventLoop
  nonisolated let observers = Observers()
  /// The statements about routers that are just being added.
  package nonisolated let firstFitness: FirstFitness
  private let ending: Ending
  var history = EventHistory()
  private var waits = Waits()
  private(set) var isShuttingDown = false
  private var hasShutDown = false
  /// Whether a change is under way; another one waits for its end.
  var isApplying = false

  /// The loop's thread runs this actor.
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    loop.asUnownedSerialExecutor()
  }

  /// Starts a node without routers.
  ///
  /// - Parameters:
  ///   - options: what it is told.
  ///   - platform: the machine; this Linux machine if left out. The guard and real-time scheduling
  ///     are Linux's in any case.
  /// - Throws: ``NodeError/Kind/notPermitted`` without the needed capabilities, or the system call
  ///   that failed.
  public init(
    _ options: Options = Options(), on platform: sending (any Platform)? = nil
  ) throws(NodeError) {
    self.options = options
    let start = try Start(options)
    addressFile = start.file
    let poller = try Poller()
    let machine: any Platform = if let platform { platform } else { try LinuxPlatform() }
    let engine = try Engine(
      machine, poller, lease: options.settings.lease,
      announcements: options.settings.announcements)
    engine.wording = options.wording
    let (loop, problem) = try start.loop(poller, options)
    self.loop = loop
    if options.settings.isGuarded {
      engine.protect(with: Safeguard(try GuardArea(), LinuxGuardProcess()))
    }
    if let leftovers = start.leftovers {
      engine.takeOverLeftovers(leftovers, routing: start.routing)
    }
    do throws(NodeError) {
      try loop.start()
    } catch {
      engine.dismissGuard()
      throw error
    }
    self.engine = engine
    firstFitness = engine.firstFitness
    startProblems = [start.problem, problem].compactMap { $0 }
    problems = NodeProblems(startProblems)
    ending = Ending(engine, observers, loop)
    loop.attach(
      EventLoop.Client(
        turn: { [weak self] ready in
          self?.assumeIsolated { $0.turn(ready) } ?? EventLoop.Next()
        },
        conclude: { [weak self] in self?.assumeIsolated { $0.conclude() } ?? EventLoop.Next() }))
  }

  // MARK: Turns

  /// Lets the engine do what is due.
  private func turn(_ ready: [ReadinessSource]) -> EventLoop.Next {
    engine.turn(ready: ready)
    return conclude()
  }

  /// Tells what has happened, ends the waits that are over, and says when the engine is due again.
  private func conclude() -> EventLoop.Next {
    if engine.hasChanged {
      engine.hasChanged = false
      deliver(engine.takeEvents())
    }
    if !waits.isEmpty { waits.review(at: bootTime()) }
    let deadline = engine.deadline
    let end = waits.deadline
    return EventLoop.Next(
      deadline: deadline.map { min($0, end ?? $0) } ?? end, isImmediate: engine.hasPendingWork)
  }

  // MARK: Waiting

  /// Waits until a condition is met, the time is over or the task is cancelled.
  ///
  /// - Parameters:
  ///   - timeout: how long to wait; without a limit if `nil`.
  ///   - condition: looked at now, and after every turn and command of the node.
  /// - Returns: how the wait ended.
  func wait(
    atMost timeout: Duration? = nil, until condition: @escaping () -> Bool
  ) async -> Waits.End {
    let deadline = timeout.map { bootTime() + $0 }
    // Another call may have been faster and made it untrue again, so it is looked at here too.
    while !condition() {
      let id = waits.makeID()
      let end = await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
          waits.add(id, until: deadline, continuation, condition: condition)
        }
      } onCancel: {
        // Runs as a job of this actor, hence not before the wait has begun.
        Task { await self.endWait(id) }
      }
      if end != .met { return end }
    }
    return .met
  }

  private func endWait(_ id: Int) { waits.cancel(id) }

  /// Does something to its end even if the caller's task is cancelled: the caller goes on then.
  ///
  /// - Throws: what `body` throws, or ``NodeError/Kind/cancelled``.
  func carryThrough<Value: Sendable>(
    _ body: @escaping @Sendable (isolated Node) async throws(NodeError) -> Value
  ) async throws(NodeError) -> Value {
    let outcome = Outcome<Value>()
    Task {
      do throws(NodeError) {
        outcome.value = .success(try await body(self))
      } catch {
        outcome.value = .failure(error)
      }
    }
    _ = await wait { outcome.value != nil }
    guard let result = outcome.value else { throw .cancelled }
    return try result.get()
  }

  /// The result of something; only its node's thread uses it.
  private final class Outcome<Value: Sendable> {
    var value: Result<Value, NodeError>?
  }

  // MARK: Routers

  /// Adds a router, or gives a present one these settings; nothing happens if it has them.
  ///
  /// Returns when it has been added, which is not yet when it takes part:
  /// ``waitUntilRunning(_:timeout:)``.
  ///
  /// - Parameters:
  ///   - settings: what it shall be.
  ///   - unready: what becomes of it if this machine can't serve it yet.
  /// - Throws: what is wrong with it. Nothing has changed then.
  public func up(
    _ settings: RouterConfiguration, unready: UnreadyPolicy = .refuse
  ) async throws(NodeError) {
    try await apply([settings], unready: unready)
  }

  /// Waits until a router takes part in its election, in every family it has.
  ///
  /// - Throws: ``NodeError/Kind/notRunningYet`` with what it waits for; it goes on waiting.
  ///   ``NodeError/Kind/addressInUse`` if a machine outside the group has one of its addresses.
  public func waitUntilRunning(
    _ name: String, timeout: Duration
  ) async throws(NodeError) {
    let end = await wait(atMost: timeout) { [engine] in
      engine.obstacle(to: name) == nil || !engine.contains(name) || engine.refusal(of: name) != nil
    }
    guard engine.contains(name) else { throw unknownRouter(name) }
    if let refusal = engine.refusal(of: name) {
      throw NodeError(.addressInUse, "\(name): \(refusal)")
    }
    switch end {
    case .met: break
    case .cancelled: throw .cancelled
    case .timedOut:
      throw NodeError(.notRunningYet, "\(name): \(engine.obstacle(to: name) ?? "not started")")
    }
  }

  /// Hands a router over and removes it; returns when its addresses are gone.
  ///
  /// - Throws: ``NodeError/Kind/unknownRouter``, or ``NodeError/Kind/cancelled`` if the task is
  ///   cancelled; the router goes on leaving then, unless it is just being replaced.
  public func down(_ name: String) async throws(NodeError) {
    guard engine.contains(name) else { throw unknownRouter(name) }
    try await down(all: [name])
  }

  /// Hands over and removes routers at the same time; names that are not there are passed over.
  ///
  /// - Throws: ``NodeError/Kind/cancelled``; the routers go on leaving then, but for those that are
  ///   just being replaced.
  package func down(all names: [String]) async throws(NodeError) {
    let leaving = names.filter { engine.contains($0) && !engine.isStaying($0) }
    engine.remove(all: names)
    // One that leaves to be replaced comes back with the end of that change.
    if !leaving.isEmpty, isApplying {
      let end = await wait { [self] in !isApplying || isShuttingDown }
      if end == .cancelled { throw .cancelled }
      for name in leaving { engine.remove(name) }
    }
    try await carryThrough { node in await node.seeOff(names) }
  }

  /// Waits until routers that leave are gone, and notes that.
  private func seeOff(_ names: [String]) async {
    _ = await wait { [engine] in !names.contains(where: engine.contains) }
    await writeAddressFile()
  }

  /// Hands over and removes every router, and refuses new ones from now on.
  ///
  /// The node still answers, so that those who asked for the end can be told that it has come. Not
  /// cut short by the cancellation of a task: the addresses are handed over in any case.
  public func retire() async {
    isShuttingDown = true
    engine.remove(all: engine.routerNames)
    // In a task of its own, which nothing cancels.
    await Task {
      _ = await wait { [engine] in engine.routerNames.isEmpty }
      await writeAddressFile()
    }.value
  }

  /// The longest time that ``shutdown()`` may take from now on, as far as the handovers go.
  public var longestHandover: Duration { engine.longestHandover }

  /// Tells of what was wrong at the start, once.
  func tellOfStart() {
    deliver(startProblems.map { .nodeWarning($0) })
    startProblems = []
  }

  /// Tells what is wrong with the machine as far as it concerns the node as a whole.
  package func tellOfMachine(_ found: [(fault: MachineFault, text: String)]) {
    deliver(problems.setMachine(found))
  }

  /// Tells that something is wrong around the node, or what is wrong with it now, or that it is
  /// over.
  package func tell(_ kind: NodeProblem.Kind, _ text: String?) {
    deliver(problems.set(kind, text))
  }

  /// Refuses new routers from now on if there are none.
  ///
  /// - Returns: whether the node is retired now.
  package func retireIfIdle() -> Bool {
    guard engine.routerNames.isEmpty, !isApplying else { return false }
    isShuttingDown = true
    return true
  }

  /// Hands over and removes every router, and ends what ``events()`` gives.
  ///
  /// Not cut short by the cancellation of a task. The node's thread ends with the node itself;
  /// calling it until then is safe.
  public func shutdown() async {
    await retire()
    engine.dismissGuard()
    deliver(engine.takeEvents())
    observers.finish()
    hasShutDown = true
  }

  /// Lets the node run until the task is cancelled or ``shutdown()`` is called; returns when all
  /// addresses are handed over.
  ///
  /// It is the lifetime of a node in a task group or a service group: with
  /// [swift-service-lifecycle](https://github.com/swift-server/swift-service-lifecycle)
  /// `extension Node: @retroactive Service {}` is all it takes.
  public func run() async {
    _ = await wait { [self] in hasShutDown }
    if !hasShutDown { await shutdown() }
  }

  func unknownRouter(_ name: String) -> NodeError {
    engine.unknownRouter(name)
  }
}

/// The version of this library and of `vipctl`.
package let vipVersion = "0.1.0"

/// Ends a node that nothing refers to any more, as a part of it that goes with it.
///
/// An `isolated deinit` of the actor would do, were it not that Swift 6.3 fails to compile
/// optimised programs that make such an actor ("circular reference").
private final class Ending {
  /// Used by the loop's thread alone, also here.
  private nonisolated(unsafe) let engine: Engine
  private let observers: Observers
  private let loop: EventLoop

  init(_ engine: Engine, _ observers: Observers, _ loop: EventLoop) {
    self.engine = engine
    self.observers = observers
    self.loop = loop
  }

  deinit {
    observers.finish()
    nonisolated(unsafe) let engine = engine
    // Does nothing after a shutdown in order, which has dismissed the guard.
    loop.stop { engine.releaseGuard() }
  }
}
