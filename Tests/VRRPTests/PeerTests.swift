import Testing
import VIPCore
import VRRP

/// The table of peers, and the conclusions that are drawn from it.
@Suite struct PeerTests {
  @Test("A peer is listed with what it advertises and when")
  func peer() throws {
    var router = VirtualRouter.backup()
    _ = router.hear(200, interval: .seconds(2), form: .message, at: .ms(1000))
    _ = router.hear(0, interval: .seconds(2), form: .message, at: .ms(1500))
    let peer = try #require(router.peers.first)
    #expect(router.peers.count == 1)
    #expect(peer.address == Fixture.higher)
    #expect(peer.version == .v3)
    #expect(peer.priority == .farewell)
    #expect(peer.interval == VRRPTests.interval(.seconds(2)))
    #expect(peer.checksumForm == .message)
    #expect(peer.addressCount == 1)
    #expect(peer.addresses == .same)
    #expect(peer.lastHeard == .ms(1500))
    #expect(peer.advertisementCount == 2)
    #expect(!peer.actsAsActive(at: .ms(1501)))
  }

  @Test("The table is bounded, and a flood of strangers can't push out a peer that lives")
  func bounded() {
    var router = VirtualRouter.backup()
    _ = router.hear(200, at: .ms(1000))
    var found = Findings()
    for number in UInt32(0)..<10_000 {
      let stranger = IPAddress.v4(IPv4Address(rawValue: 0x0A00_0000 + number))
      found.formUnion(router.hear(150, from: stranger, at: .ms(1001)).findings)
    }
    #expect(router.peers.count == Peers.capacity)
    #expect(router.peers.contains { $0.address == Fixture.higher })
    #expect(found.contains(.peerTableFull))
    // The silent make place for a newcomer, the one silent longest first.
    _ = router.hear(200, at: .ms(3000))
    _ = router.hear(120, from: Fixture.lower, at: .ms(60_000))
    #expect(router.peers.contains { $0.address == Fixture.lower })
    #expect(router.peers.contains { $0.address == Fixture.higher })
  }

  @Test("Two other Actives are recognised by their speaking in turns")
  func twoOthers() {
    var router = VirtualRouter.backup()
    var findings: [Findings] = []
    for round in UInt64(0)..<3 {
      findings.append(router.hear(200, at: .ms(1000 + round * 1000)).findings)
      findings.append(router.hear(200, from: Fixture.lower, at: .ms(1500 + round * 1000)).findings)
    }
    let none = Findings()
    #expect(findings == [none, none, none, none, .twoActives, .twoActives])
  }

  @Test("The last words of a split's loser, and the winner's answer, are not two Actives")
  func concession() {
    var router = VirtualRouter.backup()
    _ = router.hear(150, from: Fixture.lower, at: .ms(1000))
    for moment in [1400, 2400] as [UInt64] {
      #expect(router.hear(200, at: .ms(moment)).findings.isEmpty)
      if moment == 1400 {
        #expect(router.hear(150, from: Fixture.lower, at: .ms(1600)).findings.isEmpty)
        #expect(router.hear(200, at: .ms(1601)).findings.isEmpty)
      }
    }
    #expect(router.hear(200, at: .ms(3400)).findings.isEmpty)
  }

  @Test("A handover from one to another is not two Actives")
  func handover() {
    var router = VirtualRouter.backup()
    for moment in [1000, 2000] as [UInt64] { _ = router.hear(150, at: .ms(moment)) }
    for moment in [2500, 3500, 4500] as [UInt64] {
      #expect(router.hear(200, from: Fixture.lower, at: .ms(moment)).findings.isEmpty)
    }
    // It leaves, and the first is back.
    _ = router.hear(0, from: Fixture.lower, at: .ms(5000))
    #expect(router.hear(150, at: .ms(5500)).findings.isEmpty)
  }

  @Test("A loser that goes on as if it had not heard our answer is deaf to us")
  func deafLoser() {
    var (router, since) = VirtualRouter.active()
    func later(_ milliseconds: UInt64) -> Instant {
      since.advanced(byNanoseconds: milliseconds * 1_000_000)
    }
    #expect(router.hear(50, from: Fixture.lower, at: later(100)).findings.isEmpty)
    // The same packet twice says nothing.
    #expect(router.hear(50, from: Fixture.lower, at: later(101)).findings.isEmpty)
    _ = router.advance(to: later(1000))
    #expect(router.hear(50, from: Fixture.lower, at: later(1101)).findings == .twoActives)
  }

