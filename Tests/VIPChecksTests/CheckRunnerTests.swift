import Glibc
import Synchronization
import TestSupport
import Testing
import VIP
import VIPCore

@testable import VIPChecks

/// Checks that are run again and again.
@Suite(.timeLimit(.minutes(10))) struct CheckRunnerTests {
  private final class Workbench: Sendable {
    let folder: TemporaryDirectory
    let runner: CheckRunner
    private let list = Mutex<[String]>([])

    init() throws {
      folder = try TemporaryDirectory()
      runner = try CheckRunner(variables: [:])
      runner.observe { [weak self] history in
        let number = history.state.saying.number.map { " \($0)" } ?? ""
        self?.list.withLock {
          $0.append("\(history.check.name) \(history.state.saying.standing)\(number)")
        }
      }
    }

    var told: [String] { list.withLock { $0 } }

    func script(_ name: String, _ text: String) throws -> String {
      try folder.write("#!/bin/sh\n\(text)\n", to: name)
      chmod(folder[name], 0o755)
      return folder[name]
    }

    func wait(for line: String) throws {
      try eventually("'\(line)' is told", detail: { told.joined(separator: "\n") }) {
        told.last == line
      }
    }
  }

  @Test func `a file is followed when it changes, is replaced, goes and comes`() async throws {
    let bench = try Workbench()
    let path = bench.folder["weight"]
    // Only what happens in the folder makes it look again in time.
    try bench.runner.use([Check(name: "drain", .file(path: path), interval: .seconds(3600))])
    try eventually("it has been looked at") { bench.runner.history(of: "drain")?.runs == 1 }
    try bench.folder.write("-10", to: "weight")
    try bench.wait(for: "drain passing -10")
    try bench.folder.write("-30", to: "new")
    #expect(rename(bench.folder["new"], path) == 0)
    try bench.wait(for: "drain passing -30")
    unlink(path)
    try bench.wait(for: "drain unknown")
    try bench.folder.write("false", to: "weight")
    try bench.wait(for: "drain failing")
    await bench.runner.finish()
  }

  @Test func `the end of a process is seen at once`() async throws {
    let bench = try Workbench()
    let name = "sleeper-\(getpid())"
    #expect(symlink("/bin/sleep", bench.folder[name]) == 0)
    var child = try ChildProgram([bench.folder[name], "1000"], environment: [])
    let check = Check(
      name: "sleeper", .process(.named(name, count: 1)), interval: .seconds(3600))
    try eventually("it is found", poll: .milliseconds(50)) {
      try CheckTrial.run([check])["sleeper"]?.kind == .success
    }
    try bench.runner.use([check])
    try bench.wait(for: "sleeper passing")
    child.signal(SIGKILL)
    _ = child.reap()
    try bench.wait(for: "sleeper failing")
    await bench.runner.finish()
  }

  @Test func `a folder that is replaced, and a symbolic link that leads elsewhere, are followed`()
    async throws
  {
    let bench = try Workbench()
    let folder = bench.folder
    func make(_ name: String, _ text: String) throws {
      #expect(mkdir(folder[name], 0o755) == 0)
      try folder.write(text, to: "\(name)/w")
    }
    // As Kubernetes mounts a ConfigMap.
    try make("1", "-10")
    #expect(symlink("1", folder["data"]) == 0)
    #expect(symlink("data/w", folder["w"]) == 0)
    try bench.runner.use([
      Check(name: "map", .file(path: folder["w"]), interval: .seconds(3600))
    ])
    try bench.wait(for: "map passing -10")
    try make("2", "-20")
    #expect(symlink("2", folder["new"]) == 0)
    #expect(rename(folder["new"], folder["data"]) == 0)
    try bench.wait(for: "map passing -20")
    #expect(rename(folder["2"], folder["old"]) == 0)
    try make("2", "-30")
    try bench.wait(for: "map passing -30")
    // The new folder is followed as the former one was.
    try folder.write("false", to: "2/w")
    try bench.wait(for: "map failing")
    await bench.runner.finish()
  }

  @Test func `a number that is written over another one is not seen half-way`() async throws {
    let bench = try Workbench()
    let path = bench.folder["weight"]
    try bench.folder.write("1", to: "weight")
    try bench.runner.use([Check(name: "load", .file(path: path), interval: .seconds(3600))])
    try bench.wait(for: "load passing 1")
    for number in 2...20 {
      let file = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC)
      try #require(file >= 0)
      usleep(2000)
      let text = Array("\(number)\n".utf8)
      #expect(write(file, text, text.count) == text.count)
      close(file)
      try bench.wait(for: "load passing \(number)")
    }
    #expect(bench.told.allSatisfy { $0.hasPrefix("load passing ") }, "\(bench.told)")
    await bench.runner.finish()
  }

  @Test func `a process that becomes another one is seen`() async throws {
    let bench = try Workbench()
    let name = "turns-\(getpid())"
    let go = bench.folder["go"]
    let script = try bench.script(
      name, "while [ ! -e \(go) ]; do sleep 0.05; done\nexec sleep 1000")
    var child = try ChildProgram(
      [script], environment: ["PATH=\(ChildProgram.searchPath)"])
    defer {
      child.signal(SIGKILL)
      _ = child.reap()
    }
    try bench.runner.use([
      Check(
        name: "it", .process(.named(name, count: 1)), interval: .milliseconds(100),
        timeout: .seconds(600))
    ])
    try bench.wait(for: "it passing")
    try bench.folder.write("", to: "go")
    try bench.wait(for: "it failing")
    await bench.runner.finish()
  }

  @Test func `never two runs of a check at once, and a reload keeps what is the same`() async throws
  {
    let bench = try Workbench()
    let log = bench.folder["log"]
    let slow = try bench.script("slow", "echo begin >>\(log); sleep 0.3; echo end >>\(log)")
    let check = Check(
      name: "slow", .command([slow], user: nil), interval: .milliseconds(100),
      timeout: .seconds(600))
    try bench.runner.use([check])
    try eventually("it has run three times") { bench.runner.history(of: "slow")?.runs ?? 0 >= 3 }
    let other = Check(name: "other", .interface("lo"))
    try bench.runner.use([check, other])
    try eventually("the other one runs") { bench.runner.history(of: "other")?.runs ?? 0 >= 1 }
    #expect(bench.runner.history(of: "slow")?.runs ?? 0 >= 3, "it goes on")
    var changed = check
    changed.fall = 2
    try bench.runner.use([changed])
    try eventually("the changed one runs") { bench.runner.history(of: "slow")?.check == changed }
    #expect(bench.runner.history(of: "other") == nil)
    await bench.runner.finish()
    // The last one may have been ended in the middle, and so may one that was changed.
    var open = 0
    for line in readText(log).split(separator: "\n") {
      open = line == "begin" ? 1 : 0
      #expect(open <= 1)
    }
    #expect(bench.runner.history(of: "slow") == nil)
  }

  @Test func `the end ends what runs`() async throws {
    let bench = try Workbench()
    let pid = bench.folder["pid"]
    let script = try bench.script("hang", "echo $$ >\(pid); exec sleep 1000")
    try bench.runner.use([
      Check(name: "hang", .command([script], user: nil), timeout: .seconds(600))
    ])
    try eventually("it runs") { readText(pid).hasSuffix("\n") }
    await bench.runner.finish()
    let child = try #require(Int32(readText(pid).dropLast()))
    #expect(kill(child, 0) != 0 && errno == ESRCH, "it is gone and no zombie")
  }

  @Test func `a thousand checks are all run, few at a time`() async throws {
    let bench = try Workbench()
    let checks = (0..<1000).map { number in
      Check(
        name: "c\(number)", .command(["/bin/true"], user: nil), interval: .seconds(60),
        timeout: .seconds(600))
    }
    try bench.runner.use(checks)
    try eventually("each has been run", within: .seconds(120), poll: .milliseconds(50)) {
      bench.told.count == 1000
    }
    #expect(Set(bench.told).count == 1000 && bench.told.allSatisfy { $0.hasSuffix("passing") })
    await bench.runner.finish()
  }

  @Test func `slow checks do not delay a fast one`() async throws {
    let bench = try Workbench()
    let slow = try bench.script("slow", "exec sleep 1000")
    let gate = bench.folder["gate"]
    try bench.folder.write("", to: "gate")
    var checks = (0..<100).map { number in
      Check(
        name: "slow\(number)", .command([slow], user: nil), interval: .seconds(600),
        timeout: .seconds(600))
    }
    checks.append(
      Check(
        name: "fast", .command(["/usr/bin/test", "-e", gate], user: nil), interval: .seconds(1),
        timeout: .seconds(600)))
    try bench.runner.use(checks)
    try bench.wait(for: "fast passing")
    unlink(gate)
    // With a place for only 64 of them it would wait for ten minutes.
    try bench.wait(for: "fast failing")
    #expect(bench.told.count == 2, "the slow ones run all the while")
    await bench.runner.finish()
  }
}

