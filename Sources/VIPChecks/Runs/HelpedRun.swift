import Glibc
import VIP
import VIPCore

/// A finding of a run beside its result.
enum Finding: Sendable {
  /// The way to a file, if it was looked for.
  case way(FileWay?)
  /// The numbers of processes.
  case processes([Int32])
  /// The user to run a program as.
  case user(UserIdentity)
}

extension Instant {
  /// The time of what does not happen by itself.
  fileprivate static let never = Instant(nanoseconds: .max / 2)
}

/// A look at something that the kernel may hold up.
struct LookRun: CheckRun {
  /// The things that a look brings.
  struct Look: Sendable {
    var result: CheckResult
    var finding: Finding?
  }

  private let errand: Errand<Look>
  private let limit: Duration
  private let end: Instant
  private var isTold = false
  private var finding: Finding?
  private(set) var isGone = false

  /// Begins to look.
  init(
    _ helpers: Helpers, for check: Int, limit: Duration, at now: Instant,
    _ look: @escaping @Sendable () -> Look
  ) {
    errand = Errand(helpers, for: check, look)
    self.limit = limit
    end = now + limit
  }

  var polled: [pollfd] { [] }
  var deadline: Instant { isTold ? .never : end }
  var isHelped: Bool { true }

  mutating func advance(to now: Instant, _ buffer: inout [UInt8]) -> CheckResult? {
    if errand.isOver {
      isGone = true
      guard let look = errand.take() else { return nil }
      finding = look.finding
      return isTold ? nil : look.result
    }
    guard !isTold, end <= now else { return nil }
    isTold = true
    return .timedOut(after: limit)
  }

  mutating func takeFinding() -> Finding? {
    defer { finding = nil }
    return finding
  }

  mutating func abandon() {
    errand.abandon()
    isTold = true
    isGone = errand.isOver
  }
}

/// A program that a helper starts, and that runs then.
struct ProgramRun: CheckRun {
  /// The outcome of a start.
  struct Launch: Sendable {
    var run: Result<CommandRun, NodeError>
    var user: UserIdentity?
  }

  private let errand: Errand<Launch>
  private let child: StartingChild
  private let limit: Duration
  private let end: Instant
  private var command: CommandRun?
  private var isTold = false
  private var finding: Finding?
  private(set) var isGone = false

  /// Begins to start a program.
  ///
  /// - Parameters:
  ///   - helpers: the threads for it.
  ///   - check: the check that it is for.
  ///   - limit: the time that it may take, its start included.
  ///   - now: the time.
  ///   - launch: starts it.
  init(
    _ helpers: Helpers, for check: Int, limit: Duration, at now: Instant,
    _ launch: @escaping @Sendable (StartingChild) -> Launch
  ) {
    let child = StartingChild()
    self.child = child
    self.limit = limit
    end = now + limit
    errand = Errand(helpers, for: check) {
      launch(child)
    } dispose: { launch in
      if case .success(var run) = launch.run { run.endAndWait() }
    }
  }

  var polled: [pollfd] { command?.polled ?? [] }
  var isSilent: Bool { command?.isSilent ?? false }
  var isHelped: Bool { command == nil }
  var deadline: Instant { command?.deadline ?? (isTold ? .never : end) }

  mutating func advance(to now: Instant, _ buffer: inout [UInt8]) -> CheckResult? {
    if command == nil {
      guard errand.isOver else {
        guard !isTold, end <= now else { return nil }
        isTold = true
        child.end()
        return .timedOut(after: limit)
      }
      guard let launch = errand.take() else {
        isGone = true
        return nil
      }
      finding = launch.user.map { .user($0) }
      switch launch.run {
      case .success(let run): command = run
      case .failure(let error):
        isGone = true
        return isTold ? nil : .couldNotStart(error.description)
      }
      if isTold { command?.abandon() }
    }
    let result = command?.advance(to: now, &buffer)
    isGone = command?.isGone ?? true
    return isTold ? nil : result
  }

  mutating func takeFinding() -> Finding? {
    defer { finding = nil }
    return finding
  }

  mutating func abandon() {
    isTold = true
    if command == nil, let launch = errand.take(), case .success(let run) = launch.run {
      command = run
    }
    guard command == nil else {
      command?.abandon()
      isGone = command?.isGone ?? true
      return
    }
    child.end()
    errand.abandon()
    isGone = errand.isOver
  }
}
