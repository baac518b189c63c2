import Foundation
import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// What the guard process does when a node dies, and that no client notices when the guard does.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct GuardTests {
    @Test("The node is killed: priority 0 at once, and it serves until the next has announced")
    func nodeIsKilled() throws {
      // One second, so that waiting for a lease or a timer could not be overlooked.
      let duo = try Duo(interval: "1s")
      let pingers = try duo.startPingers()
      let killed = Moment.now
      try duo.holder.kill()
      try duo.other.waitUntil(.active)
      for pinger in pingers {
        try eventually("the other machine answers") {
          try pinger.waitForAnswer().mac == duo.other.node.mac
        }
      }
      try eventually("the guard has let go and ends", poll: .milliseconds(1)) {
        try duo.segment.nodes[0].addresses() == duo.before
          && duo.segment.nodes[0].namespace.processes().isEmpty
      }
      // The skew of the next router, RFC 9568 §6.1.
      let takeover = Duration.seconds(1) * 157 / 256 + Bounds.margin
      #expect(takeover.objection(from: killed) == nil)

      for pinger in pingers {
        let report = try pinger.stop()
        #expect(report.holders == [duo.holder.node.mac, duo.other.node.mac])
        let last = try #require(report.answers.last { $0.mac == duo.holder.node.mac })
        #expect(takeover.objection(from: killed, to: last.at) == nil)
        #expect(report.outages(over: Bounds.guardedOutage) == [])
      }
      let adverts = try duo.capture.stop()
      for family in AddressFamily.allCases {
        let farewells = adverts.filter {
          $0.source == duo.holder.node.advertiser(family) && $0.priority == 0
        }
        #expect(farewells.count == 1)
        let farewell = try #require(farewells.first)
        #expect(Bounds.margin.objection(from: killed, to: farewell.time) == nil)
        #expect(farewell.ttl == 255 && farewell.trafficClass == 0xC0)
        #expect(farewell.version == 3 && farewell.vrid == 51 && farewell.interval == 100)
        #expect(farewell.checksumForm == .pseudoHeader)
        #expect(farewell.sourceMAC == duo.holder.node.mac)
        #expect(farewell.destination == .vrrpGroup(family))
        #expect(farewell.addresses == [duo.segment.virtualAddress(family)])
      }
    }

    @Test("The node is killed right after its guard: guard or lease, but nothing is left")
    func nodeIsKilledAfterGuard() throws {
      let duo = try Duo()
      try duo.killGuard()
      try duo.holder.kill()
      for vip in duo.vips {
        // Whether the next guard was there in time is left to chance; the lease is not.
        try eventually("\(vip) is gone", within: Bounds.lease) {
          try !duo.holder.node.holds(vip)
        }
      }
      try eventually("no process is left") {
        try duo.holder.node.namespace.processes().isEmpty
      }
    }

    @Test("The guard is killed: another one watches, and no client notices")
    func guardIsKilled() throws {
      let duo = try Duo()
      let pingers = try duo.startPingers()
      let monitor = try duo.holder.node.namespace.start(
        ["ip", "monitor", "address"], logPath: duo.segment.directory["monitor.log"])
      let status = try #require(try duo.holder.nodeStatus())
      #expect(status.guard == "running")
      try duo.killGuard()
      let next = try eventually("another guard watches") {
        let now = try duo.holder.nodeStatus()
        return now?.guard == "running" && now?.guardPid != status.guardPid ? now : nil
      }
      #expect(next.guardPid == (try duo.guardPid()))
      #expect(duo.holder.process.log.contains("the guard process"))
      pause(.milliseconds(500))
      #expect(!monitor.log.contains("Deleted"))
      for pinger in pingers {
        let report = try pinger.stop()
        #expect(report.holders == [duo.holder.node.mac])
        #expect(report.outages(over: Bound(machine: .milliseconds(100))) == [])
      }
      let adverts = try duo.capture.adverts()
      #expect(!adverts.contains { $0.priority == 0 && $0.source == .v4(duo.holder.node.ipv4) })

      // The new one is as good as the old.
      let killed = Moment.now
      try duo.holder.kill()
      try eventually("the addresses are gone", poll: .milliseconds(1)) {
        try duo.holder.node.addresses() == duo.before
      }
      #expect(Bounds.guarded.objection(from: killed) == nil)
    }

    @Test("Node and guard die at the same instant: the leases do it, nothing is sent")
    func bothAreKilled() throws {
      let duo = try Duo(options: ["--lease", "2s"])
      let guardPid = try duo.guardPid()
      // Stopped first, so that neither sees the other die.
      for signal in [SIGSTOP, SIGKILL] {
        for process in [guardPid, duo.holder.process.pid] { kill(process, signal) }
      }
      #expect(try duo.vips.allSatisfy { try duo.holder.node.holds($0) })
      for vip in duo.vips {
        try eventually("the lease of \(vip) ends", within: .seconds(4)) {
          try !duo.holder.node.holds(vip)
        }
      }
      try duo.other.waitUntil(.active)
      #expect(try !duo.capture.stop().contains { $0.priority == 0 })
      #expect(try duo.holder.node.namespace.processes().isEmpty)
    }

    @Test("Node and guard are frozen: the next takes over shortly before the lease ends")
    func bothAreFrozenAtOneSecond() throws {
      let duo = try Duo(interval: "1s")
      let pingers = try duo.startPingers()
      pause(.seconds(2))
      let processes = [try duo.guardPid(), duo.holder.process.pid]
      for process in processes { kill(process, SIGSTOP) }
      let frozen = Moment.now
      // Watched side by side: each is only known to be over when it is.
      var taken: [AddressFamily: Moment] = [:]
      var ended: [AddressFamily: Moment] = [:]
      try eventually("the leases have ended", within: .seconds(15), poll: .milliseconds(10)) {
        for (family, vip) in zip(AddressFamily.allCases, duo.vips) {
          if taken[family] == nil, try duo.other.node.holds(vip) { taken[family] = .now }
          if ended[family] == nil, try !duo.holder.node.holds(vip) { ended[family] = .now }
        }
        return ended.count == 2 && taken.count == 2
      }
      for family in AddressFamily.allCases {
        let taken = try #require(taken[family])
        let ended = try #require(ended[family])
        // RFC 9568 §6.1, from the last advertisement on.
        let takeover = Bounds.activeDown(priority: 100, interval: .seconds(1)) + Bounds.margin
        #expect(takeover.objection(from: frozen, to: taken) == nil, "\(family)")
        // One and a half seconds, and what it takes to look.
        let overlap = .milliseconds(1500) + Bounds.margin
        #expect(overlap.objection(from: taken, to: ended) == nil, "\(family)")
      }
      for pinger in pingers {
        try eventually("the other machine answers") {
          try pinger.waitForAnswer().mac == duo.other.node.mac
        }
        let report = try pinger.stop()
        #expect(report.holders.last == duo.other.node.mac)
        #expect(report.outages(over: Bound(machine: .milliseconds(50))) == [])
      }
      #expect(try !duo.capture.stop().contains { $0.priority == 0 })
      for process in processes { kill(process, SIGCONT) }
      // It has slept through its own end: it listens first, and wins the role back in good order.
      try duo.holder.waitUntil(.active)
      try duo.other.waitUntil(.backup)
    }

    @Test("The node alone stands still: its guard hands over, and it listens when it goes on")
    func nodeStandsStill() throws {
      let duo = try Duo(interval: "1s")
      let pingers = try duo.startPingers()
      let guardPid = try duo.guardPid()
      kill(duo.holder.process.pid, SIGSTOP)
      let stopped = Moment.now
      try duo.other.waitUntil(.active)
      // The next advertisement, an interval beyond it, and the skew of the next router. By its own
      // timer that one would come at 2.6 s at the earliest, or up to 3.6 s.
      let handover = (Duration.seconds(2) + Duration.seconds(1) * 157 / 256) + Bounds.margin
      #expect(handover.objection(from: stopped) == nil)
      try eventually("the guard has let go and ends") {
        try duo.segment.nodes[0].addresses() == duo.before
          && readText("/proc/\(guardPid)/comm") != "vipctl-guard\n"
      }
      kill(duo.holder.process.pid, SIGCONT)
      try eventually("the node says that it stood still") {
        duo.holder.process.log.contains("this node stood still for")
      }
      // It preempts in good order, watched by another guard.
      try duo.holder.waitUntil(.active)
      try duo.other.waitUntil(.backup)
      try eventually("another guard watches") { try duo.holder.nodeStatus()?.guard == "running" }
      for pinger in pingers {
        try eventually("the first machine answers") {
          try pinger.waitForAnswer().mac == duo.holder.node.mac
        }
        let report = try pinger.stop()
        #expect(
          report.holders == [duo.holder.node.mac, duo.other.node.mac, duo.holder.node.mac])
        #expect(report.outages(over: Bounds.guardedOutage) == [])
      }
    }

    @Test("A node on a saturated machine is not taken for one that stands still")
    func busyMachine() throws {
      let duo = try Duo(interval: "10ms")
      let guardPid = try duo.guardPid()
      let hogs = try (0..<2 * ProcessInfo.processInfo.activeProcessorCount).map { number in
        try duo.segment.client.namespace.start(
          ["sh", "-c", "while :; do :; done"], logPath: duo.segment.directory["hog\(number).log"])
      }
      pause(.seconds(10))
      for hog in hogs { hog.signal(SIGKILL) }
      #expect(!duo.holder.process.log.contains("stood still"))
      #expect(try duo.guardPid() == guardPid)
    }

    @Test("Node and guard are frozen, then killed: the leases do it, nothing is sent any more")
    func bothAreFrozen() throws {
      let duo = try Duo(options: ["--lease", "2s"])
      let guardPid = try duo.guardPid()
      for process in [guardPid, duo.holder.process.pid] { kill(process, SIGSTOP) }
      for vip in duo.vips {
        try eventually("the lease of \(vip) ends", within: .seconds(4)) {
          try !duo.holder.node.holds(vip)
        }
      }
      try duo.other.waitUntil(.active)
      // The guard finds out late that its node is dead, and which router its farewell would hurt
      // now.
      try duo.holder.kill()
      kill(guardPid, SIGCONT)
      try eventually("the guard ends") { try duo.holder.node.namespace.processes().isEmpty }
      pause(Bounds.interval * 3)
      #expect(try !duo.capture.stop().contains { $0.priority == 0 })
    }

    @Test("A stop in order leaves no process and sends the node's own farewell only")
    func cleanStop() throws {
      let duo = try Duo()
      let pid = try duo.guardPid()
      try duo.holder.stop()
      // The very moment the node is gone: nothing may need time to notice that.
      #expect(kill(pid, 0) != 0 && errno == ESRCH)
      #expect(try duo.holder.node.namespace.processes().isEmpty)
      #expect(try duo.holder.node.addresses() == duo.before)
      pause(Bounds.interval * 2)
      let adverts = try duo.capture.stop()
      for family in AddressFamily.allCases {
        let own = adverts.filter { $0.source == duo.holder.node.advertiser(family) }
        #expect(own.count { $0.priority == 0 } == 1 && own.last?.priority == 0)
      }
    }

    @Test("Signals to all processes of the terminal end the node in order, with its guard")
    func signalsToAll() throws {
      let duo = try Duo()
      let pid = try duo.guardPid()
      for signal in [SIGHUP, SIGTERM] {
        kill(pid, signal)
        duo.holder.process.signalGroup(signal)
      }
      #expect(duo.holder.process.waitForExit(within: .seconds(5)) == 0)
      #expect(try duo.holder.node.namespace.processes().isEmpty)
      #expect(try duo.holder.node.addresses() == duo.before)
    }

    @Test("1,000 addresses of a killed node are gone when no router has taken over")
    func manyAddresses() throws {
      let segment = try Segment(nodes: 1)
      let machine = segment.nodes[0]
      let before = try machine.addresses()
      let vips = (1...250).flatMap { index in
        ["198.19.1.\(index)/32", "198.19.2.\(index)/32"]
          + ["a", "b"].map { "fd00:\($0)::\(String(index, radix: 16))/128" }
      }
      let node = try VipctlNode(on: machine, of: segment, vips)
      try node.waitUntil(.active)
      try eventually("all addresses are there") {
        try machine.addresses().count == before.count + vips.count
      }
      let killed = Moment.now
      try node.kill()
      try eventually("the guard ends", poll: .milliseconds(1)) {
        try machine.namespace.processes().isEmpty
      }
      #expect(Bounds.guarded.objection(from: killed) == nil)
      #expect(try machine.addresses() == before)
    }

    @Test("The addresses of a strict router are gone at once")
    func strict() throws {
      let segment = try Segment(nodes: 1)
      let machine = segment.nodes[0]
      let before = try machine.addresses()
      let vips = AddressFamily.allCases.map { segment.virtualAddress($0).description }
      // An interval that could not be overlooked.
      let node = try VipctlNode(
        on: machine, of: segment,
        configuration: """
          routers:
            - { name: lab, interface: eth0, vrid: 51, interval: 2s, handover: strict,
                addresses: [\(vips.map { "'\($0)'" }.joined(separator: ", "))] }
          """)
      try node.waitUntil(.active)
      let killed = Moment.now
      try node.kill()
      try eventually("the guard ends", poll: .milliseconds(1)) {
        try machine.namespace.processes().isEmpty
      }
      #expect(Bounds.margin.objection(from: killed) == nil)
      #expect(try machine.addresses() == before)
    }

    @Test("A node that is killed and started again loses no address, and has one guard")
    func restarted() throws {
      let segment = try Segment(nodes: 1)
      let machine = segment.nodes[0]
      let vips = AddressFamily.allCases.map { segment.virtualAddress($0) }
      // Long enough for a busy machine to start a process.
      func start() throws -> VipctlNode {
        try VipctlNode(
          on: machine, of: segment, vips.map(\.description), interval: "3s", ["--no-probe"])
      }
      let first = try start()
      try first.waitUntil(.active)
      try eventually("the guard watches") { try first.nodeStatus()?.guard == "running" }
      let monitor = try machine.namespace.start(
        ["ip", "monitor", "address"], logPath: segment.directory["monitor.log"])
      let pingers = try vips.map { try Pinger(from: segment.client, to: $0) }
      for pinger in pingers { try pinger.waitForAnswer() }
      try first.kill()
      let second = try start()
      try second.waitUntil(.backup)
      try second.waitUntil(.active)
      try eventually("the former guard has ended") {
        try machine.namespace.processes().filter {
          readText("/proc/\($0)/comm") == "vipctl-guard\n"
        }.count == 1
      }
      for pinger in pingers {
        let report = try pinger.stop()
        #expect(report.holders == [machine.mac])
        #expect(report.outages(over: Bounds.guardedOutage) == [])
      }
      #expect(!monitor.log.contains("Deleted"))
      try second.stop()
      #expect(try !vips.contains { try machine.holds($0) })
    }

    @Test("Without a guard there is none, and the leases do it")
    func withoutGuard() throws {
      let duo = try Duo(options: ["--no-guard", "--lease", "2s"])
      #expect(try duo.holder.nodeStatus()?.guard == "off")
      #expect(try duo.holder.node.namespace.processes() == [duo.holder.process.pid])
      try duo.holder.kill()
      #expect(try duo.vips.allSatisfy { try duo.holder.node.holds($0) })
      for vip in duo.vips {
        try eventually("the lease of \(vip) ends", within: .seconds(4)) {
          try !duo.holder.node.holds(vip)
        }
      }
      #expect(try !duo.capture.stop().contains { $0.priority == 0 })
    }
  }
}

