import Testing
import VIPCore
import VIPKubernetes
import VRRP

/// Pools that change and go while they are in use, and clusters that share a segment.
@Suite struct PoolTests {
  private func bench(_ pools: AddressPool..., nodes: [String] = ["a", "b"]) -> Bench {
    var bench = Bench()
    for name in nodes { bench.cluster.put(ClusterNode.make(name)) }
    for pool in pools { bench.cluster.put(pool) }
    return bench
  }

  private func vrids(_ bench: Bench) -> Set<VRID> {
    Set(bench.cluster.routers.values.map(\.spec.vrid))
  }

  /// Says that a speaker hears another group with the VRID of a router, or no more.
  private func setForeign(_ isForeign: Bool, of name: String, in bench: inout Bench) {
    guard var router = bench.cluster.routers[name] else { return }
    router.status.conditions.removeAll { $0.type == ConditionType.foreignGroup }
    if isForeign {
      router.status.conditions.append(
        Condition(
          type: ConditionType.foreignGroup, isTrue: true, reason: "ForeignGroup",
          message: "192.0.2.66 advertises other addresses"))
    }
    bench.cluster.put(router)
  }

  @Test func `a /64 gives its addresses from the lowest on, and takes them back`() {
    var bench = bench(AddressPool.make("six", "2001:db8::/64"))
    for number in 0..<20 { bench.cluster.put(Service.make("s\(number)", families: [.ipv6])) }
    bench.settle()
    let given = Set(bench.cluster.services.values.flatMap(\.status.ingress))
    #expect(given == Set((1...20).map { ip("2001:db8::\(String($0, radix: 16))") }))
    bench.cluster.removeService(ObjectKey("default", "s0"))
    bench.settle()
    bench.cluster.put(Service.make("again", families: [.ipv6]))
    bench.cluster.put(
      Service.make("far", families: [.ipv6], addresses: "2001:db8::ffff:ffff:ffff:ffff"))
    bench.settle()
    #expect(bench.ingress("again") == ["2001:db8::1"])
    #expect(bench.ingress("far") == ["2001:db8::ffff:ffff:ffff:ffff"])
    #expect(bench.violations == [])
  }

  @Test func `a pool that goes keeps what is in use until the last Service goes`() {
    var bench = bench(AddressPool.make("lan", "192.0.2.100-192.0.2.110"))
    bench.cluster.put(Service.make("one"))
    bench.cluster.put(Service.make("two"))
    bench.settle()
    let before = bench.cluster.routers.mapValues(\.spec)
    bench.cluster.removePool("lan")
    let writes = bench.settle()
    #expect(bench.cluster.routers.mapValues(\.spec) == before)
    #expect(bench.ingress("one") == ["192.0.2.100"] && bench.ingress("two") == ["192.0.2.101"])
    #expect(bench.reason("one") == "Assigned")
    #expect(bench.service("one")?.status.condition?.message.contains("is gone") == true)
    let isTold = writes.contains { write in
      guard case .event(let event) = write, case .router = event.subject else { return false }
      return event.isWarning && event.reason == "PoolGone"
        && event.message.contains("make the pool")
    }
    #expect(isTold)
    // Another allocator decides the same.
    bench.restart()
    let fresh = bench.plan()
    #expect(fresh == [])
    // Nodes go on taking over from each other.
    bench.cluster.removeNode("a")
    bench.settle()
    #expect(bench.cluster.holder(of: ip("192.0.2.100")) == "b")
    bench.cluster.removeService(ObjectKey("default", "one"))
    bench.cluster.removeService(ObjectKey("default", "two"))
    bench.settle()
    #expect(bench.cluster.routers.isEmpty && bench.violations == [])
  }

  @Test func `without its pool an own router follows the pods of its Service`() {
    var bench = bench(AddressPool.make("lan", "192.0.2.100-192.0.2.110"))
    bench.cluster.put(Service.make("web", isLocal: true))
    bench.cluster.put(EndpointSlice.make(of: "web", ["a"]))
    bench.settle()
    bench.cluster.removePool("lan")
    bench.settle()
    bench.cluster.put(EndpointSlice.make(of: "web", ["b"]))
    bench.settle()
    #expect(bench.cluster.routers["web"]?.spec.candidates.map(\.node) == ["b"])
    #expect(bench.cluster.holder(of: ip("192.0.2.100")) == "b")
    #expect(bench.reason("web") == "Assigned")
    bench.cluster.put(EndpointSlice.make(of: "web", []))
    bench.settle()
    #expect(bench.reason("web") == "NoEndpoints" && bench.violations == [])
  }

