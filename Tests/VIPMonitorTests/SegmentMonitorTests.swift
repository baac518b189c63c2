import ARP
import Testing
import VIPCore
import VIPMonitor
import VRRP

/// What a monitor says of frames, alone and one after the other.
@Suite struct SegmentMonitorTests {
  private func codes(_ observation: Observation?) -> [Judgement.Code] {
    observation?.judgements.map(\.code) ?? []
  }

  // MARK: Single frames

  static let words: [(String, Judgement.Level, String)] = [
    (
      KnownFrame.version2, .note,
      "VRRPv2 192.0.2.2 VRID 51 priority 100 every 1s for 192.0.2.100"
    ),
    (
      KnownFrame.password, .note,
      "VRRPv2 192.0.2.2 VRID 51 priority 100 every 1s for 192.0.2.100"
    ),
    (
      KnownFrame.message, .note,
      "VRRPv3 192.0.2.2 VRID 51 priority 100 every 1s checksum message for 192.0.2.100"
    ),
    (
      KnownFrame.pseudoHeader, .note,
      "VRRPv3 192.0.2.2 VRID 51 priority 100 every 1s checksum pseudo-header for 192.0.2.100"
    ),
    (
      KnownFrame.farewell, .note,
      "VRRPv3 192.0.2.2 VRID 51 priority 0 every 40.95s checksum message for 192.0.2.100"
    ),
    (
      KnownFrame.ipv6, .note,
      "VRRPv3 fe80::ff:fe00:a VRID 51 priority 100 every 1s for fe80::5e00:251 2001:db8::100"
    ),
    (
      KnownFrame.authenticationHeader, .rejected,
      "VRRPv2 192.0.2.2 VRID 51 priority 200 1 addresses, 20 bytes"
    ),
    (KnownFrame.arpRequest, .fine, "ARP announcement: 192.0.2.100 is at 00:00:5e:00:01:33"),
    (KnownFrame.arpReply, .fine, "ARP announcement: 192.0.2.100 is at 00:00:5e:00:01:33"),
    (KnownFrame.arpProbe, .fine, "ARP who has 192.0.2.100? (probe from 00:00:5e:00:01:33)"),
    (
      KnownFrame.neighborAdvertisement, .fine,
      "neighbor advertisement: 2001:db8::100 is at 00:00:5e:00:02:33 (router, override)"
    ),
    (
      KnownFrame.neighborProbe, .fine, "neighbor solicitation: who has 2001:db8::100? (probe)"
    ),
  ]

  @Test(arguments: words)
  func `a frame in words`(frame: String, verdict: Judgement.Level, text: String) throws {
    let watching = Watching()
    let seen = try #require(watching.see(frame))
    #expect(seen.text == text)
    #expect(seen.verdict == verdict)
    #expect(seen.time.nanoseconds == watching.now.nanoseconds)
  }

  @Test func `both checksum forms are named as data too`() throws {
    let watching = Watching()
    let forms = [KnownFrame.message, KnownFrame.pseudoHeader].map {
      watching.see($0)?.advertisement?.checksum
    }
    #expect(forms == [.message, .pseudoHeader])
    #expect(watching.see(KnownFrame.password)?.advertisement?.hasPassword == true)
  }

  /// What is changed in a good frame, at which byte to which value, and what is said about it.
  static let damage: [(Int, UInt8, String)] = [
    (14 + 8, 254, "receivers ignore it: the IP header's checksum is wrong"),
    (14 + 20, 0x41, "receivers ignore it: version 4 is not spoken here"),
    (14 + 20, 0x32, "receivers ignore it: type 2 is not ADVERTISEMENT"),
    (14 + 23, 2, "receivers ignore it: 12 bytes are too few"),
    (14 + 22, 101, "receivers ignore it: checksum is wrong"),
    (14 + 3, 200, "receivers ignore it: the IP packet is incomplete"),
    (14 + 0, 0x4F, "receivers ignore it: the IP packet is incomplete"),
    (14 + 0, 0x41, "receivers ignore it: the IP packet is incomplete"),
    (14 + 7, 1, "a fragment of a packet, which says nothing by itself"),
  ]

  @Test(arguments: damage)
  func `a damaged advertisement`(place: Int, value: UInt8, words: String) throws {
    var frame = bytes(KnownFrame.pseudoHeader)
    frame[place] = value
    let watching = Watching()
    let seen = try #require(watching.see(frame))
    #expect(seen.judgements.map(\.text) == [words])
    #expect(seen.advertisement == nil)
    #expect(watching.monitor.summary().groups.isEmpty)
  }

