import Testing
import VIPCore
import VRRP

/// RFC 9568 §5: what an advertisement looks like when it is sent.
@Suite struct RFC9568PacketTests {
  private func sent(
    _ router: VirtualRouter = .fresh(), priority: Priority = .default,
    addresses: [IPAddress] = [Fixture.vip]
  ) -> [UInt8] {
    let family = router.configuration.family
    return router.advertisement(priority, addressCount: addresses.count)
      .encoded(
        addresses, from: family == .ipv4 ? Fixture.source : Fixture.source6,
        to: .vrrpGroup(family))
  }

  @Test("§5.1.1.2, §5.1.2.2 The destination is 224.0.0.18 or ff02::12")
  func groups() {
    #expect(IPAddress.vrrpGroup(.ipv4) == address("224.0.0.18"))
    #expect(IPAddress.vrrpGroup(.ipv6) == address("ff02::12"))
  }

  @Test("§5.1.1.3, §5.1.2.3 The TTL or hop limit is 255")
  func hopLimit() { #expect(Advertisement.hopLimit == 255) }

  @Test("§5.1.1.4, §5.1.2.4 The protocol number is 112")
  func protocolNumber() { #expect(Advertisement.protocolNumber == 112) }

  @Test("§5.2.1, §5.2.2 Version 3, type 1")
  func versionAndType() { #expect(sent()[0] == 0x31) }

  @Test("§5.2.3 The VRID, 1 to 255")
  func vridField() {
    #expect(sent()[1] == 51)
    #expect(VRID(exactly: 0) == nil)
    #expect(VRID(exactly: 256) == nil)
    #expect(VRID(octet: 0) == nil)
    #expect(VRID(octet: 255) == VRID(exactly: 255))
  }

  @Test("§5.2.4 The priority: 255 for the owner, 0 for an Active that leaves")
  func priorityField() {
    #expect(sent(priority: .owner)[2] == 255)
    #expect(sent(priority: .farewell)[2] == 0)
    #expect(sent(priority: Priority(rawValue: 1))[2] == 1)
  }

  @Test("§5.2.5 The count of addresses, at least 1")
  func count() {
    #expect(sent()[3] == 1)
    #expect(sent(addresses: [Fixture.vip, Fixture.own])[3] == 2)
  }

  @Test("§5.2.6 Reserved bits are sent as zero")
  func reserved() {
    let longest = VirtualRouter.fresh(interval: .milliseconds(40_950))
    #expect(sent(longest)[4] >> 4 == 0)
  }

  @Test("§5.2.7 The interval in centiseconds, 12 bits")
  func intervalField() {
    let longest = sent(.fresh(interval: .milliseconds(40_950)))
    #expect(UInt16(longest[4]) << 8 | UInt16(longest[5]) == 4095)
    let shortest = sent(.fresh(interval: .milliseconds(10)))
    #expect(UInt16(shortest[4]) << 8 | UInt16(shortest[5]) == 1)
  }

  @Test(
    "§5.2.8 The checksum: over IPv4 of the message alone if asked for, over IPv6 always with pseudo-header"
  )
  func checksumField() {
    #expect(sent(.fresh(checksum: .message)) == bytes("313364010064a802c0000264"))
    let addresses = [address("fe80::5e00:251"), address("2001:db8::100")]
    let message = sent(.fresh(family: .ipv6, checksum: .message), addresses: addresses)
    #expect(message.prefix(8).elementsEqual(bytes("313364020064dfa2")))
  }

  @Test(
    "§5.2.9 Addresses in the order given; over IPv6 the link-local address is known by being first")
  func addressField() throws {
    let addresses = [address("fe80::5e00:251"), address("2001:db8::100")]
    let message = sent(.fresh(family: .ipv6), addresses: addresses)
    let advertisement = try parse(message, from: Fixture.source6, to: Fixture.group6)
    #expect(advertisement.addresses(in: message) == addresses)
    #expect(advertisement.addresses(in: message)[0].isLinkLocal)
    // FRR may send none: its advertisement is accepted all the same.
    let reversed = sent(.fresh(family: .ipv6), addresses: addresses.reversed())
    let other = try parse(reversed, from: Fixture.source6, to: Fixture.group6)
    #expect(other.addresses(in: reversed) == addresses.reversed())
  }
}
