import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// An Active that is not heard, and a router that can't hear: as long as one direction is intact,
  /// two machines hold an address no longer than an Active_Down_Interval.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct HearingTests {
    private struct Pair {
      let segment: Segment
      let vip: IPAddress
      let first: VipctlNode
      let second: VipctlNode

      init(_ family: AddressFamily = .ipv4, interval: String = "1s") throws {
        segment = try Segment(nodes: 2)
        vip = segment.virtualAddress(family)
        let address = "\(vip)/\(family == .ipv4 ? 24 : 64)"
        first = try VipctlNode(
          on: segment.nodes[0], of: segment, [address], priority: 150, interval: interval)
        try first.waitUntil(.active)
        second = try VipctlNode(
          on: segment.nodes[1], of: segment, [address], priority: 100, interval: interval,
          // Otherwise it would still be asking when it is cut off, and take the first for a
          // stranger.
          ["--no-probe"])
        try second.waitUntil(.backup)
      }

      /// Waits until the second takes over, and for no more than its Active_Down_Interval, and what
      /// a busy machine adds, until the first has let go.
      func expectOneHolder() throws {
        try second.waitUntil(.active, within: .seconds(20))
        let limit = Bound(
          Bounds.activeDown(priority: 100, interval: .seconds(1)), machine: .seconds(2))
        try eventually("the first has let go", within: limit, detail: { first.process.logTail }) {
          try !segment.nodes[0].holds(vip)
        }
        try first.waitUntil(.backup)
        #expect(try segment.nodes[1].holds(vip))
      }
    }

    private static func drop(_ hook: String) -> String {
      "table inet t { chain c { type filter hook \(hook) priority 0; meta l4proto 112 drop; }; }"
    }

    @Test("A firewall forbids the Active to send", arguments: AddressFamily.allCases)
    func forbidden(family: AddressFamily) throws {
      let pair = try Pair(family)
      try pair.segment.nodes[0].namespace.check(["nft", "-f", "-"], input: Self.drop("output"))
      try pair.expectOneHolder()
      #expect(pair.first.process.log.contains("goes on as Active and gets the role"))
      #expect(pair.first.process.log.contains("Operation not permitted"))
    }

    @Test("A firewall keeps a Backup from hearing", arguments: AddressFamily.allCases)
    func deaf(family: AddressFamily) throws {
      let pair = try Pair(family)
      try pair.segment.nodes[1].namespace.check(["nft", "-f", "-"], input: Self.drop("input"))
      try pair.expectOneHolder()
      #expect(pair.first.process.log.contains("what this machine sends does not reach it"))
      try eventually("the deaf one says so", detail: { pair.second.process.logTail }) {
        pair.second.process.log.contains("this machine's firewall drops them")
      }
    }

    @Test("A switch loses what the Active sends")
    func lost() throws {
      let pair = try Pair()
      try pair.segment.lose(.vrrp, .fromNode, pair.segment.nodes[0])
      try pair.expectOneHolder()
    }

    @Test(
      "A filter on the way out of the interface is noticed", arguments: AddressFamily.allCases)
    func filteredOnTheWayOut(family: AddressFamily) throws {
      let pair = try Pair(family)
      try pair.segment.nodes[0].namespace.check(
        ["nft", "-f", "-"],
        input: "table netdev t { chain c { type filter hook egress device eth0 priority 0; "
          + "meta l4proto 112 drop; }; }")
      try pair.expectOneHolder()
      #expect(pair.first.process.log.contains("advertisements can't be sent on eth0"))
    }

    @Test("An interface's queue takes nothing: IPv4 notices too", arguments: AddressFamily.allCases)
    func fullQueue(family: AddressFamily) throws {
      let pair = try Pair(family)
      try pair.segment.nodes[0].namespace.check([
        "tc", "qdisc", "replace", "dev", "eth0", "root", "tbf", "rate", "1kbit", "burst", "10",
        "limit", "10",
      ])
      try eventually("it is told") {
        pair.first.process.log.contains(
          "advertisements can't be sent on eth0: No buffer space available")
      }
      try pair.expectOneHolder()
    }

    @Test("An MTU that is too small for IPv6 for a while leaves no router deaf")
    func smallMTU() throws {
      let pair = try Pair(.ipv6, interval: "100ms")
      let machine = pair.segment.nodes[1]
      try machine.namespace.ip("link set eth0 mtu 576")
      try pair.second.waitUntil(.initialize)
      try machine.namespace.ip(
        "link set eth0 mtu 1500\naddress add \(machine.ipv6)/64 dev eth0 nodad")
      try pair.second.waitUntil(.backup)
      // Three takeovers' time: a deaf router would be Active by then.
      let capture = try Capture(pair.segment)
      try eventually("the Active has gone on") { try capture.adverts().count > 12 }
      try pair.second.waitUntil(.backup, within: .zero)
      let groups = try machine.namespace.check(["ip", "maddress", "show", "dev", "eth0"])
      #expect(groups.contains("ff02::12"))
    }
  }
}
