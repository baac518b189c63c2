import ARP
import Netlink
import Testing
import VIP
import VIPCore
import VIPTesting
import VRRP

/// A machine that uses a held address is noticed and named, and the address defended; a peer that takes over is
/// not taken for one.
@Suite struct ConflictTests {
  private static let stranger = MACAddress(2, 0, 0, 0, 0, 0x66)

  private func holder(_ settings: RouterConfiguration? = nil) throws -> Bench {
    let bench = try Bench()
    try bench.engine.add(settings ?? VIPTesting.settings())
    bench.pass(.seconds(10))
    #expect(bench.engine.status().map(\.state) == [.active])
    bench.platform.wire.removeAll()
    return bench
  }

  private func claim(
    _ form: AddressClaim.Form = .request, _ address: String = "198.18.0.100",
    mac: MACAddress = stranger
  ) throws -> AddressClaim {
    AddressClaim(address: try #require(IPAddress(address)), mac: mac, form: form)
  }

  private func conflicts(_ bench: Bench) -> [NodeEvent] {
    bench.events.filter { if case .conflict = $0 { true } else { false } }
  }

  @Test(arguments: [AddressClaim.Form.request, .reply, .announcement])
  func `a stranger's claim is told once, with its MAC, and answered`(
    form: AddressClaim.Form
  ) throws {
    let bench = try holder()
    try bench.hear(claim(form))
    bench.pass(.milliseconds(19))
    #expect(bench.platform.wire.claims.isEmpty, "an advertisement may follow")
    bench.pass(.milliseconds(1))
    #expect(bench.platform.wire.claims.map(\.form) == [.announcement], "clients can't wait")
    bench.pass(.milliseconds(2970))
    #expect(conflicts(bench).isEmpty, "it may still be the sign of a takeover")
    bench.pass(.milliseconds(20))
    #expect(
      conflicts(bench) == [
        .conflict(
          router: "web", address: try #require(IPAddress("198.18.0.100")), mac: Self.stranger)
      ])
    #expect(bench.platform.wire.claims.map(\.form) == [.announcement])
    for _ in 0..<5 { try bench.hear(claim(form)) }
    #expect(conflicts(bench).count == 1)
    let status = try #require(bench.engine.status().first?.conflicts)
    #expect(status.claims == 6 && status.defenses == 1)
    #expect(status.current.map(\.mac) == [Self.stranger])
    #expect(
      bench.warnings.contains { $0.contains("198.18.0.100 is also used by the machine with") })
    #expect(bench.warnings.contains { $0.contains("\(Self.stranger)") })
  }

