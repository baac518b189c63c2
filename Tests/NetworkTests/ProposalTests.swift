import Glibc
import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// What a message proposes is done, in its own words, and the fault is gone; `CheckProposalTests`
  /// do the same with what no namespace can have.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct ProposalTests {
    private let segment: Segment
    private let folder: TemporaryDirectory
    private var machine: LabNode { segment.nodes[0] }
    private var vip: IPAddress { segment.virtualAddress(.ipv4) }

    init() throws {
      segment = try Segment(nodes: 1)
      folder = try TemporaryDirectory()
    }

    private func vipctl(_ arguments: [String]) throws -> CommandResult {
      try machine.namespace.run([VipctlNode.binary] + arguments, within: .seconds(60))
    }

    private func set(_ setting: String, _ value: some CustomStringConvertible) throws {
      try machine.namespace.check(["sysctl", "-qw", "\(setting)=\(value)"])
    }

    // MARK: What a check says

    /// A fault that `vipctl check` tells of.
    private struct Fault {
      /// Words of the message.
      let words: String
      /// The commands of `ip` that make it.
      var links = ""
      /// The settings that make it.
      var settings: [(String, Int)] = []
      /// The router in the file, beside its VRID.
      var router: String
      /// The ways out that the message proposes; each of them is tried.
      let ways: [Way]
    }

    /// The form of a proposal.
    private enum Way {
      /// "set SETTING to VALUE", also "and that of 'all'".
      case setting
      /// "SETTING is …; set it to VALUE".
      case settingNamedBefore
      /// A command of `ip` in quotes.
      case command
      /// Other words in the file: how they are proposed, what they are and what they replace.
      case file(String, String, instead: String)
    }

    /// The remark of a check that has some words in it; `nil` if there is none.
    private func remark(_ words: String, _ router: String) throws -> String? {
      try folder.write("routers: [{vrid: 7, \(router)}]\n", to: "web.yaml")
      let result = try vipctl(["check", folder["web.yaml"]])
      let lines = (result.output + result.errors).split(separator: "\n")
      return lines.first { $0.contains(words) }.map(String.init)
    }

    /// Does what a message proposes.
    ///
    /// - Returns: the router as it is written in the file from now on.
    private func follow(_ message: String, _ way: Way, _ router: String) throws -> String {
      switch way {
      case .setting:
        let match = try #require(
          message.firstMatch(of: #/set (net\.[^ ,;]+)( and that of 'all')? to (\d+)/#), "\(message)"
        )
        let setting = String(match.output.1)
        try set(setting, match.output.3)
        if match.output.2 != nil {
          let parts = setting.split(separator: ".", maxSplits: 3)
          let name = try #require(setting.split(separator: ".").last)
          try set("\(parts[0]).\(parts[1]).\(parts[2]).all.\(name)", match.output.3)
        }
      case .settingNamedBefore:
        let match = try #require(
          message.firstMatch(of: #/(net\.[^ ,;]+) is .*; set it to (\d+)/#), "\(message)")
        try set(String(match.output.1), match.output.2)
      case .command:
        let match = try #require(message.firstMatch(of: #/'(ip [^']+)'/#), "\(message)")
        try machine.namespace.check(match.output.1.split(separator: " ").map(String.init))
      case .file(let proposal, let new, let old):
        #expect(message.hasSuffix(proposal), "\(message)")
        return router.replacing(old, with: new)
      }
      return router
    }

    private var faults: [Fault] {
      let own = "interface: eth0, addresses: [\(vip)/24]"
      let six = segment.virtualAddress(.ipv6)
      let twin = """
        link add eth8 type veth peer name eth9
        link set eth8 up
        link set eth9 up
        address add \(segment.virtualAddress(.ipv4, 77))/24 dev eth9
        """
      // Not every kernel has VLANs: what counts is the dot in the name.
      let dotted = """
        link add link eth0 name eth0.100 type macvlan mode bridge
        link set eth0.100 up
        address add 203.0.113.1/24 dev eth0.100
        address add 203.0.113.9/32 dev lo
        """
      let port = """
        link add br7 type bridge
        link set br7 up
        address add 203.0.113.1/24 dev br7
        link add eth8 type veth peer name eth9
        link set eth8 up
        link set eth9 up master br7
        """
      let all = "net.ipv4.conf.all"
      let eth0 = "net.ipv4.conf.eth0"
      let faults = [
        Fault(
          words: "eth9 answers ARP for the virtual addresses too", links: twin, router: own,
          ways: [.setting]),
        Fault(
          words: "the kernel may drop what comes in on eth0", links: twin,
          settings: [("\(all).rp_filter", 0), ("\(eth0).rp_filter", 1)], router: own,
          ways: [.setting]),
        Fault(
          words: "eth0 answers no ARP for the virtual addresses where", links: twin,
          settings: [("\(all).arp_filter", 1)], router: own, ways: [.setting]),
        Fault(
          words: "eth0 answers no ARP at all", settings: [("\(all).arp_ignore", 8)], router: own,
          ways: [.setting]),
        Fault(
          words: "203.0.113.9 is this machine's own address on lo too", links: dotted,
          router: "interface: eth0.100, addresses: [203.0.113.9/24]", ways: [.setting, .command]),
        Fault(
          words: "advertisements over IPv4 can't be heard",
          settings: [("net.ipv4.igmp_max_memberships", 0)], router: own,
          ways: [.settingNamedBefore]),
        Fault(
          words: "the kernel takes no more automatic ones",
          settings: [
            ("net.ipv6.conf.eth0.autoconf", 1), ("net.ipv6.conf.eth0.accept_ra", 1),
            ("net.ipv6.conf.eth0.max_addresses", 2),
          ], router: "interface: eth0, addresses: [\(six)/64]", ways: [.setting]),
        Fault(
          words: "eth9 is a port of br7", links: port,
          router: "interface: eth9, addresses: [203.0.113.9/24]",
          ways: [.file("serve the addresses on br7", "br7", instead: "eth9")]),
      ]
      return faults + textFaults(own)
    }

    /// Those that nothing on the machine makes.
    private func textFaults(_ own: String) -> [Fault] {
      [
        Fault(
          words: "is the label of an address (an alias)",
          router: own.replacing("eth0", with: "'eth0:1'"),
          ways: [.file("; write eth0", "eth0", instead: "'eth0:1'")]),
        Fault(
          words: "is what it is stacked on", router: own.replacing("eth0", with: "eth0@if2"),
          ways: [.file("; write eth0", "eth0", instead: "eth0@if2")]),
        Fault(
          words: "that names its network",
          router: "interface: eth0, addresses: ['2001:db8:77::9']",
          ways: [.file("as in /64", "::9/64'", instead: "::9'")]),
        Fault(
          words: "has no unit", router: own + ", interval: 1",
          ways: [.file("; write 1s", "interval: 1s", instead: "interval: 1")]),
      ]
    }

    @Test("What a check proposes helps: settings, commands and other words in the file")
    func checks() throws {
      let links = ["eth8", "eth0.100", "br7"]
      for fault in faults {
        for way in fault.ways {
          // Each begins on a machine without faults.
          let settings = try savedSettings()
          try machine.namespace.ip(fault.links.isEmpty ? "link set lo up" : fault.links)
          for (name, value) in fault.settings { try set(name, value) }
          let told = try remark(fault.words, fault.router)
          let message = try #require(told, "no check says '\(fault.words)'")
          let router = try follow(message, way, fault.router)
          let after = try remark(fault.words, router)
          #expect(after == nil, "it does not help: \(message)")
          for link in links { _ = try machine.namespace.run(["ip", "link", "delete", link]) }
          _ = try machine.namespace.run(["ip", "address", "delete", "203.0.113.9/32", "dev", "lo"])
          for (name, value) in settings { try set(name, value) }
        }
      }
    }

    /// The settings that the faults change, as they are.
    private func savedSettings() throws -> [(String, String)] {
      let names =
        ["all", "eth0"].flatMap { interface in
          ["arp_ignore", "arp_filter", "rp_filter"].map { "net.ipv4.conf.\(interface).\($0)" }
        } + ["net.ipv4.igmp_max_memberships", "net.ipv6.conf.eth0.max_addresses"]
      return try names.map { name in
        (name, try machine.namespace.check(["sysctl", "-n", name]).filter { !$0.isWhitespace })
      }
    }

    @Test("The limit of open files that a check names is enough, and so is the lease")
    func numbers() throws {
      func check(openFiles: some StringProtocol, _ node: String) throws -> String {
        try folder.write(
          node + "routers:\n- {vrid: 7, interface: eth0, interval: 10s, addresses: [\(vip)/24]}\n",
          to: "web.yaml")
        let result = try machine.namespace.run([
          "sh", "-c", "ulimit -n \(openFiles) && exec \"$@\"", "sh", VipctlNode.binary, "check",
          folder["web.yaml"],
        ])
        return result.output + result.errors
      }
      let files = try check(openFiles: "100", "")
      let needed = try #require(
        files.firstMatch(of: #/needs up to (\d+); raise LimitNOFILE= or ulimit -n/#), "\(files)")
      #expect(try !check(openFiles: needed.output.1, "").contains("files may be open"))

      let lease = try check(openFiles: "1000", "node: {lease: 2s}\n")
      let shortest = try #require(
        lease.firstMatch(of: #/take at least (\w+), or leave the lease out/#), "\(lease)")
      for node in ["node: {lease: \(shortest.output.1)}\n", ""] {
        let text = try check(openFiles: "1000", node)
        #expect(!text.contains("error: "), "\(text)")
      }
    }

    // MARK: What a start says

    private func up(_ directory: String, _ options: [String] = []) throws -> CommandResult {
      try vipctl(
        [
          "up", "\(vip)/24", "-i", "eth0", "--vrid", "7", "--name", "web", "--interval", "100ms",
          "--no-probe", "--runtime-dir", folder[directory],
        ] + options)
    }

    private func down(_ directory: String) throws {
      let result = try vipctl(["down", "--all", "--runtime-dir", folder[directory]])
      #expect(result.status == 0, "\(result)")
      try eventually("the node is gone") { try machine.namespace.processes().isEmpty }
    }

    /// Lets a start be refused, does what the message proposes, and starts again.
    private func expectHelp(
      _ words: String, _ options: [String] = [], in directory: String = "run",
      _ follow: (String) throws -> String
    ) throws {
      let refused = try up(directory, options)
      #expect(refused.status == 1 && refused.errors.contains(words), "\(refused)")
      let place = try follow(refused.errors)
      let result = try up(place, options)
      #expect(result.status == 0, "it does not help: \(refused.errors)\(result)")
      try down(place)
    }

    @Test("What others have put where a node has its files: removed, or made the user's own")
    func files() throws {
      #expect(mkdir(folder["run"], 0o755) == 0)
      try folder.write("precious", to: "other")
      let faults: [(words: String, make: (String) -> Bool)] = [
        ("no file; remove it", { mkfifo($0, 0o600) == 0 }),
        ("a file with other names (hard links); remove it", { link(folder["other"], $0) == 0 }),
        (
          "owned by user 65534; remove it",
          { path in
            link(folder["strange"], path) == 0 && unlink(folder["strange"]) == 0
          }
        ),
      ]
      for (file, fault) in zip(["vipctl.pid", "vipctl.log", "vipctl.addresses"], faults) {
        let path = folder["run/\(file)"]
        unlink(path)
        try folder.write("", to: "strange")
        #expect(chown(folder["strange"], 65_534, 65_534) == 0)
        #expect(fault.make(path), "\(path)")
        unlink(folder["strange"])
        try expectHelp("\(path) is \(fault.words)") { _ in
          unlink(path)
          return "run"
        }
      }
      #expect(readText(folder["other"]) == "precious")

      try folder.write("", to: "run/other")
      #expect(chmod(folder["run"], 0o1777) == 0)
      try expectHelp("others may write to the directory \(folder["run"]); name one inside it") {
        _ in
        "run/inside"
      }
      #expect(chmod(folder["run"], 0o777) == 0)
      try expectHelp("others may write to the directory") { message in
        let match = try #require(message.firstMatch(of: #/directory (\S+); '(chmod \S+)' it/#))
        try machine.namespace.check(
          match.output.2.split(separator: " ").map(String.init) + [String(match.output.1)])
        return "run"
      }
      for way in ["chown", "name another one"] {
        #expect(chown(folder["run"], 65_534, 65_534) == 0)
        try expectHelp("remove it, chown it or name another one") { message in
          guard way == "chown" else { return "another" }
          let match = try #require(
            message.firstMatch(of: #/directory (\S+) is owned by user 65534, not by (\d+)/#))
          try machine.namespace.check(["chown", String(match.output.2), String(match.output.1)])
          return "run"
        }
      }
    }

    @Test("Another lease than the node's is left out, or the node is ended first")
    func otherLease() throws {
      #expect(try up("run", ["--lease", "3s"]).status == 0)
      let refused = try up("run", ["--lease", "5s"])
      #expect(refused.status == 1 && refused.errors.contains("leave the lease out"), "\(refused)")
      #expect(try up("run").status == 0)
      let way = try #require(refused.errors.firstMatch(of: #/with '(vipctl down --all)'/#))
      let words = way.output.1.split(separator: " ").dropFirst().map(String.init)
      #expect(try vipctl(words + ["--runtime-dir", folder["run"]]).status == 0)
      #expect(try up("run", ["--lease", "5s"]).status == 0)
      try down("run")
    }

    @Test("What is in the way of a virtual MAC address is removed by the command that is named")
    func leftover() throws {
      let link = try machine.namespace.check(["ip", "-o", "link", "show", "eth0"])
      let index = link.prefix { $0 != ":" }
      try machine.namespace.ip("link add vip4-\(index)-7 link eth0 type macvlan mode bridge")
      // It waits for that; the second one only has to see it once.
      let options = ["--virtual-mac", "--timeout"]
      let refused = try up("run", options + ["300ms"])
      #expect(refused.status == 1, "\(refused)")
      #expect(refused.errors.contains("vip4-\(index)-7 is in the way"), "\(refused)")
      let match = try #require(refused.errors.firstMatch(of: #/'(ip link delete [^']+)'/#))
      try machine.namespace.check(match.output.1.split(separator: " ").map(String.init))
      let result = try up("run", options + ["30s"])
      #expect(result.status == 0, "it does not help: \(refused.errors)\(result)")
      try down("run")
    }

    // MARK: What a running node says

    @Test("A route that leads nowhere is removed, and the warning is over")
    func blackhole() throws {
      let six = segment.virtualAddress(.ipv6)
      try machine.namespace.ip("address delete \(machine.ipv6)/64 dev eth0")
      let node = try VipctlNode(on: machine, of: segment, ["\(six)/64"])
      try node.waitUntil(.active)
      func warning() throws -> String? {
        try node.command(["status"]).output.firstMatch(of: #/packets to (\S+) get nowhere/#)
          .map { String($0.output.1) }
      }
      try machine.namespace.ip("route add blackhole \(six)/64")
      let subnet = try eventually("the node warns", detail: { node.process.logTail }) {
        try warning()
      }
      try machine.namespace.ip("route delete blackhole \(subnet)")
      try eventually("it is over", detail: { node.process.logTail }) { try warning() == nil }
      #expect(try machine.holds(six))
    }

    @Test("What keeps the group from being heard is switched off, and the router joins it")
    func unheard() throws {
      let segment = try Segment(nodes: 3)
      let vip = segment.virtualAddress(.ipv4)
      let active = try VipctlNode(on: segment.nodes[0], of: segment, ["\(vip)/24"], priority: 150)
      try active.waitUntil(.active)
      let (closed, strict) = (segment.nodes[1], segment.nodes[2])
      try closed.namespace.check(
        ["nft", "-f", "-"],
        input: "table inet t { chain c { type filter hook input priority 0; "
          + "meta l4proto 112 drop; }; }")
      try strict.namespace.ip(
        "address del \(strict.ipv4)/24 dev eth0\naddress add 203.0.113.2/24 dev eth0")
      try strict.namespace.check(["sysctl", "-qw", "net.ipv4.conf.all.rp_filter=1"])
      func command(_ machine: LabNode, _ words: [String]) -> [String] {
        [VipctlNode.binary] + words + ["--runtime-dir", segment.directory["up-\(machine.name)"]]
      }
      func up(_ machine: LabNode) -> [String] {
        command(
          machine,
          ["up", "\(vip)/24", "-i", "eth0", "--vrid", "51", "--name", "lab", "--interval", "100ms"])
      }
      // At the same time: each goes on asking for as long as a dead peer may answer.
      let refused = try [closed, strict].map { machine in
        try machine.namespace.start(
          up(machine), logPath: segment.directory["up-\(machine.name).log"])
      }
      for process in refused { #expect(process.waitForExit(within: .seconds(60)) == 1) }
      #expect(refused[0].log.contains("; let protocol 112 in on eth0"), "\(refused[0].log)")
      try closed.namespace.check(
        [
          "nft", "insert", "rule", "inet", "t", "c", "iifname", "eth0", "meta", "l4proto", "112",
          "accept",
        ]
      )
      let text = "(rp_filter 1) drops them; give eth0 an address in that network, or switch the "
      #expect(
        refused[1].log.contains(text + "filter off for all and for eth0"), "\(refused[1].log)")
      for name in ["all", "eth0"] {
        try strict.namespace.check(["sysctl", "-qw", "net.ipv4.conf.\(name).rp_filter=0"])
      }
      for machine in [closed, strict] {
        let result = try machine.namespace.run(up(machine), within: .seconds(60))
        #expect(result.status == 0 && result.output.contains("backup"), "\(result)")
        #expect(try !machine.holds(vip))
        #expect(try machine.namespace.run(command(machine, ["down", "--all"])).status == 0)
      }
    }
  }
}
