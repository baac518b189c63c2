import Testing
import VIPCore

@testable import VIP

/// Which machines of a group are seen on the interface and not heard.
@Suite struct GroupSightingsTests {
  private static let mac = MACAddress(2, 0, 0, 0, 0, 9)

  private func at(_ milliseconds: Int) -> Instant { Instant.zero + .milliseconds(milliseconds) }

  private func address(_ last: Int) throws -> IPAddress {
    try #require(IPAddress("198.18.0.\(last)"))
  }

  @Test func `one that is seen twice and not received in between is not heard`() throws {
    var sightings = GroupSightings()
    let source = try address(9)
    let isNews = [0, 1000, 2000].map { sightings.saw(source, Self.mac, at: at($0)) }
    #expect(isNews == [false, true, false])
    #expect(sightings.unheard?.source == source && sightings.unheard?.mac == Self.mac)
    sightings.received(from: source, at: at(2000))
    #expect(sightings.unheard == nil && sightings.deadline == nil)
  }

  @Test func `what waited in both sockets counts once`() throws {
    var sightings = GroupSightings()
    for _ in 0..<10 { _ = sightings.saw(try address(9), Self.mac, at: at(0)) }
    #expect(sightings.unheard == nil)
  }

  @Test func `one that is received says nothing of another`() throws {
    var sightings = GroupSightings()
    for moment in [0, 1000] {
      for last in [8, 9] { _ = sightings.saw(try address(last), Self.mac, at: at(moment)) }
      sightings.received(from: try address(8), at: at(moment))
    }
    #expect(try sightings.unheard?.source == address(9))
  }

  @Test func `one that is seen no more is forgotten after a minute`() throws {
    var sightings = GroupSightings()
    for moment in [0, 1000] { _ = sightings.saw(try address(9), Self.mac, at: at(moment)) }
    #expect(sightings.deadline == at(61_000))
    sightings.review(at: at(60_999))
    #expect(try sightings.unheard?.source == address(9))
    sightings.review(at: at(61_000))
    #expect(sightings.unheard == nil && sightings.deadline == nil)
  }

  /// A sender can let its own frames be dropped here, and delivered, as it likes.
  @Test func `one that is missed and heard in turn is news once in ten seconds`() throws {
    var sightings = GroupSightings()
    var news: [Int] = []
    for moment in stride(from: 0, to: 60_000, by: 10) {
      let source = try address(1 + moment / 40 % 200)
      let mac = MACAddress(2, 0, 0, 0, 0, UInt8(moment / 10 % 256))
      if sightings.saw(source, mac, at: at(moment)) { news.append(moment) }
      if moment % 40 == 30 { sightings.received(from: source, at: at(moment)) }
    }
    #expect((5...6).contains(news.count), "\(news)")
  }

  @Test func `no flood of sources makes it remember without end`() throws {
    var sightings = GroupSightings()
    for moment in [0, 1000] {
      for last in 1...200 { _ = sightings.saw(try address(last), Self.mac, at: at(moment)) }
    }
    let known = try (1...200).filter { sightings.sender(from: try address($0)) != nil }
    #expect(known.count == GroupSightings.capacity)
  }
}
