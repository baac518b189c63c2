import Netlink
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// Resignations and promotions of an engine's routers: how long they serve, and what is told.
@Suite struct RoleTests {
  private static let requester = Requester(uid: 0, pid: 7, command: "vipctl resign web")

  private func holder(_ settings: RouterConfiguration) throws -> Bench {
    let bench = try Bench()
    try bench.engine.add(settings)
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
    return bench
  }

  /// Lets time pass without a turn, as for a process that gets no processor.
  private func starve(_ bench: Bench, for duration: Duration) {
    bench.platform.fake.advance(by: duration)
    bench.platform.time = bench.platform.time + duration
    bench.settle()
  }

  // MARK: Serving without a successor

  @Test func `without a successor the addresses are there all the time`() throws {
    let bench = try holder(settings())
    bench.platform.fake.forgetRequests()
    try bench.engine.resign("web", for: nil)
    for _ in 0..<50 {
      bench.pass(.milliseconds(50))
      #expect(try bench.held == ["198.18.0.100/24"])
    }
    #expect(bench.state() == .active)
    let removals = bench.platform.fake.requests.filter { request in
      if case .remove = request { true } else { false }
    }
    #expect(removals.isEmpty)
  }

  @Test func `a turn that comes late does not end the service`() throws {
    let bench = try holder(settings())
    try bench.engine.resign("web", for: nil)
    bench.pass(.milliseconds(1900))
    starve(bench, for: .milliseconds(600))
    #expect(bench.state() == .backup, "it listens first")
    for _ in 0..<45 {
      bench.pass(.milliseconds(100))
      #expect(try bench.held == ["198.18.0.100/24"])
    }
    #expect(bench.state() == .active)
  }

  @Test func `a successor that comes after that gets the addresses`() throws {
    let bench = try holder(settings())
    try bench.engine.resign("web", for: nil)
    bench.pass(.milliseconds(1900))
    starve(bench, for: .milliseconds(600))
    bench.pass(.seconds(1))
    try bench.hear(90, from: "198.18.0.2")
    try bench.hearAnnouncement(of: "198.18.0.100")
    #expect(bench.state() == .backup)
    #expect(try bench.held == [])
  }

  @Test func `a router of a group serves until the slowest takes the role back`() throws {
    let bench = try Bench()
    let slow = try #require(AdvertisementInterval("5s"))
    let target = ChangeTarget(
      .routers([
        try settings(name: "inside"),
        try settings(["198.18.0.200/24"], vrid: 52, name: "outside", interval: slow),
      ]), groups: [RouterGroup(name: "gateway", routers: ["inside", "outside"])])
    try target.check(on: bench.engine)
    var steps = ChangeSteps(try target.plan(on: bench.engine), on: bench.engine)
    try steps.begin(on: bench.engine)
    bench.pass(.seconds(25))
    #expect(bench.engine.status().map(\.state) == [.active, .active])
    try bench.engine.resign("inside", for: nil)
    for _ in 0..<9 {
      bench.pass(.seconds(1))
      #expect(try Set(bench.held) == ["198.18.0.100/24", "198.18.0.200/24"])
    }
    bench.pass(.seconds(2))
    #expect(bench.engine.status().map(\.state) == [.active, .active])
    #expect(try Set(bench.held) == ["198.18.0.100/24", "198.18.0.200/24"])
  }

  @Test func `a group whose other router is Active elsewhere serves no longer than before`() throws
  {
    let bench = try Bench()
    let target = ChangeTarget(
      .routers([
        try settings(name: "inside"),
        try settings(["198.18.0.200/24"], vrid: 52, name: "outside"),
      ]), groups: [RouterGroup(name: "gateway", routers: ["inside", "outside"])])
    try target.check(on: bench.engine)
    var steps = ChangeSteps(try target.plan(on: bench.engine), on: bench.engine)
    try steps.begin(on: bench.engine)
    bench.pass(.seconds(5))
    try bench.engine.resign("inside", for: nil)
    for _ in 0..<4 {
      bench.pass(.milliseconds(700))
      try bench.hear(90, from: "198.18.0.2")
    }
    #expect(bench.engine.status().map(\.state) == [.backup, .backup])
    #expect(try bench.held == [])
  }

  @Test func `several routers resign and resume in one step`() throws {
    let bench = try holder(settings())
    try bench.engine.add(settings(["198.18.0.200/24"], vrid: 52, name: "other"))
    bench.pass(.seconds(5))
    try bench.engine.resign(["web", "other"], for: .seconds(60))
    #expect(bench.engine.status().map(\.effectivePriority) == [.lowest, .lowest])
    bench.engine.resume(["web", "other"])
    #expect(bench.engine.status().map(\.effectivePriority) == [.default, .default])
  }

  // MARK: Telling

  @Test func `a resignation that lasts is a warning with its end until it is resumed`() throws {
    let bench = try holder(settings())
    try bench.engine.resign(["web"], for: .seconds(3600), by: Self.requester)
    bench.settle()
    let command = RouterCommand(.resign, for: .seconds(3600), by: Self.requester)
    #expect(bench.events.contains(.command(router: "web", command)))
    let fact =
      "resigned until 2023-11-14T23:13:20Z: has the lowest priority, asked for by uid 0, pid 7 "
      + "(vipctl resign web)"
    #expect(bench.engine.status().first?.request == fact)
    bench.pass(.seconds(599))
    #expect(bench.warnings == [])
    bench.pass(.seconds(2))
    #expect(bench.warnings == [fact + "; end it if it is not wanted any more"])
    let problems = bench.events.compactMap(\.problem)
    #expect(problems.map(\.kind) == [.standingRequest])
    bench.engine.resume(["web"], by: Self.requester)
    bench.settle()
    #expect(bench.warnings == [] && bench.engine.status().first?.request == nil)
    let end = try #require(problems.first)
    #expect(bench.events.contains(.cleared(end, .over)))
  }

  @Test func `a resignation that is over is a warning no longer`() throws {
    let bench = try holder(settings())
    try bench.engine.resign("web", for: .seconds(700))
    bench.pass(.seconds(650))
    #expect(bench.warnings.count == 1)
    bench.pass(.seconds(60))
    #expect(bench.warnings == [])
    #expect(bench.engine.status().first?.effectivePriority == .default)
  }

  @Test func `a promotion that lasts is a warning, and a resumption says the priority at once`()
    throws
  {
    let bench = try Bench()
    try bench.engine.add(settings())
    try bench.hear(120, from: "198.18.0.2")
    try bench.engine.promote("web")
    bench.pass(.seconds(601))
    #expect(
      bench.warnings == [
        "promoted: advertises priority 121 for as long as it holds the addresses; end it if it is "
          + "not wanted any more"
      ])
    bench.engine.resume(["web"])
    #expect(bench.platform.transport(.ipv4)?.sentPriorities.last == 100)
    #expect(bench.state() == .active, "no role is taken or left by it")
    bench.settle()
    #expect(bench.warnings == [])
  }

  @Test func `without a process that asks there is no event of a command`() throws {
    let bench = try holder(settings())
    try bench.engine.resign("web", for: nil)
    bench.engine.resume(["web"])
    bench.settle()
    let commands = bench.events.filter { event in
      if case .command = event { true } else { false }
    }
    #expect(commands.isEmpty)
  }
}
