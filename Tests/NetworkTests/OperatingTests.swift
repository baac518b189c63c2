import Foundation
import Glibc
import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// Watching a node from outside: events, metrics, check, the watch, the service manager.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct OperatingTests {
    private let segment: Segment
    private let vip: IPAddress

    init() throws {
      segment = try Segment(nodes: 1)
      vip = segment.virtualAddress(.ipv4)
    }

    private var configuration: String {
      """
      routers:
        - { name: lab, interface: eth0, vrid: 51, interval: 100ms, addresses: [\(vip)/24] }

      """
    }

    @Test("Events are told as they come, and remembered")
    func events() throws {
      let node = try VipctlNode(on: segment.nodes[0], of: segment, [vip.description])
      try node.waitUntil(.active)
      let follower = try node.node.namespace.start(
        [
          VipctlNode.binary, "events", "--follow", "--json", "--runtime-dir",
          node.runtimeDirectory,
        ], logPath: segment.directory["events.log"])
      let second = segment.virtualAddress(.ipv4, 101)
      // Until the follower is there, nothing is told.
      try eventually("the event is told") {
        for command in ["add", "remove"] {
          let result = try node.command([command, "lab", "\(second)"])
          #expect(result.status == 0, "\(result)")
        }
        return follower.log.contains("\"event\":\"changed\"")
      }
      try node.stop()
      #expect(follower.waitForExit(within: .seconds(5)) == 0)
      struct Event: Decodable {
        let sequence: Int
        let event: String
        let router: String
        let state: String?
      }
      let told = try follower.log.split(separator: "\n").map {
        try JSONDecoder().decode(Event.self, from: Data($0.utf8))
      }
      let events = told.map(\.event)
      #expect(events.first == "changed", "\(follower.log)")
      #expect(
        events.drop { $0 == "changed" } == ["transition", "settled", "removed"], "\(follower.log)")
      #expect(told.last { $0.event == "settled" }?.state == "stop")
      #expect(zip(told, told.dropFirst()).allSatisfy { $0.sequence + 1 == $1.sequence })
    }

    @Test("What has happened can be asked for later; metrics tell the state")
    func history() throws {
      let node = try VipctlNode(on: segment.nodes[0], of: segment, [vip.description])
      try node.waitUntil(.active)
      let all = try node.command(["events"]).output.split(separator: "\n")
      #expect(all.first?.contains(" node: started: vipctl ") == true, "\(all)")
      let lines = all.filter { $0.contains(" lab ipv4: ") }
      #expect(lines.count == 2, "\(all)")
      #expect(lines.last?.contains("lab ipv4: backup → active: no advertisement from") == true)
      let metrics = try node.command(["metrics"]).output
      #expect(
        metrics.contains(
          "vipctl_router_state{router=\"lab\",interface=\"eth0\",vrid=\"51\",family=\"ipv4\","
            + "state=\"active\"} 1\n"))
    }

    @Test("A check says what would happen and changes nothing")
    func check() throws {
      let node = segment.nodes[0]
      let before = try node.addresses()
      try segment.directory.write(configuration, to: "good.yaml")
      let command = [VipctlNode.binary, "check", segment.directory["good.yaml"]]
      let good = try node.namespace.run(command)
      #expect(good.status == 0 && good.errors.isEmpty, "\(good.errors)")
      #expect(good.output.contains("lab ipv4: VRID 51 on eth0 from \(node.ipv4), VRRPv3"))
      try segment.directory.write(
        configuration.replacing("eth0", with: "eth9"), to: "good.yaml")
      let misfit = try node.namespace.run(command)
      #expect(misfit.status == 0)
      #expect(misfit.errors.contains("good.yaml:2:29: waits: there is no interface 'eth9'"))
      try segment.directory.write(
        configuration.replacing("eth0", with: "lo"), to: "good.yaml")
      let senseless = try node.namespace.run(command)
      #expect(senseless.status == 1)
      #expect(senseless.errors.contains("good.yaml:2:29: error: lo is a loopback interface"))
      try segment.directory.write("routers:\n- vird: 1\n", to: "good.yaml")
      let bad = try node.namespace.run(command)
      #expect(bad.status == 65 && bad.output.isEmpty)
      #expect(bad.errors.contains("good.yaml:2:3: unknown key 'vird'"))
      #expect(try node.addresses() == before)
    }

    @Test("A check asks the segment what is in the way, and changes nothing")
    func probe() throws {
      let segment = try Segment(nodes: 3)
      let vip = segment.virtualAddress(.ipv4)
      let (here, peer, stranger) = (segment.nodes[0], segment.nodes[1], segment.nodes[2])
      let other = segment.virtualAddress(.ipv6)
      let file = { (addresses: String) in
        "routers:\n- {name: lab, interface: eth0, vrid: 51, interval: 100ms, addresses: [\(addresses)]}\n"
      }
      try segment.directory.write(file("\(vip)/24, \(other)/64"), to: "lab.yaml")
      let command = [VipctlNode.binary, "check", "--probe", segment.directory["lab.yaml"]]
      let before = try here.addresses()
      let alone = try here.namespace.run(command)
      #expect(alone.status == 0 && alone.errors.isEmpty, "\(alone.errors)")
      #expect(alone.output.hasSuffix("eth0: probed for 2 addresses, no other machine is there\n"))

      let node = try VipctlNode(on: peer, of: segment, ["\(vip)/24", "\(other)/64"])
      try node.waitUntil(.active)
      let group = try here.namespace.run(command)
      #expect(group.status == 0 && group.errors.isEmpty, "\(group.errors)")
      for (address, source) in [(vip, "\(peer.ipv4)"), (other, "\(peer.linkLocal)")] {
        #expect(
          group.output.contains(
            "  lab: \(address) is at \(peer.mac), which is the group's \(source)\n"),
          "\(group.output)")
      }
      // On the holder itself no other machine is there either.
      let holder = try peer.namespace.run(command)
      #expect(holder.status == 0, "\(holder.errors)")
      try node.stop()

      try stranger.namespace.ip(
        "address add \(vip)/24 dev eth0\naddress add \(other)/64 dev eth0 nodad")
      let conflict = try here.namespace.run(command)
      #expect(conflict.status == 1)
      let path = segment.directory["lab.yaml"]
      let lines = conflict.errors.split(separator: "\n").map(String.init)
      try #require(lines.count == 3, "\(conflict.errors)")
      #expect(
        lines[0].hasPrefix(
          "\(path):2:71: conflict: \(vip) is used by the machine with Ethernet address "
            + "\(stranger.mac), from which no VRRPv3 for VRID 51 is heard"))
      #expect(lines[1].contains(": conflict: \(other) is used by the machine with"))
      #expect(
        lines[2] == "vipctl: \(path): 2 conflicts with other machines on the segment")
      #expect(try here.addresses() == before)

      let powerless = try here.namespace.run(["setpriv", "--bounding-set=-net_raw"] + command)
      #expect(powerless.status == 77 && powerless.output.isEmpty, "\(powerless.errors)")
      #expect(powerless.errors.hasPrefix("vipctl: CAP_NET_RAW is missing; use sudo"))
    }

    @Test("The JSON of a status is what its schema says, and has no key that the schema lacks")
    func schema() throws {
      let segment = try Segment(nodes: 3)
      let addresses = AddressFamily.allCases.map { "\(segment.virtualAddress($0))" }
      let high = try VipctlNode(
        on: segment.nodes[0], of: segment,
        configuration: """
          routers:
            - { name: lab, interface: eth0, vrid: 51, priority: 150, interval: 100ms,
                addresses: [\(addresses.joined(separator: ", "))], on: { active: [/bin/true] } }

          """)
      try high.waitUntil(.active)
      let low = try VipctlNode(
        on: segment.nodes[1], of: segment, addresses, ["--no-guard", "--virtual-mac"])
      try low.waitUntil(.backup)
      // Something in each list: a peer, a conflict, a warning.
      try segment.nodes[2].namespace.check([
        VipctlNode.binary, "announce", addresses[0], "-i", "eth0", "--count", "2",
      ])
      try eventually("there is something to tell") {
        let texts = try [high, low].map { try $0.command(["status", "--json"]).output }
        return texts[0].contains("\"mac\"") && texts[0].contains("\"hooks\"")
          && texts[1].contains("\"isActive\" : true")
      }
      var files: [String] = []
      for (index, node) in [high, low].enumerated() {
        let status = try node.command(["status", "--json"]).output
        #expect(status.contains("\"warnings\""))
        try segment.directory.write(status, to: "status\(index).json")
        files.append(segment.directory["status\(index).json"])
      }
      #expect(try StatusSchema.objection(to: files) == nil)
      // The validator does see what is wrong.
      let broken = readText(files[0]).replacing("\"active\",", with: "\"master\",")
      try segment.directory.write(broken, to: "broken.json")
      let objection = try StatusSchema.objection(to: [segment.directory["broken.json"]])
      #expect(objection?.contains("master") == true)
    }

    @Test("A shell is offered the names of what runs, at once, and nothing where nothing runs")
    func completions() throws {
      let node = try VipctlNode(
        on: segment.nodes[0], of: segment, ["\(vip)/24"])
      try node.waitUntil(.active)
      func offered(_ command: String, _ place: String, _ words: String) throws -> [Substring] {
        let typed = words.split(separator: " ").map(String.init)
        let result = try node.command(
          ["---completion", command, "--", place, "\(typed.count - 1)", "0"] + typed)
        #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
        return result.output.split(separator: "\n")
      }
      #expect(try offered("status", "positional@0", "vipctl status l") == ["lab"])
      #expect(try offered("down", "positional@0", "vipctl down l") == ["lab", "\(vip)"])
      #expect(try offered("remove", "positional@1", "vipctl remove lab 1") == ["\(vip)"])
      #expect(try offered("up", "--interface", "vipctl up -i e") == ["eth0"])
      node.process.signal(SIGSTOP)
      let start = Moment.now
      #expect(try offered("status", "positional@0", "vipctl status l") == [])
      #expect(Bound(machine: .seconds(5)).objection(from: start) == nil)
      node.process.signal(SIGCONT)
      try node.stop()
      #expect(try offered("status", "positional@0", "vipctl status l") == [])
    }

    @Test("The watch fits a pane of tmux, also when that is resized")
    func tmux() throws {
      let routers = (1...40).map { number in
        "- {name: r\(number), interface: eth0, vrid: \(number), probe: false, "
          + "addresses: [\(segment.virtualAddress(.ipv4, UInt8(100 + number)))/24]}"
      }
      let node = try VipctlNode(
        on: segment.nodes[0], of: segment,
        configuration: "routers:\n" + routers.joined(separator: "\n") + "\n")
      try eventually("it runs") { try node.routers()?.count == 40 }
      let socket = segment.directory["tmux"]
      func tmux(_ arguments: [String]) throws -> String {
        let result = try node.node.namespace.run(
          ["env", "-u", "TMUX", "TERM=xterm", "tmux", "-f", "/dev/null", "-S", socket] + arguments)
        guard result.status == 0 else { throw LabError("tmux \(arguments): \(result.errors)") }
        return result.output
      }
      _ = try tmux([
        "new-session", "-d", "-x", "100", "-y", "15", "/bin/sh", "-c",
        // Ctrl-C reaches the shell too, which need not survive it.
        "trap : INT; \(VipctlNode.binary) status --watch --runtime-dir \(node.runtimeDirectory); "
          + "echo ended $?; exec sleep 60",
      ])
      defer { _ = try? tmux(["kill-server"]) }
      func screen() throws -> [String] {
        try tmux(["capture-pane", "-p"]).split(separator: "\n").map(String.init)
      }
      try eventually("the table is there") { try screen().first?.hasPrefix("NAME ") == true }
      for (width, height) in [(100, 15), (60, 10), (38, 6), (120, 30)] {
        _ = try tmux(["resize-window", "-x", "\(width)", "-y", "\(height)"])
        // It is drawn once a second.
        _ = try? eventually("it is drawn again") {
          let lines = try screen()
          return lines.first?.hasPrefix("NAME ") == true && lines.count == height - 1
            && lines.last?.hasPrefix("… and \(40 - (height - 3)) more: ") == true
        }
        let lines = try screen()
        #expect(lines.first?.hasPrefix("NAME ") == true, "\(lines)")
        #expect(lines.count == height - 1, "\(lines)")
        #expect(lines.count { $0.hasPrefix("NAME ") } == 1)
        let more = lines.last?.hasPrefix("… and \(40 - (height - 3)) more: ")
        #expect(more == true, "\(lines)")
      }
      _ = try tmux(["send-keys", "C-c"])
      try eventually("it ends") {
        try screen().contains { $0.hasSuffix("ended 0") }
      }
      #expect(try tmux(["display-message", "-p", "#{cursor_flag}"]) == "1\n")
      // The last table stays above what follows.
      #expect(try screen().dropLast().last?.hasPrefix("… and ") == true)
    }

    @Test("A dry run says what the real one does, and changes nothing")
    func dryRun() throws {
      let node = segment.nodes[0]
      let runtime = segment.directory["dry"]
      let before = try node.addresses()
      func vipctl(_ words: String) throws -> CommandResult {
        try node.namespace.run(
          [VipctlNode.binary] + words.split(separator: " ").map(String.init)
            + ["--runtime-dir", runtime])
      }
      let settings = "up \(vip)/24 -i eth0 --vrid 51 --name lab --interval 100ms"
      let first = try vipctl(settings + " --dry-run")
      #expect(first.status == 0 && first.errors.isEmpty, "\(first.errors)")
      #expect(
        first.output == "a node would be started in the background on \(runtime)\nlab: added\n")
      #expect(!FileManager.default.fileExists(atPath: runtime))
      // It refuses in the same words.
      for words in [
        "up \(node.ipv4)/24 -i eth0 --vrid 51", "up \(vip)/24 -i eth9 --vrid 51",
        "up \(vip)/24 -i eth0 --vrid 51 --interval 10s --lease 3s",
      ] {
        let trial = try vipctl(words + " --dry-run")
        let real = try vipctl(words)
        #expect(trial.status == 1 && trial.errors == real.errors, "\(words)")
        #expect(trial.output.isEmpty && real.status == 1)
      }

      try #require(try vipctl(settings).status == 0)
      defer { _ = try? vipctl("down --all") }
      try eventually("it holds the address") { try node.holds(vip) }
      #expect(try vipctl(settings + " --dry-run").output == "nothing would change\n")
      #expect(
        try vipctl(settings + " --priority 42 --dry-run").output == "lab: priority 100 → 42\n")
      #expect(try vipctl("down \(vip) --dry-run").output == "lab: down\n")
      #expect(try vipctl("down --all --dry-run").output == "lab: down\n")
      let unknown = try vipctl("down web --dry-run")
      #expect(try unknown.status == 1 && unknown.errors == vipctl("down web").errors)
      #expect(try node.holds(vip))
      #expect(try vipctl("status --json").output.contains("\"priority\" : 100,"))
      #expect(try vipctl("down \(vip)").output == "lab: down\n")
      #expect(try node.addresses() == before)
    }

    @Test("A reload tells of the lease, refuses one that is too short, and can be tried")
    func reload() throws {
      let file = "vipctl-\(segment.nodes[0].name).yaml"
      let node = try VipctlNode(
        on: segment.nodes[0], of: segment, configuration: configuration)
      try node.waitUntil(.active)
      try segment.directory.write("node: {lease: 10s, guard: false}\n" + configuration, to: file)
      let words = "node: lease auto → 10s\nnode: guard on → off\n"
      #expect(try node.command(["reload", "--dry-run"]).output == words)
      #expect(try node.command(["reload", "--dry-run"]).output == words, "nothing has changed")
      #expect(try node.command(["reload"]).output == words)
      #expect(try node.command(["reload", "--dry-run"]).output == "nothing would change\n")
      #expect(try node.command(["reload"]).output == "nothing has changed\n")

      try segment.directory.write(
        "node: {lease: 5s, guard: false}\n" + configuration.replacing("100ms", with: "10s"),
        to: file)
      let trial = try node.command(["reload", "--dry-run"])
      let refusal = try node.command(["reload"])
      #expect(refusal.status == 1 && trial.status == 1 && trial.errors == refusal.errors)
      #expect(
        refusal.errors.contains("lab: a lease of 5s is too short for an interval of 10s"),
        "\(refusal.errors)")
      let status = try node.command(["status", "--json"]).output
      #expect(status.contains("\"lease\" : \"10s\"") && status.contains("\"interval\" : \"100ms\""))

      try segment.directory.write("routers: [{}]\n", to: file)
      #expect(try node.command(["reload", "--dry-run"]).status == 65)
    }

    @Test("The watch ends with Ctrl-C and leaves the terminal as it was")
    func watch() throws {
      let node = try VipctlNode(on: segment.nodes[0], of: segment, [vip.description])
      try node.waitUntil(.active)
      let log = segment.directory["watch.log"]
      // Ctrl-C reaches the shell too, and not every shell goes on after it.
      let command =
        "trap : INT; stty cols 100 rows 24; \(VipctlNode.binary) status --watch -o wide "
        + "--runtime-dir \(node.runtimeDirectory); echo ended $?"
      // A terminal on which Ctrl-C is typed when the table has come three times.
      let typing =
        "until [ $(grep -o NAME \(log) | wc -l) -ge 3 ]; do sleep 0.1; done; printf '\\003'; sleep 0.5"
      let start = Moment.now
      let result = try node.node.namespace.run(
        ["sh", "-c", "(\(typing)) | script -qec \(quoted(command)) /dev/null > \(log)"],
        within: .seconds(60))
      #expect(result.status == 0, "\(result.errors)")
      let text = readText(log)
      let frames = text.components(separatedBy: "NAME").count - 1
      // Once a second, so that the last may have come twice.
      let seconds = Int((Moment.now - start).milliseconds / 1000)
      #expect((3...max(3, seconds + 1)).contains(frames), "\(text)")
      #expect(text.contains("\u{1B}[2A"), "the second frame goes over the first")
      #expect(text.contains("ended 0"))
      let last = text.components(separatedBy: "\u{1B}[?25").last
      #expect(last?.hasPrefix("h") == true, "the cursor is there in the end")
      #expect(!text.contains("\u{1B}[?1049"))
    }

    private func quoted(_ text: String) -> String { "'" + text + "'" }

    @Test("A service manager hears of the start, of life and of the end")
    func serviceManager() throws {
      let path = segment.directory["notify.sock"]
      let manager = try NotifySocket(path)
      try segment.directory.write(configuration, to: "node.yaml")
      let node = segment.nodes[0]
      let process = try node.namespace.start(
        [
          // As a service with the capabilities of the example unit and no others.
          "setpriv", "--bounding-set=-all,+net_admin,+net_raw,+sys_nice", "--no-new-privs",
          "env", "NOTIFY_SOCKET=\(path)", "WATCHDOG_USEC=600000", VipctlNode.binary, "run",
          "--config", segment.directory["node.yaml"], "--runtime-dir",
          segment.directory["notify-run"],
        ], logPath: segment.directory["notify.log"])
      try eventually("it is ready", detail: { process.logTail }) {
        manager.drain().contains { $0.hasPrefix("READY=1\n") }
      }
      let start = Moment.now
      var signs = 0
      try eventually("there are signs of life", within: .seconds(1)) {
        signs += manager.drain().count { $0 == "WATCHDOG=1" }
        return signs >= 3
      }
      pause(.milliseconds(500))
      signs += manager.drain().count { $0 == "WATCHDOG=1" }
      // More than asked for, but no flood.
      #expect(signs <= Int((Moment.now - start).milliseconds / 125) + 1)
      try eventually("it holds the address", detail: { process.logTail }) { try node.holds(vip) }
      process.signal(SIGTERM)
      #expect(process.waitForExit(within: .seconds(10)) == 0)
      #expect(manager.drain().contains("STOPPING=1"))
    }
  }
}

/// The socket on which a service manager listens.
private final class NotifySocket {
  private let descriptor: Int32

  init(_ path: String) throws {
    descriptor = socket(
      AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(descriptor >= 0 && result == 0)
  }

  deinit { close(descriptor) }

  /// What has been told since the last time.
  func drain() -> [String] {
    var messages: [String] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      guard count > 0 else { return messages }
      messages.append(String(decoding: buffer[..<count], as: UTF8.self))
    }
  }
}
