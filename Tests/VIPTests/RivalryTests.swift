import Netlink
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// An Active of lower rank that goes on: the one that hears leaves the role to it.
@Suite struct RivalryTests {
  private func holder(
    _ addresses: [String] = ["198.18.0.100/24"], priority: Int = 200
  ) throws -> Bench {
    let bench = try Bench()
    try bench.engine.add(settings(addresses, priority: priority))
    bench.pass(.seconds(4))
    #expect(bench.state() == .active)
    return bench
  }

  private func told(_ bench: Bench) -> [String] {
    bench.events.compactMap {
      if case .warning(let problem) = $0, problem.kind == .unheard { problem.text } else { nil }
    }
  }

  @Test func `a rival that goes on for three intervals gets the role`() throws {
    let bench = try holder()
    for _ in 0..<3 {
      try bench.hear(100, from: "198.18.0.2")
      bench.pass(.seconds(1))
      #expect(bench.state() == .active)
    }
    try bench.hear(100, from: "198.18.0.2")
    #expect(bench.state() == .backup)
    bench.pass(.milliseconds(300))
    #expect(try bench.held.isEmpty)
    #expect(told(bench).count == 1)
    #expect(bench.warnings.contains(told(bench)[0]), "the status says it as long as it lasts")
    #expect(bench.platform.transport(.ipv4)?.sentPriorities.contains(0) == false)
    // It stays so while the other is heard, and takes over once it is not.
    for _ in 0..<20 {
      try bench.hear(100, from: "198.18.0.2")
      bench.pass(.seconds(1))
    }
    #expect(bench.state() == .backup)
    bench.pass(.seconds(5))
    #expect(bench.state() == .active && !bench.warnings.contains(told(bench)[0]))
  }

  @Test func `what could not be sent is over when another router sends`() throws {
    let bench = try holder()
    try bench.engine.add(settings(["198.18.0.101/24"], vrid: 52, name: "mail"))
    bench.pass(.seconds(5))
    let transport = try #require(bench.platform.transport(.ipv4))
    func isOver() -> Bool {
      bench.events.contains {
        if case .cleared(let problem, .over) = $0 { problem.kind == .unheard } else { false }
      }
    }
    transport.failure = 1
    bench.pass(.seconds(3))
    for _ in 0..<3 {
      try bench.hear(100, from: "198.18.0.2")
      bench.pass(.seconds(1))
    }
    let text =
      "198.18.0.2 goes on as Active and gets the role for 60s, since advertisements could not be "
      + "sent here: Operation not permitted"
    #expect(told(bench) == [text] && bench.warnings.contains(text) && !isOver())
    transport.failure = 0
    for _ in 0..<2 {
      try bench.hear(100, from: "198.18.0.2")
      bench.pass(.seconds(1))
    }
    #expect(!bench.warnings.contains(text) && isOver())
    #expect(bench.engine.status("web").first?.state == .backup)
  }

  @Test func `a rival with a short interval has to go on as long as any other`() throws {
    let bench = try holder()
    let source = try #require(IPAddress("198.18.0.2"))
    let address = try #require(IPAddress("198.18.0.100"))
    let fast = Advertisement(
      vrid: try #require(VRID(exactly: 51)), priority: Priority(rawValue: 1),
      interval: .milliseconds(10), addressCount: 1, family: .ipv4, checksumForm: .pseudoHeader)
    let bytes = fast.encoded([address], from: source, to: .vrrpGroup(.ipv4))
    for _ in 0..<270 {
      bench.hear(bytes, from: source)
      #expect(bench.state() == .active)
      bench.pass(.milliseconds(10))
    }
    for _ in 0..<10 {
      bench.hear(bytes, from: source)
      bench.pass(.milliseconds(10))
    }
    #expect(bench.state() == .backup)
  }

  @Test func `one that falls silent in between does not`() throws {
    let bench = try holder()
    for _ in 0..<4 {
      try bench.hear(100, from: "198.18.0.2")
      bench.pass(.seconds(4))
    }
    #expect(bench.state() == .active && told(bench).isEmpty)
  }

  @Test func `nor does another group on the VRID, and an owner never yields`() throws {
    let bench = try holder()
    for _ in 0..<10 {
      try bench.hear(100, from: "198.18.0.2", addresses: ["198.18.0.77"])
      bench.pass(.seconds(1))
    }
    #expect(bench.state() == .active && told(bench).isEmpty)
    let owner = try Bench()
    try owner.engine.add(settings(["198.18.0.1/24"], priority: 255))
    owner.pass(.seconds(1))
    for _ in 0..<10 {
      try owner.hear(100, from: "198.18.0.2", addresses: ["198.18.0.1"])
      owner.pass(.seconds(1))
    }
    #expect(owner.state() == .active && told(owner).isEmpty)
  }

  @Test func `a router that can't send yields at once, and tries again without touching addresses`()
    throws
  {
    let bench = try holder()
    let transport = try #require(bench.platform.transport(.ipv4))
    transport.failure = 1
    bench.pass(.seconds(4))
    #expect(bench.state() == .active, "no other node is heard")
    try bench.hear(100, from: "198.18.0.2")
    #expect(bench.state() == .backup)
    #expect(told(bench).first?.contains("Operation not permitted") == true)
    bench.pass(.milliseconds(300))
    #expect(try bench.held.isEmpty)
    bench.platform.fake.forgetRequests()
    for _ in 0..<70 {
      bench.pass(.seconds(1))
      try bench.hear(100, from: "198.18.0.2")
    }
    #expect(told(bench).count == 2, "it has tried once more")
    #expect(bench.state() == .backup)
    #expect(
      !bench.platform.fake.requests.contains { if case .install = $0 { true } else { false } })
    transport.failure = 0
    for _ in 0..<130 where bench.state() == .backup {
      bench.pass(.seconds(1))
      try bench.hear(100, from: "198.18.0.2")
    }
    #expect(bench.state() == .active)
  }

  @Test func `each attempt in vain doubles the pause, up to an hour`() throws {
    var rivalry = Rivalry()
    let router = VirtualRouter.ActiveRouter(
      address: try #require(IPAddress("198.18.0.2")), priority: .lowest)
    var now = Instant(nanoseconds: 0)
    var pauses: [Duration] = []
    for _ in 0..<8 {
      rivalry.heard(router, .default, at: now)
      let pause = rivalry.leave(at: now)
      pauses.append(pause)
      now = now + pause
    }
    #expect(
      pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600].map { Duration.seconds($0) })
    now = now + .seconds(7201)
    rivalry.heard(router, .default, at: now)
    #expect(rivalry.leave(at: now) == .seconds(60))
  }
}
