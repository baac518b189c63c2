import Glibc
import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// A pair of gateways: the two sides of each are a group that moves together.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct GatewayTests {
    private static let move = Bound(machine: .milliseconds(100))
    private let segment: Segment
    private let outer: IPAddress
    /// The address of the inner side, on a network of its own behind `in0`.
    private let inner: IPAddress

    init() throws {
      segment = try Segment(nodes: 2)
      outer = segment.virtualAddress(.ipv4)
      inner = try #require(IPAddress("192.0.2.1"))
      let middle = segment.client.namespace
      try middle.ip("link add inner type bridge\nlink set inner up")
      for index in segment.nodes.indices { try addInnerSide(index) }
    }

    /// Connects a node with the inner network.
    private func addInnerSide(_ index: Int) throws {
      let (middle, node) = (segment.client.namespace, segment.nodes[index].namespace)
      try middle.ip(
        """
        link add inner\(index) type veth peer name in0 netns \(node.name)
        link set inner\(index) master inner up
        """)
      try node.ip(
        """
        link set in0 up
        address add 192.0.2.\(11 + index)/24 dev in0
        """)
    }

    private func gateway(
      _ index: Int, priority: Int, _ checks: (defined: String, used: String) = ("", "")
    ) throws -> VipctlNode {
      try VipctlNode(
        on: segment.nodes[index], of: segment,
        configuration: """
          \(checks.defined)
          groups:
            - { name: gateway, routers: [outside, inside], checks: [\(checks.used)] }
          routers:
            - name: outside
              interface: eth0
              vrid: 51
              interval: 200ms
              probe: false
              priority: \(priority)
              addresses: [\(outer)/24]
            - name: inside
              interface: in0
              vrid: 52
              interval: 200ms
              probe: false
              priority: \(priority)
              addresses: [\(inner)/24]

          """)
    }

    /// Waits until one gateway holds both addresses, and the other neither.
    private func waitUntilServed(by index: Int) throws {
      let (holder, other) = (segment.nodes[index], segment.nodes[1 - index])
      try eventually("\(holder.name) holds both sides", within: .seconds(30)) {
        try holder.holds(outer) && holder.holds(inner)
      }
      try eventually("\(other.name) holds neither side", within: .seconds(30)) {
        try !other.holds(outer) && !other.holds(inner)
      }
    }

    private func states(_ node: VipctlNode) throws -> [String] {
      try node.routers()?.map { "\($0.name) \($0.state.rawValue)" } ?? []
    }

    @Test("One side that fails takes the other one along, and both come back together")
    func oneSideFails() throws {
      let first = try gateway(0, priority: 150)
      try eventually("both sides are Active") {
        try states(first) == ["outside active", "inside active"]
      }
      let second = try gateway(1, priority: 100)
      try eventually("it stands by on both sides") {
        try states(second) == ["outside backup", "inside backup"]
      }
      let pinger = try Pinger(from: segment.client, to: outer)
      try pinger.waitForAnswer()
      try segment.nodes[0].namespace.ip("link set in0 down")
      try waitUntilServed(by: 1)
      let detail = try first.command(["status", "outside"]).output
      #expect(detail.contains("in0"), "the reason names the other side: \(detail)")
      try segment.nodes[0].namespace.ip("link set in0 up")
      try waitUntilServed(by: 0)
      try eventually("the other one stands by again") {
        try states(second) == ["outside backup", "inside backup"]
      }
      let report = try pinger.stop()
      #expect(report.holders == [0, 1, 0].map { segment.nodes[$0].mac })
      #expect(report.outages(over: Self.move) == [])
      try second.stop()
      try first.stop()
    }

    @Test("A side whose interface is not there yet keeps the other one back as well")
    func lateSide() throws {
      try segment.nodes[0].namespace.ip("link delete in0")
      let first = try gateway(0, priority: 150)
      try eventually("it waits") { try states(first).contains("inside initialize") }
      pause(.seconds(2))
      #expect(try states(first).allSatisfy { !$0.hasSuffix(" active") })
      #expect(try !segment.nodes[0].holds(outer))
      try addInnerSide(0)
      try waitUntilServed(by: 0)
      try first.stop()
      #expect(try !segment.nodes[0].holds(outer) && !segment.nodes[0].holds(inner))
    }

    @Test("A check of the group moves both sides without a gap")
    func groupCheck() throws {
      let flag = segment.directory["up"]
      try segment.directory.write("", to: "up")
      let first = try gateway(
        0, priority: 150,
        (
          "checks:\n  - {name: uplink, command: [/usr/bin/test, -e, \(flag)], timeout: 10s}",
          "uplink"
        )
      )
      try eventually("both sides are Active") {
        try states(first) == ["outside active", "inside active"]
      }
      let second = try gateway(1, priority: 100)
      try eventually("it stands by on both sides") {
        try states(second) == ["outside backup", "inside backup"]
      }
      let pinger = try Pinger(from: segment.client, to: outer)
      try pinger.waitForAnswer()
      unlink(flag)
      try waitUntilServed(by: 1)
      let report = try pinger.stop()
      #expect(report.outages(over: Self.move) == [])
      try second.stop()
      try first.stop()
    }
  }
}
