import Testing
import VIP
import VIPCore
import VIPKubernetes
import VRRP

/// What a node runs of the cluster's routers.
@Suite struct SpeakerTests {
  private static let interfaces = [
    SpeakerInterface("lo", ["127.0.0.1/8", "::1/128"].compactMap { .init($0) }),
    SpeakerInterface(
      "eth0", ["192.0.2.1/24", "2001:db8::1/64", "fe80::1/64"].compactMap { .init($0) }),
    SpeakerInterface("eth1", ["198.51.100.1/24", "fe80::2/64"].compactMap { .init($0) }),
  ]

  /// A router with an entry of node a.
  private func router(
    _ name: String = "lan-1", _ addresses: String..., vrid: VRID = 31, interface: String? = nil,
    generation: Int64 = 4, entry: Bool = true,
    change: (inout Router.Spec) -> Void = { _ in }
  ) -> Router {
    var spec = Router.Spec(
      pool: "lan", vrid: vrid, interface: interface, addresses: addresses.map { ip($0) },
      candidates: [.init("a", 200), .init("b", 150)])
    change(&spec)
    return Router(
      metadata: ObjectMeta(name: name, generation: generation), spec: spec,
      status: .init(nodes: entry ? [.init("a", generation: 3)] : []))
  }

  private func plan(
    _ routers: Router..., node: String = "a", isInMaintenance: Bool = false,
    running: [RouterConfiguration] = []
  ) -> SpeakerPlan {
    SpeakerPlan(
      routers, on: node, isInMaintenance: isInMaintenance, interfaces: Self.interfaces,
      running: running)
  }

  @Test func `a candidate runs the router with its priority and host prefixes`() throws {
    let plan = plan(router("lan-1", "192.0.2.100", "2001:db8::100"))
    let expected = RouterConfiguration(
      name: "lan-1", interface: "eth0", vrid: 31, priority: 200, interval: .milliseconds(250),
      addresses: ["192.0.2.100/32", "2001:db8::100/128"].compactMap { .init($0) },
      preempts: true, preemptDelay: .seconds(10))
    #expect(plan.routers == [expected])
    #expect(plan.acknowledgements == ["lan-1": .running(4, problem: nil)])
    #expect(plan.registrations == [] && plan.unfitness == nil)
    for router in plan.routers { try router.validate() }
  }

  @Test func `a router that is new to all nodes is vacant for the first candidate alone`() {
    var new = router("lan-1", "192.0.2.100")
    new.status.nodes = [.init("a", generation: 0), .init("b", generation: 0)]
    #expect(plan(new).vacancies == ["lan-1"])
    #expect(plan(new, node: "b").vacancies == [])
    var one = new
    one.status.nodes[1].generation = 1
    #expect(plan(one).vacancies == [])
    // It has run the router itself.
    one = new
    one.status.nodes[0].generation = 1
    #expect(plan(one).vacancies == [])
    one = new
    one.status.active[.ipv6] = .init("b")
    #expect(plan(one).vacancies == [])
    one = new
    one.status.nodes = [.init("b", generation: 0)]
    #expect(plan(one).vacancies == [] && plan(one).routers == [])
  }

  @Test func `nothing runs before the node has entered itself`() {
    let plan = plan(router("lan-1", "192.0.2.100", entry: false))
    #expect(plan.routers == [] && plan.registrations == ["lan-1"])
    #expect(plan.acknowledgements == [:])
  }

  @Test func `a node that is no candidate any more runs nothing and takes its entry away`() {
    let gone = router("lan-1", "192.0.2.100") { $0.candidates = [.init("b", 200)] }
    #expect(plan(gone).routers == [])
    #expect(plan(gone).acknowledgements == ["lan-1": .released])
    #expect(plan(gone, node: "c").acknowledgements == [:])
  }

  @Test func `the settings of the router are those of the object`() {
    let plan = plan(
      router("lan-1", "192.0.2.100", interface: "bond0") {
        $0.settings = .init(
          interval: .seconds(1), preempt: false, preemptDelay: .seconds(3), virtualMAC: true)
      })
    #expect(plan.routers.first?.interface == "bond0")
    #expect(plan.routers.first?.interval == .seconds(1))
    #expect(plan.routers.first?.preempts == false)
    #expect(plan.routers.first?.preemptDelay == .zero)
    #expect(plan.routers.first?.virtualMAC == true)
  }

  @Test func `the interface is the one whose network has the addresses`() {
    #expect(plan(router("r", "198.51.100.7")).routers.first?.interface == "eth1")
    #expect(plan(router("r", "2001:db8::7")).routers.first?.interface == "eth0")
  }

