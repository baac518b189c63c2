import Netlink
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// Routers that the program which runs the node takes out of the election and puts back.
@Suite struct SetFitnessTests {
  private func holder(_ settings: RouterConfiguration) throws -> Bench {
    let bench = try Bench()
    try bench.engine.add(settings)
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
    return bench
  }

  private func priorities(_ bench: Bench) -> [UInt8] {
    bench.platform.transport(.ipv4)?.sentPriorities ?? []
  }

  @Test func `an unfit router hands over at once, and comes back when it is fit`() throws {
    let bench = try holder(settings())
    try bench.engine.setFitness(.unfit(because: "no answer"), of: "web", for: "health")
    #expect(priorities(bench).last == 0, "with the command, and without a turn")
    #expect(bench.state() == .initialize)
    #expect(try bench.held == ["198.18.0.100/24"], "it serves until the next one does")
    bench.settle()
    #expect(bench.engine.obstacle(to: "web") == "health: no answer")
    #expect(bench.engine.status().first?.reason.description == "health: no answer")
    #expect(
      bench.events.last
        == .waiting(
          router: "web", family: .ipv4, reason: .external(cause: "health", text: "no answer")))
    try bench.hear(100, from: "198.18.0.2")
    try bench.hearAnnouncement(of: "198.18.0.100")
    #expect(try bench.held == [])
    try bench.engine.setFitness(.fit, of: "web", for: "health")
    #expect(bench.state() == .backup)
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
  }

  @Test func `a stronger router has a higher priority, up to 254, and it adds up`() throws {
    let bench = try holder(settings(priority: 150))
    try bench.engine.setFitness(.stronger(by: 60, because: "passes"), of: "web", for: "check a")
    #expect(priorities(bench).last == 210)
    #expect(bench.warnings == [], "nothing is wrong")
    try bench.engine.setFitness(.stronger(by: 60, because: "passes"), of: "web", for: "check b")
    #expect(bench.engine.status().first?.effectivePriority.rawValue == 254)
    try bench.engine.setFitness(.weaker(by: 70, because: "fails"), of: "web", for: "check c")
    #expect(bench.engine.status().first?.effectivePriority.rawValue == 200)
    #expect(
      bench.engine.fitness(of: "web")["check a"] == .stronger(by: 60, because: "passes"))
    bench.settle()
    let causes = bench.routerChanges().map(\.description)
    #expect(
      causes.first == "priority 150 → 210: check a: passes, which raises the priority by 60")
    for name in ["check a", "check b", "check c"] {
      try bench.engine.setFitness(.fit, of: "web", for: name)
    }
    #expect(bench.engine.status().first?.effectivePriority.rawValue == 150)
    #expect(throws: NodeError.self) {
      try bench.engine.setFitness(.stronger(by: 0, because: ""), of: "web", for: "check a")
    }
  }

  @Test func `a weaker router has a lower priority, which the others hear at once`() throws {
    let bench = try holder(settings(priority: 150))
    try bench.engine.setFitness(.weaker(by: 60, because: "busy"), of: "web", for: "load")
    #expect(priorities(bench).last == 90)
    #expect(bench.state() == .active)
    #expect(bench.warnings == ["load: busy, which lowers the priority by 60"])
    try bench.engine.setFitness(.weaker(by: 30, because: "hot"), of: "web", for: "fans")
    #expect(bench.engine.status().first?.effectivePriority.rawValue == 60)
    try bench.engine.setFitness(.fit, of: "web", for: "load")
    try bench.engine.setFitness(.fit, of: "web", for: "fans")
    bench.settle()
    #expect(bench.warnings == [])
    let changes = bench.routerChanges()
    let causes = changes.map { change -> [WaitingReason] in
      if case .priority(_, _, let weaknesses) = change { weaknesses.map(\.reason) } else { [] }
    }
    let load = WaitingReason.external(cause: "load", text: "busy")
    let fans = WaitingReason.external(cause: "fans", text: "hot")
    #expect(causes == [[load], [load, fans], [fans], []])
    #expect(
      changes.map(\.description) == [
        "priority 150 → 90: load: busy, which lowers the priority by 60",
        "priority 90 → 60: load: busy, which lowers the priority by 60, "
          + "fans: hot, which lowers the priority by 30",
        "priority 60 → 120: fans: hot, which lowers the priority by 30",
        "priority 120 → 150: nothing lowers it any more",
      ])
  }

  @Test func `causes are independent of one another`() throws {
    let bench = try holder(settings())
    try bench.engine.setFitness(.unfit(because: "no answer"), of: "web", for: "health")
    try bench.engine.setFitness(.unfit(because: "closed"), of: "web", for: "gate")
    try bench.engine.setFitness(.fit, of: "web", for: "health")
    #expect(bench.state() == .initialize)
    #expect(bench.engine.obstacle(to: "web") == "gate: closed")
    try bench.engine.setFitness(.fit, of: "web", for: "gate")
    #expect(bench.state() == .backup)
  }

  @Test func `what was said before the interface came up holds when it does`() throws {
    let bench = try Bench()
    bench.platform.fake.setFlags([.broadcast, .multicast], onInterface: 2)
    bench.settle()
    try bench.engine.add(settings())
    try bench.engine.setFitness(.unfit(because: "starting"), of: "web", for: "health")
    #expect(bench.engine.obstacle(to: "web") == "eth0 is down")
    bench.platform.fake.setFlags(FakePlatform.eth0.flags, onInterface: 2)
    bench.pass(.seconds(10))
    #expect(bench.engine.obstacle(to: "web") == "health: starting")
    #expect(priorities(bench).isEmpty)
    try bench.engine.setFitness(.fit, of: "web", for: "health")
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
  }

  @Test func `if the interface goes while it hands over, nothing is handed over any more`() throws {
    let bench = try holder(settings())
    try bench.engine.setFitness(.unfit(because: "no answer"), of: "web", for: "health")
    bench.platform.fake.setFlags([.broadcast, .multicast], onInterface: 2)
    bench.settle()
    #expect(try bench.held == [])
    #expect(bench.engine.obstacle(to: "web") == "eth0 is down")
  }

  @Test func `both families leave and come back, one that is new included`() throws {
    let bench = try holder(settings())
    try bench.engine.setFitness(.unfit(because: "no answer"), of: "web", for: "health")
    try bench.engine.change([settings(["198.18.0.100/24", "2001:db8::100/64"])])
    bench.pass(.seconds(10))
    #expect(bench.state(.ipv4) == .initialize && bench.state(.ipv6) == .initialize)
    #expect(try bench.held == [])
    try bench.engine.setFitness(.fit, of: "web", for: "health")
    bench.pass(.seconds(5))
    #expect(bench.state(.ipv4) == .active && bench.state(.ipv6) == .active)
  }

  @Test func `it holds through changes in place and through a replacement`() throws {
    let bench = try holder(settings())
    try bench.engine.setFitness(.unfit(because: "no answer"), of: "web", for: "health")
    try bench.engine.change([settings(priority: 200)])
    bench.pass(.seconds(5))
    #expect(bench.state() == .initialize)
    // An owner would be Active in the very moment in which it is added.
    let kept = bench.engine.fitness(of: "web")
    #expect(kept == ["health": .unfit(because: "no answer")])
    bench.engine.remove("web")
    bench.pass(.seconds(2))
    let sent = priorities(bench).count
    try bench.engine.add(settings(["198.18.0.1/24"], priority: 255), keeping: kept)
    #expect(bench.state() == .initialize)
    #expect(priorities(bench).count == 0 || priorities(bench).count == sent)
  }

  @Test func `it goes with the router`() throws {
    let bench = try holder(settings())
    try bench.engine.setFitness(.unfit(because: "no answer"), of: "web", for: "health")
    bench.engine.remove("web")
    #expect(bench.engine.contains("web") && !bench.engine.isStaying("web"))
    #expect(throws: NodeError.self) {
      try bench.engine.setFitness(.fit, of: "web", for: "health")
    }
    bench.pass(.seconds(2))
    #expect(bench.engine.routerNames == [])
    try bench.engine.add(settings())
    #expect(bench.state() == .backup)
  }

  @Test func `what makes no sense is refused and changes nothing`() throws {
    let bench = try holder(settings())
    try bench.engine.add(settings(["198.18.0.1/24"], priority: 255, vrid: 52, name: "own"))
    func refusal(_ fitness: RouterFitness, _ name: String) -> NodeError? {
      #expect(throws: NodeError.self) {
        try bench.engine.setFitness(fitness, of: name, for: "health")
      }
    }
    #expect(refusal(.unfit(because: "x"), "wbe")?.kind == .unknownRouter)
    #expect(refusal(.weaker(by: 0, because: "x"), "web")?.kind == .refused)
    #expect(refusal(.weaker(by: 255, because: "x"), "web")?.kind == .refused)
    #expect(
      refusal(.weaker(by: 9, because: "x"), "own")?.description
        == "own: an owner's priority is always 255")
    #expect(bench.engine.status().allSatisfy { $0.state == .active })
  }

  @Test func `an owner may be unfit`() throws {
    let bench = try holder(settings(["198.18.0.1/24"], priority: 255))
    try bench.engine.setFitness(.unfit(because: "no answer"), of: "web", for: "health")
    #expect(bench.state() == .initialize && priorities(bench).last == 0)
    try bench.engine.setFitness(.fit, of: "web", for: "health")
    #expect(bench.state() == .active)
  }

  @Test func `what could not be opened is tried again when the program lets the router back in`()
    throws
  {
    let bench = try Bench()
    bench.platform.openFailure = NodeError(.system(errno: 24), "too many open files")
    try bench.engine.add(settings())
    #expect(bench.engine.obstacle(to: "web") == "too many open files")
    try bench.engine.setFitness(.unfit(because: "no answer"), of: "web", for: "health")
    #expect(bench.engine.obstacle(to: "web") == "health: no answer")
    bench.platform.openFailure = nil
    try bench.engine.setFitness(.fit, of: "web", for: "health")
    #expect(bench.state() == .backup, "tried again at once")
  }

  @Test func `what made a router weaker says nothing about an owner in its place`() throws {
    let bench = try Bench()
    try bench.engine.add(
      settings(["198.18.0.1/24"], priority: 255),
      keeping: [
        "load": .weaker(by: 10, because: "busy"), "health": .unfit(because: "no answer"),
      ])
    bench.pass(.seconds(2))
    #expect(bench.engine.fitness(of: "web") == ["health": .unfit(because: "no answer")])
    try bench.engine.setFitness(.fit, of: "web", for: "health")
    bench.pass(.seconds(1))
    #expect(bench.state() == .active)
    #expect(bench.engine.status().first?.effectivePriority == .owner)
  }

  @Test func `a lower priority is told although the first family waits`() throws {
    let bench = try Bench()
    let own = try #require(InterfaceAddress("198.18.0.1/24"))
    bench.platform.fake.remove(own, onInterface: 2)
    try bench.engine.add(settings(["198.18.0.100/24", "2001:db8::100/64"]))
    bench.pass(.seconds(5))
    #expect(bench.state(.ipv4) == .initialize && bench.state(.ipv6) == .active)
    _ = bench.engine.takeEvents()
    try bench.engine.setFitness(.weaker(by: 10, because: "busy"), of: "web", for: "load")
    bench.settle()
    #expect(bench.events.contains { "\($0)".contains("priority 100 → 90") })
  }

  @Test func `a router that leaves can't be brought up, and a core says so`() throws {
    let bench = try Bench()
    let web = try settings()
    try bench.engine.add(web)
    bench.pass(.seconds(5))
    bench.engine.remove("web")
    bench.settle()
    #expect(bench.engine.isLeaving("web"))
    #expect(throws: NodeError.self) { try bench.engine.add(web) }
    bench.pass(.seconds(5))
    #expect(bench.engine.routerNames == [])
    try bench.engine.add(web)
    #expect(bench.engine.routerNames == ["web"])
  }
}
