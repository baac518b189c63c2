import Glibc
import Synchronization
public import ARP
public import VIPCore

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
/// its guard if it has one (``Options/isGuarded``), else when their leases end.
public actor Node {
  /// What a node is told when it is made.
  public struct Options: Sendable, Hashable {
    /// How long addresses outlive a node that stopped refreshing them.
    public var lease: LeasePolicy
    /// What ``NodeStatus`` gives as version.
    public var version: String
    /// Whether the process around the node ends it once it has no routers any more.
    ///
    /// Changes nothing here; ``NodeStatus`` tells it to those who wait for that end.
    public var endsWhenIdle: Bool
    /// Whether a second process removes the addresses should this one be killed or crash.
    ///
    /// It is forked from this process when the node is made, takes some hundred kilobytes, and ends
    /// with the node; without it the addresses of a dead process go with their leases. Off unless
    /// asked for: a library does not fork the program it is part of without being told to. `vipctl`
    /// asks for it. See Docs/Guard.md.
    public var isGuarded: Bool
    /// Where to note which addresses the node may hold; `nil` if nowhere.
    ///
    /// What an earlier node noted there and left on the interfaces is removed at the start; the
    /// caller sees to it that no other node that lives uses the same file. See
    /// ``RuntimeDirectory/addressesPath(in:)``.
    public var addressesPath: String?
    /// Whether the node's thread runs before all ordinary work and the process stays in memory:
    /// SCHED_FIFO and mlockall(2).
    ///
    /// Needs CAP_SYS_NICE, and CAP_IPC_LOCK or no limit of locked memory. Locks the memory of the
    /// whole process, as it is used; limits the time that a real-time thread of the process may run
    /// without a pause to two seconds (RLIMIT_RTTIME). See Docs/Operations.md.
    public var isRealtime: Bool
    /// Environment variables that hooks are given beside those that tell of the occasion.
    ///
    /// Nothing of this process's own environment is handed on.
    public var hookVariables: [String: String]
    /// How often and how fast addresses are announced.
    public var announcements: AnnouncementPolicy

    /// Makes options; what is left out has its default.
    public init(
      lease: LeasePolicy = .default, version: String = vipVersion, endsWhenIdle: Bool = false,
      isGuarded: Bool = false, addressesPath: String? = nil, isRealtime: Bool = false,
      hookVariables: [String: String] = [:],
      announcements: AnnouncementPolicy = AnnouncementPolicy()
    ) {
      self.lease = lease
      self.version = version
      self.endsWhenIdle = endsWhenIdle
      self.isGuarded = isGuarded
      self.addressesPath = addressesPath
      self.isRealtime = isRealtime
      self.hookVariables = hookVariables
      self.announcements = announcements
    }
  }

  private let options: Options
  private let addressFile: AddressFile?
  /// The writing of that file that was begun last.
  private var lastNote: Task<NodeError?, Never>?
  nonisolated let loop: EventLoop
  private nonisolated let hooks: HookRunner
  private nonisolated let hookReports = Mutex<[HookReport]>([])
  private var hookLedger = HookLedger()
  private nonisolated let observers = Mutex<[Int: AsyncStream<NodeEvent>.Continuation]>([:])
  private nonisolated let followers = Mutex<[Int: AsyncStream<StampedEvent>.Continuation]>([:])
  private var history = EventHistory()
  private nonisolated let nextObserver = Atomic<Int>(0)
  private var waiters: [CheckedContinuation<Void, Never>] = []
  private(set) var isShuttingDown = false
  /// Whether a change is under way; another one waits for its end.
  var isApplying = false

  /// The loop's thread runs this actor.
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    loop.asUnownedSerialExecutor()
  }

  /// Starts a node without routers.
  ///
  /// - Throws: ``NodeError/Kind/notPermitted`` without the needed capabilities, or the system call
  ///   that failed.
  public init(_ options: Options = Options()) throws(NodeError) {
    self.options = options
    hooks = try HookRunner(variables: options.hookVariables)
    loop = try EventLoop(
      lease: options.lease, announcements: options.announcements, isGuarded: options.isGuarded,
      isRealtime: options.isRealtime, hooks: hooks)
    addressFile = options.addressesPath.map(AddressFile.init)
    if let addressFile { loop.engine.removeLeftovers(addressFile.read()) }
    try loop.start { [weak self] events in
      self?.assumeIsolated { $0.engineChanged(events) }
    }
    hooks.observe { [weak self] report in self?.hookReported(report) }
  }

  deinit {
    loop.stop()
    finishObservers()
  }

  // MARK: Routers

  /// Adds a router, or gives a present one these settings; nothing happens if it has them.
  ///
  /// Returns when it has been added, which is not yet when it takes part:
  /// ``waitUntilRunning(_:timeout:)``.
  ///
  /// - Throws: what is wrong with it. Nothing has changed then.
  public func up(_ settings: RouterConfiguration) async throws(NodeError) {
    try await apply([settings])
  }

  /// Waits until a router takes part in its election, in every family it has.
  ///
  /// - Throws: ``NodeError/Kind/notRunningYet`` with what it waits for; it goes on waiting.
  ///   ``NodeError/Kind/addressInUse`` if a machine outside the group has one of its addresses.
  public func waitUntilRunning(
    _ name: String, timeout: Duration
  ) async throws(NodeError) {
    var obstacle: String?
    let isOver = await wait(atMost: timeout) {
      obstacle = loop.engine.obstacle(to: name)
      return obstacle == nil || !loop.engine.contains(name)
        || loop.engine.refusal(of: name) != nil
    }
    guard loop.engine.contains(name) else { throw unknownRouter(name) }
    if let refusal = loop.engine.refusal(of: name) {
      throw NodeError(.addressInUse, "\(name): \(refusal)")
    }
    guard isOver else { throw NodeError(.notRunningYet, "\(name): \(obstacle ?? "not started")") }
  }

  /// Waits until something is so, or for a time.
  ///
  /// - Returns: whether it is so.
  func wait(atMost timeout: Duration, until isSo: () -> Bool) async -> Bool {
    let deadline = bootTime() + timeout
    // Not everything that may be waited for is a change that the loop reports.
    let clock = Task { [weak self] in
      while !Task.isCancelled {
        try? await Task.sleep(for: .milliseconds(50))
        await self?.engineChanged([])
      }
    }
    defer { clock.cancel() }
    while !isSo() {
      guard bootTime() < deadline else { return false }
      await nextChange()
    }
    return true
  }

  /// Hands a router over and removes it; returns when its addresses are gone.
  ///
  /// - Throws: ``NodeError/Kind/unknownRouter``.
  public func down(_ name: String) async throws(NodeError) {
    guard loop.engine.remove(name) else { throw unknownRouter(name) }
    while loop.engine.contains(name) { await nextChange() }
    await noteAddresses()
  }

  /// Hands over and removes every router, and refuses new ones from now on.
  ///
  /// The node still answers, so that whoever asked for the end can be told that it has come.
  public func retire() async {
    isShuttingDown = true
    for name in loop.engine.routerNames { loop.engine.remove(name) }
    while !loop.engine.routerNames.isEmpty { await nextChange() }
    await noteAddresses()
  }

  /// How long ``shutdown()`` may take from now on, as far as the handovers go.
  public var longestHandover: Duration { loop.engine.longestHandover }

  /// How much longer it may take for the sake of hooks.
  public var longestHooks: Duration {
    let hasHooks = loop.engine.allSettings.contains { !$0.hooks.isEmpty }
    // Then SIGTERM, SIGKILL after two seconds, and a moment for the rest.
    return hasHooks ? Self.hookPatience + .seconds(3) : .zero
  }

  /// Notes which addresses this node may hold from now on, so that its next life finds them.
  func noteAddresses(adding wanted: [RouterConfiguration] = []) async {
    guard let addressFile else { return }
    let routers = loop.engine.allSettings + wanted
    // Not on this thread, which must not wait for a disk, and one after the other.
    let before = lastNote
    let note = Task.detached { () -> NodeError? in
      _ = await before?.value
      do throws(NodeError) {
        try addressFile.write(routers)
        return nil
      } catch {
        return error
      }
    }
    lastNote = note
    guard let failure = await note.value else { return }
    engineChanged([.nodeWarning(text: "\(failure); after a crash addresses may be left behind")])
  }

  /// Refuses new routers from now on if there are none.
  ///
  /// - Returns: whether the node is retired now.
  public func retireIfIdle() -> Bool {
    guard loop.engine.routerNames.isEmpty, !isApplying else { return false }
    isShuttingDown = true
    return true
  }

  /// How long hooks may go on when the node ends.
  private static let hookPatience = Duration.seconds(10)

  /// Hands over and removes every router, lets hooks come to their end for up to 10 s, and ends what
  /// ``events()`` gives.
  ///
  /// The node's thread ends with the node itself; asking it until then is safe.
  public func shutdown() async {
    await retire()
    loop.engine.dismissGuard()
    loop.startHooks()
    await hooks.finish(within: Self.hookPatience)
    takeHookReports()
    finishObservers()
  }

  func unknownRouter(_ name: String) -> NodeError { loop.engine.unknownRouter(name) }

  // MARK: Observing

  /// The names of all routers, in the order in which they were added.
  public var routerNames: [String] { loop.engine.routerNames }

  /// The routers that have a virtual address.
  public func routerNames(holding address: IPAddress) -> [String] {
    loop.engine.routerNames(holding: address)
  }

  /// What the node is doing; only one router's part if a name is given.
  ///
  /// - Throws: ``NodeError/Kind/unknownRouter``.
  public func status(_ name: String? = nil) throws(NodeError) -> NodeStatus {
    if let name, !loop.engine.contains(name) { throw unknownRouter(name) }
    let uptime = bootTime() - loop.engine.startedAt
    var routers = loop.engine.status(name)
    for index in routers.indices { hookLedger.complete(&routers[index]) }
    return NodeStatus(
      node: NodeStatus.Node(
        version: options.version, pid: getpid(),
        uptimeSeconds: Double(uptime.inNanoseconds) / 1e9, lease: loop.engine.lease.description,
        endsWhenIdle: options.endsWhenIdle, guard: loop.engine.guardState,
        guardPid: loop.engine.guardPid, realtime: loop.isRealtime,
        wakeUps: loop.engine.wakeUpStatus),
      routers: routers)
  }

  /// What happens from now on.
  ///
  /// A reader that falls far behind misses the oldest events.
  public nonisolated func events() -> AsyncStream<NodeEvent> {
    let id = nextObserver.add(1, ordering: .relaxed).newValue
    return AsyncStream(bufferingPolicy: .bufferingNewest(4096)) { continuation in
      continuation.onTermination = { [weak self] _ in
        self?.observers.withLock { _ = $0.removeValue(forKey: id) }
      }
      observers.withLock { $0[id] = continuation }
    }
  }

  /// What happens from now on, each with its time and number.
  ///
  /// A reader that falls far behind misses the oldest events, which their numbers show.
  public nonisolated func stampedEvents() -> AsyncStream<StampedEvent> {
    let id = nextObserver.add(1, ordering: .relaxed).newValue
    return AsyncStream(bufferingPolicy: .bufferingNewest(4096)) { continuation in
      continuation.onTermination = { [weak self] _ in
        self?.followers.withLock { _ = $0.removeValue(forKey: id) }
      }
      followers.withLock { $0[id] = continuation }
    }
  }

  /// What happened last, up to a thousand events.
  public var pastEvents: [StampedEvent] { history.last }

  private nonisolated func finishObservers() {
    for continuation in observers.withLock({ $0 }).values { continuation.finish() }
    for continuation in followers.withLock({ $0 }).values { continuation.finish() }
  }

  func engineChanged(_ events: [NodeEvent]) {
    if !events.isEmpty {
      let continuations = observers.withLock { Array($0.values) }
      for event in events {
        for continuation in continuations { continuation.yield(event) }
      }
      let stamped = history.add(events, at: Double(wallClock().nanoseconds) / 1e9)
      let followers = followers.withLock { Array($0.values) }
      for event in stamped {
        for continuation in followers { continuation.yield(event) }
      }
    }
    let woken = waiters
    waiters.removeAll()
    for waiter in woken { waiter.resume() }
  }

  /// Takes a report from the hooks' thread.
  private nonisolated func hookReported(_ report: HookReport) {
    hookReports.withLock { $0.append(report) }
    Task { await self.takeHookReports() }
  }

  private func takeHookReports() {
    let reports = hookReports.withLock { reports in
      defer { reports.removeAll() }
      return reports
    }
    guard !reports.isEmpty else { return }
    var events: [NodeEvent] = []
    for report in reports { events += hookLedger.take(report) }
    hookLedger.keepOnly(loop.engine.contains)
    engineChanged(events)
  }

  func nextChange() async {
    await withCheckedContinuation { waiters.append($0) }
  }
}

/// The version of this library and of `vipctl`.
public let vipVersion = "0.1.0"
