package import Glibc
import Synchronization

/// A process that a test started; it does not outlive this object.
///
/// It leads a process group of its own, reads nothing, and writes both its outputs to one file.
/// Children that left the group are ended with their ``Namespace``.
package final class ChildProcess: Sendable {
  /// The process id, which is also the id of its group.
  package let pid: pid_t
  /// The file with everything the process wrote.
  package let logPath: String
  private let arguments: [String]
  /// The raw wait status, once the process was reaped.
  private let status = Mutex<Int32?>(nil)

  /// Starts a program, looked up in `PATH`.
  package init(_ arguments: [String], logPath: String) throws {
    self.arguments = arguments
    self.logPath = logPath
    pid = try spawn(arguments, input: "/dev/null", output: logPath, errors: nil)
  }

  deinit {
    // Not after it was reaped: the id may be that of another process by then.
    guard isRunning else { return }
    Glibc.kill(-pid, SIGKILL)
    _ = waitForExit(within: .seconds(5))
  }

  /// Whether the process has not ended yet.
  package var isRunning: Bool {
    status.withLock { status in
      if status != nil { return false }
      var raw: Int32 = 0
      guard waitpid(pid, &raw, WNOHANG) == pid else { return true }
      status = raw
      return false
    }
  }

  /// The exit status, as a shell shows it, or `nil` while the process runs.
  package var exitStatus: Int32? {
    isRunning ? nil : status.withLock { $0.map(shellStatus) }
  }

  /// All that the process has written so far.
  package var log: String { readText(logPath) }

  /// Sends a signal to the process alone.
  package func signal(_ number: Int32) {
    if isRunning { Glibc.kill(pid, number) }
  }

  /// Sends a signal to the process and to all children that share its group.
  package func signalGroup(_ number: Int32) {
    if isRunning { Glibc.kill(-pid, number) }
  }

  /// Waits for the end of the process; `nil` when it still runs after the time given, which is that
  /// of an idle machine and grows by what the ``Pace`` of this one tells.
  package func waitForExit(within limit: Duration) -> Int32? {
    waitForExit(within: Bound(machine: limit))
  }

  /// Waits for the end of the process; `nil` when it still runs after the time given.
  package func waitForExit(within limit: Bound) -> Int32? {
    Pace.start()
    let start = Moment.now
    while true {
      let asked = Moment.now
      guard isRunning else { return exitStatus }
      if limit.objection(from: start, to: asked) != nil { return nil }
      pause(.milliseconds(1))
    }
  }

  /// Throws when the process has ended, telling what it wrote.
  package func requireRunning() throws {
    guard let exitStatus else { return }
    throw LabError("\(arguments.joined(separator: " ")) ended with \(exitStatus):\n\(logTail)")
  }

  /// The last lines of the log, for failure texts.
  package var logTail: String {
    log.split(separator: "\n").suffix(15).joined(separator: "\n")
  }
}

/// What a command that came to its end has left.
package struct CommandResult: Sendable {
  /// The exit status; 128 and the number of the signal when one ended it.
  package let status: Int32
  /// What it wrote to its standard output.
  package let output: String
  /// What it wrote to its standard error.
  package let errors: String
}

/// Runs a command to its end, and captures what it writes.
///
/// The limit of time is that of an idle machine, and grows by what the ``Pace`` of this one tells.
package func run(
  _ arguments: [String], input: String = "", within limit: Duration = .seconds(15)
) throws -> CommandResult {
  let files = try TemporaryDirectory()
  // Files rather than pipes: nothing can block, however much is written.
  try files.write(input, to: "in")
  let pid = try spawn(
    arguments, input: files["in"], output: files["out"], errors: files["err"])
  Pace.start()
  let start = Moment.now
  var raw: Int32 = 0
  var nap = Duration.microseconds(300)
  while true {
    let asked = Moment.now
    if waitpid(pid, &raw, WNOHANG) == pid { break }
    if let objection = Bound(machine: limit).objection(from: start, to: asked) {
      kill(-pid, SIGKILL)
      waitpid(pid, &raw, 0)
      let errors = readText(files["err"])
      throw LabError("no end: \(arguments.joined(separator: " ")): \(objection)\n\(errors)")
    }
    pause(nap)
    nap = min(nap * 2, .milliseconds(5))
  }
  return CommandResult(
    status: shellStatus(raw), output: readText(files["out"]), errors: readText(files["err"]))
}

/// Runs a command that must succeed, and returns what it wrote to its standard output.
@discardableResult
package func check(
  _ arguments: [String], input: String = "", within limit: Duration = .seconds(15)
) throws -> String {
  let result = try run(arguments, input: input, within: limit)
  guard result.status == 0 else {
    throw LabError(
      "\(arguments.joined(separator: " ")) ended with \(result.status): "
        + "\(result.errors)\(input.isEmpty ? "" : "\ninput:\n" + input)")
  }
  return result.output
}

/// The exit status in the form a shell shows.
private func shellStatus(_ raw: Int32) -> Int32 {
  raw & 0x7F == 0 ? raw >> 8 & 0xFF : 128 + raw & 0x7F
}

/// Starts a program as the leader of a new process group; `errors` `nil` joins both outputs.
private func spawn(
  _ arguments: [String], input: String, output: String, errors: String?
) throws -> pid_t {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  let writing = O_WRONLY | O_CREAT | O_APPEND
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, input, O_RDONLY, 0)
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, writing, 0o600)
  if let errors {
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors, writing, 0o600)
  } else {
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
  }

  var attributes = posix_spawnattr_t()
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  // The child begins with no signal blocked or ignored, whatever the test runner did.
  var none = sigset_t()
  var all = sigset_t()
  sigemptyset(&none)
  sigfillset(&all)
  posix_spawnattr_setsigmask(&attributes, &none)
  posix_spawnattr_setsigdefault(&attributes, &all)
  posix_spawnattr_setpgroup(&attributes, 0)
  posix_spawnattr_setflags(
    &attributes,
    Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

  var words = arguments.map { strdup($0) }
  words.append(nil)
  defer { words.forEach { free($0) } }
  var pid: pid_t = 0
  let code = posix_spawnp(&pid, arguments[0], &actions, &attributes, words, environ)
  guard code == 0 else {
    throw LabError("cannot start \(arguments[0]): \(String(cString: strerror(code)))")
  }
  return pid
}
