import Glibc
import VIP
import VIPCore

/// A check that is run: its settings, what has come of it, and the run under way.
struct CheckEntry {
  let check: Check
  var state: CheckState
  var schedule: CheckSchedule
  /// The run under way, or one whose result is known and which is not gone yet.
  var run: (any CheckRun)?
  /// Whether it waits for its turn to start.
  var isQueued = false
  /// The processes that it has found.
  var found = FoundProcesses()
  /// The results so far.
  var record: CheckHistory
  private var user: UserIdentity?
  /// The number of the next echo request.
  private var number: UInt16 = 0

  init(_ check: Check, from first: Instant, at now: Instant) {
    self.check = check
    state = CheckState(check, at: now)
    schedule = CheckSchedule(every: check.interval, from: first)
    record = CheckHistory(check: check, state: state)
  }

  /// The next time at which something has to be done, but for the run under way.
  var deadline: Instant? {
    let start = isQueued ? nil : schedule.deadline
    guard let start, let change = state.deadline else { return start ?? state.deadline }
    return min(start, change)
  }

  /// Whether a run of it takes a while, so that only some are under way at a time.
  var takesTime: Bool {
    switch check.kind {
    case .command, .http, .tcp, .neighbour: true
    case .file, .process, .interface, .route: false
    }
  }

  /// Starts a run.
  mutating func start(
    _ variables: [String: String], _ table: inout ProcessTable, _ kernel: KernelProbe,
    at now: Instant
  ) -> CheckStart {
    schedule.begin(at: now)
    switch check.kind {
    case .command(let arguments, let user): return start(arguments, as: user, variables, at: now)
    case .http(let request): return start(request, variables, at: now)
    case .tcp(let address, let port):
      return ConnectRun.start(address, port, limit: check.timeout, at: now)
    case .file(let path): return .over(FileProbe.look(at: path))
    case .process(let selector): return .over(found.look(for: selector, &table, at: now))
    case .interface(let name): return .over(kernel.interface(name))
    case .route(let route): return .over(kernel.route(route))
    case .neighbour(let address, let interface):
      number &+= 1
      return EchoRun.start(
        address, on: interface, number: number, limit: check.timeout, kernel, at: now)
    }
  }

  private mutating func start(
    _ arguments: [String], as name: String?, _ variables: [String: String], at now: Instant
  ) -> CheckStart {
    do throws(NodeError) {
      if let name, user == nil { user = try UserIdentity(name) }
      return .running(
        try CommandRun(
          arguments, environment: environment(variables), as: user, judge: .exitCode,
          limit: check.timeout, at: now))
    } catch {
      return .over(.couldNotStart(error.description))
    }
  }

  private func start(
    _ request: HTTPRequest, _ variables: [String: String], at now: Instant
  ) -> CheckStart {
    guard let program = HTTPRequest.program else {
      return .over(.couldNotStart("there is no program curl on this machine; install it"))
    }
    do throws(NodeError) {
      return .running(
        try CommandRun(
          request.arguments(program, limit: check.timeout), environment: environment(variables),
          as: nil, judge: .answer(request), limit: check.timeout, at: now))
    } catch {
      return .over(.couldNotStart(error.description))
    }
  }

  private func environment(_ more: [String: String]) -> [String] {
    var variables = more
    variables["PATH"] = ChildProgram.searchPath
    variables["VIPCTL_CHECK"] = check.name
    return variables.map { "\($0.key)=\($0.value)" }.sorted()
  }

  /// Takes in a result.
  ///
  /// - Returns: whether the check says something else now.
  mutating func take(_ result: CheckResult, at now: Instant) -> Bool {
    let hasChanged = state.take(result, at: now)
    record.note(result, state, started: schedule.started ?? now, at: now)
    return hasChanged
  }
}

/// The results of a check so far.
struct CheckHistory: Sendable {
  let check: Check
  private(set) var state: CheckState
  private(set) var lastResult: CheckResult?
  private(set) var ended: Instant?
  private(set) var duration = Duration.zero
  private(set) var runs: UInt64 = 0
  private(set) var failures: UInt64 = 0

  init(check: Check, state: CheckState) {
    self.check = check
    self.state = state
  }

  /// Notes a result and what the check says now.
  mutating func note(_ result: CheckResult, _ state: CheckState, started: Instant, at now: Instant)
  {
    self.state = state
    lastResult = result
    ended = now
    duration = now - started
    runs += 1
    switch result {
    case .success, .number, .silent: break
    case .failure, .crashed, .timedOut, .couldNotStart: failures += 1
    }
  }

  /// Notes what the check says now.
  mutating func note(_ state: CheckState) { self.state = state }

  /// The reason for what it says.
  var reason: String { state.cause?.description ?? "it has not been run yet" }

  /// The status at a moment.
  func status(at now: Instant, _ wallClock: Instant) -> CheckStatus {
    let age = max(now - state.since, .zero)
    var status = CheckStatus(
      name: check.name, subject: check.subject, standing: state.saying.standing, reason: reason,
      since: Timestamp(nanosecondsSince1970: wallClock.nanoseconds) - age)
    status.number = state.saying.number
    status.timeInStanding = age
    status.lastResult = lastResult
    status.duration = duration
    status.age = ended.map { max(now - $0, .zero) }
    (status.runs, status.failures, status.changes) = (runs, failures, state.changes)
    status.heldBack = state.deadline.map { max($0 - now, .zero) }
    return status
  }
}
