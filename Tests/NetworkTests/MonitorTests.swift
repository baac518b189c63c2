import Foundation
import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// `vipctl monitor` on a segment where keepalived elects.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct MonitorTests {
    private struct Packet: Decodable {
      let verdict: String
      let text: String
      let findings: [Finding]
    }

    private struct Finding: Decodable {
      let code: String
    }

    private struct Summary: Decodable {
      struct Group: Decodable {
        let vrid: Int
        let family: String
        let active: String?
        let routers: [Router]
      }
      struct Router: Decodable {
        let address: String
        let condition: String
        let priority: Int
        let checksum: String
      }
      let groups: [Group]
      let freeVRIDs: [String]
    }

    private func vip(_ segment: Segment, _ family: AddressFamily) -> String {
      let node = segment.nodes[0]
      return family == .ipv4
        ? "\(IPv4Address(rawValue: node.ipv4.rawValue & 0xFFFF_FF00 | 100))/24"
        : "\(IPv6Address(high: node.ipv6.high, low: 0x100))/64"
    }

    private func keepalived(
      on node: LabNode, of segment: Segment, priority: Int, _ family: AddressFamily
    ) throws -> Keepalived {
      var settings = Keepalived.Settings(addresses: [vip(segment, family)])
      settings.priority = priority
      return try Keepalived(on: node, of: segment, settings)
    }

    @Test(
      "Which machine is Active, live and from a capture of tcpdump",
      arguments: AddressFamily.allCases)
    func whoIsActive(family: AddressFamily) throws {
      let segment = try Segment(nodes: 2)
      let capture = try Capture(segment)
      let first = try keepalived(on: segment.nodes[0], of: segment, priority: 150, family)
      try first.waitUntil(.active)
      let monitor = [VipctlNode.binary, "monitor", "--summary", "--json"]
      let live = try segment.client.namespace.run(monitor + ["-i", "eth0", "--for", "500ms"])
      #expect(live.status == 0 && live.errors.isEmpty, "\(live.errors)")
      _ = try capture.stop()
      let recorded = try run(monitor + ["-r", capture.path])
      #expect(recorded.status == 0 && recorded.errors.isEmpty, "\(recorded.errors)")
      for text in [live.output, recorded.output] {
        let summary = try JSONDecoder().decode(Summary.self, from: Data(text.utf8))
        let group = try #require(summary.groups.first)
        #expect(summary.groups.count == 1 && group.vrid == 51)
        #expect(group.family == family.rawValue)
        #expect(group.active == segment.nodes[0].advertiser(family).description)
        #expect(group.routers.map(\.priority) == [150])
        #expect(group.routers.map(\.checksum) == ["pseudo-header"])
        #expect(summary.freeVRIDs == ["1-50", "52-255"])
      }
    }

    @Test("A preemption and its announcements, packet by packet")
    func preemption() throws {
      let segment = try Segment(nodes: 2)
      let lower = try keepalived(on: segment.nodes[0], of: segment, priority: 100, .ipv4)
      try lower.waitUntil(.active)
      let monitor = try segment.client.namespace.start(
        [VipctlNode.binary, "monitor", "-i", "eth0", "--json"],
        logPath: segment.directory["monitor.log"])
      try eventually("the monitor hears something") { !monitor.log.isEmpty }
      let higher = try keepalived(on: segment.nodes[1], of: segment, priority: 200, .ipv4)
      try higher.waitUntil(.active)
      try eventually("the monitor has seen it", detail: { monitor.logTail }) {
        monitor.log.contains("\"takeover\"") && monitor.log.contains("ARP announcement: ")
      }
      monitor.signal(SIGINT)
      #expect(monitor.waitForExit(within: .seconds(5)) == 0, "Ctrl-C ends it in good order")
      let packets = try monitor.log.split(separator: "\n").map {
        try JSONDecoder().decode(Packet.self, from: Data($0.utf8))
      }
      let codes = packets.flatMap { $0.findings.map(\.code) }
      #expect(codes.filter { $0 == "takeover" }.count == 1)
      #expect(codes.contains("announced"))
      #expect(packets.contains { $0.text.contains("ARP announcement: ") })
      #expect(packets.allSatisfy { ["ok", "note"].contains($0.verdict) }, "\(monitor.logTail)")
    }

    @Test("A stranger takes a virtual address")
    func stranger() throws {
      let segment = try Segment(nodes: 2)
      let active = try keepalived(on: segment.nodes[0], of: segment, priority: 150, .ipv4)
      try active.waitUntil(.active)
      let monitor = try segment.client.namespace.start(
        [VipctlNode.binary, "monitor", "-i", "eth0"], logPath: segment.directory["monitor.log"])
      try eventually("the monitor hears something") { monitor.log.contains("VRRPv3") }
      let address = vip(segment, .ipv4).split(separator: "/")[0]
      try segment.nodes[1].namespace.check([
        VipctlNode.binary, "announce", String(address), "-i", "eth0", "--count", "1",
      ])
      try eventually("the monitor warns", detail: { monitor.logTail }) {
        monitor.log.contains(
          "warning  ARP announcement: \(address) is at \(segment.nodes[1].mac) — a virtual "
            + "address of VRID 51, but \(segment.nodes[1].mac) is none of its routers")
      }
    }

    @Test("Its own machine's packets count too; the number and the time end it")
    func ownPackets() throws {
      let segment = try Segment(nodes: 1)
      let active = try keepalived(on: segment.nodes[0], of: segment, priority: 150, .ipv4)
      try active.waitUntil(.active)
      let node = segment.nodes[0].namespace
      let monitor = [VipctlNode.binary, "monitor", "-i", "eth0"]
      let three = try node.run(monitor + ["--count", "3"])
      #expect(three.status == 0 && three.output.split(separator: "\n").count == 3)
      try active.stop()
      let silence = try node.run(monitor + ["--for", "300ms", "--summary"])
      #expect(silence.status == 0)
      #expect(silence.output.hasPrefix("No advertisement was heard.\n\nFree VRIDs: 1-255\n"))
    }

    @Test("An interface that is down or not there")
    func noInterface() throws {
      let namespace = try Namespace("down")
      try namespace.ip("link add v0 type veth peer name v1")
      let down = try namespace.run([VipctlNode.binary, "monitor", "-i", "v0"])
      #expect(down.status == 1)
      #expect(down.errors == "vipctl: v0 is down; switch it on first\n")
      let missing = try namespace.run([VipctlNode.binary, "monitor", "-i", "none0"])
      #expect(missing.status == 1)
      #expect(missing.errors == "vipctl: there is no interface 'none0'\n")
    }
  }
}
