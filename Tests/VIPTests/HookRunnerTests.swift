import Glibc
import Synchronization
import TestSupport
import Testing
import VIP
import VIPCore
import VIPHooks
import VIPTesting
import VRRP

/// Running programs: what they get, what they write, how long they may take.
@Suite struct HookRunnerTests {
  /// More than any program here takes, however busy the machine is.
  private static let plenty = Duration.seconds(3600)

  /// A runner with its reports and a folder for scripts.
  private final class Workbench: Sendable {
    let folder: TemporaryDirectory
    let runner: HookRunner
    private let list = Mutex<[String]>([])

    init() throws {
      folder = try TemporaryDirectory()
      runner = try HookRunner(variables: ["VIPCTL_RUNTIME_DIR": "/run/x"])
      runner.observe { [weak self] report in
        let text =
          switch report.kind {
          case .output(let line): line
          case .succeeded: "ok" + (report.skipped > 0 ? " after \(report.skipped)" : "")
          case .failed(let text): "failed: \(text)"
          }
        self?.list.withLock { $0.append("\(report.state): \(text)") }
      }
    }

    var reports: [String] { list.withLock { $0 } }

    func script(_ name: String, _ text: String) throws -> String {
      try folder.write("#!/bin/sh\n\(text)\n", to: name)
      chmod(folder[name], 0o755)
      return folder[name]
    }

    func occasion(
      _ state: Settlement.State, _ arguments: [String], router: String = "web",
      family: AddressFamily = .ipv4, timeout: Duration = plenty
    ) throws -> HookOccasion {
      var router = try settings(name: router)
      router.hooks = Hooks(timeout: timeout)
      router.hooks[state] = arguments
      return HookOccasion(
        Settlement(
          state, previous: .stop, reason: .transition(.startup), configuration: router,
          effectivePriority: router.priority),
        of: family)
    }

    func run(_ state: Settlement.State, _ arguments: [String], timeout: Duration = plenty) throws {
      runner.run([try occasion(state, arguments, timeout: timeout)])
    }

    func waitForReports(_ count: Int) async throws {
      try await onThread { [self] in
        try eventually("\(count) reports", within: .seconds(60), detail: { "\(reports)" }) {
          reports.count >= count
        }
      }
    }
  }

  @Test func `a program that does not start holds up no other router's, and has its time limit`()
    async throws
  {
    let bench = try Workbench()
    let hang = try bench.script("hang", "exit 0")
    // A process that runs the file waits until the lease is over; the kernel tells that by SIGIO.
    signal(SIGIO, SIG_IGN)
    let file = open(hang, O_RDONLY | O_CLOEXEC)
    defer { close(file) }
    let setLease: Int32 = 1024
    try await onThread {
      try eventually("the lease is had") { fcntl(file, setLease, Int32(F_WRLCK)) == 0 }
    }
    bench.runner.run([
      try bench.occasion(.active, [hang], router: "one", timeout: .seconds(2)),
      try bench.occasion(.backup, ["/bin/true"], router: "two"),
    ])
    try await bench.waitForReports(2)
    #expect(bench.reports == ["backup: ok", "active: failed: took longer than 2s and was ended"])
    await bench.runner.finish(within: .seconds(60))
  }

