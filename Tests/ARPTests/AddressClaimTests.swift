import ARP
import TestSupport
import Testing
import VIPCore

@Suite struct AddressClaimTests {
  private func claim(_ frame: [UInt8]) throws -> AddressClaim? {
    try AddressClaim(frame)
  }

  @Test func readsTheVectors() throws {
    let announced = AddressClaim(address: .v4(vip4), mac: vmac4, form: .announcement)
    #expect(try claim(Vector.a1) == announced && claim(Vector.a2) == announced)
    #expect(try claim(Vector.a4) == announced && announced.isInUse)
    let probed = AddressClaim(address: .v4(vip4), mac: vmac4, form: .probe)
    #expect(try claim(Vector.a3) == probed && !probed.isInUse)
    #expect(
      try claim(Vector.n1) == AddressClaim(address: .v6(vip6), mac: vmac6, form: .announcement))
    #expect(try claim(Vector.n3) == AddressClaim(address: .v6(vip6), mac: vmac6, form: .probe))
  }

  /// RFC 5227 §2.4: any ARP packet, request or reply, whose sender address is ours.
  @Test func readsOrdinaryRequestsAndReplies() throws {
    var frame = Vector.a1
    frame[41] = 1
    #expect(try claim(frame) == AddressClaim(address: .v4(vip4), mac: vmac4, form: .request))
    frame[21] = 2
    #expect(try claim(frame) == AddressClaim(address: .v4(vip4), mac: vmac4, form: .reply))
  }

  /// RFC 5227 §1.1: the fields of the ARP packet count, not the frame's addresses.
  @Test func ignoresTheFramesSource() throws {
    var frame = Vector.a1
    frame[6] = 0x02
    #expect(try claim(frame)?.mac == vmac4)
  }

  @Test func readsAdvertisements() throws {
    var packet = payload(Vector.n1)
    packet[44] = 0  // neither solicited nor override
    var frame = Array(Vector.n1[..<14]) + withChecksum(packet)
    #expect(try claim(frame) == AddressClaim(address: .v6(vip6), mac: vmac6, form: .reply))
    // Without the option, the sender of the frame is meant.
    packet = Array(payload(Vector.n1)[..<64])
    packet[5] = 24
    frame = Array(Vector.n1[..<14]) + withChecksum(packet)
    frame[6] = 0x02
    #expect(try claim(frame)?.mac == MACAddress(2, 0, 0x5E, 0, 2, 51))
    #expect(try claim(frame)?.form == .reply)
  }

  @Test func seesThroughPriorityTagsOnly() throws {
    let tagged = { (tag: UInt16) in
      Vector.a1[..<12] + [0x81, 0x00, UInt8(tag >> 8), UInt8(tag & 0xFF)] + Vector.a1[12...]
    }
    #expect(try claim(Array(tagged(0xE000)))?.address == .v4(vip4))
    #expect(try claim(Array(tagged(0x0001))) == nil)
  }

  @Test func ignoresWhatClaimsNothing() throws {
    var frame = Vector.a1
    frame[13] = 0x00  // IPv4
    #expect(try claim(frame) == nil)
    frame = Vector.a1
    frame[21] = 4  // a reply of RARP
    #expect(try claim(frame) == nil)
    for mac in [MACAddress(rawValue: 0), .broadcast, .multicast(for: .allNodes)] {
      #expect(try claim(Announcement(.v4(vip4), at: mac).encodeFrame()) == nil)
      #expect(try claim(Announcement(.v6(vip6), at: mac).encodeFrame()) == nil)
    }
    frame = Vector.n1
    frame[20] = 17  // UDP
    #expect(try claim(frame) == nil)
    frame = Vector.n1
    frame[54] = 134  // a router advertisement
    #expect(try claim(frame) == nil)
    let question = NeighborSolicitation(
      source: vip6, destination: NeighborSolicitation.solicitedNodeGroup(of: vip6), target: vip6,
      sourceLinkLayerAddress: vmac6)
    frame = Array(Vector.n3[..<14]) + encoded(question.byteCount) { question.encode(into: &$0) }
    #expect(try claim(frame) == nil)
  }

  @Test func neverReadsPastTheEnd() {
    for frame in Vector.all {
      for length in 0..<frame.count {
        let cut = Array(frame[..<length])
        // An IPv6 frame cut within its header may be any other protocol's: no claim, no error.
        #expect((try? AddressClaim(cut)) ?? nil == nil, "\(length) bytes")
      }
    }
  }

  /// Mutated vectors and noise: nothing crashes, and what is read is written back the same.
  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func survivesHostileFrames(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var accepted = 0
    for _ in 0..<20_000 {
      var frame = Vector.all[Int(random.next() % UInt64(Vector.all.count))]
      for _ in 0..<random.next() % 4 {
        frame[Int(random.next() % UInt64(frame.count))] = UInt8(truncatingIfNeeded: random.next())
      }
      if random.next() % 4 == 0 { frame.removeLast(Int(random.next() % UInt64(frame.count))) }
      if random.next() % 8 == 0 {
        frame = (0..<random.next() % 128).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      }
      // With a right checksum most of the time, or few would get past it.
      if frame.count > 58, frame[12] == 0x86, random.next() % 4 > 0 {
        frame = Array(frame[..<14]) + withChecksum(payload(frame))
      }
      if (try? AddressClaim(frame)) ?? nil != nil { accepted += 1 }
      try checkIdentity(frame)
    }
    #expect(accepted > 1000, "the frames were too bad to test anything")
  }

  private func checkIdentity(_ frame: [UInt8]) throws {
    guard let header = try? EthernetFrame(frame) else { return }
    let head = [UInt8](capacity: header.byteCount) { header.encode(into: &$0) }
    #expect(head == Array(frame[..<header.byteCount]))
    let body = Array(frame[header.byteCount...])
    if let packet = try? ARPPacket(body) {
      let again = [UInt8](capacity: ARPPacket.byteCount) { packet.encode(into: &$0) }
      #expect(again == Array(body[..<ARPPacket.byteCount]))
    }
    if let message = try? NeighborAdvertisement(body) {
      let again = [UInt8](capacity: message.byteCount) { message.encode(into: &$0) }
      #expect(try NeighborAdvertisement(again) == message)
    }
    if let message = try? NeighborSolicitation(body) {
      let again = [UInt8](capacity: message.byteCount) { message.encode(into: &$0) }
      #expect(try NeighborSolicitation(again) == message)
    }
  }
}
