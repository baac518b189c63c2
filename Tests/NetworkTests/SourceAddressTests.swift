import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// The host's own addresses change while a router advertises from one of them.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct SourceAddressTests {
    private let segment: Segment
    private let machine: LabNode
    private let vips: [IPAddress]
    private let node: VipctlNode
    private let capture: Capture

    init() throws {
      let segment = try Segment(nodes: 1)
      self.segment = segment
      machine = segment.nodes[0]
      // What systemd sets.
      try machine.namespace.check(["sysctl", "-qw", "net.ipv4.conf.all.promote_secondaries=1"])
      vips = [100, 101].map { segment.virtualAddress(.ipv4, $0) }
      capture = try Capture(segment)
      node = try VipctlNode(on: machine, of: segment, vips.map { "\($0)/24" })
      try node.waitUntil(.active)
      try eventually("the addresses are there") { try vips.allSatisfy { try machine.holds($0) } }
    }

    /// The IPv4 addresses of the machine that others of their subnet depend on.
    private func primaries() throws -> [String] {
      try machine.namespace.check(["ip", "-4", "-o", "address", "show", "dev", "eth0", "primary"])
        .split(separator: "\n").compactMap {
          $0.split(separator: " ").first { $0.contains("/") }.map(String.init)
        }
    }

    @Test("The host's address changes, the new one first: nothing is interrupted")
    func makeBeforeBreak() throws {
      let pinger = try Pinger(from: segment.client, to: vips[0])
      try pinger.waitForAnswer()
      let new = "\(segment.virtualAddress(.ipv4, 77))"
      try machine.namespace.ip(
        "address add \(new)/24 dev eth0\naddress delete \(machine.ipv4)/24 dev eth0")
      try eventually("the host's address comes first") { try primaries() == ["\(new)/24"] }
      try eventually("advertisements come from it") {
        try capture.adverts().last?.source.description == new
      }
      #expect(try vips.allSatisfy { try machine.holds($0) })
      let report = try pinger.stop()
      #expect(report.outages(over: Bounds.margin) == [])
      #expect(report.holders == [machine.mac])
      #expect(node.process.log.contains("is behind the host's own again"))
      #expect(!node.process.log.contains("to send from"))
      let sources = Set(try capture.stop().map(\.source.description))
      #expect(sources == ["\(machine.ipv4)", new])
    }

    @Test("The host has no address for a while: a virtual one that came first makes way again")
    func comesBack() throws {
      try machine.namespace.ip("address add 198.51.100.7/24 dev eth0")
      try machine.namespace.ip("address delete \(machine.ipv4)/24 dev eth0")
      try eventually("a virtual address comes first") { try primaries().count == 2 }
      let pinger = try Pinger(from: segment.client, to: vips[1])
      try pinger.waitForAnswer()
      try machine.namespace.ip("address add \(machine.ipv4)/24 dev eth0")
      try eventually("the host's addresses come first") {
        try Set(primaries()) == ["\(machine.ipv4)/24", "198.51.100.7/24"]
      }
      #expect(try vips.allSatisfy { try machine.holds($0) })
      #expect(try pinger.stop().outages(over: Bounds.margin) == [])
      #expect(try capture.stop().allSatisfy { !vips.contains($0.source) })
    }
  }
}