/// Two machines with priorities 150 and 100, and one virtual address in each family.
private struct Duo {
  let segment: Segment
  let capture: Capture
  let vips: [IPAddress]
  /// The addresses of the first machine before its node was started.
  let before: [String]
  let holder: VipctlNode
  let other: VipctlNode

  /// Builds all and returns when the first machine holds the addresses.
  init(interval: String = "100ms", options: [String] = []) throws {
    let segment = try Segment(nodes: 2)
    self.segment = segment
    vips = AddressFamily.allCases.map { segment.virtualAddress($0) }
    before = try segment.nodes[0].addresses()
    capture = try Capture(segment)
    let texts = vips.map(\.description)
    holder = try VipctlNode(
      on: segment.nodes[0], of: segment, texts, priority: 150, interval: interval, options)
    try holder.waitUntil(.active)
    other = try VipctlNode(
      on: segment.nodes[1], of: segment, texts, priority: 100, interval: interval, options)
    try other.waitUntil(.backup)
    try eventually("the guard watches") {
      try ["running", "off"].contains(holder.nodeStatus()?.guard)
    }
    for vip in vips {
      try eventually("the first machine holds \(vip)") { try segment.nodes[0].holds(vip) }
    }
  }

  /// The one process of the first machine that bears the guard's name.
  func guardPid() throws -> pid_t {
    let all = try holder.node.namespace.processes().filter {
      readText("/proc/\($0)/comm") == "vipctl-guard\n"
    }
    guard all.count == 1 else { throw LabError("guards: \(all)") }
    return all[0]
  }

  func killGuard() throws {
    kill(try guardPid(), SIGKILL)
  }

  func startPingers() throws -> [Pinger] {
    let pingers = try vips.map { try Pinger(from: segment.client, to: $0) }
    for pinger in pingers { try pinger.waitForAnswer() }
    return pingers
  }
}
