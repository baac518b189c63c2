import CLinux
import Glibc
import VIP
import VIPCore

/// A hook that runs: a child process, what it writes, and how long it may still take.
struct HookProcess {
  private enum Stage {
    case running
    /// The program has taken too long and was asked to end.
    case terminated
    /// The program did not end when asked to, and was ended.
    case killed
  }

  /// Time that a program may take to end after SIGTERM.
  private static let patience = Duration.seconds(2)

  let occasion: HookOccasion
  /// Its process, which leads a process group of its own.
  private let pid: pid_t
  /// Readable when it has ended; -1 on a kernel that has no such thing.
  let ending: Int32
  /// The descriptor that its output comes from; -1 when nothing more does.
  private(set) var output: Int32
  /// The time when something has to be done about it.
  private(set) var deadline: Instant?
  private let start: Instant
  private var stage = Stage.running
  private var lines = LineCollector()

  // MARK: Starting

  /// Starts the program of an occasion.
  ///
  /// Everything it gets is said here: its arguments, its variables, `/dev/null` to read from, one
  /// pipe for both its outputs and no other open file, `/` to be in, a process group of its own,
  /// and all signals as a fresh process has them.
  init(_ occasion: HookOccasion, _ variables: [String: String], at now: Instant) throws(NodeError) {
    var ends: [Int32] = [-1, -1]
    guard vip_pipe2(&ends, O_CLOEXEC) == 0 else { throw .system(errno, "make a pipe") }
    defer { close(ends[1]) }
    _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
    let (output, environment) = (ends[1], occasion.environment(variables))
    do throws(NodeError) {
      pid = try Children.start { () throws(NodeError) in
        let (code, pid) = Self.spawn(occasion.arguments, environment, output)
        guard code == 0 else { throw NodeError(.system(errno: code), Self.startText(code)) }
        return pid
      }
    } catch {
      close(ends[0])
      throw error
    }
    self.occasion = occasion
    ending = vip_pidfd_open(pid)
    self.output = ends[0]
    start = now
    deadline = now + occasion.hooks.timeout
  }

  private static func spawn(
    _ arguments: [String], _ environment: [String], _ output: Int32
  ) -> (code: Int32, pid: pid_t) {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO)
    // Not all libraries open their files so that they are closed here.
    vip_spawn_closefrom(&actions, STDERR_FILENO + 1)
    vip_spawn_chdir(&actions, "/")

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    var all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setpgroup(&attributes, 0)
    let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
    posix_spawnattr_setflags(&attributes, Int16(flags))

    var pid: pid_t = 0
    let program = arguments.first ?? ""
    let code = withCStrings(arguments) { arguments in
      withCStrings(environment) { environment in
        posix_spawn(&pid, program, &actions, &attributes, arguments, environment)
      }
    }
    return (code, pid)
  }

  private static func startText(_ code: Int32) -> String {
    switch code {
    case ENOENT: "can't be started: the program, or the interpreter in its first line, is missing"
    case ENOEXEC: "can't be started: it is no program; begin a script with a line such as #!/bin/sh"
    case E2BIG:
      "can't be started: its arguments and what it is told are longer than the system allows "
        + "(\(errorText(code))); raise the limit of the stack ('ulimit -s')"
    default: "can't be started: \(errorText(code))"
    }
  }

  // MARK: Running

  /// Reads a bounded part of what it has written.
  ///
  /// - Returns: the lines, and whether there may be more at once.
  mutating func readOutput(_ buffer: inout [UInt8]) -> (lines: [String], isFlooding: Bool) {
    guard output >= 0 else { return ([], false) }
    let count = read(output, &buffer, buffer.count)
    if count < 0, errno == EAGAIN || errno == EINTR { return ([], false) }
    guard count > 0 else {
      close(output)
      output = -1
      return ([], false)
    }
    return (lines.take(buffer[..<count]), count == buffer.count)
  }

  /// Ends it if its time is over.
  mutating func enforceLimit(at now: Instant) {
    guard let due = deadline, due <= now else { return }
    switch stage {
    case .running:
      kill(-pid, SIGTERM)
      stage = .terminated
      deadline = now + Self.patience
    case .terminated, .killed:
      kill(-pid, SIGKILL)
      stage = .killed
      // Only the kernel can still hold it up.
      deadline = nil
    }
  }

  /// Makes its time end at a moment, if it would not sooner.
  mutating func shorten(to moment: Instant) {
    if stage == .running { deadline = min(deadline ?? moment, moment) }
  }

  /// Takes leave of it if it has ended.
  ///
  /// - Returns: what is left to report, the last of which says how it ended.
  mutating func end(_ buffer: inout [UInt8], at now: Instant) -> [HookReport.Kind]? {
    guard vip_child_has_ended(pid) else { return nil }
    // What it left behind may go on, unless all of it had to go.
    if stage != .running { kill(-pid, SIGKILL) }
    var reports: [HookReport.Kind] = []
    // All of it is in the pipe, and no more than fits.
    for _ in 0..<4 where output >= 0 {
      reports += readOutput(&buffer).lines.map { .output($0) }
    }
    if let last = lines.end() { reports.append(.output(last)) }
    if lines.dropped > 0 { reports.append(.output("… and \(lines.dropped) more lines")) }
    var status: Int32 = 0
    let isKnown = waitpid(pid, &status, 0) == pid
    Children.finished(pid)
    if output >= 0 { close(output) }
    if ending >= 0 { close(ending) }
    reports.append(verdict(isKnown ? status : 0, at: now))
    return reports
  }

  private func verdict(_ status: Int32, at now: Instant) -> HookReport.Kind {
    guard stage == .running else {
      let limit = (stage == .killed ? now - start - Self.patience : now - start)
      let time = min(limit, occasion.hooks.timeout)
      return .failed("took longer than \(Self.text(time)) and was ended")
    }
    let signal = status & 0x7F
    if signal != 0 { return .failed("was ended by signal \(signal)") }
    let code = status >> 8 & 0xFF
    if code != 0 { return .failed("ended with exit code \(code)") }
    return .succeeded("ended after \(Self.text(now - start))")
  }

  private static func text(_ duration: Duration) -> String {
    Duration.milliseconds(Int64(duration / .milliseconds(1))).text
  }
}
