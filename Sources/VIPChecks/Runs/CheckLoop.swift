import CLinux
import Glibc
import Synchronization
import VIP
import VIPCore

/// The thread of a ``CheckRunner``: starts runs, waits for all of them at once, and takes in what
/// has come of them.
final class CheckLoop {
  /// The most programs that have been started within ``startTime``, whatever the number of checks,
  /// and the most at all.
  static let startCountMax = 64, programCountMax = 256
  /// The time after which a program makes room for the start of the next one.
  private static let startTime = Duration.milliseconds(250)
  /// The most connections and echo requests at once.
  private static let socketCountMax = 256
  /// The number of checks from which on their first runs are spread.
  private static let spreadFrom = 16
  /// The time over which they are spread at most.
  private static let spreadMax = Duration.seconds(1)

  private let shared: CheckRunner.Shared
  private let tools: CheckTools
  private var entries: [CheckEntry?] = []
  private var ids: [String: Int] = [:]
  private var timers = TimerQueue()
  /// The checks that wait for their turn.
  private var queue: [Int] = []
  /// The checks that have a run.
  private var running: [Int] = []
  /// The checks that follow processes which they have found.
  private var followers: Set<Int> = []
  /// Runs of checks that are gone.
  private var leftovers: [any CheckRun] = []
  private let kernel = KernelProbe()
  private let files = FileWatch()
  private var buffer = [UInt8](repeating: 0, count: 16_384)

  init(_ shared: CheckRunner.Shared, _ variables: [String: String]) {
    self.shared = shared
    tools = CheckTools(shared, variables)
  }

  /// Runs until the end.
  func run(niceness: Int32) {
    // It may have been started by the node's thread, which is more urgent than checks are.
    _ = vip_set_niceness(niceness)
    while true {
      if takeIn() {
        end()
        return
      }
      turn(atMost: nil)
    }
  }

  /// Runs each of some checks once, on this thread.
  ///
  /// - Returns: their results, by name.
  func runOnce(_ checks: [Check]) -> [String: CheckResult] {
    use(checks)
    let longest = checks.map(\.timeout).max() ?? .zero
    // Those that have to wait for their turn take their time too.
    let rounds = checks.count / Self.startCountMax + 1
    let end = bootTime() + longest * rounds + .seconds(2)
    var results: [String: CheckResult] = [:]
    while bootTime() < end {
      turn(atMost: .milliseconds(50))
      for case let entry? in entries where results[entry.check.name] == nil {
        results[entry.check.name] = entry.record.lastResult
      }
      if results.count == checks.count { break }
    }
    self.end()
    return results
  }

  // MARK: Checks that come and go

  /// Takes what has come in.
  ///
  /// - Returns: whether the end has come.
  private func takeIn() -> Bool {
    let (checks, isEnding) = shared.inbox.withLock { inbox in
      defer { inbox.checks = nil }
      return (inbox.checks, inbox.isEnding)
    }
    if isEnding { return true }
    if let checks { use(checks) }
    return false
  }

