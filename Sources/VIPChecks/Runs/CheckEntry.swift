import Glibc
import VIP
import VIPCore

/// The things that all checks share.
final class CheckTools: Sendable {
  /// The variables that all programs are given.
  let variables: [String: String]
  let helpers: Helpers
  let processes = ProcessTable()

  init(_ shared: CheckRunner.Shared, _ variables: [String: String]) {
    self.variables = variables
    helpers = Helpers(shared)
  }
}

/// A check that is run: its settings, what has come of it, and the run under way.
struct CheckEntry {
  /// The things that a run needs, of which only so many are to be had.
  enum Cost {
    case program, socket, little
  }

  let check: Check
  var states: CheckStates
  var schedule: CheckSchedule
  /// The run under way, or one whose result is known and which is not gone yet.
  var run: (any CheckRun)?
  /// Whether it waits for its turn to start.
  var isQueued = false
  /// The processes that it has found.
  var found = FoundProcesses()
  /// The results so far.
  var record: CheckHistory
  var user: UserIdentity?
  /// The number of the next echo request.
  private var number: UInt16 = 0

  init(_ check: Check, from first: Instant, at now: Instant) {
    self.check = check
    states = CheckStates(check, at: now)
    schedule = CheckSchedule(every: check.interval, from: first)
    record = CheckHistory(check: check, states: states)
  }

  /// The next time at which something has to be done, but for the run under way.
  var deadline: Instant? {
    let start = isQueued ? nil : schedule.deadline
    guard let start, let change = states.deadline else { return start ?? states.deadline }
    return min(start, change)
  }

  /// The time by which it has to start, since its next start is due then.
  var latest: Instant { (schedule.deadline ?? .zero) + check.interval }

  /// The cost of a run.
  var cost: Cost {
    switch check.kind {
    case .command, .http: .program
    case .tcp, .neighbour: .socket
    case .file, .process, .interface, .route: .little
    }
  }

  /// Whether the last run has found a text in a file.
  private var hadText: Bool {
    switch record.lastResult {
    case .success, .number, .failure: true
    case .crashed, .timedOut, .couldNotStart, .silent, nil: false
    }
  }

  // MARK: Starting

  /// Starts a run.
  ///
  /// - Parameters:
  ///   - id: the number of the check.
  ///   - tools: what all checks share.
  ///   - kernel: where to ask for what is known at once.
  ///   - files: what follows files.
  ///   - now: the time.
  /// - Returns: the run, or its result.
  mutating func start(
    _ id: Int, _ tools: CheckTools, _ kernel: KernelProbe, _ files: FileWatch, at now: Instant
  ) -> CheckStart {
    schedule.begin(at: now)
    let (hadText, limit) = (hadText, check.timeout)
    func look(_ body: @escaping @Sendable () -> LookRun.Look) -> CheckStart {
      .running(LookRun(tools.helpers, for: id, limit: limit, at: now, body))
    }
    switch check.kind {
    case .command(let arguments, let user):
      return .running(startCommand(id, arguments, as: user, tools, at: now))
    case .http(let request): return .running(startRequest(id, request, tools, at: now))
    case .tcp(let address, let port):
      return ConnectRun.start(address, port, limit: check.timeout, at: now)
    case .file(let path):
      let (findsWay, queue) = (files.begin(id), files.queue)
      return look {
        // Before it is read, so that no change in between is missed.
        let way = findsWay ? FileWatch.findWay(to: path, queue) : nil
        return LookRun.Look(
          result: FileProbe.look(at: path, hadText: hadText), finding: .way(way))
      }
    case .process(let selector):
      let (known, table) = (found.pids, tools.processes)
      return look {
        let (result, pids) = FoundProcesses.look(
          for: selector, knowing: known, hadText: hadText, table)
        return LookRun.Look(result: result, finding: .processes(pids))
      }
    case .interface(let name):
      return look { LookRun.Look(result: KernelProbe().interface(name)) }
    case .route(let route): return look { LookRun.Look(result: KernelProbe().route(route)) }
    case .neighbour(let address, let interface):
      number &+= 1
      return EchoRun.start(
        address, on: interface, number: number, limit: check.timeout, kernel, at: now)
    }
  }

  private func startCommand(
    _ id: Int, _ arguments: [String], as name: String?, _ tools: CheckTools, at now: Instant
  ) -> ProgramRun {
    let (environment, limit, known) = (environment(tools.variables), check.timeout, user)
    return ProgramRun(tools.helpers, for: id, limit: limit, at: now) { child in
      var user = known
      do throws(NodeError) {
        if let name, user == nil { user = try UserIdentity(name) }
        let run = try CommandRun(
          arguments, environment: environment, as: user, judge: .exitCode, limit: limit, at: now,
          child)
        return ProgramRun.Launch(run: .success(run), user: user)
      } catch {
        return ProgramRun.Launch(run: .failure(error), user: user)
      }
    }
  }

  private func startRequest(
    _ id: Int, _ request: HTTPRequest, _ tools: CheckTools, at now: Instant
  ) -> ProgramRun {
    let (environment, limit) = (environment(tools.variables), check.timeout)
    return ProgramRun(tools.helpers, for: id, limit: limit, at: now) { child in
      do throws(NodeError) {
        guard let program = HTTPRequest.program else {
          throw NodeError(.refused, "there is no program curl on this machine; install it")
        }
        let run = try CommandRun(
          request.arguments(program, limit: limit), environment: environment, as: nil,
          judge: .answer(request), limit: limit, at: now, child)
        return ProgramRun.Launch(run: .success(run))
      } catch {
        return ProgramRun.Launch(run: .failure(error))
      }
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
  /// - Returns: whether the check says something else now, or something at all for the first time.
  mutating func take(_ result: CheckResult, at now: Instant) -> Bool {
    let isFirst = record.runs == 0
    let hasChanged = states.take(result, at: now)
    record.note(result, states, started: schedule.started ?? now, at: now)
    return hasChanged || isFirst
  }
}

/// The results of a check so far.
struct CheckHistory: Sendable {
  let check: Check
  private(set) var states: CheckStates
  private(set) var lastResult: CheckResult?
  private(set) var ended: Instant?
  private(set) var duration = Duration.zero
  private(set) var runs: UInt64 = 0
  private(set) var failures: UInt64 = 0

  init(check: Check, states: CheckStates) {
    self.check = check
    self.states = states
  }

  /// The part that it has where its weight does not matter.
  var state: CheckState { states[.plain] }

  /// Whether anything is known of it, or its settings say what it counts as until then.
  var hasSpoken: Bool { runs > 0 || check.initially != .unknown }

  /// Notes a result and what the check says now.
  mutating func note(
    _ result: CheckResult, _ states: CheckStates, started: Instant, at now: Instant
  ) {
    self.states = states
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
  mutating func note(_ states: CheckStates) { self.states = states }

  /// The reason for what it says.
  func reason(_ leaning: CheckLeaning) -> String {
    states[leaning].cause?.description ?? "it has not said anything yet"
  }

  /// The status at a moment, as it is for routers with a weight of some kind.
  func status(_ leaning: CheckLeaning, at now: Instant, _ wallClock: Instant) -> CheckStatus {
    let (state, reason) = (states[leaning], reason(leaning))
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
