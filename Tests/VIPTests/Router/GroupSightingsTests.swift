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
    sightings.saw(source, Self.mac, at: at(0))
    #expect(sightings.unheard == nil)
    sightings.saw(source, Self.mac, at: at(1000))
    #expect(sightings.unheard?.source == source && sightings.unheard?.mac == Self.mac)
    sightings.received(from: source)
    #expect(sightings.unheard == nil && sightings.deadline == nil)
  }

  @Test func `what waited in both sockets counts once`() throws {
    var sightings = GroupSightings()
    for _ in 0..<10 { sightings.saw(try address(9), Self.mac, at: at(0)) }
    #expect(sightings.unheard == nil)
  }

  @Test func `one that is received says nothing of another`() throws {
    var sightings = GroupSightings()
    for moment in [0, 1000] {
      for last in [8, 9] { sightings.saw(try address(last), Self.mac, at: at(moment)) }
      sightings.received(from: try address(8))
    }
    #expect(try sightings.unheard?.source == address(9))
  }

  @Test func `one that is seen no more is forgotten after a minute`() throws {
    var sightings = GroupSightings()
    for moment in [0, 1000] { sightings.saw(try address(9), Self.mac, at: at(moment)) }
    #expect(sightings.deadline == at(61_000))
    sightings.review(at: at(60_999))
    #expect(sightings.unheard != nil)
    sightings.review(at: at(61_000))
    #expect(sightings.unheard == nil && sightings.deadline == nil)
  }

  @Test func `no flood of sources makes it remember without end`() throws {
    var sightings = GroupSightings()
    for moment in [0, 1000] {
      for last in 1...200 { sightings.saw(try address(last), Self.mac, at: at(moment)) }
    }
    let known = try (1...200).filter { sightings.sender(from: try address($0)) != nil }
    #expect(known.count == GroupSightings.capacity)
  }
}
