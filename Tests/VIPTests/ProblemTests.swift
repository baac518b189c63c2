import ARP
import Netlink
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// A problem is told once when it begins and once when it is over, and has its own identity.
@Suite struct ProblemTests {
  /// What was told of a kind of problem: its text, with a minus when it was over.
  private func told(_ bench: Bench, _ kind: Problem.Kind) -> [String] {
    bench.events.compactMap { event in
      switch event {
      case .warning(let problem) where problem.kind == kind: problem.text
      case .cleared(let problem, _) where problem.kind == kind: "- " + problem.text
      default: nil
      }
    }
  }

  private func holder(_ settings: RouterConfiguration) throws -> Bench {
    let bench = try Bench()
    try bench.engine.add(settings)
    bench.pass(.seconds(10))
    #expect(bench.engine.status().allSatisfy { $0.state == .active })
    return bench
  }

  // MARK: Ends

  private static let unsent = "advertisements can't be sent on eth0: Network is down"

  @Test func `that advertisements can be sent again is told, to each router`() throws {
    let bench = try holder(settings())
    try bench.engine.add(settings(["198.18.0.101/24"], vrid: 52, name: "mail"))
    bench.pass(.seconds(10))
    let transport = try #require(bench.platform.transport(.ipv4))
    transport.failure = 100
    bench.pass(.seconds(3))
    #expect(told(bench, .advertising) == [Self.unsent, Self.unsent])
    transport.failure = 0
    bench.pass(.seconds(3))
    #expect(told(bench, .advertising).suffix(2) == ["- " + Self.unsent, "- " + Self.unsent])
    let routers = bench.events.compactMap { event in
      if case .cleared(let problem, _) = event { problem.router } else { nil }
    }
    #expect(routers.sorted() == ["mail", "web"])
  }

  @Test func `another reason is told in its own words, and over once`() throws {
    let bench = try holder(settings())
    let transport = try #require(bench.platform.transport(.ipv4))
    transport.failure = 100
    bench.pass(.seconds(3))
    transport.failure = 1
    bench.pass(.seconds(3))
    transport.failure = 0
    bench.pass(.seconds(3))
    let other = "advertisements can't be sent on eth0: Operation not permitted"
    #expect(told(bench, .advertising) == [Self.unsent, other, "- " + other])
  }

  @Test func `a router that no longer sends has no trouble with it`() throws {
    let bench = try holder(settings())
    try #require(bench.platform.transport(.ipv4)).failure = 100
    bench.pass(.seconds(3))
    bench.platform.fake.setFlags([.broadcast, .multicast], onInterface: 2)
    bench.settle()
    #expect(told(bench, .advertising) == [Self.unsent, "- " + Self.unsent])
  }

  @Test func `a router that begins where nothing can be sent tells of it too`() throws {
    let bench = try holder(settings())
    try #require(bench.platform.transport(.ipv4)).failure = 100
    bench.pass(.seconds(3))
    try bench.engine.add(settings(["198.18.0.101/24"], vrid: 52, name: "mail"))
    bench.pass(.seconds(10))
    #expect(told(bench, .advertising) == [Self.unsent, Self.unsent])
  }

  @Test func `what is wrong with a router that is removed is over`() throws {
    let bench = try holder(settings(handover: .strict))
    try #require(bench.platform.transport(.ipv4)).failure = 100
    bench.pass(.seconds(3))
    bench.engine.remove("web")
    bench.settle()
    let lost =
      "the farewell can't be sent on eth0: Network is down; the other machines take over once they "
      + "have missed three advertisements"
    #expect(told(bench, .advertising) == [Self.unsent, lost, "- " + lost])
    #expect(bench.events.last == .removed(router: "web"))
    #expect(bench.engine.problems.isClear)
  }

