import ARP
import Testing
import VIPCore

@Suite struct EthernetFrameTests {
  @Test func readsAndWritesTheHeader() throws {
    let header = try EthernetFrame(Vector.n1)
    #expect(
      header
        == EthernetFrame(
          destination: .multicast(for: .allNodes), source: vmac6, etherType: .ipv6))
    #expect(encoded(14) { header.encode(into: &$0) } == Array(Vector.n1[..<14]))
    #expect(header.description == "00:00:5e:00:02:33 > 33:33:00:00:00:01, type 0x86dd")
  }

  @Test func readsAndWritesATag() throws {
    let tagged = EthernetFrame(
      destination: .broadcast, source: vmac4, tag: 0xE00A, etherType: .arp)
    let bytes = encoded(18) { tagged.encode(into: &$0) }
    #expect(Array(bytes[12...]) == [0x81, 0x00, 0xE0, 0x0A, 0x08, 0x06])
    let parsed = try EthernetFrame(bytes)
    #expect(parsed == tagged && parsed.vlanID == 10 && parsed.byteCount == 18)
    #expect(
      wireError { _ = try EthernetFrame(Array(bytes[..<17])) } == .truncated(needed: 18, found: 17))
  }

  @Test func refusesShortFrames() {
    for length in 0..<14 {
      #expect(
        wireError { _ = try EthernetFrame(Array(Vector.a1[..<length])) }
          == .truncated(needed: 14, found: length))
    }
  }
}

@Suite struct ARPPacketTests {
  /// RFC 5227 §2.3 and §2.1.1.
  @Test func writesTheVectors() throws {
    let announcement = ARPPacket.announcement(of: vip4, from: vmac4)
    #expect(encoded(28) { announcement.encode(into: &$0) } == payload(Vector.a1))
    let probe = ARPPacket.probe(for: vip4, from: vmac4)
    #expect(encoded(28) { probe.encode(into: &$0) } == payload(Vector.a3))
    #expect(try ARPPacket(payload(Vector.a1)) == announcement)
    #expect(try ARPPacket(payload(Vector.a3)) == probe)
  }

  @Test func knowsWhatMessagesAreFor() throws {
    func kind(_ frame: [UInt8]) throws -> ARPPacket.Kind {
      try ARPPacket(payload(frame)).kind
    }
    #expect(try kind(Vector.a1) == .announcement && kind(Vector.a2) == .announcement)
    #expect(try kind(Vector.a4) == .announcement && kind(Vector.a3) == .probe)
    var packet = ARPPacket.announcement(of: vip4, from: vmac4)
    #expect(packet.isAnnouncement && !packet.isProbe)
    packet.targetAddress = IPv4Address(192, 0, 2, 1)
    #expect(packet.kind == .request)
    packet.operation = .reply
    #expect(packet.kind == .reply && packet.description == "192.0.2.100 is at 00:00:5e:00:01:33")
    packet.senderAddress = .any
    #expect(packet.kind == .reply && !packet.isProbe)
    packet.operation = .init(rawValue: 3)
    #expect(packet.kind == .other)
    // 0.0.0.0 asking about 0.0.0.0 is neither a probe nor an announcement.
    packet = .probe(for: .any, from: vmac4)
    #expect(packet.kind == .other)
  }

  /// RFC 826, Packet Reception: only the hardware and the protocol that the receiver speaks.
  @Test(arguments: [
    (0, 0x0006 as UInt16, WireError.invalid(.hardwareType, found: 6)),
    (2, 0x86DD, .invalid(.protocolType, found: 0x86DD)),
    (4, 0x0804, .invalid(.hardwareLength, found: 8)),
    (4, 0x0610, .invalid(.protocolLength, found: 16)),
    (4, 0x0000, .invalid(.hardwareLength, found: 0)),
  ])
  func refusesOtherLinks(offset: Int, value: UInt16, expected: WireError) {
    var bytes = payload(Vector.a1)
    (bytes[offset], bytes[offset + 1]) = (UInt8(value >> 8), UInt8(value & 0xFF))
    #expect(wireError { _ = try ARPPacket(bytes) } == expected)
  }

  @Test func refusesShortMessagesAndToleratesPadding() throws {
    let bytes = payload(Vector.a1)
    for length in 0..<28 {
      #expect(
        wireError { _ = try ARPPacket(Array(bytes[..<length])) }
          == .truncated(needed: 28, found: length))
    }
    let padded = bytes + [UInt8](repeating: 0xEE, count: 18)
    #expect(try ARPPacket(padded) == .announcement(of: vip4, from: vmac4))
  }
}
