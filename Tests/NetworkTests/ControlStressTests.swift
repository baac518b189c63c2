import Glibc
import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// Clients of the control socket that are broken, hostile or simply too many: the node goes on
  /// advertising in time, answers those that ask properly, and keeps nothing of the others.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct ControlStressTests {
    private let segment: Segment
    private let vip: IPAddress

    init() throws {
      segment = try Segment(nodes: 1)
      vip = segment.virtualAddress(.ipv4)
    }

    private func socketPath(_ node: VipctlNode) -> String {
      "\(node.runtimeDirectory)/vipctl.sock"
    }

    @Test("Garbage, half requests, huge ones and thousands of connections make nothing late")
    func abuse() throws {
      let node = try VipctlNode(on: segment.nodes[0], of: segment, [vip.description])
      try node.waitUntil(.active)
      let path = socketPath(node)
      let before = try ProcessUse(node.process.pid)
      let capture = try Capture(segment)
      let start = Moment.now

      // Clients that never read, and follow what happens.
      let readers = try (0..<40).map { _ in
        try RawClient(path, saying: "{\"events\":{\"follow\":true}}\n")
      }
      // Clients that never finish.
      let halves = try (0..<60).map { _ in try RawClient(path, saying: "{\"status\":") }
      // Clients that come and go.
      for _ in 0..<3000 { _ = try RawClient(path) }
      for index in 0..<500 {
        let client = try RawClient(path)
        client.send((0..<200).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ index) } + [10])
      }
      // Clients that say too much, with and without an end of it; and what no reader should nest.
      for pattern in ["x", "[", "{\"a\":", "\"\\u0000"] {
        let client = try RawClient(path)
        let block = [UInt8](String(repeating: pattern, count: 65_536 / pattern.utf8.count).utf8)
        for _ in 0..<160 { client.send(block) }
      }
      let large = try (0..<16).map { _ in try RawClient(path) }
      let block = [UInt8](repeating: UInt8(ascii: "7"), count: 65_536)
      for _ in 0..<60 { for client in large { client.send(block, waits: false) } }
      // Things happen meanwhile that the followers would have to be told.
      for _ in 0..<5 {
        #expect(try node.command(["add", "lab", "198.18.250.9"]).status == 0)
        #expect(try node.command(["remove", "lab", "198.18.250.9"]).status == 0)
      }
      let status = try node.command(["status"])
      #expect(status.status == 0, "\(status.errors)")
      // No client had to wait until those that say nothing were given up after ten seconds each.
      #expect(Bound(machine: .seconds(20)).objection(from: start) == nil)
      for client in readers + halves + large { client.close() }
      pause(.seconds(1))

      let adverts = try capture.stop().filter { $0.vrid == 51 }
      #expect(adverts.count > 10)
      #expect(adverts.pauses(over: Bounds.interval + Bounds.margin) == [])
      try eventually("all connections are forgotten") {
        try ProcessUse(node.process.pid).descriptors <= before.descriptors + 1
      }
      let after = try ProcessUse(node.process.pid)
      #expect(after.megabytes < before.megabytes + 64, "\(before) \(after)")
      try node.stop()
    }

    /// None is late by more than a tenth of the interval.
    ///
    /// Work goes on for 0.6 intervals at the most before the node looks at what is due, and begins
    /// with an advertisement ahead of its time if half an interval is over.
    @Test("Requests as long as they may be make no advertisement late", arguments: Programs.all)
    func longRequests(program: String) throws {
      // What is not optimised takes several times as long.
      let interval = Duration.seconds(program == Programs.release ? 1 : 2)
      let bound = Bound(interval / 2, machine: interval * 0.6 + .milliseconds(20))
      let node = try VipctlNode(
        on: segment.nodes[0], of: segment, [vip.description],
        interval: program == Programs.release ? "1s" : "2s", program: program)
      try node.waitUntil(.active)
      let capture = try Capture(segment)
      let addresses = (0..<60_000).map { "\"10.\($0 >> 16).\($0 >> 8 & 255).\($0 & 255 | 1)/8\"" }
      let words = [String](repeating: "\"lab\"", count: 180_000)
      let others = (0..<180_000).map { "\"10.\($0 >> 16).\($0 >> 8 & 255).\($0 & 255)\"" }
      let start = Moment.now
      let requests = [
        #"{"add":{"router":"lab","addresses":[\#(addresses.joined(separator: ","))]}}"#,
        #"{"remove":{"router":"lab","addresses":[\#(others.joined(separator: ","))]}}"#,
        #"{"dryRun":{"_0":{"down":{"_0":[\#(words.joined(separator: ","))]}}}}"#,
        #"{"dryRun":{"_0":{"down":{"_0":["lab",\#(others.joined(separator: ","))]}}}}"#,
        #"{"down":{"_0":[\#(others.joined(separator: ","))]}}"#,
      ].map { [UInt8]("\($0)\n".utf8) }
      // Again and again, so that they come at any moment of an interval.
      repeat {
        for request in requests {
          let client = try RawClient(socketPath(node))
          client.send(request)
          var entry = pollfd(fd: client.descriptor, events: Int16(POLLIN), revents: 0)
          #expect(poll(&entry, 1, 60_000) == 1, "an answer")
          client.close()
        }
      } while Moment.now - start < interval * 5
      let taken = Moment.now - start
      let adverts = try capture.stop().filter { $0.vrid == 51 }
      #expect(adverts.count >= 4, "\(taken)")
      #expect(adverts.pauses(over: bound) == [], "of \(taken)")
      #expect(try node.routers()?.allSatisfy { $0.state == .active } == true)
      try node.stop()
    }

    @Test("A node without descriptors neither spins nor falls silent")
    func noDescriptors() throws {
      let node = try VipctlNode(on: segment.nodes[0], of: segment, [vip.description])
      try node.waitUntil(.active)
      let use = try ProcessUse(node.process.pid)
      try node.node.namespace.check([
        "prlimit", "--pid", "\(node.process.pid)", "--nofile=\(use.descriptors + 5):",
      ])
      let clients = try (0..<100).map { _ in try RawClient(socketPath(node), saying: "{") }
      pause(.milliseconds(300))
      let capture = try Capture(segment)
      let start = try ProcessUse(node.process.pid)
      pause(.seconds(2))
      let end = try ProcessUse(node.process.pid)
      #expect(end.processorTime - start.processorTime < .seconds(1), "\(start) \(end)")
      let adverts = try capture.stop().filter { $0.vrid == 51 }
      #expect(adverts.count > 10)
      #expect(adverts.pauses(over: Bounds.interval + Bounds.margin) == [])
      for client in clients { client.close() }
      try eventually("it answers again") { try node.command(["status"]).status == 0 }
      try node.stop()
    }

    @Test("Strangers are refused, by the file's mode and by the node itself")
    func strangers() throws {
      let node = try VipctlNode(on: segment.nodes[0], of: segment, [vip.description])
      try node.waitUntil(.active)
      let path = socketPath(node)
      let asNobody = [
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", VipctlNode.binary, "status",
        "--runtime-dir", node.runtimeDirectory,
      ]
      // The way to the socket is open to all; the socket itself is not.
      for folder in [segment.directory.path, node.runtimeDirectory] {
        try #require(chmod(folder, 0o755) == 0)
      }
      var file = stat()
      try #require(stat(path, &file) == 0)
      #expect(file.st_mode & 0o777 == 0o600)
      let refused = try node.node.namespace.run(asNobody)
      #expect(refused.status == 77)
      #expect(refused.errors.contains("permission denied on \(path)"), "\(refused.errors)")
      // The file is opened to all: the node looks at the user that asks.
      try #require(chmod(path, 0o666) == 0)
      let unheard = try node.node.namespace.run(asNobody)
      #expect(unheard.status == 69 && unheard.output.isEmpty, "\(unheard.errors)")
      #expect(try node.command(["status"]).status == 0)
      try node.stop()
    }

    @Test("A node that hangs keeps no client waiting without end")
    func frozen() throws {
      let node = try VipctlNode(
        on: segment.nodes[0], of: segment, [vip.description], ["--no-guard"])
      try node.waitUntil(.active)
      node.process.signal(SIGSTOP)
      defer { node.process.signal(SIGCONT) }
      // More than the kernel's queue of those that wait to be let in.
      let waiting = (0..<200).compactMap { _ in
        try? RawClient(socketPath(node), waits: false)
      }
      let result = try node.command(["status"])
      #expect(result.status == 1)
      #expect(result.errors.contains("does not answer in time"), "\(result.errors)")
      withExtendedLifetime(waiting) {}
    }
  }
}

