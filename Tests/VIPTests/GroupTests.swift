import Netlink
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// Routers of a node that move together.
@Suite struct GroupTests {
  /// A bench with two routers on `eth0` that move together.
  private func bench(
    inside: Int = 150, outside: Int = 150, tracks: [Track] = [], hooks: Hooks = Hooks(),
    _ change: (inout RouterConfiguration) -> Void = { _ in }
  ) throws -> Bench {
    let bench = try Bench()
    bench.platform.fake.setLink(FakePlatform.eth1)
    bench.settle()
    let group = RouterGroup(
      name: "gateway", routers: ["inside", "outside"], tracks: tracks, hooks: hooks)
    var routers = [
      try settings(priority: inside, name: "inside"),
      try settings(["198.18.0.200/24"], priority: outside, vrid: 52, name: "outside"),
    ]
    for index in routers.indices { change(&routers[index]) }
    try apply(routers, [group], bench)
    return bench
  }

  private func apply(
    _ routers: [RouterConfiguration], _ groups: [RouterGroup]? = nil, _ bench: Bench
  ) throws {
    let target = ChangeTarget(.routers(routers), groups: groups)
    try target.check(on: bench.engine)
    var steps = ChangeSteps(try target.plan(on: bench.engine), on: bench.engine)
    try steps.begin(on: bench.engine)
    bench.settle()
  }

  private func states(_ bench: Bench) -> [VirtualRouter.State] {
    bench.engine.status().map(\.state)
  }

  private func hearInside(_ priority: UInt8, from source: String = "198.18.0.9", _ bench: Bench)
    throws
  {
    try bench.hear(priority, from: source)
  }

  private func hearOutside(_ priority: UInt8, from source: String = "198.18.0.9", _ bench: Bench)
    throws
  {
    try bench.hear(priority, from: source, vrid: 52, addresses: ["198.18.0.200"])
  }

  private func say(_ fitness: RouterFitness, of name: String, _ bench: Bench) throws {
    try bench.engine.setFitness(fitness, of: name, for: "test")
    bench.settle()
  }

  @Test func `they become Backup and Active together`() throws {
    let bench = try bench()
    #expect(states(bench) == [.backup, .backup])
    bench.pass(.seconds(5))
    #expect(states(bench) == [.active, .active])
    #expect(bench.engine.status().map(\.group) == ["gateway", "gateway"])
    let settled = bench.events.compactMap { event in
      if case .groupSettled(let settlement) = event { settlement.state } else { nil }
    }
    #expect(settled == [.backup, .active])
    #expect(!bench.events.contains { if case .waiting = $0 { true } else { false } })
  }

