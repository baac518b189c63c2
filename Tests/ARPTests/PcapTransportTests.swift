import ARP
import Foundation
import Glibc
import TestSupport
import Testing
import VIPCore

@Suite struct PcapTransportNameTests {
  /// None of these reaches libpcap, which would take `any` for all interfaces.
  @Test(arguments: [
    ("", FrameError.Cause.unsuitable), ("sixteen-bytes-xx", .unsuitable), ("eth0\0x", .unsuitable),
    ("\0", .unsuitable), ("any", .interfaceGone), ("nflog", .interfaceGone),
    ("no-such-if", .interfaceGone), ("fifteen-bytes-x", .interfaceGone),
  ])
  func refusesNames(name: String, cause: FrameError.Cause) throws {
    let error = try #require(throws: FrameError.self) { _ = try PcapTransport(interface: name) }
    #expect(error.cause == cause && error.interface == name && error.operation == "open")
    #expect(!error.isTransient)
  }

  /// The system takes a socket to look a name up.
  @Test func `an interface is not called missing for want of a descriptor`() async throws {
    // In a process of its own, which has none left for a while.
    await #expect(processExitsWith: .success) {
      var limit = rlimit()
      let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
      #expect(getrlimit(resource, &limit) == 0)
      limit.rlim_cur = min(limit.rlim_cur, 256)
      #expect(setrlimit(resource, &limit) == 0)
      var taken: [Int32] = []
      repeat { taken.append(open("/dev/null", O_RDONLY)) } while taken.last ?? -1 >= 0
      let error = #expect(throws: FrameError.self) { _ = try PcapTransport(interface: "lo") }
      for descriptor in taken { close(descriptor) }
      #expect(error?.cause == .other && error?.errorNumber == EMFILE)
      #expect(error?.message == "Too many open files")
    }
  }
}

/// Real frames between two kernels' stacks.
@Suite(
  .enabled(if: Laboratory.isAvailable, "\(Laboratory.obstacle ?? "")"), .timeLimit(.minutes(10)))
struct PcapTransportTests {
  private let old = "02:00:00:00:00:01"

  /// The right side, with a neighbour entry for each VIP that leads to another machine.
  private func cableWithNeighbours() throws -> Cable {
    let cable = try Cable()
    try cable.right.ip("address add 192.0.2.1/24 dev right")
    try cable.right.ip("address add 2001:db8::1/64 dev right nodad")
    for vip in ["192.0.2.100", "2001:db8::100"] {
      try cable.right.ip("neigh replace \(vip) lladdr \(old) dev right nud reachable")
    }
    return cable
  }

  /// Where the right side thinks an address is.
  private func neighbour(_ address: String, in cable: Cable) throws -> String? {
    struct Entry: Decodable {
      var dst: String
      var lladdr: String?
    }
    let json = try cable.right.check(["ip", "-j", "neigh", "show", "dev", "right"])
    let entries = try JSONDecoder().decode([Entry].self, from: Data(json.utf8))
    return entries.first { $0.dst == address }?.lladdr
  }

  /// Waits until something is so; the kernels answer within microseconds, a busy machine may not.
  private func eventually(_ condition: () throws -> Bool) throws -> Bool {
    do {
      try TestSupport.eventually("it is so", poll: .milliseconds(10), condition)
      return true
    } catch is LabError {
      return false
    }
  }

  @Test func announcementsMoveTheNeighboursEntries() throws {
    let cable = try cableWithNeighbours()
    let transport = try cable.left.inside { try PcapTransport(interface: "left") }
    #expect(try neighbour("192.0.2.100", in: cable) == old)
    #expect(try neighbour("2001:db8::100", in: cable) == old)

    try transport.send(Announcement(.v4(vip4), at: vmac4))
    #expect(try eventually { try neighbour("192.0.2.100", in: cable) == "00:00:5e:00:01:33" })
    #expect(try neighbour("2001:db8::100", in: cable) == old)
    try transport.send(Announcement(.v6(vip6), at: vmac6))
    #expect(try eventually { try neighbour("2001:db8::100", in: cable) == "00:00:5e:00:02:33" })
  }

