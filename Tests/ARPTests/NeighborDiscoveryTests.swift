import ARP
import Testing
import VIPCore

@Suite struct NeighborAdvertisementTests {
  private let n1 = payload(Vector.n1)

  private func error(_ packet: [UInt8]) -> WireError? {
    wireError { _ = try NeighborAdvertisement(packet) }
  }

  /// A change to the message, with a checksum that is right again.
  private func error(changing offset: Int, to value: UInt8) -> WireError? {
    var packet = n1
    packet[offset] = value
    return error(withChecksum(packet))
  }

  @Test func readsAndWritesTheVectors() throws {
    let router = NeighborAdvertisement.announcement(of: vip6, from: vmac6, isRouter: true)
    #expect(try NeighborAdvertisement(n1) == router)
    #expect(encoded(router.byteCount) { router.encode(into: &$0) } == n1)

    let linkLocal = try #require(IPv6Address("fe80::5e00:251"))
    let host = NeighborAdvertisement.announcement(of: linkLocal, from: vmac6)
    #expect(try NeighborAdvertisement(payload(Vector.n2)) == host)
    #expect(encoded(host.byteCount) { host.encode(into: &$0) } == payload(Vector.n2))
    #expect(host.isAnnouncement && host.isOverride && !host.isSolicited && !host.isRouter)
    #expect(
      host.description
        == "neighbor advertisement: fe80::5e00:251 is at 00:00:5e:00:02:33 (override)")
  }

  /// RFC 4861 §7.1.2: the hop limit has a value of 255.
  @Test func refusesForwardedPackets() {
    for limit: UInt8 in [0, 1, 64, 254] {
      #expect(error(changing: 7, to: limit) == .invalid(.hopLimit, found: Int(limit)))
    }
  }

  /// RFC 4861 §7.1.2: the checksum is valid; it covers the pseudo-header too (RFC 8200 §8.1).
  @Test func refusesAnyFlippedBit() {
    // Not covered by the checksum: traffic class and flow label, which no check looks at.
    for offset in n1.indices where offset > 3 {
      for bit in 0..<8 {
        var packet = n1
        packet[offset] ^= 1 << UInt8(bit)
        #expect(error(packet) != nil, "byte \(offset), bit \(bit)")
      }
    }
    for offset in [8, 23, 24, 39, 44, 60, 71] {
      var packet = n1
      packet[offset] ^= 1
      #expect(error(packet) == .checksum, "byte \(offset)")
    }
  }

  /// RFC 4861 §7.1.2: the code is 0, the length 24 or more, all options have a length.
  @Test func refusesWrongFields() {
    #expect(error(changing: 0, to: 0x45) == .invalid(.ipVersion, found: 4))
    #expect(error(changing: 6, to: 0) == .invalid(.nextHeader, found: 0))
    #expect(error(changing: 40, to: 135) == .invalid(.messageType, found: 135))
    #expect(error(changing: 41, to: 1) == .invalid(.messageCode, found: 1))
    #expect(error(changing: 5, to: 23) == .truncated(needed: 24, found: 23))
    #expect(error(changing: 5, to: 33) == .truncated(needed: 73, found: 72))
    #expect(error(changing: 65, to: 0) == .invalid(.optionLength, found: 0))
    #expect(error(changing: 65, to: 2) == .truncated(needed: 40, found: 32))
    // One byte of an option, type without length.
    #expect(error(changing: 5, to: 25) == .truncated(needed: 26, found: 25))
  }

  /// RFC 4861 §7.1.2: the target is no group; to a group, the solicited flag is zero.
  @Test func refusesGroupsWhereTheyMakeNoSense() {
    #expect(error(changing: 48, to: 0xFF) == .multicastTarget)
    #expect(error(changing: 44, to: 0x60) == .invalid(.solicitedFlag, found: 1))
    var packet = n1
    packet[44] = 0x60
    packet[24] = 0xFE
    #expect(error(withChecksum(packet)) == nil)
  }

  /// RFC 4861 §4.6: receivers skip options they don't know; of several the first one counts.
  @Test func walksOptions() throws {
    func parse(options: [UInt8]) throws -> NeighborAdvertisement {
      var packet = Array(n1[..<64]) + options
      packet[5] = UInt8(24 + options.count)
      return try NeighborAdvertisement(withChecksum(packet))
    }
    let unknown: [UInt8] = [14, 2] + [UInt8](repeating: 7, count: 14)
    let first: [UInt8] = [2, 1, 0, 0, 0x5E, 0, 2, 51]
    let second: [UInt8] = [2, 1, 2, 2, 2, 2, 2, 2]
    #expect(try parse(options: []).targetLinkLayerAddress == nil)
    #expect(try !parse(options: []).isAnnouncement)
    #expect(try parse(options: unknown).targetLinkLayerAddress == nil)
    #expect(try parse(options: unknown + first).targetLinkLayerAddress == vmac6)
    #expect(try parse(options: first + second + unknown).targetLinkLayerAddress == vmac6)
    // An address of another kind of link, and an option without a length behind a good one.
    #expect(throws: WireError.invalid(.optionLength, found: 2)) {
      try parse(options: [2, 2] + [UInt8](repeating: 0, count: 14))
    }
    #expect(throws: WireError.invalid(.optionLength, found: 0)) {
      try parse(options: first + [14, 0, 0, 0, 0, 0, 0, 0])
    }
  }

  @Test func refusesEveryTruncationAndToleratesPadding() throws {
    for length in 0..<n1.count {
      let cut = Array(n1[..<length])
      #expect(wireError { _ = try NeighborAdvertisement(cut) } != nil, "\(length) bytes")
    }
    let padded = n1 + [1, 2, 3]
    #expect(
      try NeighborAdvertisement(padded)
        == .announcement(of: vip6, from: vmac6, isRouter: true))
  }
}

@Suite struct NeighborSolicitationTests {
  /// RFC 4862 §5.4.2: from `::` to the solicited-node group of the address.
  @Test func readsAndWritesTheVector() throws {
    let probe = NeighborSolicitation.probe(for: vip6)
    #expect(try NeighborSolicitation(payload(Vector.n3)) == probe)
    #expect(encoded(probe.byteCount) { probe.encode(into: &$0) } == payload(Vector.n3))
    #expect(
      probe.isProbe && probe.description == "neighbor solicitation: who has 2001:db8::100? (probe)")
    #expect(NeighborSolicitation.solicitedNodeGroup(of: vip6).description == "ff02::1:ff00:100")
  }

  @Test func readsAndWritesOrdinaryQuestions() throws {
    let question = NeighborSolicitation(
      source: IPv6Address(high: 0x2001_0DB8 << 32, low: 1), destination: vip6, target: vip6,
      sourceLinkLayerAddress: MACAddress(2, 0, 0, 0, 0, 1))
    let bytes = encoded(question.byteCount) { question.encode(into: &$0) }
    #expect(try NeighborSolicitation(bytes) == question && !question.isProbe)
  }

  /// RFC 4861 §7.1.1: from `::` only to a solicited-node group, and without a link-layer address.
  @Test func refusesMalformedProbes() {
    var probe = NeighborSolicitation.probe(for: vip6)
    probe.sourceLinkLayerAddress = vmac6
    var bytes = encoded(probe.byteCount) { probe.encode(into: &$0) }
    #expect(wireError { _ = try NeighborSolicitation(bytes) } == .malformedProbe)
    probe = .probe(for: vip6)
    probe.destination = .allNodes
    bytes = encoded(probe.byteCount) { probe.encode(into: &$0) }
    #expect(wireError { _ = try NeighborSolicitation(bytes) } == .malformedProbe)
  }
}