/// What the kernel holds up: a file system that does not answer, or a program on it.
@Suite(.serialized, .timeLimit(.minutes(10))) struct HangingCheckTests {
  /// A lease on a file: a process that runs it waits until the lease is over.
  private final class Lease {
    private static let setLease: Int32 = 1024
    private let file: Int32

    init(_ path: String) throws {
      // The kernel tells the holder by this signal that another one waits.
      signal(SIGIO, SIG_IGN)
      file = open(path, O_RDONLY | O_CLOEXEC)
      // A child of another test may have the file open for a moment.
      try eventually("the lease is had") { fcntl(file, Self.setLease, Int32(F_WRLCK)) == 0 }
    }

    deinit { close(file) }
  }

  private let folder: TemporaryDirectory

  init() throws {
    folder = try TemporaryDirectory()
  }

  @Test func `a program that does not start holds up no other check, no hook and no end`()
    async throws
  {
    try folder.write("#!/bin/sh\nexit 0\n", to: "hang")
    chmod(folder["hang"], 0o755)
    let lease = try Lease(folder["hang"])
    let told = Mutex<[String]>([])
    let runner = try CheckRunner(variables: [:])
    runner.observe { history in
      told.withLock { $0.append("\(history.check.name) \(history.state.saying.standing)") }
    }
    let limit = Duration.milliseconds(300)
    try runner.use([
      Check(
        name: "hang", .command([folder["hang"]], user: nil), interval: .milliseconds(100),
        timeout: limit),
      Check(
        name: "good", .command(["/bin/true"], user: nil), interval: .milliseconds(100),
        timeout: .seconds(600)),
      Check(
        name: "file", .file(path: folder["file"]), interval: .milliseconds(100),
        timeout: .seconds(600)),
    ])
    try eventually("all of them have said something") {
      Set(told.withLock { $0 }).isSuperset(of: ["hang failing", "good passing", "file unknown"])
    }
    #expect(runner.history(of: "hang")?.lastResult == .timedOut(after: limit))
    let runs = try #require(runner.history(of: "good")?.runs)
    try eventually("the others go on") { runner.history(of: "good")?.runs ?? 0 > runs + 2 }
    // As a hook is started.
    var hook = try ChildProgram(["/bin/true"], environment: [])
    #expect(hook.reap() == .exited(code: 0))
    await runner.finish()
    withExtendedLifetime(lease) {}
  }

  @Test func `looks that hang hold up no others, and each has its time limit`() throws {
    let shared = try CheckRunner.Shared()
    let helpers = Helpers(shared)
    defer { helpers.end() }
    var ends: [Int32] = [-1, -1]
    try #require(pipe(&ends) == 0)
    let (reader, writer) = (ends[0], ends[1])
    let limit = Duration.milliseconds(50)
    let start = bootTime()
    var hanging = (0..<20).map { number in
      LookRun(helpers, for: number, limit: limit, at: start) {
        var byte: UInt8 = 0
        // Until the other end is closed.
        _ = read(reader, &byte, 1)
        return LookRun.Look(result: .success("late"))
      }
    }
    var other = LookRun(helpers, for: 20, limit: .seconds(600), at: start) {
      LookRun.Look(result: .success("at once"))
    }
    var buffer: [UInt8] = []
    try eventually("the other one gets its turn") {
      helpers.relieve(at: bootTime())
      return other.advance(to: bootTime(), &buffer) == .success("at once")
    }
    #expect(other.isGone)
    for index in hanging.indices {
      let result = hanging[index].advance(to: start + limit, &buffer)
      #expect(result == .timedOut(after: limit))
      #expect(!hanging[index].isGone, "there are never two at once")
    }
    close(writer)
    try eventually("all of them end, and say nothing more") {
      helpers.relieve(at: bootTime())
      for index in hanging.indices {
        guard hanging[index].advance(to: bootTime(), &buffer) == nil else { return false }
      }
      return hanging.allSatisfy(\.isGone)
    }
    close(reader)
  }
}
