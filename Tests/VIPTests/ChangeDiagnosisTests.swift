import ARP
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// Before a machine is accused that has an address which a running router is to get, the program
/// looks at what it can see itself, as it does for a new router.
@Suite struct ChangeDiagnosisTests {
  private static let other = MACAddress(2, 0, 0, 0, 0, 9)
  private static let start = "web: 198.18.0.101 is used by the machine with Ethernet address "
  private static let hearing =
    "let its advertisements get here: see whether it runs, its VRID and its firewall, and multicast "
    + "(IGMP or MLD snooping) on the switch"

  /// The reason why an Active does not get an address for which another machine answers.
  private func refusal(
    _ addresses: [String] = ["198.18.0.100/24"], by mac: MACAddress = other,
    after prepare: (Bench) throws -> Void = { _ in }
  ) throws -> String {
    let bench = try Bench()
    try bench.engine.add(settings(addresses, probes: true))
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
    try prepare(bench)
    let more = try settings(addresses + ["198.18.0.101/24"], probes: true)
    return try refusal(bench, more, answeredBy: mac)
  }

  private func refusal(
    _ bench: Bench, _ more: RouterConfiguration, answeredBy mac: MACAddress,
    for answered: [String] = ["198.18.0.101"], everySecond: (Bench) throws -> Void = { _ in }
  ) throws -> String {
    let probes = bench.engine.startProbes(for: [more])
    for tenth in 0..<200 where bench.engine.isProbing(probes) {
      if tenth % 10 == 0 { try everySecond(bench) }
      bench.pass(.milliseconds(100))
      for address in answered { try claim(address, by: mac, bench) }
    }
    let text = bench.engine.endProbes(probes)
    return try #require(text)
  }

  private func claim(_ address: String, by mac: MACAddress = other, _ bench: Bench) throws {
    try bench.hear(
      AddressClaim(address: try #require(IPAddress(address)), mac: mac, form: .reply))
  }

  @Test func `without a sign of the group the probe is switched off last`() throws {
    #expect(
      try refusal() == Self.start + "\(Self.other); take another address, or take it from that "
        + "machine; if you are sure that it gives the address up, switch the probe off")
  }

  @Test func `a firewall that keeps the other Active from being heard is named`() throws {
    let text = try refusal { bench in
      let source = try #require(IPAddress("198.18.0.9"))
      let address = try #require(IPAddress("198.18.0.100"))
      let advertisement = Advertisement(
        vrid: try #require(VRID(exactly: 51)), priority: 50, interval: .default, addressCount: 1,
        family: .ipv4, checksumForm: .pseudoHeader)
      let group = IPAddress.vrrpGroup(.ipv4)
      for _ in 0..<2 {
        bench.hear(
          frame: AdvertisementFrame.encoded(
            advertisement.encoded([address], from: source, to: group), from: source, to: group,
            at: Self.other))
        bench.pass(.seconds(1))
      }
    }
    #expect(
      text.hasPrefix(Self.start + "\(Self.other): advertisements for VRID 51 from 198.18.0.9 "))
    #expect(text.hasSuffix("this machine's firewall drops them; let protocol 112 in on eth0"))
  }

  @Test func `an advertisement that is not accepted is the reason`() throws {
    let text = try refusal { bench in
      let source = try #require(IPAddress("198.18.0.9"))
      let advertisement = Advertisement(
        vrid: try #require(VRID(exactly: 51)), priority: 50, interval: .default, addressCount: 1,
        family: .ipv4, checksumForm: .pseudoHeader, version: .v2)
      let list = [try #require(IPAddress("198.18.0.100"))]
      for _ in 0..<4 {
        bench.hear(advertisement.encoded(list, from: source, to: .vrrpGroup(.ipv4)), from: source)
        bench.pass(.seconds(1))
      }
    }
    #expect(text.hasPrefix(Self.start + "\(Self.other): 198.18.0.9 speaks "))
  }

  @Test func `the group's virtual MAC address is recognised`() throws {
    let mac = MACAddress(0, 0, 0x5E, 0, 1, 51)
    #expect(
      try refusal(by: mac) == Self.start + "\(mac): this is the virtual MAC address of VRID 51, so "
        + "a router of the group serves it; " + Self.hearing)
    #expect(try refusal(by: MACAddress(0, 0, 0x5E, 0, 1, 52)).contains("take another address"))
  }

  @Test func `a machine that uses what the Active holds is probably of its group`() throws {
    func text(
      _ addresses: [String], alsoUsing used: [String], by mac: MACAddress
    ) throws -> String {
      try refusal(addresses) { bench in
        for address in used { try claim(address, by: mac, bench) }
        bench.pass(.seconds(4))
      }
    }
    let two = ["198.18.0.100/24", "198.18.0.102/24"]
    let sign =
      "\(Self.other): it has all addresses of the router, so it probably is the group's Active; "
      + Self.hearing
    #expect(
      try text(["198.18.0.100/24"], alsoUsing: ["198.18.0.100"], by: Self.other)
        == Self.start + sign)
    #expect(
      try text(two, alsoUsing: ["198.18.0.100", "198.18.0.102"], by: Self.other)
        == Self.start + sign)
    #expect(
      try text(two, alsoUsing: ["198.18.0.100"], by: Self.other).contains("take another address"))
    #expect(
      try text(["198.18.0.100/24"], alsoUsing: ["198.18.0.100"], by: MACAddress(2, 0, 0, 0, 0, 8))
        .contains("take another address"))
  }

  @Test func `a machine of the group that has it besides is named`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(probes: true))
    func advertise(_ bench: Bench) throws { try bench.hear(200, from: "198.18.0.2") }
    for _ in 0..<3 {
      try advertise(bench)
      bench.pass(.seconds(1))
    }
    #expect(bench.state() == .backup)
    let more = try settings(["198.18.0.100/24", "198.18.0.101/24"], probes: true)
    #expect(
      try refusal(
        bench, more, answeredBy: Self.other, for: ["198.18.0.101", "198.18.0.2"],
        everySecond: advertise) == Self.start
        + "\(Self.other): it advertises for VRID 51 from 198.18.0.2 and does not list that address, "
        + "which it has as its own or in another router; remove it there first")
  }
}
