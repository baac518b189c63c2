import Netlink
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// Routers that are held back for a while.
@Suite struct DampingTests {
  private func bench(_ change: (inout RouterConfiguration) -> Void) throws -> Bench {
    let bench = try Bench()
    var router = try settings(priority: 150)
    change(&router)
    try bench.engine.add(router)
    bench.settle()
    return bench
  }

  private func setCarrier(_ isThere: Bool, _ bench: Bench) {
    let flags = FakePlatform.eth0.flags
    bench.platform.fake.setFlags(
      isThere ? flags : flags.subtracting([.running, .lowerUp]),
      onInterface: FakePlatform.eth0.index)
    bench.settle()
  }

  // MARK: Start

  @Test func `a node that has just started hears as Backup and takes over when the time is over`()
    throws
  {
    let bench = try bench { $0.startDelay = .seconds(10) }
    #expect(bench.warnings == ["does not become Active in the first 10s of its node"])
    bench.pass(.milliseconds(9900))
    #expect(bench.state() == .backup)
    bench.pass(.milliseconds(200))
    #expect(bench.state() == .active)
    #expect(bench.warnings.isEmpty)
  }

  @Test func `a promotion does not wait for the start delay, but until there is no Active`() throws
  {
    let bench = try bench { $0.startDelay = .seconds(60) }
    bench.pass(.seconds(1))
    #expect(throws: NodeError.self) { try bench.engine.promote("web") }
    bench.pass(.seconds(6))
    #expect(bench.state() == .backup)
    try bench.engine.promote("web")
    bench.settle()
    #expect(bench.state() == .active && bench.warnings.isEmpty)
    #expect(bench.engine.status().first?.effectivePriority == 150)
    bench.pass(.seconds(60))
    #expect(bench.state() == .active && bench.warnings.isEmpty)
  }

  @Test func `a promotion follows a farewell that came within the start delay`() throws {
    let bench = try bench { $0.startDelay = .seconds(60) }
    for _ in 0..<3 {
      try bench.hear(254, from: "198.18.0.9")
      bench.pass(.seconds(1))
    }
    try bench.hear(0, from: "198.18.0.9")
    bench.pass(.seconds(2))
    #expect(bench.state() == .backup)
    try bench.engine.promote("web")
    bench.settle()
    #expect(bench.state() == .active)
    #expect(bench.engine.status().first?.effectivePriority == 150)
  }

  @Test func `a router that comes later is not held back by what is over`() throws {
    let bench = try bench { $0.startDelay = .seconds(2) }
    bench.pass(.milliseconds(3500))
    #expect(bench.state() == .active)
  }

  @Test func `a delay that is taken away or given while the node runs counts from its start too`()
    throws
  {
    let bench = try bench { $0.startDelay = .seconds(3600) }
    bench.pass(.seconds(5))
    #expect(bench.state() == .backup)
    try bench.engine.change([settings(priority: 150)])
    bench.settle()
    #expect(bench.warnings.isEmpty)
    bench.pass(.milliseconds(10))
    #expect(bench.state() == .active)
    var late = try settings(priority: 150)
    late.startDelay = .seconds(3600)
    try bench.engine.change([late])
    bench.settle()
    #expect(bench.state() == .active && bench.warnings.isEmpty, "it serves already")
  }

  // MARK: Hold-down

  /// Lets the router lose the role to a better one that falls silent, some times.
  private func fight(_ bench: Bench, times: Int) throws {
    for _ in 0..<times {
      bench.pass(.seconds(4))
      #expect(bench.state() == .active)
      try bench.hear(200, from: "198.18.0.9")
      #expect(bench.state() == .backup)
    }
  }

  @Test func `one that loses the role three times in a minute preempts no more for a while`() throws
  {
    let bench = try bench { $0.holdDown = .seconds(30) }
    try fight(bench, times: 3)
    #expect(bench.warnings.first?.contains("it takes it from no other machine for 30s") ?? false)
    for _ in 0..<20 {
      bench.pass(.seconds(1))
      try bench.hear(100, from: "198.18.0.9")
    }
    #expect(bench.state() == .backup, "held down")
    var seconds = 20
    while bench.state() == .backup, seconds < 40 {
      bench.pass(.seconds(1))
      seconds += 1
      if bench.state() == .backup { try bench.hear(100, from: "198.18.0.9") }
    }
    #expect(bench.state() == .active && seconds > 30, "\(seconds)")
    #expect(!bench.warnings.contains { $0.contains("it takes it from no other machine") })
  }

  @Test func `while it is held down a silent Active is replaced all the same`() throws {
    let bench = try bench { $0.holdDown = .seconds(30) }
    try fight(bench, times: 3)
    bench.pass(.seconds(4))
    #expect(bench.state() == .active)
  }

  // MARK: Link

  @Test func `a link that is back counts when it has lasted`() throws {
    let bench = try bench { $0.linkDelay.up = .seconds(2) }
    #expect(bench.state() == .backup, "the first look counts at once")
    setCarrier(false, bench)
    #expect(bench.state() == .initialize)
    setCarrier(true, bench)
    bench.pass(.seconds(1))
    #expect(bench.engine.obstacle(to: "web") == "eth0 has had a link again for less than 2s")
    setCarrier(false, bench)
    setCarrier(true, bench)
    bench.pass(.milliseconds(1900))
    #expect(bench.state() == .initialize, "it flapped")
    bench.pass(.milliseconds(200))
    #expect(bench.state() == .backup)
  }

  @Test func `a link that is gone counts when that has lasted`() throws {
    let bench = try bench { $0.linkDelay.down = .seconds(1) }
    bench.pass(.seconds(4))
    setCarrier(false, bench)
    bench.pass(.milliseconds(900))
    #expect(bench.state() == .active)
    setCarrier(true, bench)
    bench.pass(.seconds(2))
    #expect(bench.state() == .active)
    setCarrier(false, bench)
    bench.pass(.milliseconds(1100))
    #expect(bench.state() == .initialize)
  }

  @Test func `delays that make no sense are refused`() throws {
    let changes: [(String, (inout RouterConfiguration) -> Void)] = [
      ("start delay", { $0.startDelay = .seconds(90_000) }),
      ("hold-down", { $0.holdDown = .seconds(-1) }),
      ("link that is back", { $0.linkDelay.up = .seconds(90_000) }),
      ("link that is gone", { $0.linkDelay.down = .seconds(3) }),
      ("owner", { ($0.priority, $0.startDelay) = (.owner, .seconds(1)) }),
      ("owner", { ($0.priority, $0.holdDown) = (.owner, .seconds(1)) }),
    ]
    for (text, change) in changes {
      var router = try settings()
      change(&router)
      do throws(ConfigurationError) {
        try router.validate()
        Issue.record("accepted: \(text)")
      } catch {
        #expect(error.description.contains(text))
      }
    }
  }
}
