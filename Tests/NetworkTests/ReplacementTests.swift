import Glibc
import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// Changes that make another virtual router of one, and changes of all machines at the same time.
  ///
  /// At an interval of one second: what is not handed over costs a client the Skew_Time of the next
  /// Active (609 ms at priority 100) or an Active_Down_Interval.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct ReplacementTests {
    /// What a planned move may cost, and less than the timers of the protocol here, or two of them,
    /// lie apart; the outages measured are printed.
    private static let bound = Bound(machine: .milliseconds(100))

    /// The settings of two routers, `web` and `db`.
    struct Settings {
      var vrids = (web: 51, db: 52)
      var addresses = (web: 0, db: 1)
      var interface = "eth0"
      var more = ""

      func text(_ vips: [IPAddress], priorities: (web: Int, db: Int)) -> String {
        func router(_ name: String, _ vrid: Int, _ vip: IPAddress, _ priority: Int) -> String {
          "- {name: \(name), interface: \(interface), vrid: \(vrid), priority: \(priority), "
            + "addresses: [\(vip)/24]\(more)}\n"
        }
        return "routers:\n" + router("web", vrids.web, vips[addresses.web], priorities.web)
          + router("db", vrids.db, vips[addresses.db], priorities.db)
      }
    }

    /// A change, and which machine is changed first.
    struct Change: CustomTestStringConvertible {
      let testDescription: String
      var settings = Settings()
      var isActiveFirst = false
    }

    static let changes = [
      Change(
        testDescription: "other VRIDs, the Backup first",
        settings: Settings(vrids: (61, 62))),
      Change(
        testDescription: "other VRIDs, the Active first", settings: Settings(vrids: (61, 62)),
        isActiveFirst: true),
      Change(testDescription: "swapped VRIDs", settings: Settings(vrids: (52, 51))),
      Change(testDescription: "swapped addresses", settings: Settings(addresses: (1, 0))),
      Change(testDescription: "another version", settings: Settings(more: ", version: 2")),
      Change(
        testDescription: "virtual MAC addresses", settings: Settings(more: ", virtualMac: true")),
      Change(testDescription: "another interface", settings: Settings(interface: "eth1")),
    ]

    @Test("A change costs a client no more than a planned move", arguments: changes)
    func replaced(_ change: Change) throws {
      let segment = try Segment(nodes: 2)
      let vips = [100, 101].map { segment.virtualAddress(.ipv4, UInt8($0)) }
      let priorities = [(web: 150, db: 100), (web: 100, db: 150)]
      for node in segment.nodes { try addSecondInterface(to: node, of: segment) }
      let nodes = try zip(segment.nodes, priorities).map { node, priorities in
        try VipctlNode(
          on: node, of: segment,
          configuration: Settings().text(vips, priorities: priorities))
      }
      func waitUntilSettled(_ settings: Settings) throws {
        for (index, node) in nodes.enumerated() {
          try eventually(
            "\(node.node.name) has settled", within: .seconds(30),
            detail: { nodes.map(\.process.logTail).joined(separator: "\n") }
          ) {
            guard let routers = try node.routers(), routers.count == 2 else { return false }
            return routers.allSatisfy { router in
              let isActive = (router.name == "web") == (index == 0)
              let vrid = router.name == "web" ? settings.vrids.web : settings.vrids.db
              return router.vrid == vrid && router.state == (isActive ? .active : .backup)
                && router.addresses.allSatisfy { $0.installed == isActive }
            }
          }
        }
      }
      try waitUntilSettled(Settings())
      let pingers = try vips.map {
        try Pinger(from: segment.client, to: $0, every: .milliseconds(1))
      }
      for pinger in pingers { try pinger.waitForAnswer() }
      for (node, priorities) in zip(nodes, priorities) {
        try segment.directory.write(
          change.settings.text(vips, priorities: priorities), to: "vipctl-\(node.node.name).yaml")
      }
      for node in change.isActiveFirst ? nodes : nodes.reversed() {
        let result = try node.command(["reload"])
        #expect(result.status == 0, "\(result.errors)")
        pause(.milliseconds(700))
      }
      try waitUntilSettled(change.settings)
      pause(.seconds(1))
      var longest = Duration.zero
      for pinger in pingers {
        let report = try pinger.report()
        longest = max(longest, report.longestOutage)
        #expect(
          report.outages(over: Self.bound) == [],
          "\(pinger.target)\n\(nodes.map(\.process.logTail))")
      }
      for node in nodes { #expect(!node.process.log.contains("is also used by")) }
      // A planned move of the same addresses, for comparison.
      let moment = Moment.now
      try nodes[0].stop()
      try eventually("the other has taken over") { try segment.nodes[1].holds(vips[0]) }
      pause(.seconds(1))
      let planned = try pingers.map { pinger in
        let report = try pinger.stop()
        #expect(report.outages(over: Self.bound) == [])
        return report.outages(longerThan: .zero).filter { $0.to > moment }.map(\.length).max()
          ?? .zero
      }
      let other = planned.max() ?? .zero
      print("\(change.testDescription): outage \(longest), a planned move \(other)")
    }

    /// Gives a machine `eth1`, plugged into the same switch, with an address of its own.
    private func addSecondInterface(to node: LabNode, of segment: Segment) throws {
      let port = "\(node.port)b"
      try segment.switchboard.ip(
        "link add \(port) type veth peer name eth1 netns \(node.namespace.name)")
      try segment.switchboard.ip("link set \(port) master br0 up")
      let other = segment.virtualAddress(.ipv4, 50 + UInt8(node.ipv4.rawValue & 0xF))
      try node.namespace.ip("address add \(other)/24 dev eth1\nlink set eth1 up")
      try eventually("its port forwards") {
        try segment.switchboard.check(["bridge", "link", "show", "dev", port])
          .contains("state forwarding")
      }
    }

    @Test("Machines that are given addresses at the same time are not refused")
    func everywhere() throws {
      let segment = try Segment(nodes: 3)
      func text(_ count: Int, priority: Int) -> String {
        let vips = (0..<count).map { "\(segment.virtualAddress(.ipv4, UInt8(100 + $0)))/24" }
        return "routers:\n- {name: web, interface: eth0, vrid: 51, priority: \(priority), "
          + "addresses: [\(vips.joined(separator: ", "))]}\n"
      }
      let priorities = [150, 100, 50]
      let nodes = try zip(segment.nodes, priorities).map { node, priority in
        try VipctlNode(on: node, of: segment, configuration: text(1, priority: priority))
      }
      try nodes[0].waitUntil(.active)
      for node in nodes.dropFirst() { try node.waitUntil(.backup) }
      // An advertisement that tells the Backups of the Active's list.
      pause(.milliseconds(1200))
      for (round, delay) in [0, 200, 380, 450, 900].enumerated() {
        let count = round + 2
        for (node, priority) in zip(nodes, priorities) {
          try segment.directory.write(
            text(count, priority: priority), to: "vipctl-\(node.node.name).yaml")
        }
        for node in nodes {
          node.process.signal(SIGHUP)
          pause(.milliseconds(delay))
        }
        for node in nodes {
          try eventually("it has \(count) addresses", detail: { node.process.logTail }) {
            try node.routers()?.first?.addresses.count == count
          }
        }
      }
      for node in nodes { #expect(!node.process.log.contains("is used by the machine")) }
    }
  }
}
