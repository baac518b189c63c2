import CLinux
import Glibc
import Synchronization
package import VIP
import VIPCore

/// Runs programs for a node, on a thread of its own: however slow they are, only that one waits.
///
/// One program at a time for each router. While it runs, only the newest state of each family waits
/// for its turn; what was before that is over and is only counted.
package final class HookRunner: Sendable {
  /// State that the thread and the runner share.
  final class Shared: Sendable {
    struct Inbox {
      var occasions: [HookOccasion] = []
      var isStarted = false
      /// The time until which what is left may take, if the end has come.
      var end: Instant?
      var hasEnded = false
      var waiters: [CheckedContinuation<Void, Never>] = []
      var observer: (@Sendable (HookReport) -> Void)?
    }

    let inbox = Mutex(Inbox())
    let wakeUp: WakeUp

    init() throws(NodeError) {
      wakeUp = try WakeUp()
    }
  }

  private let shared: Shared
  private let variables: [String: String]
  /// The niceness of the threads that the node did not make more urgent.
  private let niceness: Int32

  /// Makes a runner; its thread starts with the first program.
  ///
  /// - Parameter variables: what all programs are given beside what tells of the occasion.
  /// - Throws: why there is no descriptor for it.
  package init(variables: [String: String]) throws(NodeError) {
    shared = try Shared()
    self.variables = variables
    niceness = vip_niceness()
  }

  deinit {
    shared.inbox.withLock { $0.end = .zero }
    shared.wakeUp.wake()
  }

  /// Says where reports go; they come from the runner's thread, in order.
  package func observe(_ observer: @escaping @Sendable (HookReport) -> Void) {
    shared.inbox.withLock { $0.observer = observer }
  }

  /// Runs what is to be run on occasions, in their order; returns at once.
  package func run(_ occasions: [HookOccasion]) {
    let mustStart = shared.inbox.withLock { inbox in
      inbox.occasions += occasions
      defer { inbox.isStarted = true }
      return !inbox.isStarted
    }
    if mustStart { startThread() }
    shared.wakeUp.wake()
  }

  /// Lets what runs and what waits come to its end, but not for longer than a time.
  package func finish(within patience: Duration) async {
    let end = bootTime() + patience
    await withCheckedContinuation { continuation in
      let isOver = shared.inbox.withLock { inbox in
        if !inbox.isStarted || inbox.hasEnded { return true }
        inbox.end = end
        inbox.waiters.append(continuation)
        return false
      }
      if isOver { continuation.resume() } else { shared.wakeUp.wake() }
    }
  }

  private func startThread() {
    do throws(NodeError) {
      let loop = HookLoop(shared, variables, niceness)
      try DetachedThread.start("the hooks' thread") { loop.run() }
    } catch {
      // The next occasion tries again.
      shared.inbox.withLock { $0.isStarted = false }
    }
  }
}

/// The thread of a ``HookRunner``.
private final class HookLoop {
  /// The most programs at once, whatever the number of routers.
  private static let processCountMax = 16
  /// The pause between looks at programs that can't be waited for.
  private static let pollPause = Duration.milliseconds(100)

  private let shared: HookRunner.Shared
  private let variables: [String: String]
  private let niceness: Int32
  private var waiting: [HookOccasion] = []
  private var starting: [HookStart] = []
  private var running: [HookProcess] = []
  private var buffer = [UInt8](repeating: 0, count: 16_384)
  private var end: Instant?

  init(_ shared: HookRunner.Shared, _ variables: [String: String], _ niceness: Int32) {
    self.shared = shared
    self.variables = variables
    self.niceness = niceness
  }

  func run() {
    // It may have been started by the node's thread, which is more urgent than programs are.
    _ = vip_set_niceness(niceness)
    while true {
      let isEnding = takeIn()
      startNext()
      if isEnding, running.isEmpty, starting.isEmpty, finish() { return }
      let isFlooding = wait()
      look()
      // A program that only writes costs a part of a processor, not all of it.
      if isFlooding { usleep(5000) }
    }
  }

  /// Takes what has come in.
  ///
  /// - Returns: whether the end has come.
  private func takeIn() -> Bool {
    let (occasions, end) = shared.inbox.withLock { inbox in
      defer { inbox.occasions.removeAll() }
      return (inbox.occasions, inbox.end)
    }
    for occasion in occasions { queue(occasion) }
    self.end = end
    guard let end else { return false }
    for index in starting.indices { starting[index].shorten(to: end) }
    for index in running.indices { running[index].shorten(to: end) }
    if end <= bootTime() { waiting.removeAll() }
    return true
  }