  /// Runs these from now on; those that are run already in the same way go on.
  private func use(_ checks: [Check]) {
    let wanted = Dictionary(checks.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    for (name, id) in ids where wanted[name] != entries[id]?.check { forget(name, id) }
    let now = bootTime()
    let new = checks.filter { ids[$0.name] == nil }
    for (index, check) in new.enumerated() where ids[check.name] == nil {
      var first = now
      if new.count > Self.spreadFrom {
        let span = min(check.interval, Self.spreadMax).inNanoseconds
        first = now.advanced(byNanoseconds: span / UInt64(new.count) * UInt64(index))
      }
      let id = entries.firstIndex { $0 == nil } ?? entries.count
      let entry = CheckEntry(check, from: first, at: now)
      if id == entries.count { entries.append(entry) } else { entries[id] = entry }
      ids[check.name] = id
      timers.schedule(id, at: first)
      publish(id)
    }
  }

  private func forget(_ name: String, _ id: Int) {
    if var run = entries[id]?.run {
      run.abandon()
      if !run.isGone { leftovers.append(run) }
    }
    entries[id]?.found.forget()
    files.forget(id)
    followers.remove(id)
    timers.cancel(id)
    queue.removeAll { $0 == id }
    running.removeAll { $0 == id }
    entries[id] = nil
    ids[name] = nil
    shared.inbox.withLock { inbox in inbox.histories[name] = nil }
  }

  /// Ends all runs; those that the kernel holds up are left to themselves after a while.
  private func end() {
    for (name, id) in ids { forget(name, id) }
    let limit = bootTime() + .seconds(1)
    // Not before: the kernel ends what a thread has started when that thread ends.
    defer { tools.helpers.end() }
    while !leftovers.isEmpty, bootTime() < limit {
      clearLeftovers()
      if !leftovers.isEmpty { usleep(2000) }
    }
    let waiters = shared.inbox.withLock { inbox in
      inbox.hasEnded = true
      defer { inbox.waiters.removeAll() }
      return inbox.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  private func clearLeftovers() {
    var rest: [any CheckRun] = []
    for var run in leftovers {
      _ = run.advance(to: bootTime(), &buffer)
      if !run.isGone { rest.append(run) }
    }
    leftovers = rest
  }

  // MARK: A turn

  private func turn(atMost limit: Duration?) {
    let now = bootTime()
    while let (id, _) = timers.popDue(by: now) { serve(id, at: now) }
    startQueued(at: now)
    tools.helpers.relieve(at: now)
    wait(atMost: limit)
    if !leftovers.isEmpty { clearLeftovers() }
  }

  /// Does what is due for a check.
  private func serve(_ id: Int, at now: Instant) {
    guard let entry = entries[id] else { return }
    if entries[id]?.states.advance(to: now) == true { tell(id) }
    if let due = entry.schedule.deadline, due <= now, !entry.isQueued {
      if entry.cost == .little {
        start(id, at: now)
      } else {
        entries[id]?.isQueued = true
        queue.append(id)
      }
    }
    arm(id)
  }

  /// Starts what waits for its turn, as far as there is room: the one whose next start is due first
  /// is the first, so that slow checks do not delay fast ones.
  private func startQueued(at now: Instant) {
    guard !queue.isEmpty else { return }
    var (starting, programs, sockets) = (0, 0, 0)
    for id in running {
      switch entries[id]?.cost {
      case .program:
        programs += 1
        if isStarting(id, at: now) { starting += 1 }
      case .socket: sockets += 1
      case .little, nil: break
      }
    }
    let order = queue.sorted {
      (entries[$0]?.latest ?? .zero, $0) < (entries[$1]?.latest ?? .zero, $1)
    }
    queue = order.filter { id in
      guard let entry = entries[id] else { return false }
      if entry.cost == .program {
        guard starting < Self.startCountMax, programs < Self.programCountMax else { return true }
        (starting, programs) = (starting + 1, programs + 1)
      } else {
        guard sockets < Self.socketCountMax else { return true }
        sockets += 1
      }
      start(id, at: bootTime())
      return false
    }
  }

  /// Whether a run has been started just now.
  private func isStarting(_ id: Int, at now: Instant) -> Bool {
    entries[id]?.schedule.started.map { now - $0 < Self.startTime } ?? false
  }

  private func start(_ id: Int, at now: Instant) {
    entries[id]?.isQueued = false
    guard let started = entries[id]?.start(id, tools, kernel, files, at: now) else { return }
    switch started {
    case .over(let result):
      entries[id]?.schedule.end(at: now)
      take(result, id)
    case .running(let run):
      entries[id]?.run = run
      running.append(id)
    }
    arm(id)
  }

  private func take(_ result: CheckResult, _ id: Int) {
    if entries[id]?.take(result, at: bootTime()) == true { tell(id) } else { publish(id) }
  }

  private func arm(_ id: Int) {
    guard let due = entries[id]?.deadline else { return timers.cancel(id) }
    timers.schedule(id, at: due)
  }

  /// Goes on with the run of a check.
  private func advance(_ id: Int, at now: Instant) {
    guard var run = entries[id]?.run else { return }
    let result = run.advance(to: now, &buffer)
    let finding = run.takeFinding()
    entries[id]?.run = run
    if run.isGone {
      entries[id]?.run = nil
      entries[id]?.schedule.end(at: now)
      running.removeAll { $0 == id }
    }
    if let finding { take(finding, id, at: now) }
    if let result { take(result, id) }
    if run.isGone { arm(id) }
  }

  /// Takes what a run has found beside its result.
  private func take(_ finding: Finding, _ id: Int, at now: Instant) {
    switch finding {
    case .way(let way):
      if files.take(way, for: id) { entries[id]?.schedule.hasten(at: now) }
    case .processes(let pids):
      entries[id]?.found.follow(pids)
      followers.remove(id)
      if entries[id]?.found.endings.isEmpty == false { followers.insert(id) }
    case .user(let user): entries[id]?.user = user
    }
  }

  /// Waits for something to do, and does what is about runs and files.
  private func wait(atMost limit: Duration?) {
    let now = bootTime()
    var next = limit.map { now + $0 }
    func note(_ moment: Instant?) { if let moment { next = min(next ?? moment, moment) } }
    note(timers.earliest)
    if leftovers.contains(where: { !$0.isHelped }) || tools.helpers.isBehind {
      note(now + .milliseconds(20))
    }
    var polled = [
      pollfd(fd: shared.wakeUp.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: files.polled, events: Int16(POLLIN), revents: 0),
    ]
    var owners: [Int] = [-1, -1]
    for id in running {
      guard let run = entries[id]?.run else { continue }
      note(run.deadline)
      if !queue.isEmpty, isStarting(id, at: now) {
        note(entries[id]?.schedule.started.map { $0 + Self.startTime })
      }
      for descriptor in run.polled {
        polled.append(descriptor)
        owners.append(id)
      }
    }
    for id in followers {
      for descriptor in entries[id]?.found.endings ?? [] {
        polled.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
        owners.append(id)
      }
    }
    let timeout = next.map { Int32(clamping: ($0.nanoseconds(since: now) + 999_999) / 1_000_000) }
    let count = poll(&polled, nfds_t(polled.count), timeout ?? -1)
    guard count >= 0 else { return }
    if polled[0].revents != 0 { shared.wakeUp.clear() }
    let after = bootTime()
    if polled[1].revents != 0 { for id in files.take() { hasten(id, at: after) } }
    var ready: Set<Int> = []
    for (index, descriptor) in polled.enumerated().dropFirst(2) where descriptor.revents != 0 {
      ready.insert(owners[index])
    }
    for id in ready where followers.contains(id) {
      tools.processes.expire()
      hasten(id, at: after)
    }
    ready.formUnion(tools.helpers.takeDone())
    for id in running {
      guard let run = entries[id]?.run else { continue }
      if ready.contains(id) || run.isSilent || run.deadline <= after { advance(id, at: after) }
    }
  }

  private func hasten(_ id: Int, at now: Instant) {
    entries[id]?.schedule.hasten(at: now)
    // What has ended is not to be seen again.
    if followers.remove(id) != nil { entries[id]?.found.forget() }
    arm(id)
  }

  // MARK: Telling

  private func publish(_ id: Int) {
    guard let entry = entries[id] else { return }
    shared.inbox.withLock { inbox in inbox.histories[entry.check.name] = entry.record }
  }

  private func tell(_ id: Int) {
    guard let states = entries[id]?.states else { return }
    entries[id]?.record.note(states)
    publish(id)
    guard let record = entries[id]?.record else { return }
    shared.inbox.withLock { $0.observer }?(record)
  }
}
