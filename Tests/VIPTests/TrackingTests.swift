import Netlink
import Testing
import VIP
import VIPCore
import VIPTesting
import VRRP

/// Routers that depend on other interfaces than their own.
@Suite struct TrackingTests {
  private func bench(
    _ tracks: [Track], priority: Int = 150, addresses: [String] = ["198.18.0.100/24"]
  ) throws -> Bench {
    let bench = try Bench()
    bench.platform.fake.setLink(FakePlatform.eth1)
    bench.settle()
    var settings = try settings(addresses, priority: priority)
    settings.tracks = tracks
    try bench.engine.add(settings)
    bench.pass(.seconds(5))
    return bench
  }

  private func setUp(_ isUp: Bool, _ bench: Bench) {
    bench.platform.fake.setFlags(
      isUp ? FakePlatform.eth1.flags : [.broadcast], onInterface: FakePlatform.eth1.index)
    bench.settle()
  }

  private func priorities(_ bench: Bench) -> [UInt8] {
    bench.platform.transport(.ipv4)?.sentPriorities ?? []
  }

  @Test func `without a decrement the router leaves, handing over, and comes back`() throws {
    let bench = try bench([Track(interface: "eth1")])
    #expect(bench.state() == .active)
    setUp(false, bench)
    #expect(bench.state() == .initialize)
    #expect(priorities(bench).last == 0)
    #expect(try bench.held == ["198.18.0.100/24"], "it serves until the next one does")
    #expect(bench.engine.obstacle(to: "web") == "eth1 is down, which the router tracks")
    try bench.hear(100, from: "198.18.0.2")
    try bench.hearAnnouncement(of: "198.18.0.100")
    #expect(try bench.held == [])
    setUp(true, bench)
    #expect(bench.state() == .backup)
    #expect(bench.engine.obstacle(to: "web") == nil)
  }

  @Test func `alone, it stops serving after an interval and a margin`() throws {
    let bench = try bench([Track(interface: "eth1")])
    setUp(false, bench)
    bench.pass(.milliseconds(1050))
    #expect(try bench.held == ["198.18.0.100/24"])
    bench.pass(.milliseconds(100))
    #expect(try bench.held == [])
  }

  @Test func `if its own interface goes meanwhile, nothing is handed over any more`() throws {
    let bench = try bench([Track(interface: "eth1")])
    setUp(false, bench)
    bench.platform.fake.setFlags([.broadcast, .multicast], onInterface: FakePlatform.eth0.index)
    bench.settle()
    #expect(try bench.held == [])
    #expect(bench.engine.obstacle(to: "web") == "eth0 is down")
  }

  @Test func `a decrement lowers the priority at once and takes nothing else`() throws {
    let bench = try bench([Track(interface: "eth1", decrement: 60)])
    let sent = priorities(bench).count
    setUp(false, bench)
    #expect(bench.state() == .active)
    #expect(Array(priorities(bench).dropFirst(sent)) == [90], "the others hear of it at once")
    let status = try #require(bench.engine.status().first)
    #expect(status.priority.rawValue == 150 && status.effectivePriority.rawValue == 90)
    #expect(status.warnings == ["eth1 is down, which lowers the priority by 60"])
    setUp(true, bench)
    #expect(priorities(bench).last == 150)
    #expect(bench.warnings == [])
    let fault = WaitingReason.tracked(InterfaceFault(.down, of: "eth1"))
    let changes = bench.routerChanges()
    #expect(
      changes == [
        .priority(
          from: 150, to: 90, because: [NodeEvent.PriorityEffect(fault, weight: -60)]),
        .priority(from: 90, to: 150, because: []),
      ])
    #expect(
      changes.map(\.description) == [
        "priority 150 → 90: eth1 is down, which lowers the priority by 60",
        "priority 90 → 150: nothing lowers it any more",
      ])
  }

  @Test func `several add up, and 1 is the lowest`() throws {
    let bench = try bench([
      Track(interface: "eth1", decrement: 60), Track(interface: "eth9", decrement: 80),
    ])
    #expect(bench.engine.status().first?.effectivePriority.rawValue == 70)
    #expect(bench.warnings == ["interface eth9 does not exist, which lowers the priority by 80"])
    let low = try self.bench([Track(interface: "eth1", decrement: 254)], priority: 100)
    setUp(false, low)
    #expect(low.engine.status().first?.effectivePriority.rawValue == 1)
  }

  @Test func `an interface without carrier or gone is down`() throws {
    let bench = try bench([Track(interface: "eth1")])
    bench.platform.fake.setFlags([.up, .broadcast], onInterface: FakePlatform.eth1.index)
    bench.settle()
    #expect(
      bench.engine.obstacle(to: "web") == "eth1 has no carrier, which the router tracks")
    bench.platform.fake.removeLink(index: FakePlatform.eth1.index)
    bench.settle()
    #expect(
      bench.engine.obstacle(to: "web")
        == "interface eth1 does not exist, which the router tracks")
  }

  @Test func `both families follow, and it is told once`() throws {
    let bench = try bench(
      [Track(interface: "eth1", decrement: 10)], addresses: ["198.18.0.100/24", "2001:db8::100/64"])
    setUp(false, bench)
    #expect(bench.engine.status().map(\.effectivePriority.rawValue) == [140, 140])
    let told = bench.routerChanges().filter { if case .priority = $0 { true } else { false } }
    #expect(told.count == 1, "\(told)")
  }

  @Test func `what is tracked changes in place`() throws {
    let bench = try bench([])
    setUp(false, bench)
    #expect(bench.state() == .active)
    var other = try #require(bench.engine.settings(named: "web"))
    other.tracks = [Track(interface: "eth1", decrement: 50)]
    try bench.engine.change([other])
    #expect(bench.state() == .active && priorities(bench).last == 100)
    other.tracks = [Track(interface: "eth1")]
    try bench.engine.change([other])
    #expect(bench.state() == .initialize)
    other.tracks = []
    try bench.engine.change([other])
    #expect(bench.state() == .backup)
    bench.pass(.seconds(5))
    #expect(bench.state() == .active && priorities(bench).last == 150)
  }

  @Test(arguments: [
    ("eth0", 100, "eth0 is the router's own interface; it always waits while that is down"),
    ("a/b", 100, "'a/b' can't be the name of an interface"),
    ("eth1=5", 255, "an owner's priority is always 255; leave the decrement of eth1 out"),
  ])
  func `what makes no sense is refused`(text: String, priority: Int, reason: String) throws {
    var settings = try settings(priority: priority)
    settings.tracks = [try #require(Track(text))]
    let error = #expect(throws: ConfigurationError.self) { try settings.validate() }
    #expect(error?.field == .track(0))
    #expect(error?.description.hasPrefix(reason) == true)
  }

  @Test func `twice the same is refused`() throws {
    var settings = try settings()
    settings.tracks = [Track(interface: "eth1"), Track(interface: "eth1", decrement: 3)]
    let error = #expect(throws: ConfigurationError.self) { try settings.validate() }
    #expect(error?.field == .track(1))
  }

  @Test func `as text`() {
    #expect(Track("eth1")?.description == "eth1")
    #expect(Track("eth1=254") == Track(interface: "eth1", decrement: 254))
    for text in ["", "=5", "eth1=", "eth1=0", "eth1=255", "eth1=x"] { #expect(Track(text) == nil) }
  }
}