  @Test func `without such an interface it says what to do, and the others run`() {
    let plan = plan(router("other", "203.0.113.1"), router("lan-1", "192.0.2.100", vrid: 32))
    #expect(plan.routers.map(\.name) == ["lan-1"])
    guard case .running(4, let problem?, _) = plan.acknowledgements["other"] else {
      Issue.record("there is no problem")
      return
    }
    #expect(problem.contains("no interface") && problem.contains("nodeSelector"))
  }

  @Test func `addresses of two networks are not mixed`() {
    let plan = plan(router("r", "192.0.2.100", "192.0.2.101", "198.51.100.7"))
    #expect(plan.routers.first?.addresses.count == 2)
    guard case .running(_, let problem?, _) = plan.acknowledgements["r"] else {
      Issue.record("there is no problem")
      return
    }
    #expect(problem.contains("198.51.100.7"))
  }

  @Test func `a router stays on its interface as long as that has any of its addresses`() {
    let running = plan(router("r", "192.0.2.100")).routers
    // Most of them are elsewhere by now.
    let more = router("r", "192.0.2.100", "198.51.100.7", "198.51.100.8")
    #expect(plan(more).routers.first?.interface == "eth1")
    let stays = plan(more, running: running)
    #expect(stays.routers.first?.interface == "eth0")
    #expect(stays.routers.first?.addresses.map(\.address) == [ip("192.0.2.100")])
    guard case .running(_, let problem?, _) = stays.acknowledgements["r"] else {
      Issue.record("there is no problem")
      return
    }
    #expect(problem.contains("198.51.100.7") && problem.contains("no network of eth0"))
    // With none of them left there is nothing to stay for.
    let moved = plan(router("r", "198.51.100.7"), running: running)
    #expect(moved.routers.first?.interface == "eth1")
  }

  @Test func `what leaves is not served, and without anything else the router isn't run`() {
    let leaving = router("lan-1", "192.0.2.100", "192.0.2.101") {
      $0.leaving = [.init(ip("192.0.2.101"), since: 4), .init(ip("192.0.2.102"), since: 4)]
    }
    #expect(plan(leaving).routers.first?.addresses.map(\.address) == [ip("192.0.2.100")])
    let empty = router("lan-1")
    #expect(plan(empty).routers == [])
    #expect(plan(empty).acknowledgements == ["lan-1": .running(4, problem: nil)])
  }

  @Test func `an address that two routers have stays where it runs`() {
    let one = router("one", "192.0.2.100", "192.0.2.101")
    let two = router("two", "192.0.2.100", "192.0.2.102", vrid: 32)
    let running = plan(two).routers
    let both = plan(one, two, running: running)
    #expect(both.routers.map(\.name) == ["one", "two"])
    #expect(both.routers[0].addresses.map(\.address) == [ip("192.0.2.101")])
    #expect(both.routers[1].addresses.count == 2)
    // Once the other one does not have it any more it moves in one step.
    let moved = router("two", "192.0.2.102", vrid: 32)
    #expect(plan(one, moved, running: running).routers[0].addresses.count == 2)
    // Also when both run, and the news of one come before those of the other.
    let before = plan(router("one", "192.0.2.101"), two).routers
    #expect(plan(one, two, running: before).routers[1].addresses.count == 2)
    // With neither running, the order of names decides.
    #expect(plan(one, two).routers[1].addresses.map(\.address) == [ip("192.0.2.102")])
  }

  @Test func `of two routers with one VRID on an interface the one that runs goes on`() {
    let one = router("one", "192.0.2.100")
    let two = router("two", "192.0.2.101")
    let running = plan(two).routers
    #expect(plan(one, two, running: running).routers.map(\.name) == ["two"])
    #expect(plan(one, two).routers.map(\.name) == ["one"])
    let elsewhere = router("two", "198.51.100.7")
    #expect(plan(one, elsewhere).routers.map(\.name) == ["one", "two"])
  }

  @Test func `a node in maintenance is unfit and keeps its routers`() {
    let plan = plan(router("lan-1", "192.0.2.100"), isInMaintenance: true)
    #expect(plan.unfitness != nil && plan.routers.count == 1)
  }

  @Test(arguments: [0, 255] as [UInt8])
  func `a priority that no candidate has is refused`(priority: UInt8) {
    let bad = router("lan-1", "192.0.2.100") { $0.candidates = [.init("a", priority)] }
    #expect(plan(bad).routers == [])
    #expect(plan(bad).acknowledgements["lan-1"] != .running(4, problem: nil))
  }

  @Test func `what no router can be is refused, and the others run`() {
    let plan = plan(
      router("bad name!", "192.0.2.100"), router("loop", "127.0.0.1", vrid: 33),
      router("good", "192.0.2.101", vrid: 34),
      router("twice", "192.0.2.102", "192.0.2.102", vrid: 35))
    #expect(plan.routers.map(\.name) == ["good"])
    #expect(plan.acknowledgements.values.count { $0 != .running(4, problem: nil) } == 3)
  }
}
