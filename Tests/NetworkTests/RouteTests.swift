import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// A virtual address whose subnet the host has no route to is served all the same.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct RouteTests {
    private func routes(_ machine: LabNode, _ family: String = "-6") throws -> String {
      try machine.namespace.check(["ip", family, "route", "show", "metric", "2147483647"])
    }

    private func expectAnswer(_ segment: Segment, _ vip: IPAddress) throws {
      let pinger = try Pinger(from: segment.client, to: vip)
      try pinger.waitForAnswer()
      _ = try pinger.stop()
    }

    @Test(
      "The host has only its link-local address: the virtual one brings its route",
      arguments: [false, true])
    func noRoute(virtualMAC: Bool) throws {
      let segment = try Segment(nodes: 1)
      let machine = segment.nodes[0]
      let vip = segment.virtualAddress(.ipv6)
      try machine.namespace.ip("address delete \(machine.ipv6)/64 dev eth0")
      let node = try VipctlNode(
        on: machine, of: segment, ["\(vip)/64"], virtualMAC ? ["--virtual-mac"] : [])
      try node.waitUntil(.active)
      try expectAnswer(segment, vip)
      #expect(try !routes(machine).isEmpty)
      #expect(node.process.log.contains("this machine has no route to"))
      // The host gets an address of its own, whose route is better.
      let pinger = try Pinger(from: segment.client, to: vip)
      try pinger.waitForAnswer()
      try machine.namespace.ip("address add \(machine.ipv6)/64 dev eth0 nodad")
      try eventually("the route is taken back") { try routes(machine).isEmpty }
      // And loses it again. Linux leaves the host's route where an address of the subnet without a
      // route of its own is on the same interface, as the virtual one is without a macvlan.
      try machine.namespace.ip("address delete \(machine.ipv6)/64 dev eth0")
      try eventually("there is a route") {
        try virtualMAC
          ? !routes(machine).isEmpty
          : !machine.namespace.check(["ip", "-6", "route", "show", "root", "2001:db8::/32"]).isEmpty
      }
      try pinger.waitForAnswer()
      #expect(try pinger.stop().outages(over: Bounds.margin) == [])
      try node.stop()
      #expect(try routes(machine).isEmpty)
    }

    @Test("A route without an end goes with a node that is killed, and with one that ends")
    func killed() throws {
      let segment = try Segment(nodes: 1)
      let machine = segment.nodes[0]
      let vip = segment.virtualAddress(.ipv6)
      try machine.namespace.ip("address delete \(machine.ipv6)/64 dev eth0")
      let node = try VipctlNode(on: machine, of: segment, ["\(vip)/64"], ["--lease", "off"])
      try node.waitUntil(.active)
      try eventually("there is a route") { try !routes(machine).isEmpty }
      #expect(try !routes(machine).contains("expires"))
      try node.kill()
      try eventually("the guard removes the address and the route") {
        try !machine.holds(vip) && routes(machine).isEmpty
      }
    }

    @Test("A link flap costs the host its static address, not the virtual one its route")
    func linkFlap() throws {
      let segment = try Segment(nodes: 1)
      let machine = segment.nodes[0]
      let vip = segment.virtualAddress(.ipv6)
      let node = try VipctlNode(on: machine, of: segment, ["\(vip)/64"])
      try node.waitUntil(.active)
      #expect(try routes(machine).isEmpty)
      try machine.namespace.ip("link set eth0 down")
      try node.waitUntil(.initialize)
      try machine.namespace.ip("link set eth0 up")
      try node.waitUntil(.active)
      try expectAnswer(segment, vip)
    }

    @Test("A route of another program will do", arguments: ["dev eth0", "via fe80::1 dev eth0"])
    func otherRoute(way: String) throws {
      let segment = try Segment(nodes: 1)
      let machine = segment.nodes[0]
      let vip = segment.virtualAddress(.ipv6)
      try machine.namespace.ip(
        "address delete \(machine.ipv6)/64 dev eth0\nroute add 2001:db8::/32 \(way)")
      let node = try VipctlNode(on: machine, of: segment, ["\(vip)/64"])
      try node.waitUntil(.active)
      try eventually("the address is there") { try machine.holds(vip) }
      #expect(try routes(machine).isEmpty)
      #expect(!node.process.log.contains("this machine has no route to"))
    }

    @Test("Without a lease a route that another program removes is replaced")
    func removedRoute() throws {
      let segment = try Segment(nodes: 1)
      let machine = segment.nodes[0]
      let vip = segment.virtualAddress(.ipv6)
      try machine.namespace.ip(
        "address delete \(machine.ipv6)/64 dev eth0\nroute add 2001:db8::/32 dev eth0")
      let node = try VipctlNode(on: machine, of: segment, ["\(vip)/64"], ["--lease", "off"])
      try node.waitUntil(.active)
      try expectAnswer(segment, vip)
      #expect(try routes(machine).isEmpty)
      try machine.namespace.ip("route delete 2001:db8::/32 dev eth0")
      try eventually("there is a route") { try !routes(machine).isEmpty }
      let subnet = try #require(routes(machine).split(separator: " ").first)
      try machine.namespace.check(
        ["ip", "-6", "route", "delete", "\(subnet)", "metric", "2147483647"])
      try eventually("there is one again") { try !routes(machine).isEmpty }
      try expectAnswer(segment, vip)
      try node.stop()
      #expect(try routes(machine).isEmpty)
    }

    @Test(
      "A route that drops or refuses packets is none",
      arguments: ["blackhole", "unreachable", "prohibit"])
    func nowhere(kind: String) throws {
      let segment = try Segment(nodes: 1)
      let machine = segment.nodes[0]
      let vip = segment.virtualAddress(.ipv6)
      try machine.namespace.ip(
        "address delete \(machine.ipv6)/64 dev eth0\nroute add \(kind) 2001:db8::/32")
      let node = try VipctlNode(on: machine, of: segment, ["\(vip)/64"])
      try node.waitUntil(.active)
      try expectAnswer(segment, vip)
      #expect(try !routes(machine).isEmpty)
      #expect(!node.process.log.contains("get nowhere"))
      // One to the same subnet comes first.
      try machine.namespace.ip("route add \(kind) \(vip)/64")
      try eventually("the node warns") { node.process.log.contains("get nowhere") }
      try machine.namespace.ip("route delete \(kind) \(vip)/64")
      try expectAnswer(segment, vip)
    }

    @Test("An IPv4 address beside one that has no route brings its route")
    func secondary() throws {
      let segment = try Segment(nodes: 1)
      let machine = segment.nodes[0]
      let vip = segment.virtualAddress(.ipv4)
      try machine.namespace.ip(
        "address delete \(machine.ipv4)/24 dev eth0\n"
          + "address add \(machine.ipv4)/24 dev eth0 noprefixroute")
      let node = try VipctlNode(on: machine, of: segment, ["\(vip)/24"])
      try node.waitUntil(.active)
      try expectAnswer(segment, vip)
      #expect(try !routes(machine, "-4").isEmpty)
      try node.stop()
      #expect(try routes(machine, "-4").isEmpty)
    }
  }
}
