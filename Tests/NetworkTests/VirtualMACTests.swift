import Foundation
import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// Addresses that are served under the virtual MAC addresses of RFC 9568 §7.3.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct VirtualMACTests {
    @Test("The holder is cut off: the next takes over, and no cache changes")
    func takeover() throws {
      let lab = try Lab()
      let before = try lab.machines.map(Lab.snapshot)
      let first = try lab.start(0, priority: 150)
      try first.waitUntil(.active)
      let second = try lab.start(1, priority: 100)
      try second.waitUntil(.backup)
      let leaks = try lab.startLeakDetector(1)
      let pingers = try lab.vips.map { try Pinger(from: lab.segment.client, to: $0) }
      for pinger in pingers { try pinger.waitForAnswer() }
      // A Backup can use the service too, and so can the holder.
      for machine in lab.machines {
        for vip in lab.vips { try machine.namespace.check(["ping", "-qc1", "-W2", "\(vip)"]) }
      }
      try lab.expectSoundCaches(of: lab.segment.client)
      #expect(Lab.frames(of: leaks) == [], "a Backup is silent under the virtual addresses")

      try lab.segment.cut(lab.machines[0])
      try second.waitUntil(.active)
      try lab.waitUntilAnswered(by: 1, pingers)
      for pinger in pingers {
        let report = try pinger.stop()
        #expect(report.holders == [lab.machines[0].mac, lab.machines[1].mac])
        #expect(report.outages(over: Bounds.outage(priority: 100)) == [])
      }
      try lab.expectSoundCaches(of: lab.segment.client)
      #expect(!Lab.frames(of: leaks).isEmpty)
      leaks.signal(SIGTERM)

      try lab.segment.restore(lab.machines[0])
      try first.waitUntil(.active)
      try second.waitUntil(.backup)
      try first.stop()
      try second.waitUntil(.active)
      try second.stop()
      for (machine, snapshot) in zip(lab.machines, before) {
        #expect(try Lab.snapshot(machine) == snapshot, "\(machine.name) is as it was")
      }
    }

    @Test("Handed over in good order: no answer is missing for long, and none comes from two")
    func handover() throws {
      let lab = try Lab()
      let first = try lab.start(0, priority: 150)
      try first.waitUntil(.active)
      let second = try lab.start(1, priority: 100)
      try second.waitUntil(.backup)
      let pingers = try lab.vips.map { try Pinger(from: lab.segment.client, to: $0) }
      for pinger in pingers { try pinger.waitForAnswer() }
      try first.stop()
      try second.waitUntil(.active)
      try lab.waitUntilAnswered(by: 1, pingers)
      for pinger in pingers {
        let report = try pinger.stop()
        #expect(report.holders == [lab.machines[0].mac, lab.machines[1].mac])
        // Without a handover it would be the skew of the next one, and the margin.
        #expect(report.outages(over: Bounds.margin) == [])
      }
    }

    @Test("With keepalived, whichever of the two is Active", arguments: AddressFamily.allCases)
    func interoperability(family: AddressFamily) throws {
      let lab = try Lab()
      let vip = lab.segment.virtualAddress(family)
      // With a longer prefix it would answer by the route of its macvlan.
      var settings = Keepalived.Settings(addresses: ["\(vip)/\(family.addressBitCount)"])
      settings.virtualMAC = true
      let keepalived = try Keepalived(on: lab.machines[1], of: lab.segment, settings)
      try keepalived.waitUntil(.active)
      let vipctl = try lab.start(0, priority: 150, [vip])
      try vipctl.waitUntil(.active)
      try keepalived.waitUntil(.backup)
      let pinger = try Pinger(from: lab.segment.client, to: vip)
      try pinger.waitForAnswer()
      // Again from the other side: keepalived takes over, and is preempted.
      try vipctl.stop()
      try keepalived.waitUntil(.active)
      try lab.waitUntilAnswered(by: 1, [pinger])
      let again = try lab.start(0, priority: 150, [vip])
      try again.waitUntil(.active)
      try keepalived.waitUntil(.backup)
      try lab.waitUntilAnswered(by: 0, [pinger])
      let machines = lab.machines.map(\.mac)
      #expect(try pinger.stop().holders == [machines[0], machines[1], machines[0]])
    }

    @Test("The node is killed: its guard leaves nothing; both are: the lease, and the next start")
    func killed() throws {
      let lab = try Lab()
      let machine = lab.machines[0]
      let before = try Lab.snapshot(machine)
      let node = try lab.start(0, priority: 100, ["--lease", "2s"])
      try node.waitUntil(.active)
      try eventually("a guard watches") { try node.nodeStatus()?.guard == "running" }
      #expect(try Lab.snapshot(machine) != before)
      try node.kill()
      try eventually("the guard has cleaned up", within: Bounds.guarded) {
        try Lab.snapshot(machine) == before
      }

      let next = try lab.start(0, priority: 100, ["--lease", "2s"])
      try next.waitUntil(.active)
      // Both at once, as when a machine's memory runs out.
      machine.namespace.killAll()
      _ = next.process.waitForExit(within: .seconds(5))
      for vip in lab.vips {
        try eventually("the lease of \(vip) ends", within: .seconds(4)) {
          try !machine.holds(vip)
        }
      }
      #expect(try machine.namespace.check(["ip", "link", "show"]).contains("vip4-2-51"))
      let last = try lab.start(0, priority: 100)
      try last.waitUntil(.active)
      try last.stop()
      #expect(try Lab.snapshot(machine) == before)
    }

    @Test("Two nodes of two users on one machine: neither takes what the other has for a leftover")
    func otherUser() throws {
      let lab = try Lab()
      let machine = lab.machines[0]
      let vip = lab.segment.virtualAddress(.ipv4, 77)
      let directory = lab.segment.directory["other"]
      try machine.namespace.check(["install", "-d", "-o", "65534", directory])
      try machine.namespace.check(["chmod", "711", lab.segment.directory.path])
      let powers = "+net_admin,+net_raw"
      let first = try machine.namespace.start(
        [
          "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=\(powers)",
          "--ambient-caps=\(powers)", VipctlNode.binary, "run", "\(vip)/24", "-i", "eth0",
          "--vrid", "77", "--virtual-mac", "--no-probe", "--interval", "100ms", "--runtime-dir",
          directory,
        ], logPath: lab.segment.directory["other.log"])
      func macvlan() throws -> String {
        try machine.namespace.run(["sh", "-c", "ip -o link | grep -o '^.*vip4-[0-9]*-77@'"]).output
      }
      try eventually("it is Active", detail: { first.logTail }) {
        try machine.holds(vip)
      }
      let before = try macvlan()
      let second = try lab.start(0, priority: 100)
      try second.waitUntil(.active)
      #expect(try macvlan() == before && !before.isEmpty)
      try second.stop()
      #expect(try macvlan() == before)
      first.signal(SIGTERM)
      #expect(first.waitForExit(within: .seconds(10)) == 0)
      #expect(try macvlan().isEmpty)
    }
  }

  /// Two machines that share an address of each family under its virtual MAC address.
  private struct Lab {
    let segment: Segment
    var machines: [LabNode] { segment.nodes }
    var vips: [IPAddress] { AddressFamily.allCases.map { segment.virtualAddress($0) } }

    init() throws {
      segment = try Segment(nodes: 2)
    }

    func start(
      _ number: Int, priority: Int, _ options: [String] = []
    ) throws -> VipctlNode {
      try start(number, priority: priority, vips, options)
    }

    func start(
      _ number: Int, priority: Int, _ addresses: [IPAddress], _ options: [String] = []
    ) throws -> VipctlNode {
      try VipctlNode(
        on: machines[number], of: segment,
        addresses.map { "\($0)/\($0.family == .ipv4 ? 24 : 64)" }, priority: priority,
        ["--virtual-mac", "--no-probe"] + options)
    }

    func waitUntilAnswered(by number: Int, _ pingers: [Pinger]) throws {
      for pinger in pingers {
        try eventually("\(machines[number].name) answers for \(pinger.target)") {
          try pinger.waitForAnswer().mac == machines[number].mac
        }
      }
    }

    /// Everything that could be left behind: links, addresses and settings of the network.
    static func snapshot(_ machine: LabNode) throws -> String {
      let links = try machine.namespace.check(["ip", "-d", "-j", "address", "show"])
      let settings = try machine.namespace.check([
        "sh", "-c", "sysctl -a 2>/dev/null | grep -E '^net.ipv[46].(conf|neigh|route)' | sort",
      ])
      return links + settings
    }

    /// Notes what leaves a machine under a virtual MAC address.
    func startLeakDetector(_ number: Int) throws -> ChildProcess {
      let process = try segment.switchboard.start(
        [
          "tcpdump", "-i", machines[number].port, "-Q", "in", "-e", "-n", "-l",
          "ether[6:4] = 0x00005e00",
        ], logPath: segment.directory["leaks.txt"])
      try eventually("tcpdump listens", detail: { process.logTail }) {
        process.log.contains("listening on")
      }
      return process
    }

    /// The frames that were noted so far.
    static func frames(of detector: ChildProcess) -> [Substring] {
      detector.log.split(separator: "\n").filter { $0.contains("ethertype") }
    }

    /// A client's caches name virtual MAC addresses for virtual addresses and the machines' own for
    /// theirs, however they are asked for.
    func expectSoundCaches(of client: LabNode) throws {
      for machine in machines {
        for own in [IPAddress.v4(machine.ipv4), .v6(machine.ipv6)] {
          _ = try client.namespace.run(["ip", "neigh", "flush", "to", "\(own)"])
          guard try client.namespace.run(["ping", "-qc1", "-W1", "\(own)"]).status == 0 else {
            continue
          }
          try expect(client, own, machine.mac)
        }
      }
      for vip in vips {
        let last: UInt8 = vip.family == .ipv4 ? 1 : 2
        try expect(client, vip, MACAddress(0, 0, 0x5E, 0, last, 51))
        // Asked again, there is one answer only.
        _ = try client.namespace.run(["ip", "neigh", "flush", "to", "\(vip)"])
        try client.namespace.check(["ping", "-qc2", "-i0.2", "-W2", "\(vip)"])
        try expect(client, vip, MACAddress(0, 0, 0x5E, 0, last, 51))
      }
    }

    private func expect(_ client: LabNode, _ address: IPAddress, _ mac: MACAddress) throws {
      let entry = try client.namespace.check(["ip", "neigh", "show", "to", "\(address)"])
      #expect(entry.contains("lladdr \(mac)"), "\(entry)")
    }
  }
}
