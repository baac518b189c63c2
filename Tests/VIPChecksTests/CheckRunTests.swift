import Glibc
import TestSupport
import Testing
import VIP
import VIPCore

@testable import VIPChecks

/// Checks that are run: real programs, files, processes and ports.
@Suite(.timeLimit(.minutes(10))) struct CheckRunTests {
  private let folder: TemporaryDirectory

  init() throws {
    folder = try TemporaryDirectory()
  }

  private func script(_ name: String, _ text: String) throws -> String {
    try folder.write("#!/bin/sh\n\(text)\n", to: name)
    chmod(folder[name], 0o755)
    return folder[name]
  }

  private func result(
    _ kind: Check.Kind, timeout: Duration = .seconds(600)
  ) throws -> CheckResult? {
    try CheckTrial.run([Check(name: "it", kind, timeout: timeout)])["it"]
  }

  private func command(
    _ text: String, user: String? = nil, timeout: Duration = .seconds(600)
  ) throws -> CheckResult? {
    try result(.command([try script("check", text)], user: user), timeout: timeout)
  }

  // MARK: Commands

  @Test func `success, failure, a crash and a program that can't be run are told apart`() throws {
    #expect(try command("exit 0") == .success("exit code 0"))
    #expect(try command("echo; echo ' all well '; echo more") == .success("all well"))
    #expect(try command("echo 'not running' >&2; exit 3") == .failure("exit code 3: not running"))
    #expect(try command("exit 1") == .failure("exit code 1"))
    #expect(try command("kill -SEGV $$") == .crashed(signal: SIGSEGV))
    let missing = try result(.command(["/no/such/program"], user: nil))
    #expect(
      missing
        == .couldNotStart(
          "can't be started: the program, or the interpreter in its first line, is missing"))
    try folder.write("no program", to: "text")
    #expect(try result(.command([folder["text"]], user: nil))?.kind == .couldNotStart)
  }

  @Test func `a program that takes too long is ended with all that it has started`() throws {
    let text = "sleep 1000 & echo $! >\(folder["child"]); sleep 1000"
    let limit = Duration.seconds(2)
    #expect(try command(text, timeout: limit) == .timedOut(after: limit))
    let child = try #require(Int32(readText(folder["child"]).dropLast()))
    try eventually("nothing of it is left") { kill(child, 0) != 0 || isZombie(child) }
  }

  @Test func `what a program leaves behind is ended too`() throws {
    let text = "sleep 1000 >/dev/null 2>&1 & echo $! >\(folder["child"])"
    #expect(try command(text) == .success("exit code 0"))
    let child = try #require(Int32(readText(folder["child"]).dropLast()))
    try eventually("nothing of it is left") { kill(child, 0) != 0 || isZombie(child) }
  }

  private func isZombie(_ pid: Int32) -> Bool {
    readText("/proc/\(pid)/stat").contains(") Z ")
  }

  @Test func `a program that writes without end is ended at its limit`() throws {
    let limit = Duration.seconds(1)
    let text = "while :; do echo yyyyyyyyyy; done"
    #expect(try command(text, timeout: limit) == .timedOut(after: limit))
  }

  @Test func `a first line is cut and made harmless`() throws {
    let long = String(repeating: "x", count: 300)
    #expect(
      try command("printf '\\033[1m\(long)'") == .success("\\u{1b}[1m\(long.prefix(196))…"))
  }

  @Test(.enabled(if: geteuid() == 0)) func `a command runs as its user, with no more rights`()
    throws
  {
    chmod(folder.path, 0o755)
    let text =
      "echo $(id -u) $(id -g) $(grep CapEff /proc/self/status | cut -f2) $(ls /proc/self/fd | wc -l)"
    let plain = try #require(try command(text))
    #expect(plain.description.hasPrefix("0 0 "))
    let other = try #require(try command(text, user: "65534:65534"))
    let fields = other.description.split(separator: " ")
    #expect(fields.prefix(3) == ["65534", "65534", "0000000000000000"])
    #expect(fields.last == plain.description.split(separator: " ").last, "no other open file")
    #expect(
      try command(text, user: "no-such-user") == .couldNotStart("there is no user 'no-such-user'"))
    #expect(
      try command(text, user: "0:no-such-group")
        == .couldNotStart("there is no group 'no-such-group'"))
    // To the kernel these numbers mean: as it is, which would be root.
    for user in ["4294967295:65534", "65534:4294967295", "4294967295"] {
      #expect(try command("id -u", user: user)?.kind == .couldNotStart, "\(user)")
    }
    #expect(try command("kill -SEGV $$", user: "65534:65534") == .crashed(signal: SIGSEGV))
    #expect(
      try result(.command(["/no/such"], user: "65534:65534"))?.kind == .couldNotStart)
  }

  // MARK: Files

  @Test(arguments: [
    ("-20\n", CheckResult.number(-20)), (" +7 ", .number(7)), ("0", .number(0)),
  ])
  func `a file has a number`(text: String, result: CheckResult) throws {
    try folder.write(text, to: "file")
    #expect(try self.result(.file(path: folder["file"])) == result)
  }

  @Test func `a file says true or false, or nothing`() throws {
    let kind = Check.Kind.file(path: folder["file"])
    #expect(try result(kind) == .silent("\(folder["file"]) is not there"))
    for (text, kindOfResult) in [
      ("true", CheckResult.Kind.success), ("Up\n", .success), ("false", .failure),
      ("off", .failure),
      ("", .silent), ("\n", .silent), ("perhaps", .failure), ("999999999999999999999", .failure),
      ("+-5", .failure), ("--5", .failure), ("+", .failure),
      (String(repeating: "1", count: 10_000), .failure), ("-", .failure), ("1 2", .failure),
    ] {
      try folder.write(text, to: "file")
      #expect(try result(kind)?.kind == kindOfResult, "\(text.prefix(20))")
    }
    unlink(folder["file"])
    mkfifo(folder["file"], 0o600)
    #expect(try result(kind) == .failure("\(folder["file"]) is no ordinary file"))
  }

  // MARK: Processes

  @Test func `processes are found by name, with a minimum, and by the number in a file`() throws {
    let name = "a-rather-long-name-\(getpid())"
    #expect(symlink("/bin/sleep", folder[name]) == 0)
    let kind = Check.Kind.process(.named(name, count: 1))
    #expect(try result(kind) == .failure("no process '\(name)' runs"))
    let child = try ChildProgram([folder[name], "1000"], environment: [])
    var process = child
    defer {
      process.signal(SIGKILL)
      _ = process.reap()
    }
    try eventually("it is found") { try result(kind)?.kind == .success }
    #expect(
      try result(.process(.named(name, count: 2)))
        == .failure("1 of at least 2 processes '\(name)' run"))
    // The kernel's names of these two are the same.
    #expect(
      try result(.process(.named(name + "0", count: 1)))
        == .failure("no process '\(name)0' runs"))
    let file = Check.Kind.process(.inFile(folder["pid"]))
    #expect(try result(file)?.kind == .failure)
    try folder.write("\(getpid())\n", to: "pid")
    #expect(try result(file) == .success("process \(getpid()) runs"))
    for text in ["", "-1", "0", "x", "99999999999", "4194305"] {
      try folder.write(text, to: "pid")
      #expect(try result(file)?.kind == .failure, "\(text)")
    }
  }

  // MARK: The network

  @Test func `a port accepts connections or refuses them`() throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(listener) }
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
        _ = bind(listener, name, length)
        _ = getsockname(listener, name, &length)
      }
    }
    let port = UInt16(bigEndian: name.sin_port)
    let kind = Check.Kind.tcp(.v4(IPv4Address(127, 0, 0, 1)), port: port)
    #expect(try result(kind) == .failure("127.0.0.1:\(port): Connection refused"))
    listen(listener, 5)
    #expect(try result(kind) == .success("127.0.0.1:\(port) accepts connections"))
  }

  @Test func `interfaces and routes are looked for in the kernel`() throws {
    #expect(try result(.interface("lo")) == .success("lo is there"))
    #expect(try result(.interface("nosuch0")) == .failure("there is no interface nosuch0"))
    let route = Check.RouteSelector(
      destination: .v4(IPv4Address(203, 0, 113, 77)), prefixLength: 32, table: 7777)
    #expect(
      try result(.route(route)) == .failure("there is no route 203.0.113.77/32 in table 7777"))
    var over = route
    over.interface = "nosuch0"
    #expect(try result(.route(over)) == .failure("there is no interface nosuch0"))
  }
}