  private func queue(_ occasion: HookOccasion) {
    var occasion = occasion
    waiting.removeAll { earlier in
      guard earlier.router == occasion.router, earlier.family == occasion.family else {
        return false
      }
      occasion.skipped += earlier.skipped + 1
      return true
    }
    if !occasion.arguments.isEmpty { waiting.append(occasion) }
  }

  private func startNext() {
    var index = 0
    while index < waiting.count, starting.count + running.count < Self.processCountMax {
      let occasion = waiting[index]
      guard !starting.contains(where: { $0.occasion.router == occasion.router }),
        !running.contains(where: { $0.occasion.router == occasion.router })
      else {
        index += 1
        continue
      }
      waiting.remove(at: index)
      do throws(NodeError) {
        var start = try HookStart(occasion, variables, at: bootTime()) { [shared] in
          shared.wakeUp.wake()
        }
        if let end { start.shorten(to: end) }
        starting.append(start)
      } catch {
        report(.failed(error.description), occasion)
      }
    }
  }

  /// Waits for something to do.
  ///
  /// - Returns: whether a program writes faster than a log can be read.
  private func wait() -> Bool {
    var descriptors = [pollfd(fd: shared.wakeUp.descriptor, events: Int16(POLLIN), revents: 0)]
    var next: Instant?
    let now = bootTime()
    for start in starting where !start.isStuck(at: now) {
      next = min(next ?? start.deadline, start.deadline)
    }
    for process in running {
      descriptors.append(pollfd(fd: process.ending, events: Int16(POLLIN), revents: 0))
      descriptors.append(pollfd(fd: process.output, events: Int16(POLLIN), revents: 0))
      var due = process.deadline
      if process.ending < 0 { due = min(due ?? now + Self.pollPause, now + Self.pollPause) }
      if let due { next = min(next ?? due, due) }
    }
    let timeout = next.map { Int32(clamping: $0.nanoseconds(since: now) / 1_000_000 + 1) } ?? -1
    guard poll(&descriptors, nfds_t(descriptors.count), timeout) > 0 else { return false }
    if descriptors[0].revents != 0 { shared.wakeUp.clear() }
    var isAnyFlooding = false
    for index in running.indices where descriptors[2 * index + 2].revents != 0 {
      let (lines, isFlooding) = running[index].readOutput(&buffer)
      for line in lines { report(.output(line), running[index].occasion) }
      isAnyFlooding = isAnyFlooding || isFlooding
    }
    return isAnyFlooding
  }

  /// Sees which programs have ended, and which should have.
  private func look() {
    let now = bootTime()
    takeStarted(at: now)
    var rest: [HookProcess] = []
    for var process in running {
      process.enforceLimit(at: now)
      guard let reports = process.end(&buffer, at: now) else {
        rest.append(process)
        continue
      }
      for kind in reports { report(kind, process.occasion) }
    }
    running = rest
  }

  /// Sees which programs have been started.
  private func takeStarted(at now: Instant) {
    var rest: [HookStart] = []
    for var start in starting {
      start.enforceLimit(at: now)
      switch start.result() {
      case .success(let process): running.append(process)
      case .failure(let error): report(.failed(error.description), start.occasion)
      // One that the kernel does not let go keeps the others of its router waiting, but no end.
      case nil where end != nil && start.isStuck(at: now):
        report(.failed("did not start, and can't be ended"), start.occasion)
      case nil: rest.append(start)
      }
    }
    starting = rest
  }

  private func report(_ kind: HookReport.Kind, _ occasion: HookOccasion) {
    var report = HookReport(
      router: occasion.router, family: occasion.family, state: occasion.state, kind: kind)
    if case .output = kind {} else { report.skipped = occasion.skipped }
    shared.inbox.withLock { $0.observer }?(report)
  }

  /// Ends the thread unless something has come in meanwhile.
  private func finish() -> Bool {
    let waiters = shared.inbox.withLock { inbox -> [CheckedContinuation<Void, Never>]? in
      guard inbox.occasions.isEmpty, waiting.isEmpty else { return nil }
      inbox.hasEnded = true
      defer { inbox.waiters.removeAll() }
      return inbox.waiters
    }
    for waiter in waiters ?? [] { waiter.resume() }
    return waiters != nil
  }
}
