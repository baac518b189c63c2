import ARP
import Testing
import VIP
import VIPCore
import VIPMonitor
import VRRP

/// What a segment says to routers that do not run there yet.
@Suite struct SegmentProbeTests {
  private static let mac = MACAddress(2, 0, 0, 0, 0, 1)
  private static let start = Instant(nanoseconds: 5_000_000_000)

  private func router(
    _ addresses: [String] = ["192.0.2.100/24"], vrid: Int = 51, name: String = "web",
    version: ProtocolVersion = .v3
  ) throws -> RouterConfiguration {
    RouterConfiguration(
      name: name, interface: "eth0", vrid: try #require(VRID(exactly: vrid)),
      addresses: try addresses.map { try #require(InterfaceAddress($0)) }, version: version)
  }

  private func probe(_ routers: [RouterConfiguration]) -> SegmentProbe {
    var probe = SegmentProbe(
      routers, from: Self.mac, ownMACs: [MACAddress(2, 0, 0, 0, 0, 0x99)])
    probe.begin(at: Self.start)
    return probe
  }

  /// Lets a frame be heard; the only place that borrows its bytes.
  private func see(_ frame: [UInt8], _ probe: inout SegmentProbe) { probe.observe(frame.span) }

  private func texts(_ probe: SegmentProbe) -> [String] {
    probe.outcomes.map { "\($0.kind): \($0.text)" }
  }

  private func reply(_ address: String, at mac: MACAddress) throws -> [UInt8] {
    guard case .v4(let address) = try #require(IPAddress(address)) else { return [] }
    return arpFrame(ARPPacket.announcement(of: address, from: mac))
  }

  @Test func `each address is asked for three times, and answers are awaited for a second`() throws
  {
    var probe = probe([try router(["192.0.2.100/24", "2001:db8::100/64"])])
    var asked: [IPAddress: Int] = [:]
    var now = Self.start
    while !probe.isOver {
      for question in probe.takeDue(by: now) {
        #expect(question.mac == Self.mac)
        asked[question.address, default: 0] += 1
      }
      guard let next = probe.deadline else { break }
      #expect(next > now || probe.isOver)
      now = max(next, now)
    }
    #expect(Array(asked.values) == [3, 3])
    #expect(now - Self.start == .milliseconds(1100))
    #expect(probe.outcomes.isEmpty)
  }

  @Test func `a machine that has an address is a conflict with its MAC`() throws {
    var probe = probe([try router(["192.0.2.99/24", "192.0.2.100/24"])])
    let stranger = MACAddress(2, 0, 0, 0, 0, 0x66)
    for _ in 0..<3 { try see(reply("192.0.2.100", at: stranger), &probe) }
    try see(reply("192.0.2.101", at: stranger), &probe)
    #expect(
      texts(probe) == [
        "conflict: 192.0.2.100 is used by the machine with Ethernet address 02:00:00:00:00:66, "
          + "from which no VRRPv3 for VRID 51 is heard; if it belongs to the group, see whether it "
          + "advertises, its VRID and its firewall, and multicast (IGMP or MLD snooping) on the switch; "
          + "if not, give one of them another address"
      ])
    #expect(probe.outcomes.first?.field == .address(1))
  }

  @Test(arguments: [true, false])
  func `a machine that is probably the Active is told of as such`(isVirtual: Bool) throws {
    var probe = probe([try router(["192.0.2.99/24", "192.0.2.100/24"])])
    let mac = isVirtual ? MACAddress(0, 0, 0x5E, 0, 1, 51) : MACAddress(2, 0, 0, 0, 0, 0x66)
    for address in isVirtual ? ["192.0.2.100"] : ["192.0.2.99", "192.0.2.100"] {
      try see(reply(address, at: mac), &probe)
    }
    let found = texts(probe)
    #expect(found.count == (isVirtual ? 1 : 2))
    #expect(
      found.allSatisfy {
        $0.contains(isVirtual ? "the virtual MAC address of VRID 51" : "it probably is the group's")
          && !$0.contains("another address")
      }, "\(found)")
  }

