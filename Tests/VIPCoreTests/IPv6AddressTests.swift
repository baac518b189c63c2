import TestSupport
import Testing
import VIPCore

@Suite struct IPv6AddressTests {
  /// RFC 5952 §4 and §5: the canonical text of each address, however it was written.
  @Test(arguments: [
    // §4.1 leading zeros
    ("2001:0db8::0001", "2001:db8::1"),
    ("2001:db8:aaaa:bbbb:cccc:dddd:eeee:0001", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1"),
    // §4.2.1 as much as possible, §4.2.2 not for one group
    ("2001:db8:0:0:0:0:2:1", "2001:db8::2:1"),
    ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
    ("2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
    // §4.2.3 the longest run, the first of two
    ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
    ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
    // §4.3 lower case
    ("2001:DB8::ABCD:EF01", "2001:db8::abcd:ef01"),
    // §5 mapped addresses
    ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
    ("::FFFF:C000:0201", "::ffff:192.0.2.1"),
    // the ends
    ("0:0:0:0:0:0:0:0", "::"), ("::", "::"), ("0::0", "::"), ("::1", "::1"),
    ("1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"), ("0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"),
    ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
    // IPv4 text at the end of any address
    ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
    ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
    ("fe80::ff:fe00:a", "fe80::ff:fe00:a"),
  ])
  func writesTheCanonicalForm(text: String, canonical: String) throws {
    let address = try #require(IPv6Address(text))
    #expect(address.description == canonical)
    #expect(IPv6Address(canonical) == address)
  }

  @Test(arguments: [
    "", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "::1::", "1:2:3:4:5:6:7:",
    ":2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8", "12345::",
    "g::", "::-1", "::+1", ":: 1", " ::1", "::1 ", "fe80::1%eth0", "[::1]", "::1/64",
    "1.2.3.4::", "::1.2.3.4:5", "::1.2.3", "::256.0.0.1", "::01.2.3.4", "1:2:3:4:5:6:7:1.2.3.4",
    "1.2.3.4", "1:2:3:4:5:1.2.3.4", "::1:2:3:4:5:6:1.2.3.4", "::٣", "::1\0", "::e\u{301}",
  ])
  func refusesOtherText(text: String) {
    #expect(IPv6Address(text) == nil)
  }

  @Test func everyTextReadsBack() {
    var random = SplitMix64(seed: 0x5952)
    for _ in 0..<5000 {
      // Zero about half of the groups, so that runs of every length and place come up.
      let mask = random.next() & random.next()
      var halves: [UInt64] = [random.next(), random.next()]
      for group in 0..<8 where mask >> UInt64(group) & 1 == 0 {
        halves[group / 4] &= ~(0xFFFF << UInt64(group % 4 * 16))
      }
      let address = IPv6Address(high: halves[0], low: halves[1])
      #expect(IPv6Address(address.description) == address)
    }
  }

  @Test func ordersAsUnsignedNumbers() {
    #expect(IPv6Address(high: 1, low: .max) < IPv6Address(high: 1 << 63, low: 0))
    #expect(IPv6Address(high: 7, low: 1) < IPv6Address(high: 7, low: 1 << 63))
    #expect(IPAddress.v4(IPv4Address(rawValue: .max)) < IPAddress.v6(.any))
    #expect(!(IPAddress.v6(.any) < IPAddress.v4(.any)))
  }

  @Test func knowsItsRanges() throws {
    func address(_ text: String) throws -> IPv6Address { try #require(IPv6Address(text)) }
    #expect(IPv6Address.any.isUnspecified)
    #expect(try address("::1").isLoopback && !address("::2").isLoopback)
    #expect(IPv6Address.vrrpGroup == (try address("ff02::12")))
    #expect(IPv6Address.allNodes == (try address("ff02::1")))
    #expect(try IPv6Address.allNodes.isMulticast && !address("fe00::1").isMulticast)
    #expect(try address("fe80::1").isLinkLocal && address("febf::1").isLinkLocal)
    #expect(try !address("fec0::1").isLinkLocal && !address("fe7f::1").isLinkLocal)
    #expect(try address("::ffff:1.2.3.4").isIPv4Mapped && !address("::1.2.3.4").isIPv4Mapped)
  }
}

@Suite struct IPAddressTests {
  @Test func readsEitherFamily() throws {
    let v4 = try #require(IPAddress("192.0.2.1"))
    let v6 = try #require(IPAddress("2001:db8::1"))
    #expect(v4.family == .ipv4 && v4.description == "192.0.2.1")
    #expect(v6.family == .ipv6 && v6.description == "2001:db8::1")
    #expect(IPAddress("") == nil && IPAddress("localhost") == nil)
    #expect(IPAddress.any(.ipv4).isUnspecified && IPAddress.any(.ipv6).isUnspecified)
    #expect(IPAddress.vrrpGroup(.ipv4).isMulticast && IPAddress.vrrpGroup(.ipv6).isMulticast)
    #expect(AddressFamily.ipv4.addressBitCount == 32 && AddressFamily.ipv6.addressBitCount == 128)
  }
}
