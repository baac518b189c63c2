import Testing
import VIPCore

/// The observer's values: what they call two holders.
@Suite struct SightingsTests {
  private let address = IPAddress.v4(IPv4Address(192, 0, 2, 100))
  private let macs = [MACAddress(2, 0, 0, 0, 0, 1), MACAddress(2, 0, 0, 0, 0, 2)]

  private func moment(_ milliseconds: Int64) -> Moment {
    Moment(nanoseconds: milliseconds * 1_000_000)
  }

  /// A sample of a machine that takes two milliseconds.
  private func note(
    _ machine: String, _ holds: Bool, at milliseconds: Int64, in sightings: inout Sightings
  ) {
    sightings.note(
      holds ? [address] : [], of: machine, from: moment(milliseconds), to: moment(milliseconds + 2))
  }

  @Test func `an address that moves between two samples has one holder`() {
    var sightings = Sightings()
    note("a", true, at: 0, in: &sightings)
    note("b", false, at: 2, in: &sightings)
    note("a", true, at: 10, in: &sightings)
    note("b", true, at: 12, in: &sightings)
    note("a", false, at: 20, in: &sightings)
    note("b", true, at: 22, in: &sightings)
    #expect(sightings.doubles == [])
    #expect(sightings.holdings.map(\.machine) == ["a", "b"])
    #expect(sightings.holdings.map(\.gone) == [moment(22), nil])
  }

  @Test func `two holders are found for the time that is certain`() throws {
    var sightings = Sightings()
    for time in [0, 10, 20, 30] as [Int64] {
      note("a", true, at: time, in: &sightings)
      note("b", time >= 10, at: time + 2, in: &sightings)
    }
    let found = try #require(sightings.doubles.first)
    #expect(sightings.doubles.count == 1)
    #expect(found.between == ["a", "b"])
    #expect([found.from, found.to] == [moment(14), moment(30)])
    #expect([found].over(Bound(.milliseconds(20), machine: .zero)) == [])
    #expect([found].over(Bound(.milliseconds(16), machine: .zero)).count == 1)
  }

  @Test func `an address that was held before and after is no second holder meanwhile`() {
    var sightings = Sightings()
    for (time, first) in [(0, true), (10, false), (20, true)] as [(Int64, Bool)] {
      note("a", first, at: time, in: &sightings)
      note("b", !first, at: time + 2, in: &sightings)
    }
    #expect(sightings.doubles == [])
    #expect(sightings.holdings.count == 3)
  }

  /// A holder that the caches are about.
  private func held() -> Sightings {
    var sightings = Sightings()
    note("holder", true, at: 0, in: &sightings)
    return sightings
  }

  @Test func `caches that name two machines disagree until they don't`() throws {
    var sightings = held()
    sightings.note([address: macs[0]], in: "client", at: moment(3))
    sightings.note([address: macs[0]], in: "node", at: moment(4))
    sightings.note([address: macs[1]], in: "client", at: moment(10))
    sightings.note([address: macs[1]], in: "node", at: moment(15))
    let found = try #require(sightings.disagreements().first)
    #expect(sightings.disagreements().count == 1)
    #expect([found.from, found.to] == [moment(10), moment(15)])
    #expect(found.between == ["\(macs[1]) in client", "\(macs[0]) in node"])
    #expect(sightings.disagreements(without: ["node"]) == [])
  }

  @Test func `a cache that forgets an address does not disagree`() {
    var sightings = held()
    sightings.note([address: macs[0]], in: "client", at: moment(3))
    sightings.note([:], in: "client", at: moment(5))
    sightings.note([address: macs[1]], in: "node", at: moment(10))
    #expect(sightings.disagreements() == [])
  }

  @Test func `a disagreement that lasts ends with the last sample`() throws {
    var sightings = held()
    sightings.note([address: macs[0]], in: "client", at: moment(3))
    sightings.note([address: macs[1]], in: "node", at: moment(10))
    sightings.note([address: macs[1]], in: "node", at: moment(500))
    let found = try #require(sightings.disagreements().first)
    #expect([found.from, found.to] == [moment(10), moment(500)])
  }

  @Test func `the cache of a holder does not disagree, that of a former one does`() throws {
    var sightings = held()
    sightings.note([address: macs[0]], in: "client", at: moment(3))
    sightings.note([address: macs[1]], in: "holder", at: moment(5))
    #expect(sightings.disagreements() == [])
    note("next", true, at: 20, in: &sightings)
    note("holder", false, at: 30, in: &sightings)
    sightings.note([address: macs[0]], in: "holder", at: moment(40))
    let found = try #require(sightings.disagreements().first)
    #expect(sightings.disagreements().count == 1)
    #expect([found.from, found.to] == [moment(32), moment(40)])
  }

  @Test func `caches disagree about an address only as long as it has a holder`() throws {
    var sightings = held()
    sightings.note([address: macs[0]], in: "client", at: moment(3))
    sightings.note([address: macs[1]], in: "node", at: moment(10))
    note("holder", false, at: 20, in: &sightings)
    note("holder", true, at: 40, in: &sightings)
    sightings.note([address: macs[0]], in: "node", at: moment(50))
    let found = sightings.disagreements()
    #expect(found.map(\.from) == [moment(10), moment(42)])
    #expect(found.map(\.to) == [moment(22), moment(50)])
  }
}
