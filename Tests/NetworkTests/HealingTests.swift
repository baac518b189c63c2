import Foundation
import Glibc
import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// What others do to a holder's addresses and interface is repaired or reported, never ignored.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct HealingTests {
    /// A holder of one address in each family.
    private struct Holder {
      let segment: Segment
      let vips: [IPAddress]
      let vipctl: VipctlNode
      var machine: LabNode { segment.nodes[0] }

      init() throws {
        let segment = try Segment(nodes: 1)
        let vips = AddressFamily.allCases.map { segment.virtualAddress($0) }
        let vipctl = try VipctlNode(on: segment.nodes[0], of: segment, vips.map(\.description))
        self.init(segment: segment, vips: vips, vipctl: vipctl)
        try vipctl.waitUntil(.active)
        try waitUntilHeld()
      }

      init(segment: Segment, vips: [IPAddress], vipctl: VipctlNode) {
        self.segment = segment
        self.vips = vips
        self.vipctl = vipctl
      }

      func waitUntilHeld(within limit: Duration = .seconds(5)) throws {
        for vip in vips {
          try eventually(
            "\(vip) is there", within: limit, detail: { vipctl.process.logTail },
            { try machine.holds(vip) })
        }
      }

      /// Switches the machine's interface on that has come back, and gives it its addresses again.
      func restoreInterface() throws {
        try machine.namespace.ip(
          """
          link set eth0 up
          address add \(machine.ipv4)/24 dev eth0
          address add \(machine.ipv6)/64 dev eth0 nodad
          """)
      }

      func waitUntilAnswered() throws {
        for vip in vips {
          let pinger = try Pinger(from: segment.client, to: vip)
          try pinger.waitForAnswer()
          _ = try pinger.stop()
        }
      }
    }

    @Test("A deleted address is back within a moment, and a fight is named")
    func deleted() throws {
      let holder = try Holder()
      for vip in holder.vips {
        let length = vip.family.addressBitCount
        let pinger = try Pinger(from: holder.segment.client, to: vip)
        try pinger.waitForAnswer()
        try holder.machine.namespace.ip("address del \(vip)/\(length) dev eth0")
        try eventually("\(vip) is back") { try holder.machine.holds(vip) }
        try pinger.waitForAnswer()
        #expect(try pinger.stop().outages(over: Bounds.margin) == [])
        // It takes its time with each further one.
        for _ in 0..<3 {
          try holder.machine.namespace.ip("address del \(vip)/\(length) dev eth0")
          try eventually("\(vip) is back") { try holder.machine.holds(vip) }
        }
      }
      #expect(holder.vipctl.process.log.contains("was missing and has been put back"))
      try eventually("the fight is named") {
        holder.vipctl.process.log.contains("something on this host keeps removing")
      }
      try holder.vipctl.waitUntil(.active, within: .zero)
    }

    @Test("A link that goes down and up again")
    func linkDownUp() throws {
      let holder = try Holder()
      try holder.machine.namespace.ip("link set eth0 down")
      try holder.vipctl.waitUntil(.initialize)
      for vip in holder.vips { #expect(try !holder.machine.holds(vip)) }
      // The kernel drops the machine's own IPv6 address too; its owner would put it back.
      try holder.machine.namespace.ip(
        "link set eth0 up\naddress add \(holder.machine.ipv6)/64 dev eth0 nodad")
      try holder.vipctl.waitUntil(.active)
      try holder.waitUntilHeld()
      try holder.waitUntilAnswered()
    }

    @Test("An interface that is removed and made again, with another index")
    func recreated() throws {
      let holder = try Holder()
      let (machine, switchboard) = (holder.machine, holder.segment.switchboard)
      try switchboard.ip("link del \(machine.port)")
      try holder.vipctl.waitUntil(.initialize)
      #expect(try holder.vipctl.command(["status"]).output.contains("eth0 does not exist"))
      try switchboard.ip(
        "link add \(machine.port) type veth peer name eth0 netns \(machine.namespace.name)")
      try machine.namespace.ip("link set eth0 address \(machine.mac)")
      try switchboard.ip("link set \(machine.port) master br0 up")
      try holder.restoreInterface()
      try holder.vipctl.waitUntil(.active)
      try holder.waitUntilHeld()
      try holder.waitUntilAnswered()
      try holder.vipctl.stop()
      for vip in holder.vips { #expect(try !machine.holds(vip)) }
    }

    @Test("An interface that is renamed: reported, released, and taken up again under its name")
    func renamed() throws {
      let holder = try Holder()
      let namespace = holder.machine.namespace
      // Linux renames interfaces that are up.
      try namespace.ip("link set eth0 name eth9")
      try holder.vipctl.waitUntil(.initialize)
      #expect(try holder.vipctl.command(["status"]).output.contains("eth0 is named eth9 now"))
      for vip in holder.vips {
        try eventually("\(vip) is gone with the name, after a handover") {
          try !holder.machine.holds(vip)
        }
      }
      try namespace.ip("link set eth9 name eth0")
      try holder.vipctl.waitUntil(.active)
      try holder.waitUntilHeld()
      try holder.waitUntilAnswered()
    }

    @Test("An interface that is moved to another namespace and back")
    func moved() throws {
      let holder = try Holder()
      let (machine, elsewhere) = (holder.machine, holder.segment.client.namespace)
      try machine.namespace.ip("link set eth0 netns \(elsewhere.name) name away0")
      try holder.vipctl.waitUntil(.initialize)
      #expect(try holder.vipctl.command(["status"]).output.contains("eth0 does not exist"))
      try elsewhere.ip("link set away0 netns \(machine.namespace.name) name eth0")
      try holder.restoreInterface()
      try holder.vipctl.waitUntil(.active)
      try holder.waitUntilHeld()
      try holder.waitUntilAnswered()
    }

    @Test("Reports that the kernel had to drop are made good by reading everything again")
    func overflow() throws {
      let segment = try Segment(nodes: 1)
      let vips = AddressFamily.allCases.map { segment.virtualAddress($0) }
      // No guard and no lease to step in.
      func configuration(_ interval: String) -> String {
        """
        node: { guard: false, lease: off }
        routers:
          - { name: lab, interface: eth0, vrid: 51, interval: \(interval),
              addresses: [\(vips.map(\.description).joined(separator: ", "))] }

        """
      }
      let node = try VipctlNode(
        on: segment.nodes[0], of: segment, configuration: configuration("100ms"))
      try node.waitUntil(.active)
      let holder = Holder(segment: segment, vips: vips, vipctl: node)
      try holder.waitUntilHeld()
      // So long that a pause is no reason to step down, however slow the machine is.
      try segment.directory.write(
        configuration("40s"), to: "vipctl-\(segment.nodes[0].name).yaml")
      #expect(try node.command(["reload"]).status == 0)
      let namespace = holder.machine.namespace
      func drops() throws -> Bool {
        let sockets = try namespace.check(["cat", "/proc/net/netlink"]).split(separator: "\n")
        return sockets.dropFirst().contains { line in
          line.split(separator: " ").dropLast().last.flatMap { Int($0) } ?? 0 > 0
        }
      }
      node.process.signal(SIGSTOP)
      // More than the queue of 2 x 8 MiB holds, then the loss that no program hears of.
      let changes = [String](
        repeating: "address add 198.19.0.1/32 dev lo\naddress del 198.19.0.1/32 dev lo", count: 1000
      ).joined(separator: "\n")
      var rounds = 0
      while try !drops() {
        try namespace.ip(changes)
        rounds += 1
        try #require(rounds < 200, "the kernel must drop reports")
      }
      for vip in vips {
        try namespace.ip("address del \(vip)/\(vip.family.addressBitCount) dev eth0")
      }
      holder.vipctl.process.signal(SIGCONT)
      // Long before the next advertisement is due.
      try holder.waitUntilHeld(within: .seconds(5))
      try node.waitUntil(.active)
      try holder.waitUntilHeld()
    }

    @Test(
      "An address that falls with the first of its subnet is put back; one of others never falls")
    func secondaries() throws {
      let segment = try Segment(nodes: 1)
      let machine = segment.nodes[0]
      let vip = segment.virtualAddress(.ipv4)
      let node = try VipctlNode(
        on: machine, of: segment, ["\(vip)/24", "198.19.7.1/24", "198.19.7.2/24", "198.19.7.3/24"])
      try node.waitUntil(.active)
      let seven = (1...3).map { IPAddress.v4(IPv4Address(198, 19, 7, $0)) }
      try eventually("all are there") { try (seven + [vip]).allSatisfy { try machine.holds($0) } }

      // Ours is second in the host's subnet, and the host's address goes and comes.
      try machine.namespace.ip("address del \(machine.ipv4)/24 dev eth0")
      try machine.namespace.ip("address add \(machine.ipv4)/24 dev eth0")
      try node.waitUntil(.active)
      try eventually("\(vip) is there again") { try machine.holds(vip) }

      // The host's is second in our subnet: it must not fall with ours, whichever ours goes first.
      let host = IPAddress.v4(IPv4Address(198, 19, 7, 200))
      try machine.namespace.ip("address add \(host)/24 dev eth0")
      #expect(try node.command(["remove", "lab", "\(seven[0])"]).status == 0)
      for address in [host, seven[1], seven[2]] { #expect(try machine.holds(address)) }
      try node.stop()
      #expect(try machine.holds(host))
      for address in seven { #expect(try !machine.holds(address)) }
      let setting = try machine.namespace.check(
        ["sysctl", "-n", "net.ipv4.conf.eth0.promote_secondaries"])
      #expect(setting.hasPrefix("0"), "the machine's own setting is untouched")
    }
  }
}
