import ARP
import Netlink
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// Addresses under a virtual MAC address: on a macvlan that is off while another router is Active.
@Suite struct VirtualMACTests {
  static let three = ["198.18.0.100/24", "198.18.0.101/24", "198.18.0.102/24"]
  static let mac4 = MACAddress(0, 0, 0x5E, 0, 1, 51)

  let bench: Bench
  var fake: FakeKernel { bench.platform.fake }
  var wire: FakeWire { bench.platform.wire }

  init() throws {
    bench = try Bench()
  }

  func macvlan(_ name: String = "vip4-2-51") throws -> Link? {
    try fake.links().first { $0.name == name }
  }

  func parent(_ setting: IPv4Setting) throws -> Int32? {
    try fake.link(2)?.ipv4[setting]
  }

  func isLocal(_ text: String) throws -> Bool {
    fake.isLocal(try #require(IPAddress(text)))
  }

  /// The frames with a source address, from a place on.
  func frames(from mac: MACAddress, after start: Int = 0) -> [[UInt8]] {
    wire.frames.dropFirst(start).filter { frame in
      (try? EthernetFrame(parsing: frame.span))?.source == mac
    }
  }

  func start(
    _ addresses: [String] = three, priority: Int = 100, handover: HandoverPolicy = .seamless
  ) throws {
    fake.setLink(
      Link(
        index: 2, name: "eth0", macAddress: FakePlatform.eth0.macAddress,
        ipv4: [.arpIgnore: 0, .arpAnnounce: 1]))
    bench.settle()
    try bench.engine.add(
      settings(addresses, priority: priority, handover: handover, virtualMAC: true))
    bench.settle()
  }

  func takeOver() {
    bench.pass(.seconds(4))
    #expect(bench.state() == .active)
  }

  // MARK: Backup

  @Test func `a Backup has a macvlan that is off, with all addresses asleep on it`() throws {
    try start()
    let link = try #require(try macvlan())
    #expect(!link.isUp && link.macAddress == Self.mac4 && link.parentIndex == 2)
    #expect(link.alias == "vipctl: virtual router 51 on eth0")
    let records = try fake.addresses().filter(\.isOurs)
    #expect(records.map(\.address.description) == Self.three)
    #expect(records.allSatisfy { $0.interfaceIndex == link.index && $0.validLifetime == nil })
    #expect(records.allSatisfy { $0.flags.contains(.noPrefixRoute) })
    #expect(try !isLocal("198.18.0.100"))
    #expect(try parent(.arpIgnore) == 0 && parent(.arpAnnounce) == 1)
    #expect(frames(from: Self.mac4).isEmpty)
    let status = try #require(bench.engine.status().first)
    #expect(status.virtualMAC == .init(address: Self.mac4, interface: "vip4-2-51"))
    #expect(status.addresses.allSatisfy { !$0.installed } && status.lease == nil)
    for (name, value) in [("disable_ipv6", 1), ("accept_ra", 0), ("autoconf", 0)] {
      #expect(bench.platform.settings["ipv6/conf/vip4-2-51/\(name)"] == value, "\(name)")
    }
    #expect(bench.platform.names == ["vip4-2-51"])
  }

  @Test func `the macvlan of IPv6 makes up no address and solicits no router`() throws {
    try start(["2001:db8::100/64"])
    let link = try #require(try macvlan("vip6-2-51"))
    #expect(link.macAddress == MACAddress(0, 0, 0x5E, 0, 2, 51) && !link.isUp)
    // It answers no ARP at all: an IPv4 router's macvlan on the same interface does.
    #expect(link.ipv4[.arpIgnore] == 8)
    let settings = bench.platform.settings
    for (name, value) in [
      ("accept_ra", 0), ("autoconf", 0), ("router_solicitations", 0), ("dad_transmits", 0),
      ("keep_addr_on_down", 1), ("disable_ipv6", 0),
    ] { #expect(settings["ipv6/conf/vip6-2-51/\(name)"] == value, "\(name)") }
    #expect(fake.requests.contains(.change(.withoutLinkLocal(index: link.index))))
    #expect(try !isLocal("2001:db8::100"))
  }

  // MARK: Takeover

  @Test func `a takeover is timed, and its addresses have an age`() throws {
    try start()
    bench.pass(.seconds(2))
    takeOver()
    bench.pass(.milliseconds(100))
    let status = try #require(bench.engine.status().first)
    #expect(status.takeovers.count == 1 && status.takeovers.pendingAddresses == 0)
    #expect(try #require(status.lease).age < .seconds(2))
  }

  @Test func `a takeover is an advertisement, one switch, and then announcements`() throws {
    try start()
    var atRaise: [[UInt8]]?
    var installs = 0
    fake.failure = { request in
      if case .change(.setUp(true, _)) = request { atRaise = wire.frames }
      if case .install = request, atRaise == nil { installs += 1 }
      return nil
    }
    takeOver()
    let before = try #require(atRaise)
    #expect(before.count == 1 && installs == 0, "one advertisement, and no request for an address")
    let first = try #require(before.first)
    let header = try EthernetFrame(parsing: first.span)
    #expect(header.source == Self.mac4 && header.etherType == .ipv4)
    #expect(header.destination == MACAddress(1, 0, 0x5E, 0, 0, 18))
    #expect(try macvlan()?.isUp == true)
    #expect(try isLocal("198.18.0.100") && isLocal("198.18.0.102"))
    let announced = wire.claims.filter { $0.mac == Self.mac4 && $0.form == .announcement }
    #expect(Set(announced.map(\.address.description)).count == 3)
    #expect(bench.platform.transport(.ipv4)?.batches.isEmpty == true)
    #expect(bench.engine.status().first?.addresses.allSatisfy(\.installed) == true)
    #expect(bench.engine.status().first?.lease != nil)
    #expect(bench.engine.status().first?.takeovers.pendingAddresses == 0)
  }

  @Test func `an advertisement is a sound packet with the interface's own address`() throws {
    try start()
    takeOver()
    let frame = try #require(frames(from: Self.mac4).first)
    let packet = frame.span.extracting(14..<frame.count)
    var checksum = InternetChecksum()
    checksum.add(packet.extracting(first: 20))
    #expect(checksum.isZero)
    let parsed = PacketHeader.parseIPv4(packet)
    let (header, range) = try #require(parsed)
    #expect(header.source.description == "198.18.0.1" && header.hopLimit == 255)
    let advertisement = try Advertisement(
      parsing: packet.extracting(range), from: header.source, to: header.destination,
      hopLimit: header.hopLimit)
    #expect(advertisement.vrid.rawValue == 51 && advertisement.priority.rawValue == 100)
  }

  @Test func `the leases follow once it is on, and go on`() throws {
    for addresses in [Self.three, ["2001:db8::100/64", "2001:db8::101/64"]] {
      let bench = try Bench()
      try bench.engine.add(settings(addresses, virtualMAC: true))
      bench.pass(.seconds(4))
      let records = try bench.platform.fake.addresses().filter(\.isOurs)
      #expect(records.allSatisfy { $0.validLifetime != nil })
      bench.pass(.seconds(60))
      #expect(try bench.held.count == addresses.count)
    }
  }

  @Test func `the interface below keeps quiet about the addresses, and gets its settings back`()
    throws
  {
    try start()
    takeOver()
    #expect(try parent(.arpIgnore) == 1 && parent(.arpAnnounce) == 2)
    #expect(
      try macvlan()?.alias
        == "vipctl: virtual router 51 on eth0; to restore: arp_announce=1 arp_ignore=0")
    try bench.hear(200, from: "198.18.0.2", addresses: ["198.18.0.100"])
    #expect(try parent(.arpIgnore) == 0 && parent(.arpAnnounce) == 1)
    #expect(try macvlan()?.alias == "vipctl: virtual router 51 on eth0")
  }

  @Test func `what another program has set meanwhile stays`() throws {
    try start()
    takeOver()
    _ = fake.change([.setIPv4([.arpIgnore: 2], index: 2)])
    bench.settle()
    bench.engine.remove("web")
    bench.pass(.seconds(2))
    #expect(try parent(.arpIgnore) == 2 && parent(.arpAnnounce) == 1)
  }

  @Test func `what another node puts back too early is set again`() throws {
    try start()
    takeOver()
    _ = fake.change([.setIPv4([.arpIgnore: 0], index: 2)])
    bench.settle()
    #expect(try parent(.arpIgnore) == 1)
  }

  @Test func `what had not to be changed before is noted when it has to be`() throws {
    fake.setLink(
      Link(
        index: 2, name: "eth0", macAddress: FakePlatform.eth0.macAddress,
        ipv4: [.arpIgnore: 1, .arpAnnounce: 0]))
    bench.settle()
    try bench.engine.add(settings(Self.three, virtualMAC: true))
    takeOver()
    let remark = "vipctl: virtual router 51 on eth0; to restore: arp_announce=0"
    #expect(try macvlan()?.alias == remark)
    _ = fake.change([.setIPv4([.arpIgnore: 0], index: 2)])
    bench.settle()
    #expect(try parent(.arpIgnore) == 1)
    #expect(try macvlan()?.alias == "\(remark) arp_ignore=0")
    bench.engine.remove("web")
    bench.pass(.seconds(2))
    #expect(try parent(.arpIgnore) == 0 && parent(.arpAnnounce) == 0)
  }

  // MARK: Letting go

  @Test func `preempted, it lets go the moment the new Active is heard`() throws {
    try start()
    takeOver()
    var quiet: Int32?
    fake.failure = { request in
      // While the machine still takes them for its own, the interface below must not answer.
      if case .install = request { quiet = min(quiet ?? 9, (try? parent(.arpIgnore)) ?? -1) }
      return nil
    }
    try bench.hear(200, from: "198.18.0.2", addresses: ["198.18.0.100"])
    #expect(try macvlan()?.isUp == false)
    #expect(quiet == 1)
    #expect(try !isLocal("198.18.0.100") && !isLocal("198.18.0.102"))
    // And is ready for the next time.
    let records = try fake.addresses().filter(\.isOurs)
    #expect(records.count == 3 && records.allSatisfy { $0.validLifetime == nil })
  }

  @Test func `preempted once, it hands over without a gap the next time as well`() throws {
    try start()
    takeOver()
    try bench.hear(200, from: "198.18.0.2", addresses: ["198.18.0.100"])
    #expect(try bench.state() == .backup && macvlan()?.isUp == false)
    takeOver()
    bench.engine.remove("web")
    bench.pass(.milliseconds(600))
    #expect(try macvlan()?.isUp == true)
    try bench.hear(100, from: "198.18.0.2", addresses: ["198.18.0.100"])
    #expect(try macvlan() == nil)
  }

  @Test func `leaving, it serves until the new Active is heard, and then leaves nothing`() throws {
    try start()
    takeOver()
    let sent = wire.frames.count
    bench.engine.remove("web")
    let farewell = try #require(frames(from: Self.mac4, after: sent).first)
    #expect(farewell[14 + 20 + 2] == 0, "priority 0")
    bench.pass(.milliseconds(600))
    #expect(try macvlan()?.isUp == true)
    try bench.hear(100, from: "198.18.0.2", addresses: ["198.18.0.100"])
    #expect(try macvlan() == nil && bench.held == [])
    #expect(try parent(.arpIgnore) == 0 && parent(.arpAnnounce) == 1)
    #expect(bench.engine.routerNames.isEmpty && bench.platform.names.isEmpty)
  }

  @Test func `without a successor it goes after an interval and a margin`() throws {
    try start()
    takeOver()
    bench.engine.remove("web")
    bench.pass(.milliseconds(1090))
    #expect(try macvlan()?.isUp == true)
    bench.pass(.milliseconds(20))
    #expect(try macvlan() == nil)
  }

  @Test func `strict lets go at once`() throws {
    try start(handover: .strict)
    takeOver()
    bench.engine.remove("web")
    #expect(try macvlan() == nil)
  }

  @Test func `IPv6 addresses that go with the link wait there again`() throws {
    try start(["2001:db8::100/64", "2001:db8::101/64"])
    takeOver6()
    for _ in 0..<2 {
      try bench.hear(
        200, from: "fe80::2", family: .ipv6, addresses: ["2001:db8::100", "2001:db8::101"])
      bench.pass(.seconds(3))
      let records = try fake.addresses().filter(\.isOurs)
      #expect(records.count == 2 && records.allSatisfy { $0.validLifetime == nil })
      #expect(try !isLocal("2001:db8::100"))
      takeOver6()
      #expect(try isLocal("2001:db8::100") && isLocal("2001:db8::101"))
    }
    #expect(bench.warnings == [])
  }

  func takeOver6() {
    bench.pass(.seconds(6))
    #expect(bench.state(.ipv6) == .active)
  }

  // MARK: Changes

  @Test func `addresses come and go in Backup and in Active`() throws {
    try start()
    let other = ["198.18.0.100/24", "198.18.0.101/24", "198.18.0.200/24"]
    try bench.engine.change([settings(other, virtualMAC: true)])
    bench.settle()
    #expect(try bench.held.sorted() == other && !isLocal("198.18.0.200"))
    takeOver()
    #expect(try isLocal("198.18.0.200"))
    try bench.engine.change([settings(Self.three, virtualMAC: true)])
    bench.settle()
    #expect(try bench.held.sorted() == Self.three && isLocal("198.18.0.102"))
    #expect(!fake.isLocal(.v4(IPv4Address(198, 18, 0, 200))))
    let records = try fake.addresses().filter(\.isOurs)
    #expect(records.allSatisfy { $0.interfaceIndex != 2 })
  }

  @Test func `to switch it on or off makes another router`() throws {
    #expect(try settings().change(to: settings(virtualMAC: true)) == .replacement)
    #expect(
      try settings().difference(to: settings(virtualMAC: true))
        == "virtual MAC address false → true")
    #expect(throws: ConfigurationError.self) {
      try settings(priority: 255, virtualMAC: true).validate()
    }
  }
}