/// What is made of the answer to a request over HTTP.
@Suite struct HTTPRequestTests {
  private func verdict(
    _ request: HTTPRequest, code: Int32 = 0, _ text: String
  ) -> CheckResult {
    request.verdict(exitCode: code, head: Array(text.utf8), tail: Array(text.utf8.suffix(512)))
  }

  @Test func `status and text decide`() {
    let plain = HTTPRequest("http://127.0.0.1/")
    #expect(verdict(plain, "\nhttp-status=200\n") == .success("status 200"))
    #expect(verdict(plain, "\nhttp-status=503\n") == .failure("status 503 instead of 200"))
    #expect(verdict(plain, "") == .failure("the answer has no status"))
    let text = HTTPRequest("http://127.0.0.1/", statuses: [200, 204], contains: "ok")
    #expect(verdict(text, "all ok\nhttp-status=204\n") == .success("status 204, with 'ok'"))
    #expect(
      verdict(text, "http-status=200\nno\nhttp-status=404\n")
        == .failure("status 404 instead of 200 or 204"))
    #expect(
      verdict(text, "no\nhttp-status=200\n")
        == .failure("status 200, but 'ok' is not in the answer"))
    #expect(
      verdict(text, code: 7, "curl: (7) Failed to connect\n\nhttp-status=000\n")
        == .failure("curl: (7) Failed to connect"))
    #expect(verdict(text, code: 2, "") == .failure("curl ended with exit code 2"))
  }

  @Test func `arguments name all that is asked for, and no file of a user`() {
    var request = HTTPRequest("https://127.0.0.1:6443/readyz")
    let arguments = request.arguments("/usr/bin/curl", limit: .milliseconds(1500))
    #expect(arguments.prefix(2) == ["/usr/bin/curl", "--disable"])
    #expect(arguments.suffix(2) == ["--url", "https://127.0.0.1:6443/readyz"])
    #expect(arguments.contains("1.500") && arguments.contains("/dev/null"))
    #expect(!arguments.contains("--insecure"))
    request.contains = "ok"
    request.host = "example.org"
    request.isInsecure = true
    let more = request.arguments("curl", limit: .seconds(1))
    #expect(more.contains("Host: example.org") && more.contains("--insecure"))
    #expect(!more.contains("/dev/null"))
  }
}