  @Test func `what is said of all at once lets none wait for another that may go on too`() throws {
    let bench = try bench()
    func say(_ fitness: RouterFitness) {
      bench.engine.setFitness(
        ["inside", "outside", "nosuch"].map {
          FitnessStatement(fitness, of: $0, for: "check web")
        })
      bench.settle()
    }
    say(.unfit(because: "exit code 1"))
    #expect(states(bench) == [.initialize, .initialize])
    let count = bench.events.count
    say(.fit)
    #expect(states(bench) == [.backup, .backup])
    #expect(
      !bench.events.dropFirst(count).contains { if case .waiting = $0 { true } else { false } })
  }

  @Test func `one that hears an Active keeps the other one Backup, and the problem is told`() throws
  {
    let bench = try bench()
    for _ in 0..<12 {
      bench.pass(.milliseconds(900))
      try hearInside(200, bench)
    }
    #expect(states(bench) == [.backup, .backup])
    let warning = try #require(bench.warnings.first)
    #expect(warning.contains("the group gateway stays Backup"))
    #expect(warning.contains("198.18.0.9 is Active for inside"))
    for _ in 0..<3 {
      bench.pass(.milliseconds(900))
      try hearOutside(200, bench)
      try hearInside(200, bench)
    }
    #expect(bench.warnings.isEmpty)
  }

  @Test func `both go when one is preempted, and the other says farewell`() throws {
    let bench = try bench()
    bench.pass(.seconds(5))
    let sent = bench.platform.transport(.ipv4)?.sentPriorities.count ?? 0
    try hearInside(200, bench)
    #expect(states(bench) == [.backup, .backup])
    let after = bench.platform.transport(.ipv4)?.sentPriorities.dropFirst(sent) ?? []
    #expect(Array(after) == [0])
    // The better one has both after a moment.
    for _ in 0..<10 {
      try hearInside(200, bench)
      try hearOutside(200, bench)
      bench.pass(.milliseconds(900))
    }
    #expect(states(bench) == [.backup, .backup])
  }

  @Test func `one that is unfit takes both out, and both come back together`() throws {
    let bench = try bench()
    bench.pass(.seconds(5))
    try say(.unfit(because: "no answer"), of: "inside", bench)
    #expect(states(bench) == [.initialize, .initialize])
    #expect(
      bench.engine.obstacle(to: "outside") == "waits for its group: inside: test: no answer")
    try say(.unfit(because: "no answer"), of: "outside", bench)
    try say(.fit, of: "inside", bench)
    #expect(
      bench.engine.obstacle(to: "inside") == "waits for its group: outside: test: no answer")
    try say(.fit, of: "outside", bench)
    #expect(states(bench) == [.backup, .backup])
    bench.pass(.seconds(5))
    #expect(states(bench) == [.active, .active])
  }

  @Test func `the lowest priority is that of all`() throws {
    let bench = try bench(inside: 150, outside: 100)
    #expect(bench.engine.status().map(\.effectivePriority) == [100, 100])
    try say(.weaker(by: 100, because: "slow"), of: "inside", bench)
    #expect(bench.engine.status().map(\.effectivePriority) == [50, 50])
    try say(.fit, of: "inside", bench)
    #expect(bench.engine.status().map(\.effectivePriority) == [100, 100])
  }

  @Test func `between equals the first of the group decides`() throws {
    let bench = try bench(inside: 100, outside: 100)
    bench.pass(.seconds(5))
    try hearOutside(100, from: "198.18.0.250", bench)
    #expect(states(bench) == [.active, .active], "it is left to the first")
    try hearInside(100, from: "198.18.0.250", bench)
    #expect(states(bench) == [.backup, .backup])
  }

  @Test func `an equal that the first does not hear is yielded to after two intervals`() throws {
    let bench = try bench(inside: 100, outside: 100)
    bench.pass(.seconds(5))
    for _ in 0..<2 {
      try hearOutside(100, from: "198.18.0.250", bench)
      #expect(states(bench) == [.active, .active])
      bench.pass(.seconds(1))
    }
    try hearOutside(100, from: "198.18.0.250", bench)
    #expect(states(bench) == [.backup, .backup])
  }

  @Test func `resigning and promoting move both`() throws {
    let bench = try bench()
    bench.pass(.seconds(5))
    try bench.engine.resign("outside", for: .seconds(30))
    bench.settle()
    #expect(states(bench) == [.backup, .backup])
    #expect(bench.engine.status().map(\.effectivePriority) == [1, 1])
    try hearInside(100, bench)
    #expect(throws: NodeError.self) { try bench.engine.promote("inside") }
    #expect(states(bench) == [.backup, .backup], "all of them or none")
    try hearOutside(120, bench)
    try bench.engine.promote("inside")
    bench.settle()
    #expect(states(bench) == [.active, .active])
  }

  @Test(arguments: [["inside", "outside"], ["inside"], ["outside"]])
  func `a hold-down is that of the group`(names: [String]) throws {
    let bench = try bench { if names.contains($0.name) { $0.holdDown = .seconds(60) } }
    for _ in 0..<3 {
      bench.pass(.seconds(5))
      #expect(states(bench) == [.active, .active])
      try hearInside(200, bench)
      #expect(states(bench) == [.backup, .backup])
    }
    let told = bench.engine.status().map { status in
      status.warnings.contains { $0.contains("it takes it from no other machine for 60s") }
    }
    #expect(told == [true, true])
    for _ in 0..<20 {
      bench.pass(.milliseconds(900))
      try hearInside(100, bench)
      try hearOutside(100, bench)
    }
    #expect(states(bench) == [.backup, .backup])
    #expect(!bench.warnings.contains { $0.contains("stays Backup") })
    bench.pass(.seconds(5))
    #expect(states(bench) == [.active, .active], "a silent Active is replaced all the same")
  }

  @Test func `a delay of one router is the reason that is told of the other`() throws {
    let bench = try bench { if $0.name == "inside" { $0.preemptDelay = .seconds(20) } }
    func hear(_ count: Int) throws {
      for _ in 0..<count {
        bench.pass(.milliseconds(900))
        try hearInside(100, bench)
        try hearOutside(100, bench)
      }
    }
    try hear(12)
    #expect(states(bench) == [.backup, .backup])
    let warning = try #require(bench.warnings.first { $0.contains("stays Backup") })
    #expect(warning.contains("the Active 198.18.0.9 has a lower priority, but the group gateway"))
    #expect(
      warning.contains(
        "since inside IPv4 leaves 198.18.0.9, which has a lower priority, alone for 20s"))
    #expect(!warning.contains("see that all machines"))
    try hear(14)
    #expect(states(bench) == [.active, .active] && !bench.warnings.contains(warning))
  }

  @Test func `a start delay of one router is the reason that is told of the other`() throws {
    let bench = try bench { if $0.name == "inside" { $0.startDelay = .seconds(60) } }
    bench.pass(.seconds(15))
    #expect(states(bench) == [.backup, .backup])
    let warning = try #require(bench.warnings.first { $0.contains("stays Backup") })
    #expect(
      warning.contains(
        "since inside IPv4 does not become Active in the first 60s of its node"))
    bench.pass(.seconds(50))
    #expect(states(bench) == [.active, .active] && bench.warnings.isEmpty)
  }

  @Test func `a promotion takes the role for both after the Active's farewell`() throws {
    let bench = try bench { $0.startDelay = .seconds(60) }
    for _ in 0..<3 {
      try hearInside(200, bench)
      try hearOutside(200, bench)
      bench.pass(.milliseconds(900))
    }
    try hearInside(0, bench)
    try hearOutside(0, bench)
    bench.pass(.seconds(2))
    #expect(states(bench) == [.backup, .backup])
    try bench.engine.promote("inside")
    bench.settle()
    #expect(states(bench) == [.active, .active])
    bench.pass(.seconds(5))
    #expect(states(bench) == [.active, .active] && bench.warnings.isEmpty)
  }

  @Test func `a router that is taken down keeps the others out until it is back`() throws {
    let bench = try bench()
    bench.pass(.seconds(5))
    bench.engine.remove("inside")
    bench.pass(.seconds(3))
    #expect(states(bench) == [.initialize])
    #expect(bench.engine.obstacle(to: "outside") == "waits for its group: inside is not up")
    try apply([settings(priority: 150, name: "inside")], nil, bench)
    #expect(states(bench).sorted { $0.rawValue < $1.rawValue } == [.backup, .backup])
  }

  @Test func `without the group each moves alone again, and with it together`() throws {
    let bench = try bench()
    try say(.unfit(because: "no answer"), of: "inside", bench)
    try apply([], [], bench)
    #expect(states(bench) == [.initialize, .backup])
    bench.pass(.seconds(5))
    #expect(states(bench) == [.initialize, .active])
    try apply([], [RouterGroup(name: "gateway", routers: ["inside", "outside"])], bench)
    #expect(states(bench) == [.initialize, .initialize])
  }

  @Test func `a group that is parted when it is made gives way to the other machine`() throws {
    let bench = try bench()
    try apply([], [], bench)
    for _ in 0..<6 {
      bench.pass(.milliseconds(900))
      try hearInside(200, bench)
    }
    #expect(states(bench) == [.backup, .active])
    try apply([], [RouterGroup(name: "gateway", routers: ["inside", "outside"])], bench)
    try hearInside(200, bench)
    #expect(states(bench) == [.backup, .backup])
  }

  @Test func `an interface that the group tracks concerns all`() throws {
    let bench = try bench(tracks: [Track(interface: "eth1")])
    bench.pass(.seconds(5))
    bench.platform.fake.setFlags([.broadcast], onInterface: FakePlatform.eth1.index)
    bench.settle()
    #expect(states(bench) == [.initialize, .initialize])
    bench.platform.fake.setFlags(FakePlatform.eth1.flags, onInterface: FakePlatform.eth1.index)
    bench.settle()
    #expect(states(bench) == [.backup, .backup])
  }

  @Test func `both families of a router are a group too`() throws {
    let bench = try Bench()
    try apply(
      [settings(["198.18.0.100/24", "2001:db8::100/64"], name: "web")],
      [RouterGroup(name: "web", routers: ["web"])], bench)
    #expect(states(bench) == [.backup, .backup])
    bench.pass(.milliseconds(3300))
    try bench.hear(200, from: "198.18.0.9")
    bench.pass(.milliseconds(900))
    #expect(states(bench) == [.backup, .backup])
  }

  @Test(
    "A group that makes no sense is refused",
    arguments: [
      (RouterGroup(name: "g", routers: []), "the group has no routers; name them"),
      (RouterGroup(name: "g", routers: ["inside"]), "only one virtual router is in the group"),
      (RouterGroup(name: "g", routers: ["inside", "x"]), "no router is called 'x'"),
      (RouterGroup(name: "g", routers: ["inside", "inside"]), "is in the group twice"),
      (RouterGroup(name: "a b", routers: ["inside", "outside"]), "is not usable"),
      (
        RouterGroup(
          name: "g", routers: ["inside", "outside"],
          tracks: [Track(interface: "eth1"), Track(interface: "eth1")]), "is tracked twice"
      ),
      (
        RouterGroup(
          name: "g", routers: ["inside", "outside"], hooks: Hooks(active: ["true"])),
        "is not an absolute path"
      ),
    ])
  func refused(_ group: RouterGroup, _ text: String) throws {
    let bench = try bench()
    do {
      try apply([], [group], bench)
      Issue.record("accepted")
    } catch let error as NodeError {
      #expect(error.description.contains(text), "\(error)")
    }
    #expect(bench.engine.groups.map(\.name) == ["gateway"])
  }

  @Test func `a router of a group can't become an owner, nor move with two groups`() throws {
    let bench = try bench()
    #expect(throws: NodeError.self) {
      try apply([settings(priority: 255, name: "inside")], nil, bench)
    }
    #expect(throws: NodeError.self) {
      try apply(
        [],
        [
          RouterGroup(name: "a", routers: ["inside", "outside"]),
          RouterGroup(name: "b", routers: ["outside", "inside"]),
        ], bench)
    }
  }
}
