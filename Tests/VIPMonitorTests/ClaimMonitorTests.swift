import ARP
import Testing
import VIPCore
import VIPMonitor
import VRRP

/// What a monitor says of announcements, probes and conflicts.
@Suite struct ClaimMonitorTests {
  private static let vip = IPv4Address(192, 0, 2, 100)

  private func mac(_ number: UInt8) -> MACAddress { MACAddress(2, 0, 0, 0, 0, number) }

  private func announce(
    _ watching: Watching, _ address: IPv4Address, at mac: MACAddress,
    after milliseconds: UInt64 = 1000
  ) throws -> Observation {
    try #require(
      watching.see(arpFrame(.announcement(of: address, from: mac)), after: milliseconds))
  }

  @Test func `the Active announces a virtual address`() throws {
    let watching = Watching()
    try watching.hear(100, from: 1)
    let own = try announce(watching, Self.vip, at: mac(1))
    #expect(own.verdict == .fine)
    #expect(own.judgements.map(\.text) == ["a virtual address of VRID 51, at its Active"])
    let virtual = try announce(watching, Self.vip, at: MACAddress(0, 0, 0x5E, 0, 1, 51))
    #expect(virtual.verdict == .fine)
  }

  @Test func `another machine announces a virtual address`() throws {
    let watching = Watching()
    try watching.hear(100, from: 1)
    let stranger = try announce(watching, Self.vip, at: mac(9))
    #expect(stranger.verdict == .warning && stranger.judgements.map(\.code) == [.stranger])
    try watching.hear(200, from: 2)
    let backup = try announce(watching, Self.vip, at: mac(1))
    #expect(
      backup.judgements.map(\.text) == [
        "a virtual address of VRID 51, whose Active is 192.0.2.2, not 192.0.2.1"
      ])
    let summary = watching.monitor.summary()
    #expect(summary.counts.conflicts == 2 && summary.warnings.map(\.count) == [2])
  }

  @Test func `a stranger's answer is news, ordinary ones are not`() {
    let watching = Watching()
    watching.see(KnownFrame.pseudoHeader)
    func reply(_ mac: MACAddress) -> [UInt8] {
      arpFrame(
        ARPPacket(
          operation: .reply, senderMAC: mac, senderAddress: Self.vip, targetMAC: self.mac(7),
          targetAddress: IPv4Address(192, 0, 2, 7)))
    }
    #expect(watching.see(reply(MACAddress(0, 0, 0x5E, 0, 1, 51))) == nil)
    #expect(watching.see(reply(mac(9)))?.verdict == .warning)
  }

  @Test func `an address that moves, and one that two machines use`() throws {
    let watching = Watching()
    let address = IPv4Address(192, 0, 2, 55)
    #expect(try announce(watching, address, at: mac(1)).judgements == [])
    let moved = try announce(watching, address, at: mac(2))
    #expect(moved.judgements == [Judgement(.note, .moved, "moved from 02:00:00:00:00:01")])
    let back = try announce(watching, address, at: mac(1))
    #expect(
      back.judgements.map(\.text) == [
        "two machines use 192.0.2.55: 02:00:00:00:00:02 and 02:00:00:00:00:01"
      ])
    #expect(back.verdict == .warning)
    let muchLater = try announce(watching, address, at: mac(2), after: 60_000)
    #expect(muchLater.verdict == .note)
  }

  @Test func `probes`() throws {
    let watching = Watching()
    try watching.hear(100, from: 1)
    func probe(_ address: IPv4Address, _ mac: MACAddress) throws -> Observation {
      try #require(watching.see(arpFrame(.probe(for: address, from: mac))))
    }
    #expect(try probe(IPv4Address(192, 0, 2, 77), mac(9)).verdict == .fine)
    #expect(
      try probe(Self.vip, mac(9)).judgements.map(\.text) == [
        "02:00:00:00:00:09 wants 192.0.2.100, a virtual address of VRID 51"
      ])
    #expect(try probe(Self.vip, mac(1)).verdict == .fine, "a router of the group itself")
    watching.see(
      arpFrame(.announcement(of: IPv4Address(192, 0, 2, 77), from: mac(8))))
    #expect(
      try probe(IPv4Address(192, 0, 2, 77), mac(9)).judgements.map(\.text)
        == ["192.0.2.77 is in use by 02:00:00:00:00:08"])
  }

  @Test func `each VLAN has addresses of its own`() throws {
    let watching = Watching()
    try watching.hear(100, from: 1, vlan: 7)
    #expect(try announce(watching, Self.vip, at: mac(9)).judgements == [])
    let tagged = arpFrame(.announcement(of: Self.vip, from: mac(9)), vlan: 7)
    #expect(watching.see(tagged)?.verdict == .warning)
  }

  @Test func `the same over IPv6`() {
    let watching = Watching()
    watching.see(KnownFrame.ipv6)
    let stranger = Announcement(
      .v6(IPv6Address(high: 0x2001_0DB8 << 32, low: 0x100)), at: mac(9))
    #expect(watching.see(stranger.encodeFrame())?.judgements.map(\.code) == [.stranger])
    #expect(watching.see(KnownFrame.neighborAdvertisement)?.verdict == .fine)
    var damaged = bytes(KnownFrame.neighborAdvertisement)
    damaged[14 + 42] ^= 1
    let seen = watching.see(damaged)
    #expect(seen?.judgements.map(\.text) == ["receivers ignore it: wrong checksum"])
  }
}
