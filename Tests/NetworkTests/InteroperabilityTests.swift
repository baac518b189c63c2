import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// Elections between `vipctl` and keepalived, both ways and in both families.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct InteroperabilityTests {
    @Test("Both say the same on the wire", arguments: AddressFamily.allCases)
    func sameAdverts(family: AddressFamily) throws {
      let pair = try Pair(family)
      let keepalived = try pair.startKeepalived(priority: 150)
      try keepalived.waitUntil(.active)
      let vipctl = try pair.startVipctl(priority: 200)
      try vipctl.waitUntil(.active)
      pause(Bounds.interval * 3)
      let adverts = try pair.capture.stop()
      let theirs = try #require(
        adverts.last { $0.source == keepalived.node.advertiser(family) && $0.priority > 0 })
      let ours = try #require(
        adverts.last { $0.source == vipctl.node.advertiser(family) && $0.priority > 0 })
      #expect(ours.priority == 200 && ours.vrid == theirs.vrid)
      #expect(ours.version == theirs.version && ours.type == theirs.type)
      #expect(ours.ttl == 255 && ours.trafficClass == theirs.trafficClass)
      #expect(ours.interval == theirs.interval)
      #expect(ours.checksumForm == .pseudoHeader)
      #expect(ours.addresses == theirs.addresses)
      #expect(ours.destination == theirs.destination)
      #expect(ours.destinationMAC == theirs.destinationMAC)
    }

    @Test("keepalived dies: vipctl takes over", arguments: AddressFamily.allCases)
    func keepalivedDies(family: AddressFamily) throws {
      let pair = try Pair(family)
      let vipctl = try pair.startVipctl(priority: 100)
      let keepalived = try pair.startKeepalived(priority: 150)
      try keepalived.waitUntil(.active)
      try vipctl.waitUntil(.backup)
      let pinger = try Pinger(from: pair.segment.client, to: pair.vip)
      try pinger.waitForAnswer()

      try keepalived.kill()
      // A dead machine does not answer; its kernel lives on here and would.
      let length = pair.vip.family.addressBitCount
      try keepalived.node.namespace.ip("address del \(pair.vip)/\(length) dev eth0")
      try vipctl.waitUntil(.active)
      try pinger.waitForAnswer()

      let report = try pinger.stop()
      #expect(report.holders == [keepalived.node.mac, vipctl.node.mac])
      #expect(report.outages(over: Bounds.outage(priority: 100)) == [])
      try pair.expectOneActive()
    }

    @Test("vipctl stops: keepalived takes over", arguments: AddressFamily.allCases)
    func vipctlStops(family: AddressFamily) throws {
      let pair = try Pair(family)
      let keepalived = try pair.startKeepalived(priority: 100)
      let vipctl = try pair.startVipctl(priority: 150)
      try vipctl.waitUntil(.active)
      try keepalived.waitUntil(.backup)
      let pinger = try Pinger(from: pair.segment.client, to: pair.vip)
      try pinger.waitForAnswer()

      try vipctl.stop()
      #expect(try !vipctl.node.holds(pair.vip))
      try keepalived.waitUntil(.active)
      try eventually("keepalived's machine answers") {
        try pinger.waitForAnswer().mac == keepalived.node.mac
      }

      let report = try pinger.stop()
      #expect(report.holders == [vipctl.node.mac, keepalived.node.mac])
      // It has resigned: no machine waits for three intervals.
      #expect(report.outages(over: Bound(Bounds.interval, machine: Bounds.interval)) == [])
      try pair.expectOneActive()
    }

    @Test("vipctl is killed: keepalived takes over", arguments: AddressFamily.allCases)
    func vipctlIsKilled(family: AddressFamily) throws {
      let pair = try Pair(family)
      let keepalived = try pair.startKeepalived(priority: 100)
      let vipctl = try pair.startVipctl(priority: 150)
      try vipctl.waitUntil(.active)
      try keepalived.waitUntil(.backup)
      let pinger = try Pinger(from: pair.segment.client, to: pair.vip)
      try pinger.waitForAnswer()

      try vipctl.kill()
      try eventually("the address is gone from the machine that died", within: Bounds.guarded) {
        try !vipctl.node.holds(pair.vip)
      }
      try keepalived.waitUntil(.active)
      try pinger.waitForAnswer()

      let report = try pinger.stop()
      #expect(report.holders == [vipctl.node.mac, keepalived.node.mac])
      #expect(report.outages(over: Bounds.guardedOutage) == [])
      try pair.expectOneActive()
    }

    @Test(
      "With unicast peers the same, and nothing goes to the group",
      arguments: AddressFamily.allCases)
    func unicast(family: AddressFamily) throws {
      let pair = try Pair(family)
      let own = pair.segment.nodes.map { family == .ipv4 ? "\($0.ipv4)" : "\($0.ipv6)" }
      let capture = try Capture(pair.segment, at: pair.segment.nodes[0], name: "port")
      let keepalived = try pair.startKeepalived(priority: 100, unicast: (own[1], [own[0]]))
      let vipctl = try pair.startVipctl(priority: 150, own.flatMap { ["--peer", $0] })
      try vipctl.waitUntil(.active)
      try keepalived.waitUntil(.backup)
      let pinger = try Pinger(from: pair.segment.client, to: pair.vip)
      try pinger.waitForAnswer()

      try vipctl.kill()
      try keepalived.waitUntil(.active)
      try pinger.waitForAnswer()
      let again = try pair.startVipctl(priority: 150, own.flatMap { ["--peer", $0] })
      try again.waitUntil(.active)
      try keepalived.waitUntil(.backup)
      try again.stop()
      try keepalived.waitUntil(.active)

      let report = try pinger.stop()
      #expect(report.outages(over: Bounds.guardedOutage) == [])
      let adverts = try capture.stop()
      #expect(Set(adverts.map { "\($0.source)" }) == Set(own))
      #expect(adverts.allSatisfy { own.contains("\($0.destination)") })
      // keepalived sends unicast IPv6 with hop limit 64.
      #expect(adverts.allSatisfy { $0.ttl == 255 || "\($0.source)" == own[1] })
      // The guard of the one that was killed, and the one that was stopped, said farewell.
      let farewells = adverts.filter { $0.priority == 0 && "\($0.source)" == own[0] }
      #expect(farewells.count == 2)
      #expect(farewells.allSatisfy { "\($0.destination)" == own[1] })
    }

    @Test("vipctl with the higher priority preempts", arguments: AddressFamily.allCases)
    func vipctlPreempts(family: AddressFamily) throws {
      let pair = try Pair(family)
      let keepalived = try pair.startKeepalived(priority: 100)
      try keepalived.waitUntil(.active)
      let pinger = try Pinger(from: pair.segment.client, to: pair.vip)
      try pinger.waitForAnswer()

      let vipctl = try pair.startVipctl(priority: 150)
      try vipctl.waitUntil(.active)
      try keepalived.waitUntil(.backup)
      try eventually("vipctl's machine answers") {
        try pinger.waitForAnswer().mac == vipctl.node.mac
      }

      let report = try pinger.stop()
      #expect(report.holders == [keepalived.node.mac, vipctl.node.mac])
      #expect(report.outages(over: Bounds.interval + Bounds.margin) == [])
      #expect(try !keepalived.node.holds(pair.vip))
      try pair.expectOneActive()
    }

    @Test("keepalived with the higher priority preempts", arguments: AddressFamily.allCases)
    func keepalivedPreempts(family: AddressFamily) throws {
      let pair = try Pair(family)
      let vipctl = try pair.startVipctl(priority: 100)
      try vipctl.waitUntil(.active)
      let pinger = try Pinger(from: pair.segment.client, to: pair.vip)
      try pinger.waitForAnswer()

      let keepalived = try pair.startKeepalived(priority: 150)
      try keepalived.waitUntil(.active)
      try vipctl.waitUntil(.backup)
      try eventually("keepalived's machine answers") {
        try pinger.waitForAnswer().mac == keepalived.node.mac
      }

      let report = try pinger.stop()
      #expect(report.holders == [vipctl.node.mac, keepalived.node.mac])
      #expect(report.outages(over: Bounds.interval + Bounds.margin) == [])
      try eventually("vipctl lets go of the address", within: Bounds.interval + Bounds.margin) {
        try !vipctl.node.holds(pair.vip)
      }
      try pair.expectOneActive()
    }

    @Test("A router that must not preempt does not", arguments: AddressFamily.allCases)
    func noPreemption(family: AddressFamily) throws {
      let pair = try Pair(family)
      let keepalived = try pair.startKeepalived(priority: 100)
      try keepalived.waitUntil(.active)
      let vipctl = try pair.startVipctl(priority: 150, ["--no-preempt"])
      try vipctl.waitUntil(.backup)
      pause(Bounds.activeDown(priority: 150) * 2)
      try vipctl.waitUntil(.backup, within: .zero)
      #expect(keepalived.state == .active)

      let adverts = try pair.capture.stop()
      #expect(!adverts.contains { $0.source == vipctl.node.advertiser(family) })
    }
  }
}

