import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// What takes an interface out of its multicast groups, or a family off the interface, and is
  /// undone a moment later: the router there hears, advertises and serves as before.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct MembershipTests {
    /// What happens to a machine's interface.
    enum Cause: String, CaseIterable {
      case switchedOff = "switched off"
      case smallMTU = "an MTU too small for IPv6"
      case withoutIPv6 = "IPv6 switched off on it"
      case withoutAnyIPv6 = "IPv6 switched off on the machine"
      case inBridge = "a port of a bridge"
      case renamed = "renamed"
      case recreated = "removed and made again"

      /// The families that it takes off the interface.
      var families: [AddressFamily] {
        switch self {
        case .smallMTU, .withoutIPv6, .withoutAnyIPv6: [.ipv6]
        case .switchedOff, .inBridge, .renamed, .recreated: AddressFamily.allCases
        }
      }

      func happen(to machine: LabNode, of segment: Segment) throws {
        let namespace = machine.namespace
        switch self {
        case .switchedOff: try namespace.ip("link set eth0 down")
        case .smallMTU: try namespace.ip("link set eth0 mtu 576")
        case .withoutIPv6: try Self.setIPv6(isOff: true, of: "eth0", machine)
        case .withoutAnyIPv6: try Self.setIPv6(isOff: true, of: "all", machine)
        case .inBridge:
          try namespace.ip(
            "link add br9 type bridge\nlink set br9 up\nlink set eth0 master br9")
        case .renamed: try namespace.ip("link set eth0 name eth9")
        case .recreated: try segment.switchboard.ip("link del \(machine.port)")
        }
      }

      /// Undoes it, and puts back what the kernel has dropped of the machine's own.
      func end(on machine: LabNode, of segment: Segment) throws {
        let namespace = machine.namespace
        let ownIPv6 = "address add \(machine.ipv6)/64 dev eth0 nodad"
        switch self {
        case .switchedOff: try namespace.ip("link set eth0 up\n\(ownIPv6)")
        case .smallMTU: try namespace.ip("link set eth0 mtu 1500\n\(ownIPv6)")
        case .withoutIPv6, .withoutAnyIPv6:
          try Self.setIPv6(isOff: false, of: self == .withoutIPv6 ? "eth0" : "all", machine)
          try namespace.ip(ownIPv6)
        case .inBridge: try namespace.ip("link set eth0 nomaster\nlink del br9")
        case .renamed: try namespace.ip("link set eth9 name eth0")
        case .recreated:
          try segment.switchboard.ip(
            "link add \(machine.port) type veth peer name eth0 netns \(namespace.name)")
          try namespace.ip("link set eth0 address \(machine.mac)")
          try segment.switchboard.ip("link set \(machine.port) master br0 up")
          try namespace.ip(
            "link set eth0 up\naddress add \(machine.ipv4)/24 dev eth0\n\(ownIPv6)")
        }
      }

      private static func setIPv6(isOff: Bool, of name: String, _ machine: LabNode) throws {
        try machine.namespace.check([
          "sysctl", "-qw", "net.ipv6.conf.\(name).disable_ipv6=\(isOff ? 1 : 0)",
        ])
      }
    }

    struct Example: CustomTestStringConvertible {
      let cause: Cause
      let isVirtualMAC: Bool

      var testDescription: String {
        cause.rawValue + (isVirtualMAC ? ", with a virtual MAC address" : "")
      }
    }

    static let examples = Cause.allCases.flatMap { cause in
      // Linux takes no interface into a bridge that has macvlans.
      (cause == .inBridge ? [false] : [false, true]).map {
        Example(cause: cause, isVirtualMAC: $0)
      }
    }

    @Test("An interface that comes back serves as before", arguments: examples)
    func comesBack(_ example: Example) throws {
      let pair = try Pair(isVirtualMAC: example.isVirtualMAC)
      let (cause, families) = (example.cause, example.cause.families)

      try cause.happen(to: pair.machines[1], of: pair.segment)
      try pair.waitUntil(1, .initialize, families)
      try cause.end(on: pair.machines[1], of: pair.segment)
      try pair.waitUntil(1, .backup, families)
      try pair.waitUntilAloneForLong(families)
      try pair.expectMembership()

      try cause.happen(to: pair.machines[0], of: pair.segment)
      try pair.waitUntil(0, .initialize, families)
      // It serves, although its own interface was away a moment ago.
      try pair.waitUntil(1, .active, families)
      try pair.waitUntilAnswered(families)
      let moment = Moment.now
      try cause.end(on: pair.machines[0], of: pair.segment)
      try pair.waitUntil(0, .active, families)
      try pair.waitUntil(1, .backup, families)
      try pair.waitUntilAnswered(AddressFamily.allCases)
      try pair.expectMembership()
      for family in families { try pair.expectNoRivals(since: moment, family) }
      for node in pair.nodes {
        #expect(!node.process.log.contains("firewall"), "\(node.process.logTail)")
        #expect(!node.process.log.contains("something on this host"), "\(node.process.logTail)")
      }
    }

    /// Two machines that share an address of each family; the first has the higher priority.
    private struct Pair {
      let segment: Segment
      let capture: Capture
      let nodes: [VipctlNode]
      var machines: [LabNode] { segment.nodes }

      init(isVirtualMAC: Bool) throws {
        let segment = try Segment(nodes: 2)
        self.segment = segment
        for machine in segment.nodes {
          // What is made again needs no detection of duplicates either.
          try machine.namespace.check([
            "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0",
            "net.ipv6.conf.default.dad_transmits=0",
          ])
        }
        capture = try Capture(segment)
        let states: [(priority: Int, VipctlNode.State)] = [(150, .active), (100, .backup)]
        nodes = try zip(segment.nodes, states).map { machine, expected in
          let node = try VipctlNode(
            on: machine, of: segment,
            AddressFamily.allCases.map {
              "\(segment.virtualAddress($0))/\($0 == .ipv4 ? 24 : 64)"
            },
            priority: expected.priority, ["--no-probe"] + (isVirtualMAC ? ["--virtual-mac"] : []))
          try node.waitUntil(expected.1)
          return node
        }
      }

      private var logs: String { nodes.map(\.process.logTail).joined(separator: "\n") }

      /// Waits until a machine's routers of some families are in a state, and the addresses where
      /// that wants them.
      func waitUntil(
        _ number: Int, _ state: VipctlNode.State, _ families: [AddressFamily]
      ) throws {
        let node = nodes[number]
        let names = families.map { $0 == .ipv4 ? "ipv4" : "ipv6" }
        try eventually(
          "\(node.node.name) is \(state.rawValue)", poll: .milliseconds(20), detail: { logs }
        ) {
          try node.process.requireRunning()
          let routers = try node.routers()?.filter { names.contains($0.family) } ?? []
          return routers.count == names.count
            && routers.allSatisfy { router in
              router.state == state
                && router.addresses.allSatisfy { $0.installed == (state == .active) }
            }
        }
      }

      /// Waits until the first machine has been the only one to advertise for as long as two
      /// takeovers take: a router that hears nothing would take over meanwhile, and not cease.
      func waitUntilAloneForLong(_ families: [AddressFamily]) throws {
        let start = Moment.now
        let count = 2 * Int((Bounds.activeDown(priority: 100) / Bounds.interval).rounded(.up))
        try eventually("one machine advertises", poll: .milliseconds(50), detail: { logs }) {
          let adverts = try capture.adverts().filter { $0.time > start }
          return families.allSatisfy { family in
            let last = adverts.filter { $0.source.family == family }.suffix(count)
            return last.count == count
              && last.allSatisfy { $0.source == machines[0].advertiser(family) }
          }
        }
      }

      /// Expects that no more than an Active_Down_Interval lies between the first machine's return
      /// to its role and the last advertisement of the second.
      func expectNoRivals(since moment: Moment, _ family: AddressFamily) throws {
        let adverts = try capture.adverts().filter { $0.time > moment }
        let start = try #require(
          adverts.first { $0.source == machines[0].advertiser(family) }, "\(family)")
        guard let end = adverts.last(where: { $0.source == machines[1].advertiser(family) }) else {
          return
        }
        #expect(Bounds.outage(priority: 100).objection(from: start.time, to: end.time) == nil)
      }

      func expectMembership() throws {
        for machine in machines {
          let groups = try machine.namespace.check(["ip", "maddress", "show", "dev", "eth0"])
          for family in AddressFamily.allCases {
            let group = IPAddress.vrrpGroup(family)
            #expect(groups.contains("\(group)"), "\(group) on \(machine.name)\n\(logs)")
          }
        }
      }

      func waitUntilAnswered(_ families: [AddressFamily]) throws {
        for family in families {
          let vip = segment.virtualAddress(family)
          try eventually("\(vip) answers", detail: { logs }) {
            try segment.client.namespace.run(["ping", "-qc1", "-W1", "\(vip)"]).status == 0
          }
        }
      }
    }
  }
}
