import Testing
import VIPCore

/// IP headers, against packets that are written out byte by byte.
@Suite struct IPHeaderTests {
  /// A VRRP version 3 advertisement with the frame's padding behind it.
  static let vrrp4: [UInt8] = [
    0x45, 0xC0, 0x00, 0x20, 0x00, 0x01, 0x00, 0x00, 0xFF, 0x70, 0x19, 0xE8, 0xC0, 0xA8, 0x00, 0x0A,
    0xE0, 0x00, 0x00, 0x12, 0x31, 0x2A, 0x64, 0x01, 0x00, 0x64, 0x08, 0x23, 0xC0, 0xA8, 0x00, 0x63,
    0x00, 0x00, 0x00, 0x00,
  ]
  /// The header of the worked example of the Internet checksum: UDP, not to be fragmented.
  static let udp4: [UInt8] = [
    0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0xB8, 0x61, 0xC0, 0xA8, 0x00, 0x01,
    0xC0, 0xA8, 0x00, 0xC7,
  ]
  /// An unsolicited Neighbor Advertisement: class 0, next header 58, hop limit 255.
  static let neighbor6: [UInt8] =
    [0x60, 0x00, 0x00, 0x00, 0x00, 0x20, 0x3A, 0xFF]
    + [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [0x01]
    + [0xFF, 0x02] + [UInt8](repeating: 0, count: 13) + [0x01]
    + [0x88] + [UInt8](repeating: 0, count: 31)

  private func encoded(_ header: IPHeader) -> [UInt8] {
    [UInt8](capacity: 40) { header.encode(into: &$0) }
  }

  @Test func `an IPv4 advertisement is read`() throws {
    let packet = Self.vrrp4.span
    let parsed = IPHeader(parsing: packet)
    let header = try #require(parsed)
    #expect(header.source.description == "192.168.0.10")
    #expect(header.destination.description == "224.0.0.18")
    #expect(header.protocolNumber == IPProtocolNumber.vrrp && header.hopLimit == 255)
    #expect(header.trafficClass == IPHeader.networkControl)
    #expect(header.isFragmentable && !header.isFragment)
    let payload = header.payload(in: packet)
    #expect(payload == 20..<32)
    let isSound = header.isChecksumSound(in: packet)
    #expect(isSound)
  }

  @Test func `an IPv6 packet is read`() throws {
    let packet = Self.neighbor6.span
    let parsed = IPHeader(parsing: packet)
    let header = try #require(parsed)
    #expect(header.source.description == "2001:db8::1")
    #expect(header.destination.description == "ff02::1")
    #expect(header.protocolNumber == IPProtocolNumber.icmpv6 && header.hopLimit == 255)
    #expect(header.trafficClass == 0)
    let payload = header.payload(in: packet)
    #expect(payload == 40..<72)
  }

  @Test func `what is written are the bytes that were read`() throws {
    for bytes in [Self.udp4, Array(Self.neighbor6.prefix(40))] {
      let parsed = IPHeader(parsing: bytes.span)
      #expect(encoded(try #require(parsed)) == bytes)
    }
  }

  @Test func `advertisements have the headers that the RFC asks for`() throws {
    let source4 = try #require(IPAddress("192.168.0.10"))
    let group4 = try #require(IPAddress("224.0.0.18"))
    var header = IPHeader(
      source: source4, destination: group4, protocolNumber: IPProtocolNumber.vrrp,
      payloadByteCount: 12, trafficClass: IPHeader.networkControl)
    // Without the identification, by which the checksum differs.
    var expected = Array(Self.vrrp4.prefix(20))
    expected[5] = 0
    expected[11] = 0xE9
    #expect(encoded(header) == expected)
    header.isFragmentable = false
    let bytes = encoded(header)
    #expect(bytes[6] == 0x40)
    let isSound = header.isChecksumSound(in: bytes.span)
    #expect(isSound)

    let source6 = try #require(IPAddress("fe80::1"))
    let group6 = try #require(IPAddress("ff02::12"))
    header = IPHeader(
      source: source6, destination: group6, protocolNumber: IPProtocolNumber.vrrp,
      payloadByteCount: 24, trafficClass: IPHeader.networkControl)
    #expect(encoded(header).prefix(8) == [0x6C, 0, 0, 0, 0, 24, 112, 255])
    #expect(encoded(header).count == 40)
  }

  @Test func `a packet that is cut off is no packet`() throws {
    for count in 0..<20 {
      let parsed = IPHeader(parsing: Self.vrrp4.span.extracting(first: count))
      #expect(parsed == nil)
    }
    for count in 0..<40 {
      let parsed = IPHeader(parsing: Self.neighbor6.span.extracting(first: count))
      #expect(parsed == nil)
    }
    let parsed = IPHeader(parsing: Self.vrrp4.span)
    let header = try #require(parsed)
    for count in 20..<32 {
      let payload = header.payload(in: Self.vrrp4.span.extracting(first: count))
      #expect(payload == nil)
    }
  }

  @Test(arguments: [(0, UInt8(0x44)), (0, 0x4F), (2, 1), (3, 19), (3, 37)])
  func `lengths that contradict one another give no payload`(offset: Int, value: UInt8) throws {
    var bytes = Self.vrrp4
    bytes[offset] = value
    let parsed = IPHeader(parsing: bytes.span)
    let payload = try #require(parsed).payload(in: bytes.span)
    #expect(payload == nil)
  }

  @Test func `options are skipped, other versions refused, fragments told, damage seen`() throws {
    var bytes = Self.vrrp4
    bytes[0] = 0x46
    var parsed = IPHeader(parsing: bytes.span)
    let payload = try #require(parsed).payload(in: bytes.span)
    #expect(payload == 24..<32)
    bytes[0] = 0x55
    parsed = IPHeader(parsing: bytes.span)
    #expect(parsed == nil)
    for (value, isFragment, isFragmentable) in [
      (UInt16(0x2000), true, true), (1, true, true), (0x4000, false, false), (0, false, true),
    ] {
      bytes = Self.vrrp4
      bytes[6] = UInt8(value >> 8)
      bytes[7] = UInt8(value & 0xFF)
      parsed = IPHeader(parsing: bytes.span)
      let header = try #require(parsed)
      #expect(header.isFragment == isFragment && header.isFragmentable == isFragmentable)
      let isSound = header.isChecksumSound(in: bytes.span)
      #expect(isSound == (value == 0))
    }
  }
}
