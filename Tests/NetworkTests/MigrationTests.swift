import Glibc
import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// The steps of Docs/Migration.md: one machine after the other comes from keepalived to `vipctl`.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct MigrationTests {
    private static func keepalived(
      on node: LabNode, of segment: Segment, _ vip: IPAddress, priority: Int
    ) throws -> Keepalived {
      var settings = Keepalived.Settings(addresses: [vip.description])
      settings.priority = priority
      return try Keepalived(on: node, of: segment, settings)
    }

    private static func stop(_ keepalived: Keepalived) throws {
      keepalived.process.signal(SIGTERM)
      let status = keepalived.process.waitForExit(within: .seconds(10))
      #expect(status != nil, "keepalived on \(keepalived.node.name) ends")
    }

    @Test(
      "Two machines come from keepalived to vipctl without an outage",
      arguments: AddressFamily.allCases)
    func stepByStep(family: AddressFamily) throws {
      let segment = try Segment(nodes: 2)
      let vip = segment.virtualAddress(family)
      let (first, second) = (segment.nodes[0], segment.nodes[1])
      let preferred = try Self.keepalived(on: first, of: segment, vip, priority: 150)
      let backup = try Self.keepalived(on: second, of: segment, vip, priority: 100)
      try preferred.waitUntil(.active)
      try backup.waitUntil(.backup)
      let pinger = try Pinger(from: segment.client, to: vip)
      try pinger.waitForAnswer()

      // The backup moves first, then takes the address over.
      try Self.stop(backup)
      let newBackup = try VipctlNode(
        on: second, of: segment, [vip.description], priority: 100)
      try newBackup.waitUntil(.backup)
      #expect(preferred.state == .active)
      #expect(try newBackup.command(["promote", "lab"]).status == 0)
      try newBackup.waitUntil(.active)
      try preferred.waitUntil(.backup)
      try eventually("the second machine answers") {
        try pinger.waitForAnswer().mac == second.mac
      }
      #expect(try !first.holds(vip))

      // The former holder moves, and does not preempt the promoted one.
      try Self.stop(preferred)
      let newPreferred = try VipctlNode(
        on: first, of: segment, [vip.description], priority: 150)
      try newPreferred.waitUntil(.backup)
      pause(Bounds.activeDown(priority: 150) * 2)
      try newPreferred.waitUntil(.backup, within: .zero)
      try newBackup.waitUntil(.active, within: .zero)

      // The address goes back to the preferred machine.
      #expect(try newBackup.command(["resign", "lab", "--for", "10s"]).status == 0)
      try newPreferred.waitUntil(.active)
      try newBackup.waitUntil(.backup)
      try eventually("the first machine answers") {
        try pinger.waitForAnswer().mac == first.mac
      }

      let report = try pinger.stop()
      #expect(report.holders == [first.mac, second.mac, first.mac])
      #expect(report.outages(over: Bounds.interval + Bounds.margin) == [])
    }

    @Test("check names the keepalived that holds an address, and proposes no priority 255")
    func checkBesideKeepalived() throws {
      let segment = try Segment(nodes: 1)
      let node = segment.nodes[0]
      let vip = segment.virtualAddress(.ipv4)
      let holder = try Self.keepalived(on: node, of: segment, vip, priority: 150)
      try holder.waitUntil(.active)
      try eventually("keepalived has added the address") { try node.holds(vip) }
      try segment.directory.write(
        "routers: [{interface: eth0, vrid: 51, addresses: [\(vip)]}]\n", to: "check.yaml")
      let check = [VipctlNode.binary, "check", segment.directory["check.yaml"]]
      let beside = try node.namespace.run(check)
      #expect(beside.status == 0, "it would only wait")
      #expect(beside.errors.contains("probably from keepalived (process "), "\(beside.errors)")
      #expect(!beside.errors.contains("priority 255"), "\(beside.errors)")
      try Self.stop(holder)
      try eventually("the address is gone") { try !node.holds(vip) }
      let after = try node.namespace.run(check)
      #expect(after.status == 0 && !after.errors.contains("keepalived"), "\(after.errors)")
    }
  }
}
