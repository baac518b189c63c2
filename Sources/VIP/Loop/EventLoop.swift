import CLinux
import Glibc
import Synchronization
import VIPCore

/// The thread of a node: it waits, gives the node its turn, and runs the node actor's jobs in
/// between.
///
/// It knows of the node only what ``Client`` says. Everything but ``start()``, ``attach(_:)``,
/// ``enqueue(_:)`` and ``stop(_:)`` belongs to that thread.
final class EventLoop: SerialExecutor, @unchecked Sendable {
  private static let niceness: Int32 = -10
  /// Time that the actor's jobs may take before the node has its turn.
  private static let jobTime = Duration.milliseconds(1)

  /// The node's part of the thread's work.
  struct Client: Sendable {
    /// Does what is due, given what has become readable; says when to call again.
    var turn: @Sendable ([ReadinessSource]) -> Next
    /// Concludes what jobs of the actor have begun; says when to call ``turn`` again.
    var conclude: @Sendable () -> Next
  }

  /// The time when the next turn is due even if nothing becomes readable.
  struct Next: Sendable {
    /// The moment; `nil` if there is none.
    var deadline: Instant?
    /// Whether it is due at once.
    var isImmediate = false
  }

  private struct Inbox {
    var jobs: [UnownedJob] = []
    var client: Client?
    var isStopped = false
    var lastDeed: (@Sendable () -> Void)?
  }

  private let inbox = Mutex(Inbox())
  /// Jobs that were taken out of it and have not run yet, the next one last.
  private var jobs: [UnownedJob] = []
  private let poller: Poller
  private let thread = Mutex<pthread_t?>(nil)
  /// Whether the thread runs before all ordinary work.
  private(set) var isRealtime = false
  private var breather = Breather()
  /// Measures the length of the pieces in which the thread works.
  let meter = WorkMeter()

  private let wording: Wording

  init(
    _ poller: Poller, isRealtime: Bool, _ wording: Wording = Wording()
  ) throws(NodeError) {
    self.poller = poller
    self.wording = wording
    if isRealtime {
      try Realtime.prepare(wording)
      self.isRealtime = true
    }
  }

  deinit {
    if isRealtime { Realtime.release() }
  }

  /// Lets the thread run before all ordinary work, or no longer; called on it.
  func setRealtime(_ isOn: Bool) throws(NodeError) {
    guard isOn != isRealtime else { return }
    if isOn {
      try Realtime.prepare(wording)
      Realtime.begin()
    } else {
      Realtime.end()
      Realtime.release()
    }
    isRealtime = isOn
    breather = Breather()
  }

  /// Starts the thread, which waits for ``attach(_:)``.
  ///
  /// It ends, and lets go of the loop, after ``stop(_:)``.
  func start() throws(NodeError) {
    try DetachedThread.start("the node's thread") { [self] in
      thread.withLock { $0 = pthread_self() }
      run()
    }
  }

  /// Gives the thread its node; the first turn follows at once.
  ///
  /// May be called from any thread.
  func attach(_ client: Client) {
    inbox.withLock { $0.client = client }
    poller.wake()
  }

  /// Ends the loop after the jobs that have come in and, last of all, one deed on its thread.
  ///
  /// May be called from any thread.
  func stop(_ lastDeed: @escaping @Sendable () -> Void) {
    inbox.withLock {
      $0.isStopped = true
      $0.lastDeed = lastDeed
    }
    poller.wake()
  }

  private func run() {
    // A late advertisement is a false failover. Where it is permitted (CAP_SYS_NICE), this thread
    // therefore goes before ordinary work; where not, it shares the processor with
    // the others.
    _ = vip_set_niceness(Self.niceness)
    if isRealtime { Realtime.begin() }
    var ready: [ReadinessSource] = []
    var client: Client?
    var next = Next()
    while true {
      wait(for: next, &ready)
      meter.begin()
      if let client { next = client.turn(ready) }
      let isStopped = takeJobs(&client, &next)
      if runJobs(), let client { next = client.conclude() }
      meter.end()
      if isStopped, jobs.isEmpty {
        inbox.withLock { $0.lastDeed.take() }?()
        return
      }
    }
  }

  private func wait(for next: Next, _ ready: inout [ReadinessSource]) {
    let immediately = next.isImmediate || !jobs.isEmpty
    guard isRealtime else {
      return poller.wait(until: next.deadline, immediately: immediately, &ready)
    }
    if breather.beginsWait(immediately: immediately) { Realtime.begin() }
    let start = bootTime()
    poller.wait(until: next.deadline, immediately: immediately, &ready)
    if breather.endsWait(from: start, to: bootTime()) { Realtime.pause() }
  }

  /// Takes in what other threads have left here; a client that is new has its turn at once.
  ///
  /// - Returns: whether the loop is to end.
  private func takeJobs(_ client: inout Client?, _ next: inout Next) -> Bool {
    let (isStopped, newClient) = inbox.withLock { inbox in
      jobs.insert(contentsOf: inbox.jobs.reversed(), at: 0)
      inbox.jobs.removeAll(keepingCapacity: true)
      return (inbox.isStopped, inbox.client.take())
    }
    if let newClient {
      client = newClient
      next.isImmediate = true
    }
    return isStopped
  }

  /// Runs the actor's jobs: each of them is short, but there may be many.
  ///
  /// - Returns: whether there were any.
  private func runJobs() -> Bool {
    guard !jobs.isEmpty else { return false }
    let end = bootTime() + Self.jobTime
    while let job = jobs.popLast() {
      job.runSynchronously(on: asUnownedSerialExecutor())
      if bootTime() >= end { break }
    }
    return true
  }

  // MARK: Executor

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    inbox.withLock { $0.jobs.append(job) }
    poller.wake()
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