  @Test func `a TTL that is not 255 under a sound header`() throws {
    var frame = bytes(KnownFrame.pseudoHeader)
    frame[14 + 8] = 254
    // One less in the high byte of a word is one more in the sum.
    frame[14 + 10] &+= 1
    let watching = Watching()
    #expect(
      watching.see(frame)?.judgements.map(\.text)
        == ["receivers ignore it: TTL or hop limit is 254, not 255"])
  }

  @Test func `a packet that the capture has cut is not blamed`() throws {
    let frame = bytes(KnownFrame.pseudoHeader)
    let watching = Watching()
    let seen = try #require(watching.see(Array(frame.dropLast(4)), originalLength: frame.count))
    #expect(seen.verdict == .note && codes(seen) == [.cut])
    let arp = bytes(KnownFrame.arpRequest)
    let short = try #require(watching.see(Array(arp.dropLast(4)), originalLength: arp.count))
    #expect(short.verdict == .note && codes(short) == [.cut])
  }

  @Test func `what is remarkable about an advertisement by itself`() throws {
    let watching = Watching()
    var trailing = try advertisementFrame(100, from: 1)
    trailing[14 + 3] += 4
    // Four more in the length are four less in the checksum.
    trailing[14 + 11] -= 4
    #expect(codes(watching.see(trailing + [1, 2, 3, 4])).contains(.trailingBytes))
    let unicast = try advertisementFrame(100, from: 1, to: IPv4Address(192, 0, 2, 9))
    #expect(codes(watching.see(unicast)) == [.unicast])
    let seen = try watching.hear(100, from: 1, mac: MACAddress(0, 0, 0x5E, 0, 1, 52))
    #expect(codes(seen) == [.virtualMAC] && seen.verdict == .warning)
    #expect(seen.sender == MACAddress(0, 0, 0x5E, 0, 1, 52))
  }

  @Test func `ordinary traffic is not told of`() {
    let watching = Watching()
    let mac = MACAddress(2, 0, 0, 0, 0, 1)
    let request = ARPPacket(
      operation: .request, senderMAC: mac, senderAddress: IPv4Address(192, 0, 2, 1),
      targetMAC: MACAddress(rawValue: 0), targetAddress: IPv4Address(192, 0, 2, 2))
    #expect(watching.see(arpFrame(request)) == nil)
    #expect(watching.see([UInt8](repeating: 0, count: 60)) == nil)
    #expect(watching.see([]) == nil)
    #expect(watching.monitor.summary().counts.frames == 3)
  }

  // MARK: Elections

  @Test func `a group's life`() throws {
    let watching = Watching()
    #expect(codes(try watching.hear(100, from: 1)) == [.firstHeard])
    #expect(try watching.hear(100, from: 1).verdict == .fine)
    #expect(codes(try watching.hear(200, from: 2, after: 500)) == [.takeover])
    let late = try watching.hear(200, from: 2, after: 2500)
    #expect(late.judgements.map(\.text) == ["2.500s after the one before; its interval is 1s"])
    #expect(codes(try watching.hear(0, from: 2)) == [.farewell])
    let next = try watching.hear(100, from: 1, after: 600)
    #expect(next.judgements.map(\.text) == ["Active from now on; the one before had left"])
    let after = try watching.hear(50, from: 3, after: 4200)
    #expect(after.judgements.map(\.text) == ["takes over from 192.0.2.1, silent for 4.200s"])

    let group = try #require(watching.monitor.summary().groups.first)
    #expect(group.active == IPAddress("192.0.2.3"))
    #expect(group.routers.map(\.condition) == [.active, .left, .silent])
    #expect(group.routers.map(\.priority) == [50, 200, 100], "not the farewell's zero")
    #expect(group.advertisements == 7 && group.warnings == [])
  }

  @Test func `two Actives that don't hear each other`() throws {
    let (watching, seen) = try Watching.played(
      """
      router a priority 200 interval 100ms
      router b priority 100 interval 100ms
      tick 1s
      partition a | b
      tick 1s
      """)
    let warnings = seen.filter { $0.verdict == .warning }
    #expect(warnings.count == 8)
    #expect(warnings.allSatisfy { $0.judgements.map(\.code) == [.twoActives] })
    #expect(warnings.allSatisfy { $0.advertisement?.priority == 100 })
    let group = try #require(watching.monitor.summary().groups.first)
    #expect(group.routers.map(\.condition) == [.active, .alsoActive])
    #expect(group.warnings.map(\.count) == [8])
  }

  @Test func `both keep talking, the better one last`() throws {
    let watching = Watching()
    try watching.hear(100, from: 1)
    #expect(codes(try watching.hear(200, from: 2, after: 500)) == [.takeover])
    #expect(codes(try watching.hear(100, from: 1, after: 500)) == [.twoActives])
    try watching.hear(200, from: 2, after: 500)
    #expect(watching.monitor.summary().groups.first?.active == IPAddress("192.0.2.2"))
  }

  @Test func `an undisturbed election is without a warning`() throws {
    for text in [
      "router a priority 200\nrouter b priority 100\ntick 10s\nstop a\ntick 10s\nstart a\ntick 9s\n",
      "router a family ipv6 priority 200 vip fe80::1\nrouter b family ipv6 vip fe80::1\n"
        + "tick 10s\ncrash a\ntick 10s\nstart a\ntick 9s\n",
      "router a version 2 password s3cret\nrouter b version 2 password s3cret priority 9\n"
        + "tick 10s\nresign a 5s\ntick 20s\n",
    ] {
      let (watching, seen) = try Watching.played(text)
      #expect(seen.count > 15)
      #expect(seen.filter { $0.verdict > .note } == [])
      #expect(seen.count { $0.judgements.map(\.code).contains(.takeover) } >= 2)
      #expect(watching.monitor.summary().groups.flatMap(\.warnings).isEmpty)
    }
  }

  @Test func `a list without a link-local address first is noted once for each group`() throws {
    let (watching, seen) = try Watching.played(
      "router a family ipv6 priority 200 vip 2001:db8::1\n"
        + "router b family ipv6 vip 2001:db8::1\ntick 10s\ncrash a\ntick 10s\n")
    #expect(seen.count { codes($0).contains(.firstAddress) } == 1)
    #expect(codes(seen.first).contains(.firstAddress))
    #expect(seen.filter { $0.verdict > .note } == [])
    #expect(watching.monitor.summary().groups.flatMap(\.warnings).isEmpty)
  }

  @Test func `another group with our VRID`() throws {
    let watching = Watching()
    try watching.hear(100, from: 1)
    let seen = try watching.hear(200, from: 2, vips: ["192.0.2.200"], after: 300)
    #expect(
      seen.judgements.map(\.text) == [
        "192.0.2.2 advertises other addresses on VRID 51 than 192.0.2.1 (192.0.2.200); two groups use "
          + "this VRID, choose one that is free for one of them"
      ])
  }

  @Test func `settings that differ are told once, and while both live`() throws {
    let watching = Watching()
    try watching.hear(100, from: 1)
    let differing = try watching.hear(
      200, from: 2, seconds: 2, vips: ["192.0.2.100", "192.0.2.101"], checksum: .message)
    #expect(
      Set(codes(differing)) == [
        .takeover, .intervalDiffers, .addressListDiffers, .checksumFormDiffers,
      ])
    for _ in 0..<5 {
      try watching.hear(
        200, from: 2, seconds: 2, vips: ["192.0.2.100", "192.0.2.101"], checksum: .message,
        after: 2000)
    }
    let last = try watching.hear(
      200, from: 2, seconds: 2, vips: ["192.0.2.100", "192.0.2.101"], checksum: .message,
      after: 2000)
    #expect(last.verdict == .fine)
    let group = try #require(watching.monitor.summary().groups.first)
    #expect(
      Set(group.warnings.map(\.code)) == [
        .intervalDiffers, .addressListDiffers, .checksumFormDiffers,
      ])
  }

  @Test func `versions and passwords that differ`() throws {
    let (watching, seen) = try Watching.played(
      """
      router old version 2 priority 200
      router new version 3 priority 100
      router secret version 2 priority 150 password s3cret
      tick 10s
      """)
    let codes = Set(seen.flatMap { $0.judgements.map(\.code) })
    #expect(codes.isSuperset(of: [.versionDiffers, .authenticationDiffers, .password]))
    #expect(watching.monitor.summary().groups.count == 1)
  }

  @Test func `the same VRID in two VLANs or families is two groups`() throws {
    let watching = Watching()
    try watching.hear(100, from: 1)
    let tagged = try watching.hear(200, from: 2, vips: ["198.18.0.1"], vlan: 7)
    #expect(tagged.vlan == 7 && codes(tagged) == [.firstHeard])
    watching.see(KnownFrame.ipv6)
    let groups = watching.monitor.summary().groups
    #expect(groups.map(\.vlan) == [nil, nil, 7])
    #expect(groups.map(\.family) == [.ipv4, .ipv6, .ipv4])
  }

  // MARK: Summary

  @Test func `free VRIDs leave out what only rejected messages name`() throws {
    let watching = Watching()
    #expect(watching.monitor.summary().freeVRIDs == [1...255])
    try watching.hear(100, from: 1, vrid: 1)
    try watching.hear(100, from: 1, vrid: 255)
    try watching.hear(100, from: 1, vrid: 3)
    watching.see(KnownFrame.authenticationHeader)
    let summary = watching.monitor.summary()
    #expect(summary.freeVRIDs == [2...2, 4...50, 52...254])
    #expect(summary.warnings.map(\.code) == [.invalid])
    #expect(summary.warnings.first?.text.hasPrefix("VRID 51 over IPv4: ") == true)
    #expect(summary.counts.rejected == 1 && summary.counts.advertisements == 3)
  }

  @Test func `a silent Active is none`() throws {
    let watching = Watching()
    try watching.hear(100, from: 1)
    #expect(watching.monitor.summary().groups.first?.active == IPAddress("192.0.2.1"))
    let later = watching.now.advanced(byNanoseconds: 5_000_000_000)
    let group = try #require(watching.monitor.summary(at: later).groups.first)
    #expect(group.active == nil && group.routers.map(\.condition) == [.silent])
    #expect(group.routers.map(\.silence) == [.seconds(5)])
  }
}