  /// The receiving kernel agrees with our own parser: what this refuses, it ignores too.
  @Test func forwardedAdvertisementsMoveNothing() throws {
    let cable = try cableWithNeighbours()
    let transport = try cable.left.inside { try PcapTransport(interface: "left") }
    var forged = Vector.n1
    forged[21] = 254
    try transport.send(forged.span)
    try transport.send(Announcement(.v4(vip4), at: vmac4))
    #expect(try eventually { try neighbour("192.0.2.100", in: cable) == "00:00:5e:00:01:33" })
    #expect(try neighbour("2001:db8::100", in: cable) == old)
  }

  @Test func survivesALinkThatGoesDownAndUp() throws {
    let cable = try cableWithNeighbours()
    let (transport, listener) = try cable.left.inside {
      (
        try PcapTransport(interface: "left"),
        try PcapTransport(interface: "left", receiving: .announcements())
      )
    }
    for round in 1...3 {
      try cable.left.ip("link set left down")
      let error = try #require(throws: FrameError.self) {
        try transport.send(Announcement(.v4(vip4), at: vmac4))
      }
      #expect(error.cause == .interfaceDown && error.interface == "left" && !error.isTransient)
      #expect(error.description == "left: send: send: Network is down", "round \(round)")
      #expect(throws: Never.self) { try listener.drain(limit: 10) { _ in } }

      try cable.left.ip("link set left up")
      // Down and up again while nothing is sent: the first frame after it must not fail either.
      try cable.left.ip("link set left down")
      try cable.left.ip("link set left up")
      #expect(throws: Never.self) { try listener.drain(limit: 10) { _ in } }
      // The peer forgets entries when its carrier goes.
      try cable.right.ip("neigh replace 192.0.2.100 lladdr \(old) dev right nud reachable")
      try transport.send(Announcement(.v4(vip4), at: vmac4))
      #expect(try eventually { try neighbour("192.0.2.100", in: cable) == "00:00:5e:00:01:33" })
    }
    // The listener hears again too.
    let peer = try cable.right.inside { try PcapTransport(interface: "right") }
    try peer.send(Announcement(.v4(vip4), at: vmac4))
    #expect(try eventually { try listener.drain(limit: 100) { _ in } > 0 })
  }

  @Test func reportsThatTheDeviceIsGone() throws {
    let cable = try Cable()
    let (transport, listener) = try cable.left.inside {
      (
        try PcapTransport(interface: "left"),
        try PcapTransport(interface: "left", receiving: .announcements())
      )
    }
    try cable.left.ip("link delete left")
    let send = try #require(throws: FrameError.self) {
      try transport.send(Announcement(.v4(vip4), at: vmac4))
    }
    #expect(send.cause == .interfaceGone && send.operation == "send" && send.errorNumber == ENXIO)
    let receive = try #require(throws: FrameError.self) { try listener.drain(limit: 1) { _ in } }
    #expect(receive.cause == .interfaceGone && receive.operation == "receive")
    #expect(!receive.message.isEmpty)
  }

  @Test func refusesInterfacesItCannotUse() throws {
    let cable = try Cable()
    try cable.left.ip("link set left down")
    let error = try #require(throws: FrameError.self) {
      try cable.left.inside { _ = try PcapTransport(interface: "left") }
    }
    #expect(error.cause == .interfaceDown)

    // A tunnel has no Ethernet addresses to announce.
    try cable.left.ip("tuntap add tunnel mode tun")
    try cable.left.ip("link set tunnel up")
    let unsuitable = try #require(throws: FrameError.self) {
      try cable.left.inside { _ = try PcapTransport(interface: "tunnel") }
    }
    #expect(unsuitable.description == "tunnel: open: not an Ethernet interface")
    #expect(unsuitable.cause == .unsuitable)
  }

  @Test func hearsOthersAndNothingElse() throws {
    let cable = try cableWithNeighbours()
    let (listener, deaf, peer) = try (
      cable.right.inside { try PcapTransport(interface: "right", receiving: .announcements()) },
      cable.right.inside { try PcapTransport(interface: "right") },
      cable.left.inside { try PcapTransport(interface: "left") }
    )
    var heard: [[UInt8]] = []
    func drain(limit: Int) throws -> Int {
      try listener.drain(limit: limit) { heard.append($0.withUnsafeBufferPointer { Array($0) }) }
    }
    // An IPv4 packet, an ordinary solicitation, a router advertisement: not for us.
    var other = Vector.a1
    other[13] = 0
    try peer.send(other.span)
    let question = NeighborSolicitation(
      source: vip6, destination: NeighborSolicitation.solicitedNodeGroup(of: vip6), target: vip6,
      sourceLinkLayerAddress: vmac6)
    let head = Array(Vector.n3[..<14])
    let solicitation = head + encoded(question.byteCount) { question.encode(into: &$0) }
    try peer.send(solicitation.span)
    // This machine's own announcement, which the interface sends rather than receives.
    try deaf.send(Announcement(.v4(vip4), at: MACAddress(2, 0, 0, 0, 0, 0xB)))

    for frame in Vector.all { try peer.send(frame.span) }
    var most = 0
    let complete = try eventually {
      most = max(most, try drain(limit: 2))
      return heard.count { Vector.all.contains($0) } == Vector.all.count
    }
    #expect(complete && most == 2)
    #expect(heard.filter { Vector.all.contains($0) } == Vector.all)
    // Both kernels talk as well, but nothing of ours comes that was not asked for.
    #expect(!heard.contains(other) && !heard.contains(solicitation))
    let own = MACAddress(2, 0, 0, 0, 0, 0xB)
    #expect(try heard.allSatisfy { try EthernetFrame($0).source != own })
    #expect(try deaf.drain(limit: 100) { _ in Issue.record("the filter lets something pass") } == 0)
  }

  @Test func hearsTheGroupsAskedFor() throws {
    let cable = try Cable()
    let sender = try cable.left.inside { try PcapTransport(interface: "left") }
    let receiver = try cable.right.inside {
      try PcapTransport(interface: "right", receiving: .announcements())
    }
    let address = try #require(IPAddress("192.0.2.100"))
    /// A frame with a VRRP message of which only the start matters.
    func frame(_ family: AddressFamily, vrid: UInt8, protocolNumber: UInt8 = 112) -> [UInt8] {
      let source = IPAddress.any(family)
      let header = IPHeader(
        source: source, destination: source, protocolNumber: protocolNumber, payloadByteCount: 8)
      let ethernet = EthernetFrame(
        destination: .broadcast, source: MACAddress(2, 0, 0, 0, 0, 10),
        etherType: family == .ipv4 ? .ipv4 : .ipv6)
      return [UInt8](capacity: ethernet.byteCount + header.totalByteCount) { output in
        ethernet.encode(into: &output)
        header.encode(into: &output)
        for byte in [0x31, vrid, 0, 0, 0, 0, 0, 0] { output.append(byte) }
      }
    }
    let all = Set((1...255).compactMap { VRID(exactly: $0) })
    for groups in [[51, 60], all] as [Set<VRID>] {
      for filter in [
        FrameFilter.uses(of: [address], groups: groups), .announcements(groups: groups),
      ] {
        try receiver.setFilter(filter)
        try sender.send(frame(.ipv4, vrid: 51, protocolNumber: 17).span)
        for vrid: UInt8 in [52, 51, 60] {
          for family in AddressFamily.allCases { try sender.send(frame(family, vrid: vrid).span) }
        }
        var heard: [[UInt8]] = []
        let wanted = groups == all ? 6 : 4
        let isComplete = try eventually {
          try receiver.drain(limit: 100) { frame in
            let bytes = frame.withUnsafeBufferPointer { Array($0) }
            if bytes[6...11] == [2, 0, 0, 0, 0, 10] { heard.append(bytes) }
          }
          return heard.count >= wanted
        }
        #expect(isComplete && heard.count == wanted, "\(filter)")
        #expect(heard.allSatisfy { [$0[23], $0[20]].contains(112) })
      }
    }
  }

  @Test func hearsOnlyUsesOfTheAddressesAskedFor() throws {
    let cable = try Cable()
    let sender = try cable.left.inside { try PcapTransport(interface: "left") }
    let receiver = try cable.right.inside {
      try PcapTransport(interface: "right", receiving: .announcements())
    }
    let mac = MACAddress(2, 0, 0, 0, 0, 10)
    let wanted = ["192.0.2.100", "192.0.2.101", "2001:db8::100"].compactMap { IPAddress($0) }
    try receiver.setFilter(.uses(of: wanted))
    for text in ["192.0.2.99", "2001:db8::99"] + wanted.map(\.description) {
      let address = try #require(IPAddress(text))
      try sender.send(AddressProbe(address, from: mac))
      try sender.send(Announcement(address, at: mac))
    }
    var heard: [AddressClaim] = []
    let isComplete = try eventually {
      try receiver.drain(limit: 100) { frame in
        if let claim = try? AddressClaim(parsing: frame) { heard.append(claim) }
      }
      return heard.count >= wanted.count
    }
    #expect(isComplete)
    #expect(heard.map(\.address) == wanted)
    #expect(heard.allSatisfy { $0.isInUse && $0.mac == mac })
  }

  @Test func aProbeIsAnsweredByTheHolderAlone() throws {
    let cable = try Cable()
    try cable.right.ip("address add 192.0.2.100/24 dev right")
    try cable.right.ip("address add 2001:db8::100/64 dev right nodad")
    let transport = try cable.left.inside {
      try PcapTransport(interface: "left", receiving: .announcements())
    }
    let mac = MACAddress(2, 0, 0, 0, 0, 10)
    for text in ["192.0.2.100", "2001:db8::100"] {
      let address = try #require(IPAddress(text))
      var answers: [AddressClaim] = []
      let isAnswered = try eventually {
        try transport.send(AddressProbe(address, from: mac))
        try transport.drain(limit: 100) { frame in
          if let claim = try? AddressClaim(parsing: frame) { answers.append(claim) }
        }
        return answers.contains { $0.address == address && $0.isInUse }
      }
      #expect(isAnswered)
      #expect(answers.allSatisfy { $0.mac == MACAddress(2, 0, 0, 0, 0, 11) })
    }
  }

  @Test func descriptorWakesUpAndFallsAsleep() throws {
    let cable = try Cable()
    let (listener, peer) = try (
      cable.right.inside { try PcapTransport(interface: "right", receiving: .announcements()) },
      cable.left.inside { try PcapTransport(interface: "left") }
    )
    func isReadable(within milliseconds: Int32) -> Bool {
      var descriptor = pollfd(fd: listener.fileDescriptor, events: Int16(POLLIN), revents: 0)
      return poll(&descriptor, 1, milliseconds) == 1
    }
    // The kernels announce nothing here (no address, no router), but be sure.
    _ = try listener.drain(limit: 1000) { _ in }
    try peer.send(Announcement(.v4(vip4), at: vmac4))
    #expect(isReadable(within: 300_000))
    #expect(try listener.drain(limit: 1000) { _ in } > 0)
    #expect(!isReadable(within: 0))
    // A link that goes down wakes the loop once, not without an end.
    try cable.right.ip("link set right down")
    _ = isReadable(within: 1000)
    _ = try listener.drain(limit: 1000) { _ in }
    #expect(!isReadable(within: 0))
  }

  /// Each transport closes its socket, and with it the ring.
  @Test func closesItsSocket() throws {
    let cable = try Cable()
    func sockets() throws -> Int {
      // One line for each packet socket of the namespace, below a heading.
      try cable.left.check(["cat", "/proc/net/packet"]).split(separator: "\n").count - 1
    }
    #expect(try sockets() == 0)
    var transport: PcapTransport? = try cable.left.inside { try PcapTransport(interface: "left") }
    #expect(try sockets() == 1)
    #expect(transport?.interface == "left")
    // Programs started meanwhile don't keep it open.
    let descriptor = try #require(transport?.fileDescriptor)
    #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
    transport = nil
    // A program that another test starts may have it for a moment, until it is loaded.
    #expect(try eventually { try sockets() == 0 })
    // Nor does one that fails half-way leave a socket behind.
    try cable.left.ip("tuntap add tunnel mode tun")
    try cable.left.ip("link set tunnel up")
    #expect(throws: FrameError.self) {
      try cable.left.inside { _ = try PcapTransport(interface: "tunnel") }
    }
    #expect(try eventually { try sockets() == 0 })
  }
}