  @Test func `without its pool a shared router is served by nodes that come`() {
    var bench = bench(AddressPool.make("lan", "192.0.2.100-192.0.2.110"))
    bench.cluster.put(Service.make("web"))
    bench.settle()
    let holder = bench.cluster.holder(of: ip("192.0.2.100")) ?? ""
    bench.cluster.removePool("lan")
    bench.settle()
    bench.cluster.put(ClusterNode.make("c"))
    bench.settle()
    // Who is first stays so.
    #expect(bench.cluster.holder(of: ip("192.0.2.100")) == holder)
    for name in ["a", "b"] {
      bench.cluster.removeNode(name)
      bench.settle()
    }
    #expect(bench.cluster.routers["lan-1"]?.spec.candidates == [.init("c", 200)])
    #expect(bench.cluster.holder(of: ip("192.0.2.100")) == "c")
    #expect(bench.reason("web") == "Assigned" && bench.violations == [])
  }

  @Test func `a pool that is being deleted keeps what is in use and gives nothing more`() {
    var bench = bench(AddressPool.make("lan", "192.0.2.100-192.0.2.110"))
    bench.cluster.put(Service.make("web"))
    bench.settle()
    var pool = AddressPool.make("lan", "192.0.2.100-192.0.2.110")
    pool.metadata.isDeleting = true
    bench.cluster.put(pool)
    bench.cluster.put(Service.make("any"))
    bench.cluster.put(Service.make("named", pool: "lan"))
    bench.cluster.put(Service.make("asking", addresses: "192.0.2.105"))
    bench.settle()
    #expect(bench.ingress("web") == ["192.0.2.100"] && bench.reason("web") == "Assigned")
    #expect(["any", "named", "asking"].allSatisfy { bench.ingress($0) == [] })
    #expect(bench.reason("any") == "NoPool")
    #expect(bench.reason("named") == "PoolDeleted" && bench.reason("asking") == "PoolDeleted")
  }

  @Test func `Services with policy Local leave one VRID to the others`() {
    var bench = bench(AddressPool.make("lan", "192.0.2.100-192.0.2.110", vrids: "31-33"))
    for number in 1...3 {
      bench.cluster.put(Service.make("own\(number)", isLocal: true))
      bench.cluster.put(EndpointSlice.make(of: "own\(number)", ["a"]))
      bench.settle()
    }
    #expect(bench.reason("own2") == "Assigned" && bench.reason("own3") == "NoVRID")
    bench.cluster.put(Service.make("web"))
    bench.settle()
    #expect(bench.reason("web") == "Assigned" && vrids(bench) == [31, 32, 33])
    // A pool of one VRID is for the first that comes.
    bench.cluster.put(
      AddressPool.make("one", "192.0.2.120-192.0.2.130", vrids: "40") { $0.autoAssign = false })
    bench.cluster.put(Service.make("alone", isLocal: true, pool: "one"))
    bench.settle()
    #expect(bench.ingress("alone") == ["192.0.2.120"])
  }

  @Test func `a router takes no more addresses than the API does`() throws {
    for routers in [1, 2] {
      var snapshot = ClusterSnapshot()
      snapshot.nodes = [.make("a")]
      snapshot.pools = [.make("lan", "10.0.0.0/16") { $0.routers = routers }]
      let addresses = (0..<20_000).compactMap { IPAddress("10.1.\($0 / 250).\($0 % 250)") }
      snapshot.routers = [
        Router(
          metadata: ObjectMeta(name: "lan-1", generation: 3),
          spec: .init(
            pool: "lan", vrid: 31, addresses: addresses, candidates: [.init("a", 200)]))
      ]
      snapshot.services = [.make("web")]
      let writes = Allocator.plan(snapshot)
      let verdicts = writes.compactMap { write in
        if case .service(_, _, let update) = write { update.condition?.reason } else { nil }
      }
      #expect(verdicts == [routers == 1 ? "RoutersFull" : "Assigned"])
      let made = writes.compactMap { write in
        if case .createRouter(let name, let spec) = write { (name, spec) } else { nil }
      }
      #expect(made.map(\.0) == (routers == 2 ? ["lan-2"] : []))
      #expect(made.allSatisfy { $0.1.addresses.count == 1 })
    }
  }

  @Test func `a pool of another order, name or range moves nothing that is in use`() {
    var bench = bench(
      AddressPool.make("lan", "192.0.2.100-192.0.2.110", vrids: "31-40"),
      AddressPool.make("wan", "192.0.2.200-192.0.2.210", vrids: "41-50"))
    for number in 0..<4 { bench.cluster.put(Service.make("s\(number)")) }
    bench.settle()
    let before = bench.cluster.routers.mapValues(\.spec.addresses)
    bench.cluster.put(
      AddressPool.make("lan", "192.0.2.104-192.0.2.110", vrids: "31-40") {
        $0.order = 9
        $0.autoAssign = false
        $0.namespaces = ["other"]
        $0.routers = 1
      })
    bench.settle()
    #expect(bench.cluster.routers.mapValues(\.spec.addresses) == before)
    #expect((0..<4).allSatisfy { bench.reason("s\($0)") == "Assigned" })
    bench.cluster.put(Service.make("new"))
    bench.settle()
    #expect(bench.ingress("new") == ["192.0.2.200"] && bench.violations == [])
  }

