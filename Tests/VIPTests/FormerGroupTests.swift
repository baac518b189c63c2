import ARP
import Netlink
import Testing
import VIP
import VIPCore
import VIPTesting
import VRRP

/// The former group of a router's addresses is listened to, whatever was in the way when the router
/// was replaced.
@Suite struct FormerGroupTests {
  private static let vip = "198.18.0.100"
  private static let peer = "198.18.0.2"

  /// A node that holds the address of a router.
  private func holder(_ settings: RouterConfiguration) throws -> Bench {
    let bench = try Bench()
    try bench.engine.add(settings)
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
    return bench
  }

  private func replace(_ bench: Bench, _ settings: RouterConfiguration) throws {
    #expect(try bench.engine.rearrange(Rearrangement(added: [settings])).isEmpty)
    bench.settle()
  }

  private func setLink(_ bench: Bench, isUp: Bool) {
    bench.platform.fake.setFlags(isUp ? FakePlatform.eth0.flags : [.broadcast], onInterface: 2)
    bench.settle()
  }

  /// Another machine goes on as Active of the former group.
  private func hearFormerGroup(_ bench: Bench, for seconds: Int) throws {
    for _ in 0..<seconds {
      try bench.hear(100, from: Self.peer)
      bench.pass(.seconds(1))
    }
  }

  private func serves(_ bench: Bench) throws -> Bool {
    bench.platform.fake.isLocal(try #require(IPAddress(Self.vip)))
  }

  @Test(arguments: [1, 60])
  func `a router that is replaced while its interface is down takes nothing from the former group`(
    secondsDown: Int
  ) throws {
    let bench = try holder(settings())
    setLink(bench, isUp: false)
    try replace(bench, settings(vrid: 61))
    bench.pass(.seconds(secondsDown))
    setLink(bench, isUp: true)
    try hearFormerGroup(bench, for: 12)
    #expect(try bench.state() == .backup && !serves(bench))
    #expect("\(bench.warnings)".contains("still holds addresses in VRID 51"))
    bench.pass(.seconds(6))
    #expect(try bench.state() == .active && serves(bench), "the former group's Active is silent")
  }

  @Test func `so does one whose interface goes down later`() throws {
    let bench = try holder(settings())
    try replace(bench, settings(vrid: 61))
    bench.pass(.milliseconds(500))
    setLink(bench, isUp: false)
    bench.pass(.seconds(60))
    setLink(bench, isUp: true)
    try hearFormerGroup(bench, for: 6)
    #expect(try bench.state() == .backup && !serves(bench))
  }

  @Test func `a router that took no part when it was replaced probes before it serves`() throws {
    let bench = try holder(settings(probes: true))
    func probes() -> Int { bench.platform.wire.claims.count { $0.form == .probe } }
    let before = probes()
    setLink(bench, isUp: false)
    try replace(bench, settings(vrid: 61, probes: true))
    setLink(bench, isUp: true)
    bench.pass(.seconds(1))
    #expect(probes() == before + 3)
  }

  @Test func `an owner serves on, and says what another machine still holds`() throws {
    let own = "198.18.0.1"
    let bench = try holder(settings(["\(own)/24"], priority: 255))
    try replace(bench, settings(["\(own)/24"], priority: 255, vrid: 61))
    for _ in 0..<12 {
      try bench.hear(100, from: Self.peer, addresses: [own])
      bench.pass(.seconds(1))
      #expect(bench.state() == .active)
    }
    #expect("\(bench.warnings)".contains("198.18.0.2 still holds addresses in VRID 51"))
    #expect(bench.engine.status().first?.addresses.first?.awaited == nil)
  }
}
