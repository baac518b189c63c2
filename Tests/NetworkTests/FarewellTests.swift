import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// Every way out of Active ends with a farewell if the link can carry a frame, whatever has
  /// become of addresses and routes.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct FarewellTests {
    private struct Pair {
      let segment: Segment
      let vip: IPAddress
      let old: VipctlNode
      let new: VipctlNode

      init(_ family: AddressFamily, prefixLength: Int, _ options: [String] = []) throws {
        segment = try Segment(nodes: 2)
        vip = segment.virtualAddress(family)
        let address = "\(vip)/\(prefixLength)"
        old = try VipctlNode(
          on: segment.nodes[0], of: segment, [address], priority: 150, interval: "1s", options)
        try old.waitUntil(.active)
        new = try VipctlNode(
          on: segment.nodes[1], of: segment, [address], priority: 100, interval: "1s", options)
        try new.waitUntil(.backup)
      }

      func farewells(_ capture: Capture) throws -> [Advert] {
        try capture.adverts().filter { $0.priority == 0 }
      }
    }

    @Test(
      "A holder that loses its source address hands over",
      arguments: AddressFamily.allCases, [false, true])
    func sourceVanishes(family: AddressFamily, virtualMAC: Bool) throws {
      let pair = try Pair(
        family, prefixLength: family == .ipv4 ? 24 : 64, virtualMAC ? ["--virtual-mac"] : [])
      let machine = pair.segment.nodes[0]
      let source = machine.advertiser(family)
      let capture = try Capture(pair.segment)
      let pinger = try Pinger(from: pair.segment.client, to: pair.vip)
      try pinger.waitForAnswer()
      // The kernel takes the other IPv4 addresses of the subnet along, the virtual one too.
      try machine.namespace.ip(
        "address delete \(source)/\(family == .ipv4 ? 24 : 64) dev eth0")
      try pair.new.waitUntil(.active)
      try eventually("the farewell is on the wire") {
        try pair.farewells(capture).contains { $0.source == source }
      }
      try eventually("the old holder has let go") {
        virtualMAC ? true : try !machine.holds(pair.vip)
      }
      #expect(try pinger.stop().outages(over: Bounds.margin) == [])
      #expect(pair.old.process.log.contains("to send from"))
      #expect(!pair.old.process.log.contains("can't be sent"))
      // It takes part again as soon as it can.
      try machine.namespace.ip(
        "address add \(source)/\(family == .ipv4 ? "24" : "64 nodad") dev eth0")
      try pair.old.waitUntil(.active)
    }

    /// What ends a router's part although its interface can carry a frame.
    enum Loss: String, CaseIterable, CustomTestStringConvertible {
      case ipv6 = "IPv6 is switched off on it"
      case bridge = "it becomes a port of a bridge"
      case name = "it is renamed"

      var testDescription: String { rawValue }

      var families: [AddressFamily] { self == .ipv6 ? [.ipv6] : AddressFamily.allCases }

      func happen(to machine: LabNode) throws {
        switch self {
        case .ipv6:
          try machine.namespace.check(["sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=1"])
        case .bridge:
          try machine.namespace.ip(
            "link add br9 type bridge\nlink set br9 up\nlink set eth0 master br9")
        case .name: try machine.namespace.ip("link set eth0 name eth9")
        }
      }
    }

    static let losses = Loss.allCases.flatMap { loss in
      loss.families.map { (loss, $0) }
    }

    @Test(
      "A holder whose interface is lost for it, but not to frames, says farewell", arguments: losses
    )
    func interfaceLost(loss: Loss, family: AddressFamily) throws {
      let pair = try Pair(family, prefixLength: family == .ipv4 ? 24 : 64)
      let machine = pair.segment.nodes[0]
      // Where the other machine is plugged in: what it can hear.
      let capture = try Capture(pair.segment, at: pair.segment.nodes[1])
      try eventually("the holder is heard") {
        try capture.adverts().contains { $0.source == machine.advertiser(family) }
      }
      try loss.happen(to: machine)
      try eventually("the farewell is on the wire", detail: { pair.old.process.logTail }) {
        try pair.farewells(capture).contains { $0.source == machine.advertiser(family) }
      }
      try pair.new.waitUntil(.active)
      try eventually("the old holder has let go", detail: { pair.old.process.logTail }) {
        try !machine.holds(pair.vip)
      }
      #expect(pair.new.process.log.contains("released its role"))
      #expect(!pair.old.process.log.contains("can't be sent"))
    }

    @Test("A farewell to a single machine needs no source address either")
    func unicast() throws {
      let segment = try Segment(nodes: 2)
      let vip = "\(segment.virtualAddress(.ipv4))/24"
      let nodes = try segment.nodes.enumerated().map { place, machine in
        let node = try VipctlNode(
          on: machine, of: segment, [vip], priority: place == 0 ? 150 : 100, interval: "1s",
          ["--peer", "\(segment.nodes[1 - place].ipv4)"])
        try node.waitUntil(place == 0 ? .active : .backup)
        return node
      }
      let machine = segment.nodes[0]
      try machine.namespace.ip("address delete \(machine.ipv4)/24 dev eth0")
      try nodes[1].waitUntil(.active)
      #expect(nodes[1].process.log.contains("\(machine.ipv4) released its role"))
    }

    @Test("What the routes refuse leaves in a frame: advertisements, and the guard's farewell")
    func unreachable() throws {
      let pair = try Pair(.ipv6, prefixLength: 64)
      let machine = pair.segment.nodes[0]
      try machine.namespace.check([
        "ip", "-6", "rule", "add", "to", "ff02::12", "unreachable", "pref", "1",
      ])
      let capture = try Capture(pair.segment)
      try eventually("advertisements go on") { try capture.adverts().count > 4 }
      try pair.new.waitUntil(.backup, within: .zero)
      #expect(!pair.old.process.log.contains("can't be sent"))
      try pair.old.kill()
      try pair.new.waitUntil(.active)
      #expect(try !pair.farewells(capture).isEmpty)
    }

    @Test("A farewell that a firewall forbids is told of, and not sent around it")
    func forbidden() throws {
      let pair = try Pair(.ipv4, prefixLength: 24)
      let machine = pair.segment.nodes[0]
      let capture = try Capture(pair.segment)
      try machine.namespace.check(
        ["nft", "-f", "-"],
        input: """
          table inet t { chain o { type filter hook output priority 0; meta l4proto 112 drop; }; }
          """)
      try pair.old.stop()
      #expect(pair.old.process.log.contains("the farewell can't be sent on eth0"))
      try pair.new.waitUntil(.active)
      #expect(try pair.farewells(capture).isEmpty)
    }
  }
}
