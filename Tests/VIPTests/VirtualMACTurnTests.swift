import ARP
import Netlink
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// When virtual MAC routers do what they do: in slices, not too often, not too early.
extension VirtualMACTests {
  @Test func `takeovers of many routers at once are spread over turns`() throws {
    for vrid in 1...20 {
      try bench.engine.add(
        settings(["198.18.0.\(100 + vrid)/24"], vrid: vrid, name: "r\(vrid)", virtualMAC: true))
    }
    bench.pass(.seconds(3))
    var raised = 0
    fake.failure = { request in
      guard case .change(.setUp(true, _)) = request else { return nil }
      raised += 1
      // It takes the kernel as long as a slice may take.
      bench.platform.time = bench.platform.time.advanced(byNanoseconds: 1_000_000)
      return nil
    }
    bench.platform.time = bench.platform.time + .milliseconds(700)
    var most = 0
    for _ in 0..<100 where raised < 20 {
      let before = raised
      bench.engine.turn(ready: [])
      most = max(most, raised - before)
    }
    #expect(raised == 20 && most == 1)
    // And the way back.
    var lowered = 0
    fake.failure = { request in
      guard case .change(.setUp(false, _)) = request else { return nil }
      lowered += 1
      bench.platform.time = bench.platform.time.advanced(byNanoseconds: 1_000_000)
      return nil
    }
    for case let instance? in bench.engine.instances { bench.engine.release(instance) }
    bench.engine.turn(ready: [])
    #expect(lowered == 1)
  }

  /// Starts a router that tracks another interface, so that each link's event concerns it.
  private func startTracking() throws {
    fake.setLink(Link(index: 3, name: "eth1", macAddress: MACAddress(2, 0, 0, 0, 0, 3)))
    var settings = try settings(virtualMAC: true)
    settings.tracks = [Track(interface: "eth1")]
    bench.settle()
    try bench.engine.add(settings)
  }

  private func countCreations() -> Int {
    fake.requests.count { if case .change(.create) = $0 { true } else { false } }
  }

  @Test func `a macvlan that can't be finished is tried once a second`() throws {
    fake.failure = { request in
      guard case .change(.setAlias) = request else { return nil }
      return NetlinkError(operation: "note a remark", code: 12)
    }
    try startTracking()
    for _ in 0..<10 { bench.settle() }
    #expect(countCreations() == 1)
    #expect(try macvlan() == nil && bench.platform.names.isEmpty)
    bench.pass(.milliseconds(3500))
    #expect(countCreations() == 4)
    fake.failure = nil
    bench.pass(.seconds(1))
    #expect(try bench.engine.obstacle(to: "web") == nil && macvlan() != nil)
  }

  @Test func `without a socket no macvlan is made`() throws {
    bench.platform.openFailure = NodeError(.system(errno: 24), "too many open files")
    try startTracking()
    bench.pass(.seconds(3))
    #expect(countCreations() == 0)
    #expect(bench.engine.obstacle(to: "web") == "too many open files")
    #expect(bench.engine.wires.isEmpty && bench.platform.names.isEmpty)
    bench.platform.openFailure = nil
    bench.pass(.seconds(1))
    #expect(countCreations() == 1)
  }

  @Test func `another obstacle is told at once, and its end ends the waiting`() throws {
    bench.platform.openFailure = NodeError(.system(errno: 24), "too many open files")
    try startTracking()
    fake.setFlags([.broadcast, .multicast], onInterface: 2)
    bench.settle()
    #expect(bench.engine.obstacle(to: "web") == "eth0 is down")
    bench.platform.openFailure = nil
    fake.setFlags(FakePlatform.eth0.flags, onInterface: 2)
    bench.settle()
    #expect(bench.engine.obstacle(to: "web") == nil)
  }

  @Test func `what happens to other interfaces does not shorten a refusal`() throws {
    let claim = AddressClaim(
      address: try #require(IPAddress("198.18.0.100")), mac: MACAddress(2, 0, 0, 0, 0, 0x66),
      form: .reply)
    var settings = try settings(probes: true)
    settings.tracks = [Track(interface: "eth1")]
    fake.setLink(Link(index: 3, name: "eth1", macAddress: MACAddress(2, 0, 0, 0, 0, 3)))
    bench.settle()
    try bench.engine.add(settings)
    for _ in 0..<300 where bench.engine.refusal(of: "web") == nil {
      bench.pass(.milliseconds(100))
      try bench.hear(claim)
    }
    let reason = "198.18.0.100 is used by the machine with Ethernet address \(claim.mac)"
    #expect(bench.engine.refusal(of: "web")?.hasPrefix(reason) == true)
    let probes = wire.claims.count
    for mtu in 1400..<1420 {
      fake.setLink(Link(index: 3, name: "eth1", macAddress: MACAddress(2, 0, 0, 0, 0, 3), mtu: mtu))
      bench.pass(.milliseconds(500))
    }
    #expect(bench.engine.refusal(of: "web")?.hasPrefix(reason) == true)
    #expect(wire.claims.count == probes)
    bench.pass(.seconds(25))
    #expect(wire.claims.count > probes)
  }

  @Test func `what it tracks comes back during a handover, which goes on`() throws {
    try startTracking()
    takeOver()
    fake.setFlags([.broadcast, .multicast], onInterface: 3)
    bench.settle()
    #expect(bench.engine.obstacle(to: "web") == "eth1 is down, which the router tracks")
    bench.pass(.milliseconds(50))
    fake.setFlags([.up, .running, .lowerUp], onInterface: 3)
    bench.settle()
    #expect(try bench.state() == .backup && macvlan()?.isUp == true)
    try bench.hear(90, from: "198.18.0.2", addresses: ["198.18.0.100"])
    #expect(try macvlan()?.isUp == false)
  }

  @Test func `one that is switched off from outside during a handover is on again at once`() throws
  {
    try start()
    takeOver()
    bench.engine.remove("web")
    bench.pass(.milliseconds(50))
    let link = try #require(try macvlan())
    #expect(link.isUp)
    fake.setFlags([.broadcast, .multicast], onInterface: link.index)
    bench.settle()
    #expect(try macvlan()?.isUp == true)
    bench.pass(.seconds(2))
    #expect(try macvlan() == nil)
  }

  @Test func `the leases of another router don't disturb IPv6 addresses that wake up`() throws {
    // One that holds addresses before, so that its lease timer runs.
    let bench = try Bench(lease: #require(LeasePolicy("4s")))
    try bench.engine.add(settings(priority: 200, vrid: 7, name: "other"))
    bench.pass(.seconds(10))
    let many = (0..<1000).map { "2001:db8::1:\(String($0, radix: 16))/64" }
    try bench.engine.add(settings(many, virtualMAC: true))
    var raisedAt: Instant?
    var leasedAt: Instant?
    bench.platform.fake.failure = { request in
      if case .change(.setUp(true, _)) = request { raisedAt = bench.platform.time }
      if case .install(let request) = request, request.address.address.family == .ipv6,
        request.lifetime != nil, leasedAt == nil
      {
        leasedAt = bench.platform.time
      }
      return nil
    }
    // A round of leases comes right after the takeover, wherever that falls.
    for _ in 0..<60 where raisedAt == nil { bench.pass(.milliseconds(100)) }
    bench.engine.refreshLeases()
    bench.pass(.milliseconds(390))
    #expect(raisedAt != nil && leasedAt == nil)
    bench.pass(.milliseconds(200))
    #expect(leasedAt != nil)
    bench.pass(.seconds(20))
    #expect(bench.state(.ipv6) == .active)
    #expect(try bench.held.count == 1001)
  }
}
