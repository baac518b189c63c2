import Foundation
import Glibc
import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// A node as a service: the first process of a container, real-time, restarted, told to stop.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct ServiceTests {
    // MARK: A container

    /// A process namespace with a node as its first process and little else: nothing can be written
    /// but the runtime directory, there is no environment, and the standard input is closed.
    private func startContainer(_ segment: Segment, _ vip: IPAddress) throws -> ChildProcess {
      let directory = segment.directory["run"]
      try FileManager.default.createDirectory(
        atPath: directory, withIntermediateDirectories: true)
      try """
      routers:
        - name: lab
          interface: eth0
          vrid: 51
          interval: 100ms
          addresses: [\(vip)/24]
          on: { active: [/bin/sh, -c, "sleep 0.2 & exit 3"] }

      """.write(toFile: directory + "/node.yaml", atomically: true, encoding: .utf8)
      // The runtime directory is /mnt there, and nothing else can be written to.
      let script = """
        mount --bind \(directory) /mnt
        mount --bind /tmp /tmp
        mount -o remount,ro,bind /tmp
        mount -o remount,ro,bind /
        touch /nothing /tmp/nothing 2> /dev/null && exit 99
        exec env -i \(VipctlNode.binary) run --config /mnt/node.yaml --runtime-dir /mnt \
        0<&- 1>&-
        """
      return try segment.nodes[0].namespace.start(
        ["unshare", "--pid", "--fork", "--mount-proc", "--mount", "sh", "-ec", script],
        logPath: segment.directory["container.log"])
    }

    /// The node's process as seen from outside.
    private func firstProcess(_ segment: Segment) throws -> pid_t {
      try eventually("the node of the container runs") {
        try segment.nodes[0].namespace.processes().first { process in
          let status = readText("/proc/\(process)/status")
          return status.contains("Name:\tvipctl\n")
            && status.split(separator: "\n").contains {
              $0.hasPrefix("NSpid:") && $0.hasSuffix("\t1")
            }
        }
      }
    }

    /// Children of a process that have ended and that it has not waited for.
    private func zombies(of parent: pid_t) -> [pid_t] {
      let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
      return entries.compactMap { pid_t($0) }.filter { process in
        let status = readText("/proc/\(process)/status")
        return status.contains("\nPPid:\t\(parent)\n") && status.contains("\nState:\tZ")
      }
    }

    @Test("The first process of a container: signals, orphans, nothing to write to")
    func container() throws {
      let segment = try Segment(nodes: 1)
      let node = segment.nodes[0]
      let vip = segment.virtualAddress(.ipv4)
      let before = try node.addresses()
      let container = try startContainer(segment, vip)
      try eventually("it holds the address", detail: { container.logTail }) {
        try container.requireRunning()
        return try node.holds(vip)
      }
      let first = try firstProcess(segment)

      // A daemon that leaves its parent: the first process gets it, and has to see it off.
      let orphans = try node.namespace.run([
        "nsenter", "--target", "\(first)", "--pid", "sh", "-c",
        "for i in 1 2 3; do setsid sleep 0.2 < /dev/null > /dev/null 2>&1 & done",
      ])
      #expect(orphans.status == 0, "\(orphans.errors)")
      let children = try eventually("they are its children") {
        let list = readText("/proc/\(first)/task/\(first)/children").split(separator: " ")
        return list.count >= 3 ? list : nil
      }
      try eventually("they have ended", within: .seconds(5)) {
        children.filter { readText("/proc/\($0)/comm") == "sleep\n" }.isEmpty
      }
      try eventually("they are seen off") { zombies(of: first).isEmpty }

      // A program that waits for a child of its own still hears how it has ended.
      try eventually("the hook has ended", detail: { container.logTail }) {
        container.log.contains("the hook for active ended with exit code 3")
      }

      // A reload is one, and no reason to end.
      kill(first, SIGHUP)
      kill(first, SIGUSR1)
      try eventually("it says so", detail: { container.logTail }) {
        container.log.contains("reloaded: nothing has changed")
          && container.log.contains("SIGUSR1 changes nothing")
      }
      #expect(container.log.contains("pid=1 "))
      // Its first answer is that of a healthy node: a probe of the container would see it so.
      let status = try node.namespace.run([
        VipctlNode.binary, "status", "--runtime-dir", segment.directory["run"],
      ])
      #expect(status.status == 0 && status.output.contains("active"), "\(status)")

      kill(first, SIGTERM)
      #expect(container.waitForExit(within: .seconds(10)) == 0, "\(container.logTail)")
      #expect(try node.addresses() == before)
      let files = try FileManager.default.contentsOfDirectory(atPath: segment.directory["run"])
      #expect(files.sorted() == ["node.yaml", "vipctl.events"], "\(files)")
    }

    @Test("A node that is started with all its standard streams closed works")
    func closedStreams() throws {
      let segment = try Segment(nodes: 1)
      let vip = segment.virtualAddress(.ipv4)
      let process = try segment.nodes[0].namespace.start(
        [
          "sh", "-c",
          "exec \(VipctlNode.binary) run \(vip)/24 -i eth0 --vrid 51 --interval 100ms "
            + "--runtime-dir \(segment.directory["run"]) 0<&- 1>&- 2>&-",
        ], logPath: segment.directory["closed.log"])
      try eventually("it holds the address") { try segment.nodes[0].holds(vip) }
      for descriptor in 0...2 {
        let target = try FileManager.default.destinationOfSymbolicLink(
          atPath: "/proc/\(process.pid)/fd/\(descriptor)")
        #expect(target == "/dev/null")
      }
      process.signal(SIGTERM)
      #expect(process.waitForExit(within: .seconds(10)) == 0)
    }

    // MARK: Realtime

    /// How the threads of a process are scheduled, by field 41 of their stat: 1 is SCHED_FIFO.
    private func policies(of process: pid_t) throws -> [Int] {
      let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")
      return threads.compactMap { thread in
        let text = readText("/proc/\(process)/task/\(thread)/stat")
        // The name, in parentheses, may hold anything.
        guard let rest = text.split(separator: ")").last?.split(separator: " "), rest.count > 38
        else { return nil }
        return Int(rest[38])
      }
    }

    private func lockedKiB(of process: pid_t) throws -> Int {
      let line = readText("/proc/\(process)/status").split(separator: "\n")
        .first { $0.hasPrefix("VmLck:") }
      return try #require(line?.split(separator: " ").dropFirst().first.flatMap { Int($0) })
    }

    private func configuration(_ vip: IPAddress, realtime: Bool) -> String {
      """
      node:
        realtime: \(realtime)
      routers:
        - { name: lab, interface: eth0, vrid: 51, interval: 100ms, addresses: [\(vip)/24] }

      """
    }

    /// Why threads can't be real-time here, or `nil` when they can.
    private static let realtimeObstacle: String? = {
      let result = try? run(["chrt", "--fifo", "10", "true"])
      return result?.status == 0 || Laboratory.isCI ? nil : "no real-time scheduling here"
    }()

    @Test(
      "Realtime: one thread before all others, memory that stays, and a reload that takes it back",
      .enabled(if: realtimeObstacle == nil, "\(realtimeObstacle ?? "")"))
    func realtime() throws {
      let segment = try Segment(nodes: 1)
      let vip = segment.virtualAddress(.ipv4)
      let node = try VipctlNode(
        on: segment.nodes[0], of: segment, configuration: configuration(vip, realtime: true))
      try node.waitUntil(.active)
      let pid = node.process.pid
      #expect(try policies(of: pid).filter { $0 == 1 }.count == 1)
      #expect(try lockedKiB(of: pid) > 1000)
      let limits = readText("/proc/\(pid)/limits").split(separator: "\n")
      let limit = limits.first { $0.hasPrefix("Max realtime timeout") } ?? ""
      #expect(limit.contains(" 2000000 "), "a loop that hangs must not stop the machine: \(limit)")
      #expect(try node.nodeStatus()?.realtime == true)
      let guardPid = try #require(try node.nodeStatus()?.guardPid)
      #expect(try policies(of: guardPid) == [0], "it is not handed down")
      #expect(try lockedKiB(of: guardPid) == 0)
      // One that the real-time thread itself has started is no other.
      kill(guardPid, SIGKILL)
      let next = try eventually("another guard runs") {
        let status = try node.nodeStatus()
        return status?.guard == "running" && status?.guardPid != guardPid ? status?.guardPid : nil
      }
      #expect(try policies(of: next) == [0])

      try configuration(vip, realtime: false).write(
        toFile: node.configurationPath, atomically: true, encoding: .utf8)
      let reload = try node.command(["reload"])
      #expect(reload.status == 0, "\(reload.errors)")
      #expect(try policies(of: pid).allSatisfy { $0 == 0 })
      #expect(try lockedKiB(of: pid) == 0)
      #expect(try node.nodeStatus()?.realtime == false)
      #expect(try segment.nodes[0].holds(vip))
      try node.stop()
    }

    @Test("Realtime is refused in one line without the permission", arguments: ["up", "run"])
    func realtimeRefused(command: String) throws {
      let segment = try Segment(nodes: 1)
      let before = try segment.nodes[0].addresses()
      let directory = segment.directory["run"]
      func attempt(_ capabilities: String, _ limits: [String]) throws -> CommandResult {
        try segment.nodes[0].namespace.run(
          limits + ["setpriv", "--bounding-set=-all,+net_admin,+net_raw\(capabilities)"] + [
            VipctlNode.binary, command, "\(segment.virtualAddress(.ipv4))/24", "-i", "eth0",
            "--vrid", "51", "--realtime", "--strict", "--runtime-dir", directory,
          ])
      }
      let noPriority = try attempt("", ["prlimit", "--rtprio=0:0"])
      #expect(noPriority.status == 77, "\(noPriority)")
      #expect(noPriority.errors.hasPrefix("vipctl: realtime needs CAP_SYS_NICE, which is missing;"))
      let noMemory = try attempt(",+sys_nice", ["prlimit", "--memlock=65536:65536"])
      #expect(noMemory.status == 77, "\(noMemory)")
      #expect(noMemory.errors.contains("CAP_IPC_LOCK is missing and the limit is 64 KiB"))
      for result in [noPriority, noMemory] {
        #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
      }
      #expect(try segment.nodes[0].addresses() == before)
      #expect(try segment.nodes[0].namespace.processes().isEmpty)
      guard command == "up", Self.realtimeObstacle == nil else { return }
      // With both it is not, whatever the limits are.
      let service = try attempt(
        ",+sys_nice,+ipc_lock", ["prlimit", "--rtprio=0:0", "--memlock=65536:65536"])
      #expect(service.status == 0, "\(service)")
      let down = try segment.nodes[0].namespace.run([
        VipctlNode.binary, "down", "--all", "--runtime-dir", directory,
      ])
      #expect(down.status == 0, "\(down)")
    }

    // MARK: Restart

    @Test("A restart of the Active costs no client anything", arguments: [true, false])
    func restart(preempts: Bool) throws {
      let segment = try Segment(nodes: 2)
      let vips = AddressFamily.allCases.map { segment.virtualAddress($0) }
      let options = preempts ? [] : ["--no-preempt"]
      func start(_ index: Int) throws -> VipctlNode {
        try VipctlNode(
          on: segment.nodes[index], of: segment, vips.map(\.description),
          priority: index == 0 ? 150 : 100, interval: "200ms", options)
      }
      let first = try start(0)
      try first.waitUntil(.active)
      let second = try start(1)
      try second.waitUntil(.backup)
      let pingers = try vips.map { try Pinger(from: segment.client, to: $0) }
      for pinger in pingers { try pinger.waitForAnswer() }
      // What `systemctl restart` does: SIGTERM, the end of the process, a new one.
      try first.stop()
      let successor = try start(0)
      try successor.waitUntil(preempts ? .active : .backup)
      try second.waitUntil(preempts ? .backup : .active)
      pause(.milliseconds(500))
      let (old, new) = (segment.nodes[0].mac, segment.nodes[1].mac)
      for pinger in pingers {
        let report = try pinger.stop()
        #expect(report.holders == (preempts ? [old, new, old] : [old, new]))
        #expect(report.outages(over: Bound(machine: .milliseconds(150))) == [])
        let moves = zip(report.answers, report.answers.dropFirst())
          .filter { $0.mac != $1.mac }.map { $1.at - $0.at }
        print(
          "restart, \(pinger.target): \(report.sent) asked, \(report.answers.count) answered, "
            + "gaps at the moves \(moves), longest \(report.longestOutage)")
      }
    }

    // MARK: Stopping

    @Test("A thousand addresses and no machine to take them: the stop has its bound")
    func stopAlone() throws {
      let segment = try Segment(nodes: 1)
      let node = segment.nodes[0]
      let before = try node.addresses()
      let vips = (0..<1000).map { "198.19.\($0 / 250).\($0 % 250 + 1)/32" }
      let single = try VipctlNode(on: node, of: segment, vips, interval: "1s")
      try single.waitUntil(.active)
      // A client that reads nothing must not matter.
      let idle = try node.namespace.start(
        [
          VipctlNode.binary, "events", "--follow", "--runtime-dir", single.runtimeDirectory,
        ], logPath: segment.directory["idle.log"])
      pause(.milliseconds(300))
      idle.signal(SIGSTOP)
      let metrics = segment.directory["vipctl.prom"]
      #expect(try single.command(["metrics", "--output", metrics]).status == 0)
      let text = readText(metrics)
      for name in ["addresses_installed", "lease_age_seconds", "takeover_seconds_sum"] {
        #expect(text.contains("\nvipctl_router_\(name){router=\"lab\""), "\(text)")
      }
      #expect(text.contains("family=\"ipv4\"} 1000\n"))
      let start = ContinuousClock.now
      try single.stop(within: .seconds(8))
      print("a thousand addresses, no successor: stopped in \(ContinuousClock.now - start)")
      #expect(try single.command(["metrics", "--output", metrics]).status == 69)
      #expect(!FileManager.default.fileExists(atPath: metrics), "a dead node's numbers live on")
      #expect(try node.addresses() == before)
    }

    @Test("A log that is not read does not keep a node from working or from stopping")
    func stuckLog() throws {
      let segment = try Segment(nodes: 1)
      let vip = segment.virtualAddress(.ipv4)
      // A pipe that is full, and that no one reads.
      let process = try segment.nodes[0].namespace.start(
        [
          "sh", "-c",
          "mkfifo \(segment.directory["pipe"]); exec 3<> \(segment.directory["pipe"]); "
            + "dd if=/dev/zero bs=4096 count=64 oflag=nonblock status=none >&3 2> /dev/null; "
            + "exec \(VipctlNode.binary) run \(vip)/24 -i eth0 --vrid 51 --interval 100ms "
            + "--runtime-dir \(segment.directory["run"]) 2>&3",
        ], logPath: segment.directory["stuck.log"])
      try eventually("it holds the address") { try segment.nodes[0].holds(vip) }
      process.signal(SIGTERM)
      #expect(process.waitForExit(within: .seconds(8)) == 0)
      #expect(try !segment.nodes[0].holds(vip))
    }
  }
}