/// What a process has taken of the machine.
private struct ProcessUse {
  let descriptors: Int
  let megabytes: Int
  let processorTime: Duration

  init(_ pid: pid_t) throws {
    descriptors =
      Int(
        try check(["sh", "-c", "ls /proc/\(pid)/fd | wc -l"]).filter(\.isNumber)) ?? 0
    let pages = readText("/proc/\(pid)/statm").split(separator: " ")
    megabytes = (pages.count > 1 ? Int(pages[1]) ?? 0 : 0) * 4096 >> 20
    // The fields after the name, which is in parentheses.
    let fields = readText("/proc/\(pid)/stat").split(separator: ")").last?.split(separator: " ")
    let ticks = [11, 12].compactMap { index in fields.flatMap { Int($0[index]) } }.reduce(0, +)
    processorTime = .milliseconds(ticks * 10)
  }
}

/// A connection to a control socket that minds no manners.
private final class RawClient {
  private(set) var descriptor: Int32

  init(_ path: String, saying text: String = "", waits: Bool = true) throws {
    let type = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | (waits ? 0 : SOCK_NONBLOCK.rawValue)
    descriptor = socket(AF_UNIX, Int32(type), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else {
      let code = errno
      close()
      throw LabError("no client is let in: \(String(cString: strerror(code)))")
    }
    if !text.isEmpty { send([UInt8](text.utf8)) }
  }

  deinit { close() }

  /// Sends what the other end takes; that it may have hung up is its right.
  func send(_ bytes: [UInt8], waits: Bool = true) {
    let flags = MSG_NOSIGNAL | (waits ? 0 : MSG_DONTWAIT)
    _ = Glibc.send(descriptor, bytes, bytes.count, Int32(flags))
  }

  func close() {
    guard descriptor >= 0 else { return }
    Glibc.close(descriptor)
    descriptor = -1
  }
}
