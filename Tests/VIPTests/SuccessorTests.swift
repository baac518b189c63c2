import Netlink
import Testing
import VIP
import VIPCore
import VIPTesting
import VRRP

/// A router that hands over takes no other for its successor than one its election accepts.
@Suite struct SuccessorTests {
  /// A router, and an advertisement that its election drops.
  struct Dropped: Sendable, CustomTestStringConvertible {
    let name: String
    /// Of the router here and of the sender.
    var versions: (here: ProtocolVersion, there: ProtocolVersion) = (.v2, .v2)
    var passwords: (here: String?, there: String?) = (nil, nil)
    var seconds: UInt8 = 1
    /// The only peer of the router here; `nil` for multicast.
    var peer: String?
    var testDescription: String { name }
  }

  static let dropped = [
    Dropped(name: "version 2 in a group of version 3", versions: (.v3, .v2)),
    Dropped(name: "version 3 in a group of version 2", versions: (.v2, .v3)),
    Dropped(name: "a wrong password", passwords: ("sesame", "open")),
    Dropped(name: "no password", passwords: ("sesame", nil)),
    Dropped(name: "a password where there is none", passwords: (nil, "sesame")),
    Dropped(name: "another interval in version 2", seconds: 2),
    Dropped(name: "a sender that is not among the peers", versions: (.v3, .v3), peer: "198.18.0.2"),
  ]

  /// How a router comes to hand over without having heard its successor.
  enum Departure: Sendable, CaseIterable {
    case removed, resigned, unfit
    /// Removed while it hands over because it has resigned.
    case resignedAndRemoved
  }

  private static let vip = "198.18.0.100"

  private func password(_ text: String?) throws -> Authentication.Password? {
    try text.map { try #require(Authentication.Password($0)) }
  }

  /// A router that holds its address and begins to hand it over.
  private func leaving(
    _ case: Dropped, _ departure: Departure, virtualMAC: Bool = false
  ) throws -> Bench {
    let bench = try Bench()
    bench.platform.fake.setLink(
      Link(
        index: 2, name: "eth0", macAddress: FakePlatform.eth0.macAddress,
        ipv4: [.arpIgnore: 0, .arpAnnounce: 1]))
    bench.platform.fake.setLink(FakePlatform.eth1)
    bench.settle()
    var settings = try settings(virtualMAC: virtualMAC)
    settings.version = `case`.versions.here
    settings.password = try password(`case`.passwords.here)
    settings.tracks = [Track(interface: "eth1")]
    if let peer = `case`.peer { settings.peers = [try #require(IPAddress(peer))] }
    try bench.engine.add(settings)
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
    switch departure {
    case .removed: bench.engine.remove("web")
    case .resigned: try bench.engine.resign("web", for: nil)
    case .unfit: bench.platform.fake.setFlags([.broadcast], onInterface: 3)
    case .resignedAndRemoved:
      try bench.engine.resign("web", for: nil)
      bench.pass(.milliseconds(20))
      bench.engine.remove("web")
    }
    bench.settle()
    bench.pass(.milliseconds(50))
    return bench
  }

  private func serves(_ bench: Bench) throws -> Bool {
    bench.platform.fake.isLocal(try #require(IPAddress(Self.vip)))
  }

  private func hear(
    _ bench: Bench, version: ProtocolVersion, password text: String?, seconds: UInt8 = 1,
    from source: String
  ) throws {
    let source = try #require(IPAddress(source))
    let advertisement = Advertisement(
      vrid: try #require(VRID(exactly: 51)), priority: Priority(rawValue: 150),
      interval: try #require(AdvertisementInterval(seconds: seconds)), addressCount: 1,
      family: .ipv4, checksumForm: version == .v2 ? .message : .pseudoHeader, version: version,
      authentication: try password(text).map { .simpleText($0) } ?? .none)
    let list = [try #require(IPAddress(Self.vip))]
    bench.hear(advertisement.encoded(list, from: source, to: .vrrpGroup(.ipv4)), from: source)
  }

  private func hearDropped(_ case: Dropped, _ bench: Bench) throws {
    try hear(
      bench, version: `case`.versions.there, password: `case`.passwords.there,
      seconds: `case`.seconds, from: "198.18.0.9")
  }

  private func hearSuccessor(_ case: Dropped, _ bench: Bench) throws {
    try hear(
      bench, version: `case`.versions.here, password: `case`.passwords.here, from: "198.18.0.2")
  }

  @Test(arguments: dropped, Departure.allCases)
  func `an advertisement that the election drops does not shorten a handover`(
    case: Dropped, departure: Departure
  ) throws {
    let bench = try leaving(`case`, departure)
    try hearDropped(`case`, bench)
    bench.pass(.milliseconds(700))
    #expect(try serves(bench), "200 ms after a successor's advertisement it would be gone")
    // The true one still counts.
    try hearSuccessor(`case`, bench)
    bench.pass(.milliseconds(190))
    #expect(try serves(bench))
    bench.pass(.milliseconds(20))
    #expect(try !serves(bench))
  }

  @Test(
    arguments: dropped.filter { $0.peer == nil && $0.versions.here == .v3 } + [
      Dropped(name: "a wrong password", passwords: ("sesame", "open")),
      Dropped(name: "another interval in version 2", seconds: 2),
    ], Departure.allCases)
  func `nor does it end one under a virtual MAC address`(
    case: Dropped, departure: Departure
  ) throws {
    let bench = try leaving(`case`, departure, virtualMAC: true)
    try hearDropped(`case`, bench)
    bench.pass(.milliseconds(700))
    #expect(try serves(bench), "a successor's advertisement would end it at once")
    try hearSuccessor(`case`, bench)
    #expect(try !serves(bench))
  }

  @Test(arguments: Departure.allCases)
  func `a farewell is no successor`(departure: Departure) throws {
    let bench = try leaving(Dropped(name: "", versions: (.v3, .v3)), departure)
    try bench.hear(0, from: "198.18.0.9")
    bench.pass(.milliseconds(700))
    #expect(try serves(bench))
  }

  @Test func `a router that has handed over hears no more, and warns of nothing`() throws {
    let bench = try leaving(Dropped(name: "", versions: (.v3, .v3)), .unfit)
    #expect(bench.state() == .initialize)
    try bench.hear(150, from: "198.18.0.2", addresses: ["198.18.0.77"])
    try bench.hearAnnouncement(of: Self.vip)
    #expect(try !serves(bench))
    let heard = bench.engine.status().first?.statistics.advertisementReceived
    #expect(heard == 1)
    try bench.hear(150, from: "198.18.0.2")
    #expect(bench.engine.status().first?.statistics.advertisementReceived == heard)
    #expect(bench.warnings == [])
  }
}
