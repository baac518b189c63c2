import Testing
import VIPCore
import VIPKubernetes
import VRRP

/// Nodes that go on serving and can't be told anything, and nodes that are gone.
@Suite struct ReachTests {
  private func bench(
    nodes: [String] = ["a", "b", "c"], routers: Int = 1, vrids: String = "31-60"
  ) -> Bench {
    var bench = Bench(options: AllocatorOptions(watchesSpeakers: true))
    for name in nodes {
      bench.cluster.put(ClusterNode.make(name))
      bench.cluster.setLife(.alive, of: name)
    }
    bench.cluster.put(
      AddressPool.make("lan", "192.0.2.100-192.0.2.120", vrids: vrids) { $0.routers = routers })
    bench.cluster.put(Service.make("web"))
    bench.settle()
    return bench
  }

  /// Cuts the holder of an address off from the API server.
  private func cutOff(_ address: String, _ bench: inout Bench) -> String {
    let holder = bench.cluster.holder(of: ip(address)) ?? ""
    bench.cluster.speakers[holder]?.isDeaf = true
    return holder
  }

  private func restore(_ node: String, _ bench: inout Bench) {
    bench.cluster.speakers[node]?.isDeaf = false
    bench.look([node])
    bench.cluster.setLife(.alive, of: node)
    bench.settle()
  }

  private func entries(_ bench: Bench, _ router: String = "lan-1") -> [String] {
    bench.cluster.routers[router]?.status.nodes.map(\.node).sorted() ?? []
  }

  // MARK: Silent holders

  @Test func `what a silent holder does not hear of is said not to be served, and no more`() throws
  {
    var bench = bench()
    let holder = cutOff("192.0.2.100", &bench)
    bench.cluster.setLife(.silent, of: holder)
    bench.settle()
    bench.cluster.put(Service.make("api"))
    bench.settle()
    #expect(bench.ingress("api") == ["192.0.2.101"] && bench.reason("api") == "HolderSilent")
    #expect(bench.service("api")?.status.condition?.message.contains("node \(holder) ") == true)
    #expect(bench.reason("web") == "Assigned")
    // Another allocator says the same.
    bench.restart()
    let fresh = bench.plan()
    #expect(fresh == [])
    restore(holder, &bench)
    #expect(bench.reason("api") == "Assigned" && bench.reason("web") == "Assigned")
    #expect(bench.violations == [])
  }

  @Test func `what was given before it was known that the holder is silent is told, too`() {
    var bench = bench()
    let holder = cutOff("192.0.2.100", &bench)
    bench.cluster.put(Service.make("api"))
    bench.settle()
    #expect(bench.reason("api") == "Assigned")
    bench.cluster.setLife(.silent, of: holder)
    bench.settle()
    #expect(bench.reason("api") == "HolderSilent" && bench.reason("web") == "Assigned")
    // Another node takes over, which has heard of it.
    let other = ["a", "b", "c"].first { $0 != holder } ?? ""
    if var router = bench.cluster.routers["lan-1"] {
      router.status.active[.ipv4] = .init(other)
      bench.cluster.put(router)
    }
    bench.plan()
    #expect(bench.reason("api") == "Assigned")
  }

  @Test func `new addresses go to routers whose holders hear of them`() {
    var bench = bench(routers: 3)
    for name in ["api", "mail"] {
      bench.cluster.put(Service.make(name))
      bench.settle()
    }
    let silent = bench.cluster.holder(of: ip("192.0.2.100")) ?? ""
    let router = bench.cluster.routers.values.first { $0.spec.addresses == [ip("192.0.2.100")] }
    let name = router?.metadata.name ?? ""
    bench.cluster.speakers[silent]?.isDeaf = true
    bench.cluster.setLife(.silent, of: silent)
    for number in 0..<6 { bench.cluster.put(Service.make("s\(number)")) }
    bench.settle()
    #expect(bench.cluster.routers[name]?.spec.addresses.count == 1)
    #expect((0..<6).allSatisfy { bench.reason("s\($0)") == "Assigned" })
    restore(silent, &bench)
    bench.cluster.put(Service.make("last"))
    bench.settle()
    #expect(bench.cluster.routers[name]?.spec.addresses.count == 2)
  }

  @Test func `a VRID is not used again while a silent node may run its router`() {
    var bench = bench()
    let holder = cutOff("192.0.2.100", &bench)
    bench.cluster.setLife(.silent, of: holder)
    bench.cluster.removeService(ObjectKey("default", "web"))
    bench.settle()
    #expect(bench.cluster.routers.isEmpty)
    bench.cluster.put(Service.make("api"))
    bench.settle()
    #expect(bench.cluster.routers.values.map(\.spec.vrid) == [32])
    restore(holder, &bench)
    bench.cluster.removeService(ObjectKey("default", "api"))
    bench.settle()
    bench.cluster.put(Service.make("last"))
    bench.settle()
    #expect(bench.cluster.routers.values.map(\.spec.vrid) == [31] && bench.violations == [])
  }

