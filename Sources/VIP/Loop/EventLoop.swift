import ARP
import CLinux
import Glibc
import Synchronization
import VIPCore

/// The thread that a node lives on: it waits, lets the engine take its turn, and runs the node
/// actor's jobs in between.
///
/// Everything but ``enqueue(_:)`` and ``stop()`` belongs to that thread.
final class EventLoop: SerialExecutor, @unchecked Sendable {
  private static let niceness: Int32 = -10
  /// How long the actor's jobs may take before the engine has its turn.
  private static let jobTime = Duration.milliseconds(1)

  private struct Inbox {
    var jobs: [UnownedJob] = []
    var isStopped = false
  }

  private let inbox = Mutex(Inbox())
  /// Jobs that were taken out of it and have not run yet, the next one last.
  private var jobs: [UnownedJob] = []
  private let platform: LinuxPlatform
  let engine: Engine
  /// Called on the loop's thread when a turn has produced events or changed the status.
  private var observer: (([NodeEvent]) -> Void)?
  /// Takes the programs to run; returns at once.
  private let hooks: HookRunner
  private let thread = Mutex<pthread_t?>(nil)
  /// Whether the thread runs before all ordinary work.
  private(set) var isRealtime = false
  private var breather = Breather()

  init(
    lease: LeasePolicy, announcements: AnnouncementPolicy, isGuarded: Bool,
    isRealtime: Bool = false, hooks: HookRunner
  ) throws(NodeError) {
    self.hooks = hooks
    platform = try LinuxPlatform()
    engine = try Engine(platform, lease: lease, announcements: announcements)
    if isRealtime {
      try Realtime.prepare()
      self.isRealtime = true
    }
    if isGuarded { try startGuard() }
  }

  deinit {
    if isRealtime { Realtime.release() }
  }

  /// Lets the thread run before all ordinary work, or no longer; called on it.
  func setRealtime(_ isOn: Bool) throws(NodeError) {
    guard isOn != isRealtime else { return }
    if isOn {
      try Realtime.prepare()
      Realtime.begin()
    } else {
      Realtime.end()
      Realtime.release()
    }
    isRealtime = isOn
    breather = Breather()
  }

  /// Starts a guard process for the engine.
  func startGuard() throws(NodeError) {
    engine.protect(with: Safeguard(try GuardArea(), LinuxGuardProcess()))
  }

  /// Starts the thread.
  ///
  /// It ends, and lets go of the loop, after ``stop()``.
  func start(observer: @escaping @Sendable ([NodeEvent]) -> Void) throws(NodeError) {
    self.observer = observer
    try DetachedThread.start("the node's thread") { [self] in
      thread.withLock { $0 = pthread_self() }
      run()
    }
  }

  /// Ends the loop after the turn it is in.
  ///
  /// May be called from any thread.
  func stop() {
    inbox.withLock { $0.isStopped = true }
    platform.wake()
  }

  private func run() {
    // A late advertisement is a false failover. Where it is permitted (CAP_SYS_NICE), this thread
    // therefore goes before ordinary work; where not, nothing is lost but that.
    _ = vip_set_niceness(Self.niceness)
    if isRealtime { Realtime.begin() }
    var ready: [ReadinessSource] = []
    while true {
      wait(&ready)
      engine.turn(ready: ready)
      let isStopped = runJobs()
      report()
      guard isStopped else { continue }
      // Does nothing after a shutdown in order, which has dismissed the guard.
      engine.releaseGuard()
      return
    }
  }

  private func wait(_ ready: inout [ReadinessSource]) {
    let immediately = engine.hasPendingWork || !jobs.isEmpty
    guard isRealtime else {
      return platform.wait(until: engine.deadline, immediately: immediately, &ready)
    }
    if breather.beginsWait(immediately: immediately) { Realtime.begin() }
    let start = bootTime()
    platform.wait(until: engine.deadline, immediately: immediately, &ready)
    if breather.endsWait(from: start, to: bootTime()) { Realtime.pause() }
  }

  /// Runs the actor's jobs that have come in: each of them is short, but there may be many.
  ///
  /// - Returns: whether the loop is to end.
  private func runJobs() -> Bool {
    let isStopped = inbox.withLock { inbox in
      jobs.insert(contentsOf: inbox.jobs.reversed(), at: 0)
      inbox.jobs.removeAll(keepingCapacity: true)
      return inbox.isStopped
    }
    guard !jobs.isEmpty else { return isStopped }
    let end = bootTime() + Self.jobTime
    while let job = jobs.popLast() {
      job.runSynchronously(on: asUnownedSerialExecutor())
      if bootTime() >= end { break }
    }
    return isStopped && jobs.isEmpty
  }

  /// Hands on the programs that are to be run now.
  func startHooks() {
    let dueHooks = engine.takeDueHooks()
    if !dueHooks.isEmpty { hooks.run(dueHooks) }
  }

  private func report() {
    startHooks()
    guard engine.hasChanged else { return }
    engine.hasChanged = false
    observer?(engine.takeEvents())
  }

  // MARK: Executor

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    inbox.withLock { $0.jobs.append(job) }
    platform.wake()
  }

  func asUnownedSerialExecutor() -> UnownedSerialExecutor {
    UnownedSerialExecutor(ordinary: self)
  }

  func isIsolatingCurrentContext() -> Bool? {
    thread.withLock { $0 == pthread_self() }
  }

  func checkIsolated() {
    precondition(isIsolatingCurrentContext() == true, "called off the node's thread")
  }
}