  @Test func `an advertisement that waits is heard before what follows from it`() throws {
    let bench = try Bench()
    var unicast = try VIPTesting.settings()
    unicast.interval = try #require(AdvertisementInterval("100ms"))
    try bench.engine.add(unicast)
    bench.pass(.seconds(10))
    let peer = MACAddress(2, 0, 0, 0, 0, 9)
    let source = try #require(IPAddress("198.18.0.2"))
    func advertisement() throws -> [UInt8] {
      Advertisement(
        vrid: try #require(VRID(exactly: 51)), priority: Priority(rawValue: 150),
        interval: unicast.interval, addressCount: 1, family: .ipv4, checksumForm: .pseudoHeader
      ).encoded([try #require(IPAddress("198.18.0.100"))], from: source, to: .vrrpGroup(.ipv4))
    }
    // The process is told of the frames only; what explains them is in the other socket.
    let header = PacketHeader(source: source, destination: .vrrpGroup(.ipv4), hopLimit: 255)
    bench.platform.transport(.ipv4)?.inbox.append((header, try advertisement()))
    try bench.hearAnnouncement(of: "198.18.0.100", from: peer)
    #expect(bench.state() == .backup)
    #expect(bench.engine.status().first?.conflicts.claims == 0)
  }

  @Test func `IPv6 too`() throws {
    let bench = try holder(settings(["2001:db8::100/64"]))
    try bench.hear(claim(.announcement, "2001:db8::100"))
    bench.pass(.seconds(4))
    #expect(conflicts(bench).count == 1)
    #expect(bench.platform.wire.claims.count == 1)
  }

  @Test func `however often it is claimed, it is defended every 10 s`() throws {
    let bench = try holder()
    for _ in 0..<600 {
      try bench.hear(claim())
      bench.pass(.milliseconds(100))
    }
    // At once, then at 10, 20, … 50 s.
    #expect(bench.platform.wire.claims.count { $0.form == .announcement } == 6)
    #expect(try bench.held == ["198.18.0.100/24"], "it is ours and stays so")
    #expect(conflicts(bench).count == 1)
  }

  @Test func `it is over when nothing was heard for a minute`() throws {
    let bench = try holder()
    try bench.hear(claim())
    bench.pass(.milliseconds(59_990))
    #expect(!bench.warnings.isEmpty)
    bench.pass(.milliseconds(20))
    #expect(bench.warnings.isEmpty)
    let problems = bench.events.compactMap(\.problem)
    #expect(problems.count == 2 && problems.first?.id == problems.last?.id)
    #expect(bench.events.contains { if case .cleared = $0 { true } else { false } })
    try bench.hear(claim())
    bench.pass(.seconds(4))
    #expect(conflicts(bench).count == 2)
  }

  @Test func `a peer that takes over is no conflict, whichever is heard first`() throws {
    let bench = try holder()
    try bench.hear(claim(.announcement))
    try bench.hear(200, from: "198.18.0.2")
    bench.pass(.seconds(2))
    try bench.hear(200, from: "198.18.0.2")
    try bench.hear(claim(.announcement))
    #expect(bench.platform.wire.frames.isEmpty, "nor is the address defended")
    bench.pass(.seconds(5))
    #expect(conflicts(bench).isEmpty)
  }

  @Test func `a rival that loses the election again is no conflict`() throws {
    let bench = try holder()
    try bench.hear(50, from: "198.18.0.2")
    try bench.hear(claim(.announcement))
    bench.pass(.seconds(4))
    #expect(conflicts(bench).isEmpty)
    let status = try #require(bench.engine.status().first?.conflicts)
    #expect(status.claims == 0 && status.defenses == 0)
  }

  @Test func `the old holder's last words after a takeover are no conflict`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    try bench.hear(50, from: "198.18.0.2")
    bench.pass(.milliseconds(3605))
    #expect(bench.state() == .backup)
    try bench.hear(0, from: "198.18.0.2")
    bench.pass(.seconds(1))
    #expect(bench.state() == .active)
    try bench.hear(claim(.reply))
    bench.pass(.seconds(4))
    #expect(conflicts(bench).isEmpty)
  }

  @Test func `another group on our VRID is no excuse`() throws {
    let bench = try holder()
    try bench.hear(50, from: "198.18.0.2", addresses: ["198.18.0.9"])
    try bench.hear(claim())
    bench.pass(.seconds(4))
    #expect(conflicts(bench).count == 1)
  }

  @Test func `a probe, our own frames and what a Backup hears are no conflict`() throws {
    let bench = try holder()
    try bench.hear(claim(.probe))
    try bench.hear(claim(.announcement, mac: try #require(FakePlatform.eth0.macAddress)))
    try bench.hear(claim(.announcement, "198.18.0.99"))
    bench.pass(.seconds(10))
    #expect(conflicts(bench).isEmpty)
    // Another interface of this machine on the same segment.
    let other = MACAddress(2, 0, 0, 0, 0, 7)
    bench.platform.fake.setLink(
      Link(index: 3, name: "eth1", macAddress: other, mtu: 1500, flags: [.up]))
    bench.settle()
    try bench.hear(claim(mac: other))
    bench.pass(.seconds(10))
    #expect(conflicts(bench).isEmpty)
  }

  @Test func `the end of holding is the end of the conflict`() throws {
    let bench = try holder()
    try bench.hear(claim())
    bench.pass(.seconds(4))
    try bench.hear(200, from: "198.18.0.2")
    #expect(bench.warnings.isEmpty)
    #expect(bench.events.contains { if case .cleared = $0 { true } else { false } })
    bench.platform.wire.removeAll()
    try bench.hear(claim())
    #expect(bench.platform.wire.frames.isEmpty)
  }

  @Test func `a conflict about an address is over when the router gives it away`() throws {
    let two = try settings(["198.18.0.100/24", "198.18.0.101/24"])
    let bench = try holder(two)
    try bench.hear(claim())
    bench.pass(.seconds(4))
    #expect(conflicts(bench).count == 1 && !bench.warnings.isEmpty)
    try bench.engine.change([settings(["198.18.0.101/24"])])
    bench.settle()
    #expect(bench.warnings.isEmpty)
    #expect(bench.events.contains { if case .cleared = $0 { true } else { false } })
  }

  @Test func `a flood of claims is bounded in memory, frames and turns`() throws {
    let addresses = (0..<200).map { "198.18.1.\($0 + 1)/32" }
    let bench = try holder(settings(addresses))
    for round in 0..<50 {
      for index in 0..<200 {
        let frame = Announcement(
          try #require(IPAddress("198.18.1.\(index + 1)")), at: Self.stranger)
        bench.platform.wire.deliver(frame.encodeFrame())
      }
      if round == 0 { bench.pass(.seconds(4)) }
    }
    // As the loop would: a turn for what is readable, at once, again and again.
    var turns = 0
    while bench.platform.watched.contains(.wire(2)), turns < 1000 {
      bench.engine.turn(ready: [.wire(2)])
      turns += 1
    }
    #expect(turns <= 20, "then the wire has to wait")
    bench.pass(.seconds(1))
    #expect(bench.platform.watched.contains(.wire(2)), "but only for a while")
    #expect(bench.platform.wire.claims.count { $0.form == .announcement } <= 64)
  }

  @Test func `few addresses are filtered by the kernel, many are not`() throws {
    let few = try holder(settings(["198.18.0.100/24", "198.18.0.101/24"]))
    #expect(
      few.platform.wire.filter
        == .uses(
          of: [
            try #require(IPAddress("198.18.0.100")), try #require(IPAddress("198.18.0.101")),
          ], groups: [51]))
    let many = try holder(settings((1...40).map { "198.18.1.\($0)/32" }))
    #expect(many.platform.wire.filter == .announcements(groups: [51]))
  }

  @Test func `a filter that the kernel refuses is set a second later`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(1))
    bench.platform.wire.filterFailure = FrameError(
      interface: "eth0", operation: "receive", errorNumber: 12)
    bench.pass(.seconds(3))
    #expect(bench.state() == .active)
    #expect(bench.platform.wire.filter == .nothing)
    #expect(!bench.platform.watched.contains(.wire(2)))
    bench.platform.wire.filterFailure = nil
    bench.pass(.seconds(1))
    #expect(bench.platform.wire.filter != .nothing)
    #expect(bench.platform.watched.contains(.wire(2)))
  }
}
