import Glibc
import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// A planned move at an interval of one second: a client must not notice what would otherwise
  /// cost it the successor's Skew_Time (609 ms at priority 100).
  ///
  /// The bounds are generous; Docs/Performance.md has the measured values.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct HandoverTests {
    private static let oneAddress = Bound(machine: .milliseconds(100))
    private static let manyAddresses = Bound(machine: .milliseconds(300))

    private struct Pair {
      let segment: Segment
      let capture: Capture
      var old: LabNode { segment.nodes[0] }
      var new: LabNode { segment.nodes[1] }

      init() throws {
        segment = try Segment(nodes: 2)
        capture = try Capture(segment)
      }

      func vipctl(
        _ node: LabNode, _ vips: [IPAddress], priority: Int, _ options: [String] = []
      ) throws -> VipctlNode {
        try VipctlNode(
          on: node, of: segment, vips.map(\.description), priority: priority, interval: "1s",
          options)
      }

      func keepalived(_ node: LabNode, _ vip: IPAddress, priority: Int) throws -> Keepalived {
        var settings = Keepalived.Settings(addresses: [vip.description])
        settings.priority = priority
        settings.interval = .seconds(1)
        return try Keepalived(on: node, of: segment, settings)
      }

      /// Waits until the new holder answers and the old one has let go.
      func expectMoved(_ vips: [IPAddress], _ pingers: [Pinger], bound: Bound) throws {
        for pinger in pingers {
          try eventually("the new holder answers for \(pinger.target)", within: .seconds(15)) {
            try pinger.waitForAnswer().mac == new.mac
          }
        }
        try eventually("the old holder has let go", within: .seconds(3)) {
          try !vips.contains { try old.holds($0) }
        }
        for pinger in pingers {
          let report = try pinger.stop()
          #expect(report.holders == [old.mac, new.mac])
          #expect(report.outages(over: bound) == [], "\(pinger.target)")
        }
      }
    }

    @Test("keepalived takes over from a vipctl that stops", arguments: AddressFamily.allCases)
    func keepalivedSucceeds(family: AddressFamily) throws {
      let pair = try Pair()
      let vip = pair.segment.virtualAddress(family)
      let old = try pair.vipctl(pair.old, [vip], priority: 150)
      try old.waitUntil(.active)
      let new = try pair.keepalived(pair.new, vip, priority: 100)
      try new.waitUntil(.backup)
      let pinger = try Pinger(from: pair.segment.client, to: vip)
      try pinger.waitForAnswer()
      try old.stop()
      try pair.expectMoved([vip], [pinger], bound: Self.oneAddress)
    }

    @Test("a higher priority preempts", arguments: AddressFamily.allCases, [true, false])
    func preempted(family: AddressFamily, byKeepalived: Bool) throws {
      let pair = try Pair()
      let vip = pair.segment.virtualAddress(family)
      let old = try pair.vipctl(pair.old, [vip], priority: 100)
      try old.waitUntil(.active)
      let pinger = try Pinger(from: pair.segment.client, to: vip)
      try pinger.waitForAnswer()
      let keepalived =
        byKeepalived ? try pair.keepalived(pair.new, vip, priority: 200) : nil
      let vipctl = byKeepalived ? nil : try pair.vipctl(pair.new, [vip], priority: 200)
      try keepalived?.waitUntil(.active)
      try vipctl?.waitUntil(.active)
      try pair.expectMoved([vip], [pinger], bound: Self.oneAddress)
      try old.waitUntil(.backup)
    }

    @Test("a holder whose tracked interface fails hands over")
    func tracked() throws {
      let pair = try Pair()
      let vip = pair.segment.virtualAddress(.ipv4)
      try pair.old.namespace.ip("link add behind type veth peer name far")
      try pair.old.namespace.ip("link set behind up")
      try pair.old.namespace.ip("link set far up")
      let old = try pair.vipctl(pair.old, [vip], priority: 150, ["--track", "behind"])
      try old.waitUntil(.active)
      let new = try pair.vipctl(pair.new, [vip], priority: 100)
      try new.waitUntil(.backup)
      let pinger = try Pinger(from: pair.segment.client, to: vip)
      try pinger.waitForAnswer()
      try pair.old.namespace.ip("link set far down")
      try pair.expectMoved([vip], [pinger], bound: Self.oneAddress)
      #expect(try old.command(["status"]).output.contains("behind has no carrier, which the"))
      try pair.old.namespace.ip("link set far up")
      try old.waitUntil(.active)
    }

    @Test("keepalived takes over from a vipctl that is killed", arguments: AddressFamily.allCases)
    func keepalivedSucceedsTheDead(family: AddressFamily) throws {
      let pair = try Pair()
      let vip = pair.segment.virtualAddress(family)
      let old = try pair.vipctl(pair.old, [vip], priority: 150)
      try old.waitUntil(.active)
      let new = try pair.keepalived(pair.new, vip, priority: 100)
      try new.waitUntil(.backup)
      try eventually("the guard watches") { try old.nodeStatus()?.guard == "running" }
      let pinger = try Pinger(from: pair.segment.client, to: vip)
      try pinger.waitForAnswer()
      try old.kill()
      try pair.expectMoved([vip], [pinger], bound: Self.oneAddress)
    }

    @Test("a thousand addresses move, each without a gap", arguments: [false, true])
    func thousand(isKilled: Bool) throws {
      let pair = try Pair()
      let vips = (0..<1000).map { index in
        IPAddress.v4(IPv4Address(198, 19, UInt8(index / 250), UInt8(index % 250 + 1)))
      }
      try pair.segment.client.namespace.ip("route add 198.19.0.0/16 dev eth0")
      let old = try pair.vipctl(pair.old, vips, priority: 150)
      try old.waitUntil(.active)
      let new = try pair.vipctl(pair.new, vips, priority: 100)
      try new.waitUntil(.backup)
      let sample = [0, 250, 500, 750, 999].map { vips[$0] }
      let pingers = try sample.map { try Pinger(from: pair.segment.client, to: $0) }
      for pinger in pingers { try pinger.waitForAnswer() }
      if isKilled { try old.kill() } else { try old.stop() }
      try pair.expectMoved(vips.filter { sample.contains($0) }, pingers, bound: Self.manyAddresses)
      try eventually("the new holder has all of them") {
        let list = try pair.new.namespace.check(["ip", "-4", "-o", "addr", "show", "dev", "eth0"])
        return list.split(separator: "\n").count == 1001
      }
    }
  }
}
