import Testing
import VIP
import VIPCore
import VIPKubernetes

/// Addresses that nodes can't serve beside others that they can.
@Suite struct UnservedTests {
  private func bench(_ addresses: String...) -> Bench {
    var bench = Bench()
    for name in ["a", "b"] { bench.cluster.put(ClusterNode.make(name)) }
    var pool = AddressPool.make("lan") { $0.routers = 1 }
    pool.spec.addresses = addresses
    bench.cluster.put(pool)
    return bench
  }

  private func planned(_ bench: Bench) -> Condition? {
    bench.cluster.routers["lan-1"]?.status.conditions.first { $0.type == ConditionType.planned }
  }

  @Test func `one address that no node can serve is the problem of its Service alone`() throws {
    var bench = bench("192.0.2.100-192.0.2.102", "203.0.113.5")
    for number in 0..<4 { bench.cluster.put(Service.make("s\(number)")) }
    let writes = bench.settle()
    #expect(bench.ingress("s3") == ["203.0.113.5"])
    #expect((0..<3).allSatisfy { bench.reason("s\($0)") == "Assigned" })
    let condition = try #require(bench.service("s3")?.status.condition)
    #expect(condition.reason == "Unusable" && condition.message.contains("pool of their own"))
    #expect(planned(bench)?.reason == "SomeUnusable")
    #expect(planned(bench)?.message.contains("203.0.113.5") == true)
    let warned = writes.compactMap { write -> Event.Subject? in
      guard case .event(let event) = write, event.isWarning else { return nil }
      return event.subject
    }
    #expect(warned == [.service(ObjectKey("default", "s3")), .router("lan-1")])
    bench.cluster.removeService(ObjectKey("default", "s3"))
    bench.settle()
    #expect(planned(bench)?.isTrue == true && bench.violations == [])
  }

  @Test func `all addresses that can't be served are the problem of the router`() {
    var bench = bench("203.0.113.5-203.0.113.6")
    for number in 0..<2 { bench.cluster.put(Service.make("s\(number)")) }
    bench.settle()
    #expect(bench.reason("s0") == "Unusable" && bench.reason("s1") == "Unusable")
    #expect(planned(bench)?.reason == "Unusable")
  }

  @Test func `an address is served if one node can, whatever others can't`() throws {
    var bench = bench("192.0.2.100-192.0.2.103")
    for number in 0..<4 { bench.cluster.put(Service.make("s\(number)")) }
    bench.settle()
    var router = try #require(bench.cluster.routers["lan-1"])
    let generation = router.metadata.generation
    router.status.nodes = [
      .init(
        "a", generation: generation, problem: "m",
        unserved: ["192.0.2.100", "192.0.2.101"].map { ip($0) }),
      .init(
        "b", generation: generation, problem: "m",
        unserved: ["192.0.2.101", "192.0.2.102"].map { ip($0) }),
    ]
    bench.cluster.put(router)
    bench.plan()
    #expect((0..<4).map { bench.reason("s\($0)") == "Unusable" } == [false, true, false, false])
    // One that names none serves none.
    router.status.nodes[1].unserved = []
    bench.cluster.put(router)
    bench.plan()
    #expect((0..<4).map { bench.reason("s\($0)") == "Unusable" } == [true, true, false, false])
    // And one that has no problem serves all.
    router.status.nodes[1].problem = nil
    bench.cluster.put(router)
    bench.plan()
    #expect((0..<4).allSatisfy { bench.reason("s\($0)") == "Assigned" })
  }

  @Test func `a holder does not wait for a successor that serves what it can't serve itself`() {
    var bench = bench("192.0.2.100", "203.0.113.5")
    for number in 0..<2 { bench.cluster.put(Service.make("s\(number)")) }
    bench.settle()
    let holder = bench.cluster.holder(of: ip("192.0.2.100")) ?? ""
    bench.cluster.put(ClusterNode.make(holder, labels: [ClusterNode.excludeLabel: ""]))
    bench.settle()
    let names = bench.cluster.routers["lan-1"]?.spec.candidates.map(\.node)
    #expect(names == ["a", "b"].filter { $0 != holder })
    #expect(bench.reason("s0") == "Assigned")
  }

  @Test func `a holder waits for a successor that serves all that it serves`() throws {
    var bench = bench("192.0.2.100-192.0.2.101")
    for number in 0..<2 { bench.cluster.put(Service.make("s\(number)")) }
    bench.settle()
    let holder = bench.cluster.holder(of: ip("192.0.2.100")) ?? ""
    var router = try #require(bench.cluster.routers["lan-1"])
    for place in router.status.nodes.indices where router.status.nodes[place].node != holder {
      router.status.nodes[place].problem = "m"
      router.status.nodes[place].unserved = [ip("192.0.2.101")]
    }
    bench.cluster.put(router)
    bench.cluster.put(ClusterNode.make(holder, labels: [ClusterNode.excludeLabel: ""]))
    bench.plan()
    #expect(bench.cluster.routers["lan-1"]?.spec.candidates.count == 2)
  }

  // MARK: What a node says

  private func plan(_ addresses: [String], interface: String? = nil) -> SpeakerPlan {
    let router = Router(
      metadata: ObjectMeta(name: "lan-1", generation: 4),
      spec: .init(
        pool: "lan", vrid: 31, interface: interface, addresses: addresses.map { ip($0) },
        leaving: [.init(ip("203.0.113.99"), since: 2)], candidates: [.init("a", 200)]),
      status: .init(nodes: [.init("a", generation: 3)]))
    return SpeakerPlan(
      [router], on: "a",
      interfaces: [SpeakerInterface("eth0", ["192.0.2.1/24"].compactMap { .init($0) })])
  }

  @Test func `a node names the addresses that it does not serve`() throws {
    let some = plan(["203.0.113.7", "192.0.2.100", "203.0.113.5"])
    guard case .running(4, let problem?, let unserved) = some.acknowledgements["lan-1"] else {
      Issue.record("there is no problem")
      return
    }
    #expect(unserved == [ip("203.0.113.5"), ip("203.0.113.7")])
    #expect(problem.contains("203.0.113.7 and 1 more are in no network of eth0"))
    #expect(some.routers.map(\.addresses.count) == [1])
    #expect(plan(["192.0.2.100"]).acknowledgements == ["lan-1": .running(4, problem: nil)])
  }

  @Test(arguments: [nil, "eth9"])
  func `a node names none if it serves none`(_ interface: String?) {
    let plan = plan(["203.0.113.7", "203.0.113.5"], interface: interface)
    guard case .running(4, _?, let unserved) = plan.acknowledgements["lan-1"] else {
      Issue.record("there is no problem")
      return
    }
    #expect(unserved == [])
  }

  @Test func `an entry names no more addresses than it may`() {
    let addresses = (0..<257).compactMap { IPAddress("10.0.\($0 / 200).\($0 % 200)") }
    let some = Router.Acknowledgement(
      "a", generation: 1, problem: "m", unserved: Array(addresses.dropLast()))
    #expect(some.unserved.count == 256 && !some.refuses(addresses[256]))
    let all = Router.Acknowledgement("a", generation: 1, problem: "m", unserved: addresses)
    #expect(all.unserved == [] && all.refuses(ip("192.0.2.1")))
    #expect(!Router.Acknowledgement("a", generation: 1).refuses(ip("192.0.2.1")))
  }
}
