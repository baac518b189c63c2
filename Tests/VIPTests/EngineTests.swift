import ARP
import Netlink
import Testing
import VIP
import VIPCore
import VIPTesting
import VRRP

/// The engine on a fake machine: what it does, in which order, and that it keeps at it.
@Suite struct EngineTests {
  @Test func `an only node takes over after Active_Down_Interval and not before`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.milliseconds(3609))
    #expect(bench.state() == .backup)
    #expect(try bench.held == [])
    #expect(bench.platform.transport(.ipv4)?.batches.isEmpty == true)
    bench.pass(.milliseconds(10))
    #expect(bench.state() == .active)
    #expect(try bench.held == ["198.18.0.100/24"])
  }

  @Test func `a takeover advertises, installs, announces, in this order and in one turn`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.milliseconds(3500))
    let transport = try #require(bench.platform.transport(.ipv4))
    var order: [String] = []
    bench.platform.fake.failure = { request in
      if case .install = request { order.append("install after \(transport.batches.count) sent") }
      return nil
    }
    let deadline = try #require(bench.engine.deadline)
    #expect(bench.platform.wire.frames.isEmpty)
    bench.platform.time = max(deadline, bench.platform.time + .milliseconds(130))
    bench.engine.turn(ready: [])
    #expect(order == ["install after 1 sent"])
    #expect(bench.platform.wire.claims.map(\.address) == [IPAddress("198.18.0.100")])
  }

  @Test func `an advertisement of higher priority takes the addresses off`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    try bench.hear(200, from: "198.18.0.2")
    #expect(bench.state() == .backup)
    bench.pass(.milliseconds(250))
    #expect(try bench.held == [])
    let announced = bench.platform.wire.frames.count
    bench.pass(.seconds(3))
    #expect(bench.platform.wire.frames.count == announced, "nothing may be announced any more")
  }

  @Test func `removing a router says so with priority 0 and leaves nothing`() throws {
    let bench = try Bench()
    let before = try bench.platform.fake.addresses()
    try bench.engine.add(settings(["198.18.0.100/24", "2001:db8::100/64"]))
    bench.pass(.seconds(4))
    #expect(try Set(bench.held) == ["198.18.0.100/24", "2001:db8::100/64"])
    #expect(bench.engine.remove("web"))
    bench.pass(.milliseconds(1100))
    #expect(bench.platform.transport(.ipv4)?.sentPriorities.last == 0)
    #expect(bench.platform.transport(.ipv6)?.sentPriorities.last == 0)
    #expect(try bench.platform.fake.addresses() == before)
    #expect(bench.engine.routerNames.isEmpty)
    #expect(bench.engine.deadline == nil || bench.engine.deadline! > bench.platform.time)
  }

  @Test func `a lost link stops the election; its return starts another`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    bench.platform.fake.setFlags([.up, .broadcast, .multicast], onInterface: 2)
    bench.settle()
    #expect(bench.state() == .initialize)
    #expect(try bench.held == [])
    #expect(bench.engine.obstacle(to: "web") == "eth0 has no carrier")
    bench.pass(.seconds(10))
    bench.platform.fake.setFlags(FakePlatform.eth0.flags, onInterface: 2)
    bench.settle()
    #expect(bench.state() == .backup)
    bench.pass(.seconds(4))
    #expect(bench.state() == .active)
    #expect(try bench.held == ["198.18.0.100/24"])
  }

  @Test func `a lease is refreshed for as long as the address is held`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    for _ in 0..<60 {
      bench.pass(.milliseconds(500))
      #expect(try bench.held == ["198.18.0.100/24"])
    }
    let record = try #require(try bench.platform.fake.addresses().first { $0.isOurs })
    #expect(try #require(record.validLifetime) <= .seconds(4))
  }

  @Test func `leases of many addresses stretch, so that refreshes stay few`() throws {
    let bench = try Bench()
    let addresses = (0..<1400).map { "198.18.\(1 + $0 / 250).\(1 + $0 % 250)/16" }
    try bench.engine.add(settings(addresses))
    bench.pass(.seconds(5))
    #expect(try bench.held.count == 1400)
    bench.platform.fake.forgetRequests()
    bench.pass(.seconds(7))
    #expect(try bench.held.count == 1400)
    let perSecond = bench.platform.fake.requests.count / 7
    #expect(perSecond <= 1100, "\(perSecond) requests a second")
  }

  @Test func `without leases an address has no end`() throws {
    let bench = try Bench(lease: .off)
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    let record = try #require(try bench.platform.fake.addresses().first { $0.isOurs })
    #expect(record.validLifetime == nil)
  }

  @Test func `a new MAC address of the interface is announced`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(10))
    bench.platform.wire.removeAll()
    var link = FakePlatform.eth0
    link.macAddress = MACAddress(2, 0, 0, 0, 0, 0x22)
    bench.platform.fake.setLink(link)
    bench.settle()
    #expect(bench.platform.wire.claims.map(\.mac) == [MACAddress(2, 0, 0, 0, 0, 0x22)])
    #expect(bench.state() == .active)
  }

  @Test func `an address that another program removes is put back and announced again`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(10))
    let announced = bench.platform.wire.frames.count
    bench.platform.fake.remove(try #require(InterfaceAddress("198.18.0.100/24")), onInterface: 2)
    bench.settle()
    #expect(try bench.held == ["198.18.0.100/24"])
    #expect(bench.platform.wire.frames.count == announced + 1)
    #expect(bench.state() == .active)
  }

  @Test func `a fight over an address backs off and is named`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    let vip = try #require(InterfaceAddress("198.18.0.100/24"))
    bench.platform.fake.forgetRequests()
    for _ in 0..<1000 {
      bench.platform.fake.remove(vip, onInterface: 2)
      bench.pass(.milliseconds(10))
    }
    let installs = bench.platform.fake.requests.filter {
      if case .install = $0 { true } else { false }
    }.count
    #expect(installs < 20, "\(installs) attempts in 10 s")
    let warnings = bench.warnings
    #expect(warnings.contains { $0.contains("keeps removing 198.18.0.100/24 from eth0") })
    bench.pass(.seconds(40))
    #expect(try bench.held == ["198.18.0.100/24"])
    #expect(bench.warnings.isEmpty, "the fight is over")
  }

  @Test func `lost events are made good by reading everything again`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    bench.platform.fake.eventCapacity = 0
    bench.platform.fake.remove(try #require(InterfaceAddress("198.18.0.100/24")), onInterface: 2)
    bench.platform.fake.eventCapacity = 10_000
    bench.platform.fake.overflow()
    bench.settle()
    #expect(try bench.held == ["198.18.0.100/24"])
  }

  @Test func `a removal by this node whose event was lost hides no other one`() throws {
    let bench = try Bench(lease: .off)
    try bench.engine.add(settings(["198.18.0.100/24", "198.18.0.101/24"], vrid: 1, name: "a"))
    try bench.engine.add(settings(["198.18.0.102/24"], vrid: 2, name: "b"))
    bench.pass(.seconds(5))
    // The address leaves one router and comes back with the other.
    try bench.engine.change([
      settings(["198.18.0.100/24"], vrid: 1, name: "a"),
      settings(["198.18.0.102/24", "198.18.0.101/24"], vrid: 2, name: "b"),
    ])
    bench.platform.fake.overflow()
    bench.settle()
    #expect(try bench.held.count == 3)
    bench.platform.fake.remove(try #require(InterfaceAddress("198.18.0.101/24")), onInterface: 2)
    bench.settle()
    #expect(try bench.held.count == 3)
  }

  @Test func `an address whose refresh is refused is removed with its router`() throws {
    let bench = try Bench(lease: #require(LeasePolicy("30s")))
    try bench.engine.add(settings())
    bench.pass(.seconds(5))
    bench.platform.fake.failure = { request in
      guard case .install = request else { return nil }
      return NetlinkError(operation: "refresh", code: 105, message: "no buffer space")
    }
    bench.pass(.seconds(12))
    #expect(bench.warnings.contains { $0.contains("no buffer space") })
    #expect(try bench.held == ["198.18.0.100/24"])
    bench.engine.remove("web")
    bench.pass(.milliseconds(1200))
    #expect(try bench.held == [] && bench.engine.routerNames.isEmpty)
  }

  @Test func `a refused address is tried again and shown`() throws {
    let bench = try Bench()
    var isRefusing = true
    bench.platform.fake.failure = { request in
      if isRefusing, case .install = request {
        return NetlinkError(operation: "add 198.18.0.100/24", code: 12, message: "no room")
      }
      return nil
    }
    try bench.engine.add(settings())
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
    #expect(try bench.held == [])
    #expect(bench.warnings.contains { $0.contains("no room") })
    let said = bench.events.filter { if case .warning = $0 { true } else { false } }
    #expect(said.count == 1, "said once, not at every attempt")
    isRefusing = false
    bench.pass(.seconds(2))
    #expect(try bench.held == ["198.18.0.100/24"])
    #expect(bench.warnings.isEmpty)
  }

  @Test func `an address that the host was given meanwhile is left alone`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(1))
    let vip = try #require(InterfaceAddress("198.18.0.100/24"))
    bench.platform.fake.add(AddressRecord(interfaceIndex: 2, address: vip, flags: .permanent))
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
    let record = try #require(try bench.platform.fake.addresses().first { $0.address == vip })
    #expect(record.protocolTag == 0 && record.validLifetime == nil)
    #expect(bench.warnings.contains { $0.contains("is now eth0's own address") })
    bench.engine.remove("web")
    bench.pass(.seconds(2))
    #expect(try bench.platform.fake.addresses().contains { $0.address == vip })
  }

  @Test func `an address left by an earlier life is removed by a Backup`() throws {
    let bench = try Bench()
    bench.platform.fake.add(
      AddressRecord(
        interfaceIndex: 2, address: try #require(InterfaceAddress("198.18.0.100/24")),
        protocolTag: vipProtocolTag))
    try bench.engine.add(settings())
    bench.settle()
    #expect(bench.state() == .backup)
    #expect(try bench.held == [])
  }

  @Test func `routers that are due together are sent together`() throws {
    let bench = try Bench()
    for vrid in 1...200 {
      try bench.engine.add(
        settings(["198.18.1.\(vrid)"], vrid: vrid, name: "r\(vrid)"))
    }
    bench.pass(.seconds(5))
    let transport = try #require(bench.platform.transport(.ipv4))
    let before = transport.batches.count
    let sentBefore = transport.sentPriorities.count
    bench.pass(.seconds(10))
    let sent = transport.sentPriorities.count - sentBefore
    #expect((1990...2010).contains(sent), "\(sent) advertisements in 10 s")
    #expect(transport.batches.count - before <= 20)
  }

  @Test func `hostile messages are counted under their names and change nothing`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(1))
    let source = try #require(IPAddress("198.18.0.66"))
    let list = [try #require(IPAddress("198.18.0.100"))]
    func packet(vrid: UInt8 = 51) throws -> [UInt8] {
      Advertisement(
        vrid: try #require(VRID(exactly: vrid)), priority: .owner, interval: .default,
        addressCount: 1, family: .ipv4, checksumForm: .pseudoHeader
      ).encoded(list, from: source, to: .vrrpGroup(.ipv4))
    }
    bench.hear(try packet(), from: source, hopLimit: 254)
    bench.hear(try packet(vrid: 52), from: source)
    bench.hear([0x31], from: source)
    bench.hear(Array(try packet().prefix(10)), from: source)
    var damaged = try packet()
    damaged[2] ^= 1
    bench.hear(damaged, from: source)
    damaged = try packet()
    damaged[0] = 0x41
    bench.hear(damaged, from: source)
    damaged[0] = 0x32
    bench.hear(damaged, from: source)
    let status = try #require(bench.engine.status().first)
    #expect(status.segmentStatistics.ipTTLErrors == 1)
    #expect(status.segmentStatistics.vridErrors == 1)
    #expect(status.segmentStatistics.packetLengthErrors == 1)
    #expect(status.statistics.packetLengthErrors == 1)
    #expect(status.segmentStatistics.checksumErrors == 1)
    #expect(status.segmentStatistics.versionErrors == 1)
    #expect(status.statistics.invalidTypeReceived == 1)
    #expect(status.statistics.advertisementReceived == 0)
    #expect(status.state == .backup)
  }

  @Test func `a peer with other addresses is reported once and shown`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    for _ in 0..<9 {
      try bench.hear(200, from: "198.18.0.66", addresses: ["198.18.0.77"])
      bench.pass(.milliseconds(500))
    }
    let said = bench.events.filter { if case .warning = $0 { true } else { false } }
    #expect(said.count == 1)
    #expect(
      bench.warnings.contains {
        $0.contains("198.18.0.66 advertises other addresses on VRID 51")
      })
  }

  @Test func `an address of the host does not go with ours, which came first`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.7.1/24", "198.18.7.2/24"]))
    bench.pass(.seconds(5))
    let host = try #require(InterfaceAddress("198.18.7.200/24"))
    bench.platform.fake.add(
      AddressRecord(interfaceIndex: 2, address: host, flags: [.permanent, .secondary]))
    bench.settle()
    bench.engine.remove("web")
    bench.pass(.seconds(3))
    #expect(try bench.held == [])
    #expect(try bench.platform.fake.addresses().contains { $0.address == host })
    #expect(!bench.platform.fake.promotesSecondaries, "as it was before")
  }

  @Test func `a renamed interface hands over, since it still serves`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(5))
    var link = FakePlatform.eth0
    link.name = "eth9"
    bench.platform.fake.setLink(link)
    bench.settle()
    #expect(bench.platform.transport(.ipv4)?.sentPriorities.last == 0)
    #expect(try bench.state() == .initialize && bench.held == ["198.18.0.100/24"])
    try bench.hearAnnouncement(of: "198.18.0.100")
    #expect(try bench.held == [])
    #expect(bench.platform.names.isEmpty, "it has let go of the interface")
  }

  @Test func `a renamed interface that is down hands nothing over`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(5))
    var link = FakePlatform.eth0
    link.name = "eth9"
    link.flags.remove(.up)
    bench.platform.fake.setLink(link)
    bench.settle()
    #expect(try bench.held == [] && bench.platform.names.isEmpty)
  }

  @Test func `a name that comes back during the handover takes part again`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(5))
    var link = FakePlatform.eth0
    link.name = "eth9"
    bench.platform.fake.setLink(link)
    bench.settle()
    bench.platform.fake.setLink(FakePlatform.eth0)
    bench.settle()
    #expect(bench.state() == .backup)
    bench.pass(.seconds(5))
    #expect(try bench.state() == .active && bench.held == ["198.18.0.100/24"])
  }

  @Test func `a renamed interface keeps none of our addresses`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.100/24", "2001:db8::100/64"]))
    bench.pass(.seconds(5))
    #expect(try bench.held.count == 2)
    var link = FakePlatform.eth0
    link.name = "eth9"
    bench.platform.fake.setLink(link)
    bench.pass(.seconds(2))
    #expect(bench.state() == .initialize)
    #expect(try bench.held == [])
    bench.platform.fake.setLink(FakePlatform.eth0)
    bench.pass(.seconds(5))
    #expect(try bench.held.count == 2)
  }

  @Test func `a flooded socket holds up a Backup's timer for a few turns only`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    let transport = try #require(bench.platform.transport(.ipv4))
    let header = PacketHeader(
      source: try #require(IPAddress("198.18.0.66")), destination: .vrrpGroup(.ipv4), hopLimit: 255)
    bench.platform.time = bench.platform.time + .milliseconds(3_700)
    for _ in 0..<5 {
      transport.inbox += [(PacketHeader, [UInt8])](repeating: (header, [0]), count: 2000)
      #expect(bench.state() == .backup)
      bench.engine.turn(ready: [.segment(SegmentKey(interfaceIndex: 2, family: .ipv4))])
    }
    #expect(bench.state() == .active)
  }

  @Test func `a node that slept steps down before it sends anything`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(5))
    let sent = bench.platform.transport(.ipv4)?.sentPriorities.count
    bench.platform.time = bench.platform.time + .seconds(30)
    bench.platform.fake.advance(by: .seconds(30))
    bench.engine.turn(ready: [])
    #expect(bench.state() == .backup)
    bench.settle()
    #expect(bench.platform.transport(.ipv4)?.sentPriorities.count == sent)
    #expect(try bench.held == [])
  }
}