  @Test("Another group on our VRID, and lists that merely differ")
  func groups() throws {
    let ours = ["192.0.2.100", "192.0.2.101"].map(address)
    func match(_ listed: [IPAddress]) throws -> AddressListMatch {
      let advertisement = Advertisement(
        vrid: vrid(51), priority: .default, interval: .default, addressCount: listed.count,
        family: .ipv4, checksumForm: .message)
      let message = advertisement.encoded(listed, from: Fixture.source, to: Fixture.group)
      return try parse(message).match(ours, in: message.span)
    }
    #expect(try match(ours) == .same)
    #expect(try match(ours.reversed()) == .same)
    #expect(try match([ours[0]]) == .overlapping)
    #expect(try match(ours + [Fixture.own]) == .overlapping)
    #expect(try match([Fixture.own]) == .disjoint)
    let strangers = (1...250).map { address("198.51.100.\($0)") }
    #expect(try match(strangers) == .disjoint)
    #expect(try match(strangers + [ours[1]]) == .overlapping, "however long the list is")

    var router = VirtualRouter.backup()
    let advertisement = router.advertisement(Priority(rawValue: 200), addressCount: 1)
    let foreign = router.receive(
      advertisement, from: Fixture.higher, addresses: .disjoint, at: .ms(1))
    #expect(foreign.findings == .foreignGroup)
    let other = router.receive(
      advertisement, from: Fixture.higher, addresses: .overlapping, at: .ms(2))
    #expect(other.findings == .addressListDiffers)
    #expect(router.statistics.addressListErrors == 2)
    #expect(router.statistics.advertisementReceived == 2)
  }

  @Test("Lists are the same whatever their order, and not if one has an address twice")
  func lists() {
    let (a, b, c) = (address("192.0.2.1"), address("192.0.2.2"), address("192.0.2.3"))
    #expect(AddressListMatch([a, b], [b, a]) == .same)
    #expect(AddressListMatch([a, b], [b, c]) == .overlapping)
    #expect(AddressListMatch([a, a, b], [a, b]) == .overlapping)
    #expect(AddressListMatch([a], [b]) == .disjoint)
    #expect(AddressListMatch([], [b]) == .disjoint)
  }

  @Test("What differs between two machines")
  func differences() throws {
    let ours = AdvertisementTraits(
      version: .v3, interval: .default, authentication: .none, checksumForm: .pseudoHeader)
    #expect(ours.differences(from: ours, addresses: .same) == [])
    #expect(ours.differences(from: ours, addresses: .overlapping) == .addressListDiffers)
    #expect(ours.differences(from: ours, addresses: .disjoint) == .foreignGroup)
    var other = ours
    other.interval = .seconds(2)
    #expect(ours.differences(from: other, addresses: .same) == .intervalDiffers)
    other.checksumForm = .message
    #expect(
      ours.differences(from: other, addresses: .same) == [.intervalDiffers, .checksumFormDiffers])
    other.checksumForm = nil
    #expect(ours.differences(from: other, addresses: .same) == .intervalDiffers, "any will do")
    other = ours
    other.authentication = .simpleText(try #require(Authentication.Password("sesame")))
    #expect(ours.differences(from: other, addresses: .same) == .authenticationDiffers)
    other.version = .v2
    other.checksumForm = .message
    #expect(ours.differences(from: other, addresses: .same) == .versionDiffers, "and nothing else")
  }

  @Test("Findings for intervals, our own address, and the words for each")
  func others() {
    var router = VirtualRouter.backup()
    #expect(router.hear(200, interval: .seconds(2), at: .ms(1)).findings == .intervalDiffers)
    #expect(router.hear(200, from: Fixture.own, at: .ms(2)).findings == .ownAddress)
    let all = Findings(rawValue: 0x1FF)
    #expect(all.descriptions.count == 9)
    #expect(Set(all.descriptions).count == 9)
  }

  @Test("Mixed checksum forms: the pseudo-header wins while one that sends it is heard")
  func mixedForms() {
    var router = VirtualRouter.backup()
    #expect(router.hear(200, form: .message, at: .ms(1000)).findings.isEmpty)
    #expect(
      router.hear(210, from: Fixture.lower, form: .pseudoHeader, at: .ms(1100)).findings == [])
    let mixed = router.hear(200, form: .message, at: .ms(1900)).findings
    #expect(mixed.contains(.checksumFormDiffers))
    #expect(router.checksumFormToSend == .pseudoHeader)
    _ = router.hear(200, form: .message, at: .ms(9000))
    #expect(router.checksumFormToSend == .message)
  }

  @Test("A fixed form unlike the peer's is noticed: the peer may be deaf to us")
  func fixedForm() {
    var router = VirtualRouter.fresh(checksum: .message)
    _ = router.start(at: .zero, from: Fixture.own)
    #expect(router.hear(200, form: .pseudoHeader, at: .ms(1)).findings == .checksumFormDiffers)
  }

  @Test("Counters carry the names of RFC 8347 and RFC 6527")
  func names() {
    var router = VirtualRouter.backup()
    _ = router.hear(0, at: .ms(1))
    let counters = router.statistics.managementCounters
    #expect(counters.first { $0.yang == "priority-zero-pkts-rcvd" }?.value == 1)
    #expect(counters.first { $0.mib == "vrrpv3StatisticsRcvdPriZeroPackets" }?.value == 1)
    #expect(Set(counters.compactMap(\.yang)).count == 9)
    var segment = SegmentStatistics()
    _ = segment.count(.checksum)
    let checksum = segment.managementCounters.first { $0.yang == "checksum-errors" }
    #expect(checksum == ManagementCounter(mib: "vrrpv3RouterChecksumErrors", value: 1))
  }
}

extension ManagementCounter {
  fileprivate init(mib: String, value: UInt64) {
    var segment = SegmentStatistics()
    segment.checksumErrors = value
    self = segment.managementCounters[0]
    precondition(self.mib == mib)
  }
}