  @Test func `the group's own holder is none`() throws {
    var probe = probe([try router()])
    try see(advertisementFrame(150, from: 7), &probe)
    try see(reply("192.0.2.100", at: MACAddress(2, 0, 0, 0, 0, 7)), &probe)
    see(
      try reply("192.0.2.100", at: .virtualRouter(#require(VRID(exactly: 51)), .ipv4)), &probe)
    #expect(
      texts(probe) == [
        "good: 192.0.2.100 is at 02:00:00:00:00:07, which is the group's 192.0.2.7",
        "good: 192.0.2.100 is at 00:00:5e:00:01:33, which is the group's 192.0.2.7",
      ])
    // Another machine that answers beside it is one all the same.
    try see(reply("192.0.2.100", at: MACAddress(2, 0, 0, 0, 0, 0x66)), &probe)
    #expect(probe.outcomes.map(\.kind) == [.good, .good, .conflict])
  }

  @Test func `this machine's own packets are not told`() throws {
    var probe = probe([try router()])
    let own = MACAddress(2, 0, 0, 0, 0, 0x99)
    try see(reply("192.0.2.100", at: own), &probe)
    try see(advertisementFrame(150, from: 1, vips: ["192.0.2.5"]), &probe)
    try see(advertisementFrame(150, from: 7, vips: ["192.0.2.5"], mac: own), &probe)
    try see(advertisementFrame(0, from: 7, vips: ["192.0.2.5"]), &probe)
    try see(advertisementFrame(150, from: 7, vips: ["192.0.2.5"], vlan: 9), &probe)
    #expect(texts(probe) == [])
  }

  @Test func `another group on the VRID, and the same addresses on another one`() throws {
    var probe = probe([try router()])
    try see(advertisementFrame(150, from: 7, vips: ["192.0.2.5"]), &probe)
    try see(advertisementFrame(150, from: 8, vrid: 9), &probe)
    #expect(
      texts(probe) == [
        "conflict: 192.0.2.7 (02:00:00:00:00:07) advertises other addresses on VRID 51 than this "
          + "machine (192.0.2.5); two groups use this VRID, choose one that is free for one of them",
        "conflict: 192.0.2.100 is advertised by 192.0.2.8 (02:00:00:00:00:08) with VRID 9, not 51; "
          + "give the machines of one group the same VRID",
      ])
    #expect(probe.outcomes.map(\.field) == [.vrid, .vrid])
  }

  @Test func `settings that differ are warnings, another version a conflict`() throws {
    var probe = probe([try router()])
    try see(advertisementFrame(150, from: 7, seconds: 0.5), &probe)
    see(
      try advertisementFrame(150, from: 8, vips: ["192.0.2.100", "192.0.2.101"]), &probe)
    #expect(
      texts(probe) == [
        "warning: 192.0.2.7 (02:00:00:00:00:07) advertises every 500ms, this machine every 1s; set "
          + "the same interval on all",
        "warning: 192.0.2.8 (02:00:00:00:00:08) advertises 192.0.2.101 too on VRID 51, unlike this "
          + "machine; give all machines of the group the same addresses",
      ])
    var old = self.probe([try router(version: .v2)])
    try see(advertisementFrame(150, from: 7), &old)
    #expect(
      texts(old) == [
        "conflict: 192.0.2.7 (02:00:00:00:00:07) speaks VRRPv3, this machine VRRPv2; they don't "
          + "hear each other, set the same version on all"
      ])
  }

  @Test func `any bytes are taken, and no flood is kept`() throws {
    var probe = probe([try router()])
    for frame in KnownFrame.all.map(bytes) {
      for length in 0...frame.count {
        let part = Array(frame[..<length])
        see(part, &probe)
      }
    }
    for host in 0..<2000 {
      let mac = MACAddress(2, 0, 0, 1, UInt8(host >> 8), UInt8(host & 0xFF))
      try see(reply("192.0.2.100", at: mac), &probe)
      try see(advertisementFrame(150, from: 7, vips: ["192.0.2.5"], mac: mac), &probe)
    }
    #expect(probe.outcomes.count <= 128)
  }
}
