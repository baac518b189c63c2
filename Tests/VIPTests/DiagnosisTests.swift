import ARP
import Netlink
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// Before another machine is accused, the program looks at what it can see itself.
@Suite struct DiagnosisTests {
  private static let other = MACAddress(2, 0, 0, 0, 0, 9)
  private static let start =
    "198.18.0.100 is used by the machine with Ethernet address 02:00:00:00:00:09, from which no "
    + "advertisement for VRID 51 was accepted"
  private static let snooping =
    "let its advertisements get here: see whether it runs, its VRID and its firewall, and multicast "
    + "(IGMP or MLD snooping) on the switch"

  /// Lets an advertisement reach the interface that the kernel does not deliver.
  private func see(_ bench: Bench, from source: String, vrid: UInt8 = 51) throws {
    let source = try #require(IPAddress(source))
    let advertisement = Advertisement(
      vrid: try #require(VRID(exactly: vrid)), priority: 150, interval: .default,
      addressCount: 1, family: source.family, checksumForm: .pseudoHeader)
    let address = try #require(
      IPAddress(source.family == .ipv4 ? "198.18.0.100" : "2001:db8::100"))
    let group = IPAddress.vrrpGroup(source.family)
    bench.hear(
      frame: AdvertisementFrame.encoded(
        advertisement.encoded([address], from: source, to: group), from: source, to: group,
        at: Self.other))
  }

  /// Why a router is refused for whose addresses another machine answers, while something else goes
  /// on.
  private func refusal(
    _ addresses: [String] = ["198.18.0.100/24"], answeredFor: [String]? = nil,
    by mac: MACAddress = other, meanwhile: (Bench) throws -> Void = { _ in },
    prepare: (Bench) -> Void = { _ in }
  ) throws -> String {
    let bench = try Bench()
    prepare(bench)
    try bench.engine.add(settings(addresses, probes: true))
    let claims = try (answeredFor ?? addresses).map {
      AddressClaim(
        address: try #require(IPAddress(String($0.prefix { $0 != "/" }))), mac: mac, form: .reply)
    }
    for second in 0..<7 {
      try meanwhile(bench)
      for _ in 0..<10 {
        bench.pass(.milliseconds(100))
        for claim in claims { try bench.hear(claim) }
      }
      if second == 6 { bench.pass(.seconds(1)) }
    }
    return try #require(bench.engine.refusal(of: "web"))
  }

  @Test func `without a sign of the group the probe is switched off last`() throws {
    #expect(
      try refusal() == Self.start
        + "; take another address, or take it from that machine; if you are "
        + "sure that it gives the address up, switch the probe off")
  }

  @Test func `a firewall is named`() throws {
    #expect(
      try refusal { try see($0, from: "198.18.0.9") } == Self.start
        + ": advertisements for VRID 51 from 198.18.0.9 (02:00:00:00:00:09) reach eth0 and are not "
        + "delivered: this machine's firewall drops them; let protocol 112 in on eth0")
  }

  @Test(arguments: [true, false])
  func `no firewall is named for a router whose interface is without IPv6`(hasIPv6: Bool) throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.100/24", "2001:db8::100/64"]))
    bench.pass(.seconds(10))
    #expect(bench.state(.ipv6) == .active)
    if !hasIPv6 { bench.platform.fake.setIPv6(enabled: false, onInterface: 2) }
    bench.pass(.seconds(1))
    for _ in 0..<3 {
      try see(bench, from: "fe80::9")
      bench.pass(.seconds(1))
    }
    #expect(bench.warnings.contains { $0.contains("firewall") } == hasIPv6)
    #expect(bench.warnings.isEmpty == !hasIPv6)
  }

  @Test func `another machine with the group's virtual MAC address is not taken for this one`()
    throws
  {
    let bench = try Bench()
    try bench.engine.add(settings(virtualMAC: true))
    bench.pass(.seconds(10))
    #expect(bench.state() == .active)
    let address = try #require(IPAddress("198.18.0.100"))
    let mac = MACAddress.virtualRouter(try #require(VRID(exactly: 51)), .ipv4)
    for _ in 0..<8 {
      try bench.hear(AddressClaim(address: address, mac: mac, form: .reply))
      bench.pass(.seconds(1))
    }
    let conflicts = bench.events.compactMap { event -> MACAddress? in
      if case .conflict(_, address, let mac) = event { mac } else { nil }
    }
    #expect(conflicts == [mac])
  }

  @Test func `what comes back from another interface of this machine is no other machine's`() throws
  {
    let bench = try Bench()
    let mac = MACAddress.virtualRouter(try #require(VRID(exactly: 51)), .ipv4)
    bench.platform.fake.setLink(
      Link(
        index: 7, name: "vip4-9-51", macAddress: mac, mtu: 1500,
        flags: [.up, .running, .lowerUp, .broadcast, .multicast], parentIndex: 3, kind: "macvlan"))
    try bench.engine.add(settings())
    bench.pass(.seconds(10))
    let address = try #require(IPAddress("198.18.0.100"))
    for _ in 0..<8 {
      try bench.hear(AddressClaim(address: address, mac: mac, form: .reply))
      bench.pass(.seconds(1))
    }
    #expect(!bench.events.contains { if case .conflict = $0 { true } else { false } })
  }

  @Test func `a reverse path filter is named where it can be the cause`() throws {
    func text(from source: String, filter: [String: Int]) throws -> String {
      try refusal(meanwhile: { try see($0, from: source) }) { bench in
        for (path, value) in filter { bench.platform.settings[path] = value }
      }
    }
    let strict = ["ipv4/conf/all/rp_filter": 1, "ipv4/conf/eth0/rp_filter": 0]
    #expect(
      try text(from: "203.0.113.9", filter: strict).hasSuffix(
        "203.0.113.9 is in none of eth0's networks, so this machine's reverse path filter "
          + "(rp_filter 1) drops them; give eth0 an address in that network, or switch the filter off "
          + "for all and for eth0"))
    #expect(try text(from: "198.18.0.9", filter: strict).contains("firewall"))
    #expect(try text(from: "203.0.113.9", filter: [:]).contains("firewall"))
  }

  @Test func `a member of a VRF gets them itself`() throws {
    // A port of a bridge or bond is refused; a router that runs there waits.
    let text = try refusal(meanwhile: { try see($0, from: "198.18.0.9") }) { bench in
      bench.platform.fake.setLink(Link(index: 7, name: "blue", kind: "vrf"))
      var member = FakePlatform.eth0
      member.masterIndex = 7
      bench.platform.fake.setLink(member)
      bench.settle()
    }
    #expect(text.contains("firewall"), "a VRF passes them on")
  }

  @Test func `a machine with this machine's own address is named`() throws {
    #expect(
      try refusal { try see($0, from: "198.18.0.1") }.hasSuffix(
        "198.18.0.1 is this machine's own address too; give one of the two machines another"))
  }

  @Test func `an advertisement that is not accepted is the reason`() throws {
    let text = try refusal { bench in
      let source = try #require(IPAddress("198.18.0.9"))
      let advertisement = Advertisement(
        vrid: try #require(VRID(exactly: 51)), priority: 150, interval: .default, addressCount: 1,
        family: .ipv4, checksumForm: .pseudoHeader, version: .v2)
      let list = [try #require(IPAddress("198.18.0.100"))]
      bench.hear(
        advertisement.encoded(list, from: source, to: .vrrpGroup(.ipv4)), from: source)
    }
    #expect(text.hasPrefix(Self.start + ": 198.18.0.9 speaks "))
  }

  @Test func `the group's virtual MAC address is recognised`() throws {
    let mac = MACAddress(0, 0, 0x5E, 0, 1, 51)
    #expect(
      try refusal(by: mac).hasSuffix(
        ": this is the virtual MAC address of VRID 51, so a router of the group serves it; "
          + Self.snooping))
    #expect(try refusal(by: MACAddress(0, 0, 0x5E, 0, 1, 52)).contains("take another address"))
  }

  @Test func `a machine that has all addresses is probably the group's Active`() throws {
    let all = ["198.18.0.100/24", "198.18.0.101/24"]
    #expect(
      try refusal(all).hasSuffix(
        ": it has all addresses of the router, so it probably is the group's Active; "
          + Self.snooping))
    #expect(try refusal(all, answeredFor: ["198.18.0.100"]).contains("take another address"))
  }

  @Test func `an Active that is deaf says so, and when it hears again`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    #expect(bench.state() == .active)
    for _ in 0..<2 {
      try see(bench, from: "198.18.0.9")
      bench.pass(.seconds(1))
    }
    let text =
      "advertisements for VRID 51 from 198.18.0.9 (02:00:00:00:00:09) reach eth0 and are not "
      + "delivered: this machine's firewall drops them; let protocol 112 in on eth0"
    #expect(bench.warnings.contains(text))
    try bench.hear(50, from: "198.18.0.9")
    #expect(!bench.warnings.contains(text))
    let told = bench.events.compactMap { event in
      switch event {
      case .warning(let problem) where problem.kind == .undelivered: "told"
      case .cleared(let problem, _) where problem.kind == .undelivered: "over"
      default: nil
      }
    }
    #expect(told == ["told", "over"])
  }

  @Test func `what is of another group or from this machine is no sign`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    for _ in 0..<3 {
      try see(bench, from: "198.18.0.9", vrid: 52)
      bench.pass(.seconds(1))
    }
    #expect(bench.warnings.isEmpty)
  }

  @Test func `bytes that are no whole advertisement are no sighting`() throws {
    let source = try #require(IPAddress("198.18.0.9"))
    let frame = AdvertisementFrame.encoded(
      [0x31, 51], from: source, to: .vrrpGroup(.ipv4), at: Self.other)
    func vrid(_ frame: [UInt8]) -> UInt8? { AdvertisementSighting(parsing: frame.span)?.vrid }
    #expect(vrid(frame) == 51)
    for count in 0..<frame.count { #expect(vrid(Array(frame.prefix(count))) == nil) }
    var other = frame
    other[23] = 17
    #expect(vrid(other) == nil)
    other = frame
    other[14] = 0x41
    #expect(vrid(other) == nil, "a header of four bytes")
  }
}