/// A segment with two machines, one for each implementation, and one virtual address.
private struct Pair {
  let segment: Segment
  let capture: Capture
  let vip: IPAddress

  init(_ family: AddressFamily) throws {
    segment = try Segment(nodes: 2)
    capture = try Capture(segment)
    vip = segment.virtualAddress(family)
  }

  func startVipctl(priority: Int, _ options: [String] = []) throws -> VipctlNode {
    try VipctlNode(
      on: segment.nodes[0], of: segment, [vip.description], priority: priority,
      interval: "100ms", options)
  }

  func startKeepalived(
    priority: Int, unicast: (source: String, peers: [String])? = nil
  ) throws -> Keepalived {
    var settings = Keepalived.Settings(addresses: [vip.description])
    settings.unicast = unicast
    settings.priority = priority
    settings.interval = Bounds.interval
    return try Keepalived(on: segment.nodes[1], of: segment, settings)
  }

  /// What went over the wire: two routers never both stayed Active.
  func expectOneActive(_ location: SourceLocation = #_sourceLocation) throws {
    pause(Bounds.interval * 3)
    let adverts = try capture.stop()
    let overlaps = adverts.overlaps(vrid: 51, pause: Bounds.silence, over: Bounds.overlap)
    #expect(overlaps == [], sourceLocation: location)
    // The last word on the segment is that of one router only.
    let end = adverts.last.map { $0.time } ?? .now
    let last = Set(adverts.filter { end - $0.time < Bounds.interval * 2 }.map(\.source))
    #expect(last.count == 1, "\(last)", sourceLocation: location)
  }
}
