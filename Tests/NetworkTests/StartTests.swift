import Foundation
import Glibc
import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// A start is not all or nothing: what can run runs, and the rest waits and says so.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct StartTests {
    private let segment: Segment
    private var machine: LabNode { segment.nodes[0] }

    init() throws { segment = try Segment(nodes: 2) }

    private func vip(_ index: UInt8 = 100) -> IPAddress { segment.virtualAddress(.ipv4, index) }

    /// A file with a router that has nothing in its way, and others.
    private func file(_ others: [String], node: String = "lease: 3s") -> String {
      let routers = [router("good", 51, "\(vip())/24")] + others
      return "node: {\(node)}\nrouters:\n" + routers.map { "- {\($0)}\n" }.joined()
    }

    private func router(
      _ name: String, _ vrid: Int, _ addresses: String, on interface: String = "eth0"
    ) -> String {
      "name: \(name), interface: \(interface), vrid: \(vrid), interval: 100ms, "
        + "addresses: [\(addresses)]"
    }

    private func start(_ others: [String], node: String = "lease: 3s") throws -> VipctlNode {
      try VipctlNode(on: machine, of: segment, configuration: file(others, node: node))
    }

    /// Waits until a router is in a state, and the reason has a text in it.
    private func expect(
      _ node: VipctlNode, _ router: String, _ state: VipctlNode.State, _ text: String = "",
      within limit: Duration = .seconds(20)
    ) throws {
      try eventually(
        "\(router) is \(state.rawValue): \(text)", within: limit, poll: .milliseconds(50),
        detail: {
          node.process.logTail + ((try? node.command(["status"]).output) ?? "")
        }
      ) {
        try node.process.requireRunning()
        let rows = try node.command(["status", "-o", "wide"]).output.split(separator: "\n")
        let word = state == .initialize ? "fault" : state.rawValue
        return rows.contains { row in
          row.hasPrefix("\(router) ") && (text.isEmpty || row.contains(text))
            && ["", "!"].contains { row.contains(" \(word)\($0) ") }
        }
      }
    }

    private func run(_ arguments: [String]) throws -> CommandResult {
      try machine.namespace.run(
        [VipctlNode.binary] + arguments, within: .seconds(60))
    }

    @Test(
      "An interface that comes late, or whose IPv6 or address is missing, keeps no other from serving"
    )
    func interfaces() throws {
      let six = segment.virtualAddress(.ipv6)
      let others = [
        router("late", 52, "203.0.113.100/24", on: "late0"),
        router("both", 53, "\(vip(101))/24, \(six)/64"),
      ]
      try machine.namespace.check(["sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=1"])
      let node = try start(others)
      try expect(node, "good", .active)
      try expect(node, "late", .initialize, "interface late0 does not exist")
      try expect(node, "both", .active)
      try expect(node, "both", .initialize, "IPv6 is switched off on eth0")
      #expect(try machine.holds(vip()))

      // A check of the same file knows what waits, and a reload takes it.
      let check = try run(["check", node.configurationPath])
      #expect(check.status == 0, "\(check)")
      #expect(check.errors.contains(":4:27: waits: there is no interface 'late0'"), "\(check)")
      #expect(check.errors.contains(" waits: IPv6 is switched off on eth0"), "\(check)")
      #expect(!check.errors.contains("error: "), "\(check)")
      let strict = try run(["check", "--strict", node.configurationPath])
      #expect(strict.status == 1 && strict.errors.contains("2 parts would wait"), "\(strict)")
      #expect(try node.command(["reload"]).status == 0)

      try machine.namespace.check(["sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=0"])
      try eventually("the router of IPv6 serves") { try machine.holds(six) }
      try machine.namespace.ip(
        "link add late0 type veth peer name late1\nlink set late1 up\nlink set late0 up")
      try expect(node, "late", .initialize, "late0 has no IPv4 address to send from")
      try machine.namespace.ip("address add 203.0.113.1/24 dev late0")
      try expect(node, "late", .active)
      try node.stop()

      try machine.namespace.ip("link delete late0")
      let before = try machine.addresses()
      let refused = try run([
        "run", "--strict", "--config", node.configurationPath, "--runtime-dir",
        node.runtimeDirectory,
      ])
      #expect(refused.status == 1 && refused.errors.contains("there is no interface 'late0'"))
      #expect(refused.errors.split(separator: "\n").count == 1, "\(refused)")
      #expect(try machine.addresses() == before)
    }

    @Test("What another program or machine has is waited for by its router alone")
    func addresses() throws {
      let stranger = segment.nodes[1]
      try machine.namespace.ip("address add \(vip(101))/32 dev eth0")
      try stranger.namespace.ip("address add \(vip(102))/24 dev eth0")
      let node = try start([
        router("left", 52, "\(vip(101))/24"), router("taken", 53, "\(vip(102))/24"),
      ])
      try expect(node, "good", .active)
      try expect(node, "left", .initialize, "\(vip(101)) is eth0's own address")
      try expect(node, "taken", .initialize, "\(stranger.mac)")
      #expect(try machine.holds(vip()) && !machine.holds(vip(102)))
      try machine.namespace.ip("address delete \(vip(101))/32 dev eth0")
      try expect(node, "left", .active)
      try stranger.namespace.ip("address delete \(vip(102))/24 dev eth0")
      // It asks again half a minute after a refusal.
      try expect(node, "taken", .active, within: .seconds(90))
      #expect(try machine.holds(vip(102)))
      try node.stop()
    }

    @Test("A node serves without its files, says so, and has them as soon as it can")
    func files() throws {
      let folder = try TemporaryDirectory()
      let others = [router("other", 52, "\(vip(101))/24")]
      try folder.write(
        file(others, node: "events: {fifo: \(folder["events"])}"), to: "web.yaml")
      try folder.write("precious", to: "events")
      #expect(mkdir(folder["rt"], 0o755) == 0 && chown(folder["rt"], 65_534, 65_534) == 0)
      let process = try machine.namespace.start(
        [
          VipctlNode.binary, "run", "--config", folder["web.yaml"], "--runtime-dir", folder["rt"],
        ], logPath: folder["log"])
      try eventually("it serves", detail: { process.log }) {
        try machine.holds(vip()) && machine.holds(vip(101))
      }
      #expect(process.log.contains("is owned by user 65534"), "\(process.log)")
      #expect(process.log.contains("can't be asked or told anything"), "\(process.log)")
      #expect(process.log.contains("is there already and no FIFO of ours"), "\(process.log)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder["rt"]).isEmpty)
      let second = try run([
        "run", "--config", folder["web.yaml"], "--runtime-dir", folder["rt"], "--strict",
      ])
      #expect(second.status == 1, "\(second)")

      #expect(chown(folder["rt"], 0, 0) == 0)
      func status() throws -> CommandResult {
        try run(["status", "--runtime-dir", folder["rt"]])
      }
      try eventually("it can be asked", within: .seconds(30), detail: { process.log }) {
        try status().status == 0
      }
      let shown = try status().output
      #expect(shown.contains("! node: events: "), "\(shown)")
      try eventually("it has noted its addresses", detail: { process.log }) {
        readText(folder["rt/vipctl.addresses"]).contains("\(vip(101))/24")
      }
      #expect(readText(folder["events"]) == "precious")
      unlink(folder["events"])
      try eventually("the pipe is there", within: .seconds(30), detail: { process.log }) {
        try !status().output.contains("! node: events: ")
      }
      var kind = stat()
      #expect(lstat(folder["events"], &kind) == 0 && kind.st_mode & S_IFMT == S_IFIFO)
      #expect(try run(["down", "--all", "--runtime-dir", folder["rt"]]).status == 0)
      process.signal(SIGTERM)
      #expect(process.waitForExit(within: .seconds(20)) == 0)
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder["rt"]) == ["vipctl.events"])
    }

    @Test("A list of addresses that can't be believed keeps nothing from being served")
    func addressList() throws {
      let folder = segment.directory["run-\(machine.name)"]
      #expect(mkdir(folder, 0o755) == 0 && mkfifo(folder + "/vipctl.addresses", 0o600) == 0)
      let node = try start([])
      try expect(node, "good", .active)
      #expect(node.process.log.contains("vipctl.addresses is no file"), "\(node.process.log)")
      // The list is the node's own from now on.
      #expect(readText(folder + "/vipctl.addresses").contains("\(vip())/24"))
      try node.stop()
    }

    @Test("Kinds and names of interfaces: served, or refused with what to use instead")
    func kinds() throws {
      let name = "an-alternative-name-of-eth0"
      try machine.namespace.ip(
        """
        link property add dev eth0 altname \(name)
        link add br7 type bridge
        link set br7 up
        link add pt0 type veth peer name pt1
        link set pt1 up
        link set pt0 up
        address add 203.0.113.1/24 dev pt0
        link set pt0 master br7
        tuntap add dev tun7 mode tun
        link set tun7 up
        address add 203.0.113.65/26 dev tun7
        """)
      let refusals = [
        ("eth0:1", 64, "write eth0"), ("lo", 1, "lo is a loopback interface"),
        ("tun7", 1, "tun7 is no Ethernet interface"), ("pt0", 1, "pt0 is a port of br7"),
      ]
      let directory = segment.directory["kinds"]
      for (interface, code, text) in refusals {
        for command in [["up"], ["up", "--dry-run"], ["run", "--strict"]] {
          let result = try run(
            command + [
              "203.0.113.9/24", "-i", interface, "--vrid", "9", "--runtime-dir", directory,
            ])
          #expect(result.status == code && result.errors.contains(text), "\(command) \(result)")
          #expect(result.errors.split(separator: "\n").count <= 2, "\(command) \(result)")
        }
      }
      let node = try start([
        router("named", 52, "\(vip(101))/24", on: name),
        router("tunnel", 53, "203.0.113.70/26", on: "tun7"),
        router("port", 54, "203.0.113.9/24", on: "pt0"),
      ])
      try expect(node, "good", .active)
      try expect(node, "named", .active)
      #expect(try machine.holds(vip(101)))
      try expect(node, "tunnel", .initialize, "tun7 is no Ethernet interface")
      try expect(node, "port", .initialize, "pt0 is a port of br7")
      try machine.namespace.ip("link set pt0 nomaster")
      try expect(node, "port", .active)
      try machine.namespace.ip("link set pt0 master br7")
      try expect(node, "port", .initialize, "pt0 is a port of br7")
      try machine.namespace.ip("link property del dev eth0 altname \(name)")
      try expect(node, "named", .initialize, "interface \(name) does not exist")
      try eventually("its address is gone") { try !machine.holds(vip(101)) }
      try machine.namespace.ip("link property add dev eth0 altname \(name)")
      try expect(node, "named", .active)
      try node.stop()
      #expect(try !machine.holds(vip(101)))
    }

    @Test("What a check warns of is in the log and the status, until it is over")
    func warnings() throws {
      let setting = "net.ipv4.conf.eth0.arp_ignore"
      try machine.namespace.check(["sysctl", "-qw", "\(setting)=8"])
      let node = try start([])
      try expect(node, "good", .active)
      let text = "eth0 answers no ARP at all"
      try eventually("the status says it", detail: { node.process.logTail }) {
        try node.command(["status"]).output.contains("! good ipv4: \(text)")
      }
      #expect(node.process.log.contains("level=warning router=good family=ipv4 msg=\"\(text)"))
      try machine.namespace.check(["sysctl", "-qw", "\(setting)=0"])
      #expect(try node.command(["reload"]).status == 0)
      try eventually("it is over", detail: { node.process.logTail }) {
        try !node.command(["status"]).output.contains(text)
      }
      #expect(node.process.log.contains("over: \(text)"))
      try node.stop()
    }

    @Test("A router that is asked for by hand is refused, or waits if that is asked for")
    func byHand() throws {
      let directory = segment.directory["hand"]
      func up(_ options: [String]) throws -> CommandResult {
        try run(
          [
            "up", "203.0.113.100/24", "-i", "late0", "--vrid", "9", "--name", "web", "--interval",
            "100ms", "--timeout", "300ms", "--runtime-dir", directory,
          ] + options)
      }
      let refused = try up([])
      #expect(refused.status == 1 && refused.errors.contains("there is no interface 'late0'"))
      #expect(try machine.namespace.processes().isEmpty, "nothing has been started for it")
      let waiting = try up(["--no-strict"])
      #expect(waiting.status == 1, "\(waiting)")
      #expect(
        waiting.errors.contains(
          "interface late0 does not exist; the router stays configured and starts when that is over"
        ),
        "\(waiting)")
      try machine.namespace.ip(
        """
        link add late0 type veth peer name late1
        link set late1 up
        link set late0 up
        address add 203.0.113.1/24 dev late0
        """)
      try eventually("it serves") { try machine.addresses().contains("late0 203.0.113.100/24") }
      #expect(try run(["down", "--all", "--runtime-dir", directory]).status == 0)
    }
  }
}
