import Netlink
import Testing
import VIP
import VIPCore
import VIPTesting
import VRRP

/// What the guard does from the node's death on, with an area that an engine has filled.
@Suite struct GuardCareTests {
  private final class IdleGuard: GuardProcess {
    var pid: Int32?
    func start(_ area: GuardArea) throws(NodeError) -> Int32 { 99 }
    func news() -> GuardNews { .none }
    func dismiss() -> String { "signal 9" }
    func release() {}
  }

  private let bench: Bench
  private let area: GuardArea

  init() throws {
    bench = try Bench()
    area = try GuardArea()
    bench.engine.protect(with: Safeguard(area, IdleGuard()))
  }

  private var now: Instant { bench.platform.time }

  /// The guard of a node that has died now.
  private func care() -> GuardCare { GuardCare(of: area, at: now) }

  /// Number of farewells, and the addresses that are removed, among what is due after a time.
  private func deeds(
    of care: GuardCare, after age: Duration = .zero
  ) -> (farewells: Int, removed: [String]) {
    var found = (farewells: 0, removed: [String]())
    while let deed = care.next(at: now + age) {
      switch deed {
      case .packet: found.farewells += 1
      case .requests(let bytes): found.removed += Self.removals(in: bytes)
      }
    }
    return found
  }

  private static func removals(in bytes: [UInt8]) -> [String] {
    FakeKernel.removals(in: bytes).map(\.address.description)
  }

  /// A gratuitous ARP request of another machine.
  private static func announcement(of last: UInt8) -> [UInt8] {
    let address: [UInt8] = [198, 18, 0, last]
    return [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 9] + address + [0, 0, 0, 0, 0, 0] + address
  }

  private func hear(_ care: GuardCare, announcementOf last: UInt8) -> [String] {
    guard
      case .requests(let bytes) = care.hear(
        Self.announcement(of: last), protocolNumber: 0x0806, interfaceIndex: 2, at: now)
    else { return [] }
    return Self.removals(in: bytes)
  }

  @Test func `an Active's addresses stay until a successor has announced each`() throws {
    try bench.engine.add(settings((100...102).map { "198.18.0.\($0)/24" }))
    bench.pass(.seconds(4))
    #expect(bench.state() == .active)
    let care = care()
    let first = deeds(of: care)
    #expect(first.farewells == 1 && first.removed.isEmpty)
    #expect(hear(care, announcementOf: 101) == ["198.18.0.101/24"])
    #expect(hear(care, announcementOf: 99) == [])
    #expect(care.deadline == now + .milliseconds(1100))
    #expect(deeds(of: care, after: .milliseconds(1099)).removed == [])
    #expect(
      Set(deeds(of: care, after: .milliseconds(1100)).removed)
        == ["198.18.0.100/24", "198.18.0.102/24"])
    #expect(care.deadline == nil)
  }

  @Test func `a successor has as long as in a handover`() throws {
    try bench.engine.add(settings((1...200).map { "198.18.1.\($0)/16" }))
    bench.pass(.seconds(4))
    let care = care()
    _ = deeds(of: care)
    let source = try #require(IPAddress("198.18.0.2"))
    let advertisement = Advertisement(
      vrid: try #require(VRID(exactly: 51)), priority: Priority(rawValue: 90),
      interval: .default, addressCount: 0, family: .ipv4, checksumForm: .pseudoHeader)
    let packet = AdvertisementPacket.encoded(
      advertisement.encoded([], from: source, to: .vrrpGroup(.ipv4)), from: source,
      to: .vrrpGroup(.ipv4))
    #expect(
      care.hear(packet, protocolNumber: 0x0800, interfaceIndex: 2, at: now + .milliseconds(600))
        == nil)
    #expect(care.deadline == now + .milliseconds(600 + 200 + 100))
    #expect(deeds(of: care, after: .milliseconds(900)).removed.count == 200)
  }

  @Test func `a strict router's addresses go at once`() throws {
    try bench.engine.add(settings(handover: .strict))
    bench.pass(.seconds(4))
    let care = care()
    #expect(care.keptCount == 0)
    let all = deeds(of: care)
    #expect(all.farewells == 1 && all.removed == ["198.18.0.100/24"])
    #expect(care.deadline == nil)
  }

  @Test func `a Backup has nothing to keep, one that hands over has`() throws {
    try bench.engine.add(settings())
    bench.settle()
    #expect(care().keptCount == 0)
    bench.pass(.seconds(4))
    #expect(care().keptCount == 1)
    try bench.hear(200, from: "198.18.0.2")
    #expect(try bench.state() == .backup && bench.held == ["198.18.0.100/24"])
    let care = care()
    #expect(care.keptCount == 1)
    #expect(deeds(of: care).farewells == 0, "another router is Active")
    try bench.hearAnnouncement(of: "198.18.0.100")
    #expect(self.care().keptCount == 0)
  }

  @Test func `a node that was frozen for three intervals has nothing to keep`() throws {
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    let late = GuardCare(of: area, at: now + .seconds(4))
    #expect(late.keptCount == 0)
    var removed: [String] = []
    while case .requests(let bytes)? = late.next(at: now + .seconds(4)) {
      removed += Self.removals(in: bytes)
    }
    #expect(removed == ["198.18.0.100/24"])
  }

  @Test func `a program that drops its node does not wait for a successor`() throws {
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    #expect(care().keptCount == 1)
    bench.engine.releaseGuard()
    #expect(care().keptCount == 0)
    #expect(deeds(of: care()).removed == ["198.18.0.100/24"])
  }

  @Test func `what a later life puts up again is left to it`() throws {
    try bench.engine.add(settings(["198.18.0.100/24", "198.18.0.101/24"]))
    bench.pass(.seconds(4))
    let care = care()
    _ = deeds(of: care)
    care.retake(try #require(InterfaceAddress("198.18.0.100/24")), interfaceIndex: 2)
    #expect(deeds(of: care, after: .seconds(2)).removed == ["198.18.0.101/24"])
  }

  @Test func `the area is the node's as it was`() throws {
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    let before = area.deeds(at: now.nanoseconds)
    let care = care()
    _ = deeds(of: care)
    #expect(hear(care, announcementOf: 100) == ["198.18.0.100/24"])
    #expect(area.deeds(at: now.nanoseconds) == before)
  }
}