  @Test func `that addresses can be announced again is told`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.100/24", "198.18.0.101/24"]))
    bench.platform.wire.outage = FrameError(interface: "eth0", operation: "send", errorNumber: 100)
    bench.pass(.milliseconds(4000))
    let began = told(bench, .announcing)
    #expect(began.count == 1)
    bench.platform.wire.outage = nil
    bench.pass(.seconds(3))
    #expect(told(bench, .announcing) == began + ["- " + began[0]] && bench.warnings.isEmpty)
  }

  @Test func `an announcement that leaves beside one that is refused ends nothing`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.100/24", "198.18.0.101/24"]))
    let refusal = FrameError(interface: "eth0", operation: "send", errorNumber: 90)
    bench.platform.wire.failures = [refusal]
    bench.pass(.milliseconds(4000))
    #expect(bench.platform.wire.frames.count == 1)
    #expect(told(bench, .announcing).count == 1)
    bench.pass(.seconds(3))
    #expect(told(bench, .announcing).count == 2, "the next round tells")
  }

  @Test func `a router that yields has no trouble with announcements`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(handover: .strict))
    bench.platform.wire.outage = FrameError(interface: "eth0", operation: "send", errorNumber: 100)
    bench.pass(.milliseconds(4000))
    #expect(told(bench, .announcing).count == 1)
    try bench.hear(200, from: "198.18.0.2")
    #expect(told(bench, .announcing).count == 2 && bench.warnings.isEmpty)
  }

  @Test func `each address that the kernel refuses, and takes in the end, is told`() throws {
    let bench = try Bench()
    let addresses = ["198.18.0.100/24", "198.18.0.101/24", "198.18.0.102/24"]
    try bench.engine.add(settings(addresses))
    bench.platform.fake.failure = { request in
      guard case .install(let request) = request else { return nil }
      return NetlinkError(operation: "add \(request.address)", code: 105)
    }
    bench.pass(.seconds(5))
    let kinds = try addresses.map {
      Problem.Kind.addressFailure(try #require(InterfaceAddress($0)))
    }
    #expect(bench.engine.status().first?.problems.map(\.kind) == kinds)
    for kind in kinds { #expect(told(bench, kind).count == 1) }
    bench.platform.fake.failure = nil
    bench.pass(.seconds(2))
    for kind in kinds { #expect(told(bench, kind).count == 2) }
    #expect(bench.warnings.isEmpty)
  }

  @Test func `an address that is not wanted any more is no failure`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(handover: .strict))
    bench.platform.fake.failure = { request in
      if case .install = request { NetlinkError(operation: "add it", code: 105) } else { nil }
    }
    bench.pass(.seconds(5))
    try bench.hear(200, from: "198.18.0.2")
    let kind = Problem.Kind.addressFailure(try #require(InterfaceAddress("198.18.0.100/24")))
    #expect(told(bench, kind).count == 2 && told(bench, kind)[1] == "- " + told(bench, kind)[0])
    #expect(bench.warnings.isEmpty)
  }

  @Test func `the end of a fight over an address is told`() throws {
    let bench = try holder(settings())
    let address = try #require(InterfaceAddress("198.18.0.100/24"))
    for _ in 0..<300 {
      bench.platform.fake.remove(address, onInterface: 2)
      bench.pass(.milliseconds(10))
    }
    #expect(told(bench, .addressRemoved(address)).count == 1)
    bench.pass(.seconds(40))
    #expect(told(bench, .addressRemoved(address)).count == 2)
  }

  @Test func `a macvlan that is in order again is told`() throws {
    let bench = try holder(settings(virtualMAC: true))
    let fake = bench.platform.fake
    let index = try #require(try fake.links().first { $0.kind == "macvlan" }).index
    fake.failure = { request in
      request == .change(.setUp(true, index: index))
        ? NetlinkError(operation: "set it up", code: 105) : nil
    }
    _ = fake.change([.setUp(false, index: index)])
    bench.pass(.seconds(5))
    let began = told(bench, .macvlan)
    #expect(began.count == 2 && began[0].hasPrefix("something on this host switched"))
    #expect(bench.warnings == [began[1]])
    fake.failure = nil
    bench.pass(.seconds(3))
    #expect(told(bench, .macvlan) == began + ["- " + began[1]] && bench.warnings.isEmpty)
  }

  // MARK: The guard

  private final class FakeGuard: GuardProcess {
    var pid: Int32? { 1001 }
    var waiting: [GuardNews] = []
    var failure: NodeError?

    func start(_ area: GuardArea) throws(NodeError) -> Int32 {
      if let failure { throw failure }
      waiting.append(.isReady)
      return 99
    }
    func news() -> GuardNews { waiting.isEmpty ? .none : waiting.removeFirst() }
    func dismiss() -> String { "signal 9" }
    func release() {}
  }

  @Test func `a router that the guard has no room for is told, until it has`() throws {
    let bench = try Bench()
    let addresses = (0..<4000).map { "198.19.\($0 / 250).\($0 % 250 + 1)/32" }
    bench.engine.protect(with: Safeguard(try GuardArea(byteCount: 199_152), FakeGuard()))
    try bench.engine.add(settings(addresses))
    bench.settle()
    #expect(told(bench, .unguarded) == [Engine.unguardedText])
    #expect(bench.engine.status().first?.problems.contains { $0.kind == .unguarded } == true)
    try bench.engine.change([settings(Array(addresses.prefix(3)))])
    bench.settle()
    #expect(told(bench, .unguarded) == [Engine.unguardedText, "- " + Engine.unguardedText])
  }

  @Test func `a node without a guard says so, and that it has one again`() throws {
    let bench = try Bench()
    let process = FakeGuard()
    bench.engine.protect(with: Safeguard(try GuardArea(), process))
    func attend() {
      bench.engine.turn(ready: [.safeguard])
      bench.settle()
    }
    attend()
    #expect(bench.engine.guardState == .running && bench.engine.nodeProblem == nil)
    process.waiting = [.hasEnded]
    attend()
    let problem = NodeProblem(
      .guardProcess, "the guard process (pid 1001) has ended (signal 9); starting another")
    #expect(bench.events.last == .nodeWarning(problem) && bench.engine.nodeProblem == problem)
    attend()
    #expect(bench.events.last == .nodeCleared(problem) && bench.engine.nodeProblem == nil)
    process.failure = NodeError(.system(errno: 11), "no process")
    process.waiting = [.hasEnded]
    attend()
    let worse = try #require(bench.engine.nodeProblem)
    #expect(worse.text.hasPrefix("no guard process is running (no process)"))
    bench.engine.dismissGuard()
    bench.settle()
    #expect(bench.events.last == .nodeCleared(worse), "none is wanted")
  }

  // MARK: Identity

  @Test func `no two problems of a status have one identity`() throws {
    let bench = try Bench()
    let addresses = (100..<106).map { "198.18.0.\($0)/24" }
    var router = try settings(addresses, priority: 200)
    router.tracks = [
      Track(interface: "eth7", decrement: 10), Track(interface: "eth8", decrement: 5),
    ]
    try bench.engine.add(router)
    bench.pass(.seconds(10))
    try bench.engine.setFitness(.weaker(by: 3, because: "busy"), of: "web", for: "load")
    try bench.engine.setFitness(.weaker(by: 4, because: "busy"), of: "web", for: "heat")
    for (number, text) in addresses.enumerated() {
      let address = try #require(InterfaceAddress(text)).address
      try bench.hear(
        AddressClaim(
          address: address, mac: MACAddress(2, 0, 0, 0, 9, UInt8(number)), form: .request))
    }
    bench.pass(.seconds(4))
    let problems = try #require(bench.engine.status().first).problems
    let lowering = problems.compactMap { problem in
      if case .priorityLowered(let cause) = problem.kind { cause } else { nil }
    }
    #expect(
      lowering == [
        .tracked(interface: "eth7"), .tracked(interface: "eth8"), .external("load"),
        .external("heat"),
      ])
    let rivals = problems.compactMap { problem in
      if case .conflict(let address) = problem.kind { (address, problem.text) } else { nil }
    }
    #expect(rivals.count == 6)
    for (address, text) in rivals { #expect(text.hasPrefix("\(address) is also used by")) }
    #expect(Set(problems.map(\.id)).count == problems.count)
    let told = Set(bench.events.compactMap { $0.problem?.id })
    #expect(
      Set(
        problems.filter { rivals.map(\.0).map(Problem.Kind.conflict).contains($0.kind) }.map(\.id))
        == told)
  }
}