  @Test func `a VRID that a silent node may use is better than none`() {
    var bench = bench(vrids: "31")
    bench.cluster.setLife(.silent, of: cutOff("192.0.2.100", &bench))
    bench.cluster.removeService(ObjectKey("default", "web"))
    bench.settle()
    bench.cluster.put(Service.make("api"))
    bench.settle()
    #expect(bench.cluster.routers.values.map(\.spec.vrid) == [31])
  }

  @Test func `a foreign group that may be a silent node is told as such`() throws {
    var bench = bench()
    let holder = cutOff("192.0.2.100", &bench)
    bench.cluster.put(Service.make("api"))
    bench.settle()
    for isSilent in [false, true] {
      if isSilent { bench.cluster.setLife(.silent, of: holder) }
      var router = try #require(bench.cluster.routers["lan-1"])
      router.status.conditions.removeAll { $0.type == ConditionType.foreignGroup }
      router.status.conditions.append(
        Condition(
          type: ConditionType.foreignGroup, isTrue: true, reason: "ForeignGroup",
          message: "192.0.2.1 advertises 192.0.2.100"))
      bench.cluster.put(router)
      bench.settle()
      #expect(bench.reason("api") == (isSilent ? "HolderSilent" : "ForeignGroup"))
    }
    let message = try #require(bench.service("api")?.status.condition?.message)
    #expect(message.contains("node \(holder)") && !message.contains("give pool"))
  }

  @Test func `some nodes in maintenance and all others silent is told`() throws {
    var bench = bench(nodes: ["a", "b"])
    var node = ClusterNode.make("a")
    node.metadata.annotations[ClusterNode.maintenanceKey] = "true"
    bench.cluster.put(node)
    bench.settle()
    #expect(bench.reason("web") == "Assigned")
    bench.cluster.setLife(.silent, of: "b")
    bench.settle()
    let condition = try #require(bench.service("web")?.status.condition)
    #expect(condition.reason == "MaintenanceAndSilence" && !condition.isTrue)
    #expect(condition.message.contains("node a is in maintenance"))
    #expect(condition.message.contains("on node b;"))
    bench.cluster.put(ClusterNode.make("a"))
    bench.settle()
    #expect(bench.reason("web") == "Assigned")
  }

  // MARK: Nodes that are gone

  @Test func `what a node has said goes when it is gone with its Lease`() {
    var bench = bench()
    let holder = bench.cluster.holder(of: ip("192.0.2.100")) ?? ""
    bench.cluster.removeNode(holder)
    bench.settle()
    bench.passTime(5)
    bench.settle()
    #expect(entries(bench) == ["a", "b", "c"])
    bench.cluster.setLife(nil, of: holder)
    bench.passTime(1)
    bench.settle()
    #expect(entries(bench) == ["a", "b", "c"])
    bench.passTime(1)
    let writes = bench.plan()
    #expect(writes.last == .forgetNode("lan-1", node: holder))
    #expect(entries(bench) == ["a", "b", "c"].filter { $0 != holder })
    #expect(bench.cluster.routers["lan-1"]?.status.active[.ipv4]?.node != holder)
    let again = bench.plan()
    #expect(again == [])
    // One that comes again enters itself again, and has to be gone again.
    bench.cluster.put(ClusterNode.make(holder))
    bench.cluster.setLife(.alive, of: holder)
    bench.settle()
    bench.cluster.removeNode(holder)
    bench.cluster.setLife(nil, of: holder)
    bench.passTime(1)
    bench.settle()
    #expect(entries(bench) == ["a", "b", "c"] && bench.violations == [])
  }

  @Test func `a cluster whose nodes are replaced keeps no entries of earlier ones`() {
    var bench = bench()
    for number in 0..<30 {
      let oldest = bench.cluster.nodes.keys.min() ?? ""
      bench.cluster.put(ClusterNode.make("n\(100 + number)"))
      bench.cluster.setLife(.alive, of: "n\(100 + number)")
      bench.settle()
      bench.cluster.removeNode(oldest)
      bench.cluster.setLife(nil, of: oldest)
      bench.settle()
      bench.passTime(2)
      bench.settle()
    }
    #expect(entries(bench) == ["n127", "n128", "n129"])
    #expect(bench.reason("web") == "Assigned" && bench.violations == [])
  }

  @Test func `an entry that is not taken away is not written about again and again`() {
    var bench = bench()
    bench.cluster.removeNode("a")
    bench.cluster.setLife(nil, of: "a")
    bench.passTime(2)
    let isForgotten: (Write) -> Bool = { if case .forgetNode = $0 { true } else { false } }
    let first = bench.allocator.plan().filter(isForgotten)
    #expect(first == [.forgetNode("lan-1", node: "a")])
    if let router = bench.cluster.routers["lan-1"] { bench.allocator.observe(.router(router)) }
    let second = bench.allocator.plan().filter(isForgotten)
    #expect(second == [])
    // One that has failed is.
    for write in first { bench.allocator.failed(write) }
    let third = bench.allocator.plan().filter(isForgotten)
    #expect(third == first)
  }
}
