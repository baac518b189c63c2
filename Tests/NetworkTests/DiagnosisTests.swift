import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// What keeps the group from being heard is named, instead of a stranger being accused.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct DiagnosisTests {
    private static let firewall =
      "table inet t { chain c { type filter hook input priority 0; meta l4proto 112 drop; }; }"

    /// Lets the first machine serve an address, and a second one that does not hear it try to.
    private func expectCause(
      _ words: String, _ family: AddressFamily = .ipv4, _ prepare: (Segment) throws -> Void
    ) throws {
      let segment = try Segment(nodes: 2)
      let address = "\(segment.virtualAddress(family))/\(family == .ipv4 ? 24 : 64)"
      let first = try VipctlNode(on: segment.nodes[0], of: segment, [address], interval: "1s")
      try first.waitUntil(.active)
      try prepare(segment)
      let second = try VipctlNode(on: segment.nodes[1], of: segment, [address], interval: "1s")
      try eventually("the cause is named", within: .seconds(60), detail: { second.process.logTail })
      {
        second.process.log.contains(words)
      }
      #expect(!second.process.log.contains("--no-probe"), "without the probe both would hold it")
      #expect(try !segment.nodes[1].holds(segment.virtualAddress(family)))
    }

    @Test("A firewall that keeps advertisements out is named", arguments: AddressFamily.allCases)
    func firewall(family: AddressFamily) throws {
      try expectCause("this machine's firewall drops them; let protocol 112 in on eth0", family) {
        try $0.nodes[1].namespace.check(["nft", "-f", "-"], input: Self.firewall)
      }
    }

    @Test("The firewall of the examples lets a group work")
    func exampleFirewall() throws {
      let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
      let segment = try Segment(nodes: 2)
      for node in segment.nodes {
        try node.namespace.check(["nft", "-f", "/\(root)/Examples/network/nftables.conf"])
      }
      let addresses = AddressFamily.allCases.map {
        "\(segment.virtualAddress($0))/\($0 == .ipv4 ? 24 : 64)"
      }
      let first = try VipctlNode(on: segment.nodes[0], of: segment, addresses, priority: 150)
      try first.waitUntil(.active)
      let second = try VipctlNode(on: segment.nodes[1], of: segment, addresses)
      try second.waitUntil(.backup)
      pause(Bounds.activeDown(priority: 100) * 2)
      try second.waitUntil(.backup, within: .zero)
      for family in AddressFamily.allCases {
        let pinger = try Pinger(from: segment.client, to: segment.virtualAddress(family))
        try pinger.waitForAnswer()
        #expect(try pinger.stop().holders == [segment.nodes[0].mac])
      }
      try first.stop()
      try second.waitUntil(.active)
    }

    @Test("A reverse path filter is named")
    func reversePathFilter() throws {
      try expectCause("so this machine's reverse path filter (rp_filter 1) drops them") { segment in
        let machine = segment.nodes[1]
        try machine.namespace.ip(
          "address del \(machine.ipv4)/24 dev eth0\naddress add 203.0.113.2/24 dev eth0")
        try machine.namespace.check(["sysctl", "-qw", "net.ipv4.conf.all.rp_filter=1"])
      }
    }

    @Test("A machine that has been cloned with its address is named")
    func clone() throws {
      try expectCause("is this machine's own address too; give one of the two machines another") {
        let (first, second) = ($0.nodes[0], $0.nodes[1])
        try second.namespace.ip(
          "address del \(second.ipv4)/24 dev eth0\naddress add \(first.ipv4)/24 dev eth0")
      }
    }

    @Test("Both machines see that two answer for an address", arguments: AddressFamily.allCases)
    func twoAnswers(family: AddressFamily) throws {
      let segment = try Segment(nodes: 2)
      let vip = segment.virtualAddress(family)
      let (length, alone, nodad) = family == .ipv4 ? (24, 32, "") : (64, 128, " nodad")
      let nodes = try zip(segment.nodes, [150, 100]).map { node, priority in
        let node = try VipctlNode(
          on: node, of: segment, ["\(vip)/\(length)"], priority: priority, ["--no-probe"])
        try node.waitUntil(priority == 150 ? .active : .backup)
        return node
      }
      let machine = segment.nodes[1].namespace
      try machine.ip("address add \(vip)/\(alone) dev eth0\(nodad)")
      let own = "\(vip) is this machine's own address on eth0 too, so it answers for it beside the"
      try eventually("the Backup says so") { try nodes[1].command(["status"]).output.contains(own) }
      try eventually("the Active hears two answers", within: .seconds(60)) {
        try nodes[0].command(["status"]).output.contains(
          "\(vip) is also used by the machine with Ethernet address \(segment.nodes[1].mac)")
      }
      // What it proposes helps.
      try machine.ip("address delete \(vip)/\(alone) dev eth0")
      try eventually("the Backup is content") {
        try !nodes[1].command(["status"]).output.contains(own)
      }
      try nodes[0].waitUntil(.active, within: .zero)
    }
  }
}
