import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// Settings of the kernel that change after a router has begun to use an interface.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct RouterFlagTests {
    private func isRouter(_ vip: IPAddress, to client: LabNode) throws -> Bool {
      try client.namespace.check(["ip", "-6", "neighbour", "show", "to", "\(vip)"])
        .contains("router")
    }

    private func forward(_ machine: LabNode) throws {
      try machine.namespace.check(["sysctl", "-qw", "net.ipv6.conf.all.forwarding=1"])
    }

    @Test("A machine that becomes a router says so, as holder and when it takes over")
    func forwarding() throws {
      let segment = try Segment(nodes: 2)
      let vip = segment.virtualAddress(.ipv6)
      let first = try VipctlNode(on: segment.nodes[0], of: segment, ["\(vip)/64"], priority: 150)
      try first.waitUntil(.active)
      let second = try VipctlNode(on: segment.nodes[1], of: segment, ["\(vip)/64"])
      try second.waitUntil(.backup)
      let pinger = try Pinger(from: segment.client, to: vip)
      try pinger.waitForAnswer()
      // The client's kernel learns the flag only with an entry of its own.
      _ = try segment.client.namespace.run(["ping", "-6", "-c", "1", "-w", "5", "\(vip)"])
      #expect(try !isRouter(vip, to: segment.client))
      for machine in segment.nodes { try forward(machine) }
      try eventually("the holder says that it is a router") {
        try isRouter(vip, to: segment.client)
      }
      try first.kill()
      try second.waitUntil(.active)
      try eventually("the client has moved") {
        try pinger.waitForAnswer().mac == segment.nodes[1].mac
      }
      // What the successor announces must not take the flag away.
      #expect(try isRouter(vip, to: segment.client))
    }

    @Test("A macvlan follows the forwarding and rp_filter of the interface below")
    func macvlan() throws {
      let segment = try Segment(nodes: 1)
      let machine = segment.nodes[0]
      let vips = AddressFamily.allCases.map { segment.virtualAddress($0).description }
      let node = try VipctlNode(on: machine, of: segment, vips, ["--virtual-mac"])
      try node.waitUntil(.active)
      let links = try machine.namespace.check(["ip", "-o", "link", "show", "type", "macvlan"])
      let names = links.split(separator: "\n").compactMap {
        $0.split(separator: " ").dropFirst().first?.split(separator: "@").first.map(String.init)
      }
      try #require(names.count == 2)
      try machine.namespace.check([
        "sysctl", "-qw", "net.ipv6.conf.eth0.forwarding=1", "net.ipv4.conf.eth0.forwarding=1",
        "net.ipv4.conf.eth0.rp_filter=1",
      ])
      try eventually("the macvlans follow") {
        try names.contains {
          try machine.namespace.check(["sysctl", "-n", "net.ipv6.conf.\($0).forwarding"]) == "1\n"
        }
          && names.contains {
            try machine.namespace.check([
              "sysctl", "-n", "net.ipv4.conf.\($0).forwarding", "net.ipv4.conf.\($0).rp_filter",
            ]) == "1\n2\n"
          }
      }
      try node.waitUntil(.active, within: .zero)
    }
  }
}
