import Foundation
import Glibc
import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// `up`, `down` and `status` on one machine: what they say is true when they return.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct NodeLifeTests {
    /// A machine and a runtime directory of its own.
    private struct Machine {
      let segment: Segment
      let directory: String
      var node: LabNode { segment.nodes[0] }
      var vip: String { "\(segment.virtualAddress(.ipv4))/24" }

      init() throws {
        segment = try Segment(nodes: 1)
        directory = segment.directory["run"]
      }

      func vipctl(_ arguments: String...) throws -> CommandResult {
        try node.namespace.run([VipctlNode.binary] + arguments + ["--runtime-dir", directory])
      }

      func up(_ options: String...) throws -> CommandResult {
        let all = ["up", vip, "-i", "eth0", "--vrid", "7", "--name", "web", "--interval", "100ms"]
        return try node.namespace.run(
          [VipctlNode.binary] + all + options + ["--runtime-dir", directory])
      }

      func files() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
      }
    }

    @Test("up and down say what is true, twice as well as once")
    func upAndDown() throws {
      let machine = try Machine()
      let before = try machine.node.addresses()
      for _ in 1...2 {
        let result = try machine.up()
        #expect(result.status == 0 && result.errors.isEmpty, "\(result)")
        #expect(result.output.hasPrefix("web ipv4: "))
      }
      try eventually("the address is there") {
        try machine.node.holds(machine.segment.virtualAddress(.ipv4))
      }
      let socket = try FileManager.default.attributesOfItem(
        atPath: machine.directory + "/vipctl.sock")
      #expect(socket[.posixPermissions] as? Int == 0o600)

      let down = try machine.vipctl("down", "web")
      #expect(down.status == 0, "\(down)")
      #expect(try machine.node.addresses() == before)
      #expect(try machine.node.namespace.processes().isEmpty, "no node without routers")
      #expect(try machine.files() == ["vipctl.events", "vipctl.log"])
      #expect(try machine.vipctl("down", "web").status == 69)
      #expect(try machine.vipctl("status").status == 69)
    }

    @Test("two ups at once start one node")
    func twoUps() throws {
      let machine = try Machine()
      let first = try machine.node.namespace.start(
        [
          VipctlNode.binary, "up", machine.vip, "-i", "eth0", "--vrid", "7", "--name", "web",
          "--interval", "100ms", "--runtime-dir", machine.directory,
        ], logPath: machine.segment.directory["first.log"])
      let second = try machine.up()
      #expect(second.status == 0, "\(second)")
      #expect(first.waitForExit(within: .seconds(10)) == 0)
      #expect(try machine.vipctl("down", "--all").status == 0)
    }

    @Test("a dead node's socket and pid file are no obstacle; a living node's are")
    func staleFiles() throws {
      let machine = try Machine()
      #expect(try machine.up().status == 0)
      let pidFile = machine.directory + "/vipctl.pid"
      let text = try String(contentsOfFile: pidFile, encoding: .utf8)
      let pid = try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))

      let second = try machine.vipctl("run", "198.18.250.1", "-i", "eth0", "--vrid", "8")
      #expect(second.status == 1)
      #expect(second.errors.contains("a node (pid \(pid)) already runs on \(machine.directory)"))

      #expect(try machine.node.namespace.processes().contains(pid))
      kill(pid, SIGKILL)
      try eventually("the node is gone") {
        try !machine.node.namespace.processes().contains(pid)
      }
      #expect(try machine.files().contains("vipctl.sock"))
      #expect(try machine.vipctl("status").status == 69)
      let again = try machine.up()
      #expect(again.status == 0, "\(again)")
      #expect(try machine.vipctl("down", "--all").status == 0)
    }

    @Test("files of a running node that others remove come back")
    func removedFiles() throws {
      let machine = try Machine()
      #expect(try machine.up().status == 0)
      let vip = "\(machine.segment.virtualAddress(.ipv4))"
      let list = machine.directory + "/vipctl.addresses"
      for name in ["/vipctl.sock", "/vipctl.pid", "/vipctl.addresses", ""] {
        try FileManager.default.removeItem(atPath: machine.directory + name)
        try eventually("the node's files are there again after the loss of '\(name)'") {
          try machine.vipctl("status").status == 0
            && machine.files().contains("vipctl.pid")
            && (try? String(contentsOfFile: list, encoding: .utf8))?.contains(vip) == true
        }
      }
      let down = try machine.vipctl("down", "--all")
      #expect(down.status == 0, "\(down)")
      #expect(try machine.node.namespace.processes().isEmpty)
    }

    @Test("an interface that is down is waited for, and status says so")
    func interfaceDown() throws {
      let machine = try Machine()
      try machine.node.namespace.ip("link set eth0 down")
      let result = try machine.up("--timeout", "500ms")
      #expect(result.status == 1)
      #expect(result.errors.contains("eth0 is down"))
      #expect(result.errors.split(separator: "\n").count == 1)
      #expect(try machine.vipctl("status").output.contains("eth0 is down"))
      try machine.node.namespace.ip("link set eth0 up")
      try eventually("the router runs by itself") {
        try machine.vipctl("status", "--json").output.contains("\"state\" : \"active\"")
      }
      #expect(try machine.vipctl("down", "--all").status == 0)
    }

    @Test("an up whose router is taken down meanwhile says so, and nothing is left")
    func downDuringUp() throws {
      let machine = try Machine()
      try machine.node.namespace.ip("link set eth0 down")
      let up = try machine.node.namespace.start(
        [
          VipctlNode.binary, "up", machine.vip, "-i", "eth0", "--vrid", "7", "--name", "web",
          "--interval", "100ms", "--timeout", "10m", "--runtime-dir", machine.directory,
        ], logPath: machine.segment.directory["up.log"])
      try eventually("the router waits") {
        try machine.vipctl("status").output.contains("eth0 is down")
      }
      let down = try machine.vipctl("down", "web")
      #expect(down.status == 0, "\(down)")
      #expect(up.waitForExit(within: .seconds(30)) == 1)
      let log = up.log
      #expect(log.hasPrefix("vipctl: ") && log.split(separator: "\n").count == 1, "\(log)")
      #expect(log.contains("web: it was taken down before it took part"), "\(log)")
      #expect(!log.contains("stays configured"), "\(log)")
      try eventually("the node ends") { try machine.node.namespace.processes().isEmpty }
      #expect(try machine.files().filter { !["vipctl.events", "vipctl.log"].contains($0) }.isEmpty)
    }

    @Test("a background node and its guard have the program's name")
    func names() throws {
      let machine = try Machine()
      #expect(try machine.up().status == 0)
      try eventually("both have their names") {
        let pids = try machine.node.namespace.processes()
        return pids.map { readText("/proc/\($0)/comm") }.sorted()
          == ["vipctl\n", "vipctl-guard\n"]
      }
      #expect(try machine.vipctl("down", "--all").status == 0)
    }

    @Test("refusals name the reason, exit 1 and leave nothing", arguments: ["up", "run"])
    func refusals(command: String) throws {
      let machine = try Machine()
      let own = "\(machine.node.ipv4)/24"
      let before = try machine.node.addresses()
      let cases = [
        (["198.18.250.1", "-i", "eth7", "--vrid", "7"], "there is no interface 'eth7'"),
        ([own, "-i", "eth0", "--vrid", "7"], "is eth0's own address"),
      ]
      for (arguments, reason) in cases {
        let result = try machine.node.namespace.run(
          [VipctlNode.binary, command, "--strict"] + arguments
            + ["--runtime-dir", machine.directory])
        #expect(result.status == 1)
        #expect(result.errors.contains(reason), "\(result)")
        #expect(result.errors.split(separator: "\n").count == 1, "\(result)")
      }
      #expect(try machine.files().isEmpty)
      #expect(try machine.node.namespace.processes().isEmpty)
      #expect(try machine.node.addresses() == before)
    }

    @Test("an owner announces its own address and never loses it")
    func owner() throws {
      let machine = try Machine()
      let before = try machine.node.addresses()
      let result = try machine.vipctl(
        "up", "\(machine.node.ipv4)/24", "-i", "eth0", "--vrid", "7", "--priority", "255")
      #expect(result.status == 0, "\(result)")
      #expect(result.output.contains("active"))
      pause(.milliseconds(1500))
      #expect(try machine.node.addresses() == before)
      #expect(try machine.vipctl("down", "--all").status == 0)
      #expect(try machine.node.addresses() == before)
    }

    @Test("a machine with more interfaces than one socket may have groups")
    func manyInterfaces() throws {
      // igmp_max_memberships is 20 by default; one socket an interface does not care.
      let machine = try Machine()
      let namespace = machine.node.namespace
      var arguments = ["routers:"]
      for index in 1...25 {
        try namespace.ip(
          """
          link add many\(index) type veth peer name other\(index)
          addr add 198.19.\(index).1/24 dev many\(index)
          link set many\(index) up
          link set other\(index) up
          """)
        arguments += [
          "  - interface: many\(index)", "    vrid: 9", "    interval: 100ms",
          "    addresses: [198.19.\(index).100/24]",
        ]
      }
      let file = machine.segment.directory["many.yaml"]
      try arguments.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
      let result = try machine.vipctl("up", "--config", file, "--timeout", "2m")
      #expect(result.status == 0, "\(result)")
      try eventually("all 25 hold their address") {
        try namespace.check(["ip", "-4", "-o", "addr", "show", "to", "198.19.0.0/16"])
          .split(separator: "\n").count == 50
      }
      #expect(try machine.vipctl("down", "--all").status == 0)
    }
  }
}
