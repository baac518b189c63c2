import Glibc
import VIP
import VIPCore

/// A program that runs for a check: it is ended with its whole process group when its time is over,
/// and whatever it has left behind when it has ended.
struct CommandRun: CheckRun, Sendable {
  /// Makes a result of how a program has ended and what it has written.
  enum Judge: Sendable {
    /// The exit code decides.
    case exitCode
    /// The answer to a request decides, which the program has written.
    case answer(HTTPRequest)
  }

  /// The bytes of output that are kept: from the beginning, and from the end.
  static let headMax = 262_144, tailMax = 512
  /// The pause between looks at a program that can't be waited for.
  private static let pollPause = Duration.milliseconds(20)

  private var program: ChildProgram
  private let judge: Judge
  private let limit: Duration
  private let end: Instant
  private var head: [UInt8] = []
  private var tail: [UInt8] = []
  private let headMax: Int
  private var isKilled = false
  private(set) var isGone = false

  /// Starts a program, which ends with the thread that starts it.
  ///
  /// - Throws: why it can't be started.
  init(
    _ arguments: [String], environment: [String], as user: UserIdentity?, judge: Judge,
    limit: Duration, at now: Instant, _ child: StartingChild
  ) throws(NodeError) {
    program = try ChildProgram(
      arguments, environment: environment, as: user, endsWithStarter: true, child)
    self.judge = judge
    self.limit = limit
    // A program that ends itself at its time limit says more.
    end = if case .answer = judge { now + limit + .milliseconds(200) } else { now + limit }
    headMax = if case .answer = judge { Self.headMax } else { 4096 }
  }

  var polled: [pollfd] {
    var list = [pollfd(fd: program.ending, events: Int16(POLLIN), revents: 0)]
    if !isKilled { list.append(pollfd(fd: program.output, events: Int16(POLLIN), revents: 0)) }
    return list
  }

  var isSilent: Bool { program.ending < 0 }

  var deadline: Instant {
    let next = bootTime() + Self.pollPause
    guard !isKilled else { return next }
    return isSilent ? min(end, next) : end
  }

  mutating func advance(to now: Instant, _ buffer: inout [UInt8]) -> CheckResult? {
    if isKilled {
      if program.hasEnded { takeLeave() }
      return nil
    }
    // First, since all that it has written is in the pipe once it has ended.
    let hasEnded = program.hasEnded
    for _ in 0..<(hasEnded ? 8 : 2) {
      let count = program.readOutput(&buffer)
      guard count > 0 else { break }
      keep(buffer[..<count])
    }
    if hasEnded {
      let end = takeLeave()
      return verdict(end)
    }
    guard end <= now else { return nil }
    program.signal(SIGKILL)
    isKilled = true
    // A program that hangs in the kernel ends later; its time is over now.
    if program.hasEnded { takeLeave() }
    return .timedOut(after: limit)
  }

  mutating func abandon() {
    program.signal(SIGKILL)
    isKilled = true
    if program.hasEnded { takeLeave() }
  }

  /// Ends it and waits for that, however long it takes.
  mutating func endAndWait() {
    isKilled = true
    takeLeave()
  }

  @discardableResult
  private mutating func takeLeave() -> ChildProgram.End {
    // What a check leaves behind would pile up.
    program.signal(SIGKILL)
    isGone = true
    return program.reap()
  }

  private mutating func keep(_ bytes: ArraySlice<UInt8>) {
    if head.count < headMax { head += bytes.prefix(headMax - head.count) }
    tail += bytes.suffix(Self.tailMax)
    if tail.count > Self.tailMax { tail.removeFirst(tail.count - Self.tailMax) }
  }

  private func verdict(_ end: ChildProgram.End) -> CheckResult {
    if case .signalled(let number) = end { return .crashed(signal: number) }
    guard case .exited(let code) = end else {
      return .failure("has ended, but how can't be known")
    }
    switch judge {
    case .exitCode:
      let line = Self.firstLine(of: head)
      if code == 0 { return .success(line ?? "exit code 0") }
      return .failure("exit code \(code)" + (line.map { ": \($0)" } ?? ""))
    // Its own time limit, which is the same.
    case .answer where code == 28: return .timedOut(after: limit)
    case .answer(let request):
      return request.verdict(exitCode: code, head: head, tail: tail)
    }
  }

  /// The first line that is not empty, as a sentence can have it.
  static func firstLine(of bytes: [UInt8]) -> String? {
    for line in bytes.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
      var text = String(decoding: line.prefix(200), as: UTF8.self).onOneLine
      while text.last == " " { text.removeLast() }
      while text.first == " " { text.removeFirst() }
      if !text.isEmpty { return line.count > 200 ? text + "…" : text }
    }
    return nil
  }
}