  @Test func `arguments go as they are, and nothing else comes along`() async throws {
    let bench = try Workbench()
    setenv("VIP_TEST_SECRET", "1", 1)
    // Shells keep some for themselves below that.
    let leak = fcntl(STDIN_FILENO, F_DUPFD, 200)
    defer { close(leak) }
    let script = try bench.script(
      "hook",
      """
      printf '%s|' "$@"; echo
      pwd
      readlink /proc/self/fd/0
      echo "secret=$VIP_TEST_SECRET state=$VIPCTL_STATE dir=$VIPCTL_RUNTIME_DIR"
      for fd in /proc/$$/fd/*; do case ${fd##*/} in 0|1|2|1?|255) ;; *) ls -l $fd;; esac; done 2>/dev/null
      # The C library keeps two signals of its own, 32 and 33, as it likes.
      sed -n 's/^Sig\\(Blk\\|Ign\\):\\t0*\\(180000000\\)*/\\1 /p' /proc/self/status
      read -r pid name state parent group rest < /proc/$$/stat
      test "$group" = $$ && echo leader
      echo done >&2
      """)
    try bench.run(.active, [script, "a b", "$HOME", "*", ""])
    try await bench.waitForReports(9)
    await bench.runner.finish(within: Self.plenty)
    #expect(
      bench.reports == [
        "active: a b|$HOME|*||", "active: /", "active: /dev/null",
        "active: secret= state=active dir=/run/x", "active: Blk ", "active: Ign ",
        "active: leader", "active: done", "active: ok",
      ])
  }

  @Test func `how a program can fail`() async throws {
    let bench = try Workbench()
    try bench.folder.write("echo no first line\n", to: "plain")
    chmod(bench.folder["plain"], 0o755)
    for arguments in [
      [try bench.script("three", "exit 3")], [try bench.script("signal", "kill -9 $$")],
      ["/no/such/program"], [bench.folder["plain"]], [bench.folder.path],
    ] {
      let count = bench.reports.count
      try bench.run(.fault, arguments)
      try await bench.waitForReports(count + 1)
    }
    #expect(
      bench.reports == [
        "fault: failed: ended with exit code 3", "fault: failed: was ended by signal 9",
        "fault: failed: can't be started: the program, or the interpreter in its first line, is "
          + "missing",
        "fault: failed: can't be started: it is no program; begin a script with a line such as "
          + "#!/bin/sh",
        "fault: failed: can't be started: Permission denied",
      ])
  }

  @Test func `one at a time, and of what waits only the newest`() async throws {
    let bench = try Workbench()
    let first = try bench.script(
      "first", "echo begin; while ! test -e \(bench.folder["go"]); do sleep 0.01; done")
    let other = try bench.script("other", "echo \"$VIPCTL_STATE $VIPCTL_FAMILY\"")
    try bench.run(.active, [first])
    try await bench.waitForReports(1)
    for _ in 0..<50 {
      try bench.run(.backup, [other])
      try bench.run(.active, [other])
    }
    bench.runner.run([
      try bench.occasion(.fault, [other], family: .ipv6),
      try bench.occasion(.stop, [other], router: "mail"),
    ])
    // Another router does not wait.
    try await bench.waitForReports(3)
    #expect(bench.reports.suffix(2) == ["stop: stop ipv4", "stop: ok"])
    try bench.folder.write("", to: "go")
    await bench.runner.finish(within: Self.plenty)
    #expect(
      bench.reports.dropFirst(3) == [
        "active: ok", "active: active ipv4", "active: ok after 99", "fault: fault ipv6",
        "fault: ok",
      ])
  }

  @Test func `a state without a program makes what waits obsolete`() async throws {
    let bench = try Workbench()
    let first = try bench.script(
      "first", "echo begin; while ! test -e \(bench.folder["go"]); do sleep 0.01; done")
    try bench.run(.backup, [first])
    try await bench.waitForReports(1)
    try bench.run(.active, [first])
    try bench.run(.backup, [])
    try bench.folder.write("", to: "go")
    await bench.runner.finish(within: Self.plenty)
    #expect(bench.reports == ["backup: begin", "backup: ok"])
  }

  @Test func `a program that takes too long is ended with all it started`() async throws {
    let bench = try Workbench()
    let pidFile = bench.folder["child"]
    // Neither of them ends when asked to.
    let script = try bench.script(
      "slow", "trap '' TERM; (trap '' TERM; exec sleep 600) & echo $! > \(pidFile); wait; sleep 600"
    )
    let start = ContinuousClock.now
    try bench.run(.active, [script], timeout: .milliseconds(300))
    try await bench.waitForReports(1)
    #expect(start.duration(to: .now) >= .milliseconds(2300))
    #expect(bench.reports == ["active: failed: took longer than 300ms and was ended"])
    let child = try #require(pid_t(readText(pidFile).dropLast()))
    try await onThread {
      try eventually("the child is gone") {
        kill(child, 0) != 0 || readText("/proc/\(child)/stat").contains(") Z ")
      }
    }
  }

  @Test func `the end of the node ends a program too`() async throws {
    let bench = try Workbench()
    try bench.run(.stop, [try bench.script("slow", "echo begin; exec sleep 600")])
    try await bench.waitForReports(1)
    try bench.run(.backup, [try bench.script("late", "echo late")])
    await bench.runner.finish(within: .milliseconds(200))
    #expect(bench.reports.count == 2)
    #expect(bench.reports.last?.hasPrefix("stop: failed: took longer than ") == true)
  }

  @Test func `what is left running may go on`() async throws {
    let bench = try Workbench()
    let pidFile = bench.folder["child"]
    let script = try bench.script(
      "daemon", "sleep 600 >/dev/null 2>&1 & echo $! > \(pidFile)")
    try bench.run(.active, [script])
    try await bench.waitForReports(1)
    #expect(bench.reports == ["active: ok"])
    let child = try #require(pid_t(readText(pidFile).dropLast()))
    #expect(kill(child, 0) == 0)
    kill(child, SIGKILL)
  }

  @Test func `output without end is cut short`() async throws {
    let bench = try Workbench()
    let script = try bench.script(
      "loud", "head -c 3000 /dev/zero | tr '\\0' x; echo; yes | head -n 200000; printf end; exit 1")
    try bench.run(.active, [script])
    await bench.runner.finish(within: Self.plenty)
    let reports = bench.reports
    #expect(reports.count == 52)
    #expect(reports[0].count == 1009 && reports[0].hasSuffix("x…"))
    #expect(reports[1] == "active: y")
    // The last line, which has no end, is one of those left out.
    #expect(reports[50] == "active: … and 199952 more lines")
    #expect(reports[51] == "active: failed: ended with exit code 1")
  }
}