  @Test func `nodes that a pool no longer chooses hand over and let go`() {
    var bench = bench(AddressPool.make("lan", "192.0.2.100") { $0.routers = 1 })
    bench.cluster.put(Service.make("web"))
    bench.settle()
    let before = bench.cluster.holder(of: ip("192.0.2.100")) ?? ""
    let other = before == "a" ? "b" : "a"
    bench.cluster.put(ClusterNode.make(other, labels: ["edge": "yes"]))
    bench.cluster.put(
      AddressPool.make("lan", "192.0.2.100") {
        $0.routers = 1
        $0.nodeSelector = LabelSelector(matchLabels: ["edge": "yes"])
      })
    bench.settle()
    #expect(bench.cluster.holder(of: ip("192.0.2.100")) == other)
    #expect(bench.cluster.routers["lan-1"]?.spec.candidates.map(\.node) == [other])
    #expect(bench.reason("web") == "Assigned" && bench.violations == [])
  }

  @Test func `two clusters with disjoint VRIDs have none in common`() {
    var one = bench(AddressPool.make("lan", "192.0.2.100-192.0.2.110", vrids: "31-40"))
    var two = bench(AddressPool.make("lan", "192.0.2.200-192.0.2.210", vrids: "41-50"))
    for number in 0..<4 {
      one.cluster.put(Service.make("s\(number)"))
      two.cluster.put(Service.make("s\(number)"))
    }
    one.settle()
    two.settle()
    #expect(vrids(one) == [31, 32] && vrids(two) == [41, 42])
  }

  @Test func `of two clusters with the same VRIDs the one that is given others moves`() {
    var benches = [
      bench(AddressPool.make("lan", "192.0.2.100-192.0.2.110", vrids: "31-40") { $0.routers = 1 }),
      bench(AddressPool.make("lan", "192.0.2.200-192.0.2.210", vrids: "31-40") { $0.routers = 1 }),
    ]
    for index in benches.indices {
      benches[index].cluster.put(Service.make("web"))
      benches[index].settle()
      #expect(vrids(benches[index]) == [31])
      setForeign(true, of: "lan-1", in: &benches[index])
      benches[index].settle()
      // Both say so, on the Service and the router, and neither flees.
      #expect(benches[index].reason("web") == "ForeignGroup")
      let planned = benches[index].cluster.routers["lan-1"]?.status.conditions
        .first { $0.type == ConditionType.planned }
      #expect(planned?.reason == "ForeignGroup" && planned?.message.contains("VRID 31") == true)
      #expect(vrids(benches[index]) == [31])
    }
    benches[1].cluster.put(
      AddressPool.make("lan", "192.0.2.200-192.0.2.210", vrids: "41-50") { $0.routers = 1 })
    benches[1].settle()
    #expect(vrids(benches[1]) == [41] && benches[1].ingress("web") == ["192.0.2.200"])
    #expect(benches[1].reason("web") == "Assigned" && benches[1].violations == [])
    // The other one does not hear it any more.
    setForeign(false, of: "lan-1", in: &benches[0])
    benches[0].settle()
    #expect(vrids(benches[0]) == [31] && benches[0].reason("web") == "Assigned")
  }

  @Test func `selectors of Services and namespaces choose together`() {
    var bench = bench(
      AddressPool.make("lan", "192.0.2.100-192.0.2.110") {
        $0.serviceSelector = LabelSelector(
          matchLabels: ["tier": "web"],
          matchExpressions: [.init(key: "stage", operator: "NotIn", values: ["test"])])
        $0.namespaces = ["default"]
        $0.namespaceSelector = LabelSelector(matchLabels: ["team": "web"])
      })
    bench.cluster.put(Namespace(metadata: ObjectMeta(name: "default", labels: ["team": "web"])))
    bench.cluster.put(Namespace(metadata: ObjectMeta(name: "other", labels: ["team": "web"])))
    bench.cluster.put(Service.make("yes", labels: ["tier": "web"]))
    bench.cluster.put(Service.make("test", labels: ["tier": "web", "stage": "test"]))
    bench.cluster.put(Service.make("tier"))
    bench.cluster.put(Service.make("place", namespace: "other", labels: ["tier": "web"]))
    bench.settle()
    #expect(bench.ingress("yes") == ["192.0.2.100"])
    #expect(bench.reason("test") == "PoolClosed" && bench.reason("tier") == "PoolClosed")
    let place = bench.cluster.services[ObjectKey("other", "place")]
    #expect(place?.status.condition?.reason == "PoolClosed")
    // A label opens the pool to one that waits.
    bench.cluster.put(Service.make("tier", labels: ["tier": "web"]))
    bench.settle()
    #expect(bench.ingress("tier") == ["192.0.2.101"])
  }
}
