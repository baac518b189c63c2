import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// What a router sends is encoded again whenever something in it has changed, and only then.
@Suite struct OutgoingMessagesTests {
  private static let group = IPAddress.vrrpGroup(.ipv4)

  private func advertisement(_ priority: UInt8 = 100, count: Int = 1) throws -> Advertisement {
    let election = VirtualRouter(try settings().election(.ipv4))
    return election.advertisement(Priority(rawValue: priority), addressCount: count)
  }

  @Test func `another list, source or priority is another message`() throws {
    let (first, second) = (
      try #require(IPAddress("198.18.0.1")), try #require(IPAddress("198.18.0.2"))
    )
    var outgoing = OutgoingMessages()
    outgoing.list([first])
    var seen: Set<[UInt8]> = []
    func send(_ priority: UInt8, from source: IPAddress) throws {
      let messages = outgoing.messages(
        try advertisement(priority, count: outgoing.listedAddresses.count), from: source,
        to: [Self.group])
      #expect(messages.map(\.destination) == [Self.group])
      seen.formUnion(messages.map(\.bytes))
    }
    try send(100, from: first)
    try send(100, from: first)
    #expect(seen.count == 1)
    try send(0, from: first)
    try send(100, from: second)
    outgoing.list([second])
    try send(100, from: second)
    // The checksum covers the source; the fourth has another address.
    #expect(seen.count == 4)
  }

  @Test func `other destinations count once they have been told`() throws {
    let peers = try ["198.18.0.2", "198.18.0.3"].map { try #require(IPAddress($0)) }
    var outgoing = OutgoingMessages()
    outgoing.list([peers[0]])
    let advertisement = try advertisement()
    let one = outgoing.messages(advertisement, from: peers[0], to: [peers[1]])
    #expect(one.map(\.destination) == [peers[1]])
    outgoing.forget()
    let both = outgoing.messages(advertisement, from: peers[0], to: peers)
    #expect(both.map(\.destination) == peers)
  }

  @Test func `a frame follows its message`() throws {
    let source = try #require(IPAddress("198.18.0.1"))
    let mac = MACAddress(0, 0, 0x5E, 0, 1, 51)
    var outgoing = OutgoingMessages()
    outgoing.list([source])
    let frames = try [100, 100, 0].map { priority in
      outgoing.frame(try advertisement(priority), from: source, to: [Self.group], at: mac)
    }
    #expect(frames[0] == frames[1] && frames[1] != frames[2] && frames[0].count > 34)
  }
}
