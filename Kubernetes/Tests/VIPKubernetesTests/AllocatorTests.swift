import Testing
import VIPCore
import VIPKubernetes
import VRRP

/// Rules of the plan that no story tells.
@Suite struct AllocatorTests {
  private func bench(_ pools: AddressPool..., nodes: [String] = ["a", "b", "c"]) -> Bench {
    var bench = Bench()
    for name in nodes { bench.cluster.put(ClusterNode.make(name)) }
    for pool in pools { bench.cluster.put(pool) }
    return bench
  }

  @Test func `Services without a class are only served if that is asked for`() {
    for isDefault in [false, true] {
      var bench = Bench(options: AllocatorOptions(isDefault: isDefault))
      bench.cluster.put(AddressPool.make("lan", "192.0.2.100"))
      bench.cluster.put(Service.make("web", class: nil))
      bench.settle()
      #expect(bench.ingress("web") == (isDefault ? ["192.0.2.100"] : []))
    }
  }

  @Test func `the address of spec.loadBalancerIP is honoured, and an annotation goes before it`() {
    var bench = bench(AddressPool.make("lan", "192.0.2.100-192.0.2.110"))
    var service = Service.make("web")
    service.spec.loadBalancerIP = "192.0.2.105"
    bench.cluster.put(service)
    service = Service.make("api", addresses: "192.0.2.107")
    service.spec.loadBalancerIP = "192.0.2.106"
    bench.cluster.put(service)
    bench.settle()
    #expect(bench.ingress("web") == ["192.0.2.105"] && bench.ingress("api") == ["192.0.2.107"])
  }

  @Test func `a Service can ask for one address of each family`() {
    var bench = bench(AddressPool.make("lan", "192.0.2.100-192.0.2.110", "2001:db8::/64"))
    bench.cluster.put(
      Service.make(
        "web", families: [.ipv6, .ipv4], policy: "RequireDualStack",
        addresses: "192.0.2.105, 2001:db8::77"))
    bench.cluster.put(Service.make("bad", addresses: "192.0.2.105,192.0.2.106"))
    bench.settle()
    #expect(bench.ingress("web") == ["2001:db8::77", "192.0.2.105"])
    #expect(bench.reason("bad") == "BadRequest")
  }

  @Test func `addresses that a Service has from before are kept`() {
    var bench = bench(AddressPool.make("lan", "192.0.2.100-192.0.2.110"))
    bench.cluster.put(Service.make("new"))
    bench.cluster.put(Service.make("old", ingress: [ip("192.0.2.100")]))
    bench.settle()
    #expect(bench.ingress("old") == ["192.0.2.100"] && bench.ingress("new") == ["192.0.2.101"])
  }

  @Test func `of two Services with one address the older one keeps it`() {
    var bench = bench(AddressPool.make("lan", "192.0.2.100-192.0.2.110"))
    bench.cluster.put(Service.make("z-older", ingress: [ip("192.0.2.105")]))
    bench.cluster.put(Service.make("a-younger", ingress: [ip("192.0.2.105")]))
    bench.settle()
    #expect(bench.ingress("z-older") == ["192.0.2.105"])
    #expect(bench.ingress("a-younger") == ["192.0.2.100"])
  }

  @Test func `an address of no pool that no router has is replaced`() {
    var bench = bench(AddressPool.make("lan", "192.0.2.100-192.0.2.110"))
    bench.cluster.put(Service.make("web", ingress: [ip("203.0.113.7")]))
    bench.settle()
    #expect(bench.ingress("web") == ["192.0.2.100"])
  }

  @Test func `a status that another program empties is written again as it was`() {
    var bench = bench(AddressPool.make("lan", "192.0.2.100-192.0.2.110"))
    bench.cluster.put(Service.make("one"))
    bench.cluster.put(Service.make("two"))
    bench.settle()
    let version = ServiceVersion(
      uid: bench.service("two")?.metadata.uid ?? "", resourceVersion: nil)
    let isMade = bench.cluster.make(
      .service(ObjectKey("default", "two"), basedOn: version, ServiceUpdate()))
    #expect(isMade)
    bench.cluster.put(Service.make("three"))
    bench.settle()
    #expect(bench.ingress("two") == ["192.0.2.101"] && bench.ingress("three") == ["192.0.2.102"])
  }

  @Test func `an address that two routers have stays in the older one`() {
    var bench = bench(AddressPool.make("lan", "192.0.2.100-192.0.2.110"))
    bench.cluster.put(Service.make("web", ingress: [ip("192.0.2.100")]))
    for (name, vrid) in [("lan-2", 40), ("lan-1", 41)] as [(String, VRID)] {
      bench.cluster.put(
        Router(
          metadata: ObjectMeta(name: name),
          spec: .init(pool: "lan", vrid: vrid, addresses: [ip("192.0.2.100")])))
    }
    bench.restart()
    bench.settle()
    #expect(bench.cluster.routers.keys.sorted() == ["lan-2"])
    #expect(bench.violations == [])
  }

  @Test func `VRIDs are used again on another interface only when there is no other`() {
    var bench = bench(
      AddressPool.make("one", "192.0.2.10-192.0.2.19", vrids: "7") {
        $0.interface = "eth0"
        $0.routers = 1
      },
      AddressPool.make("two", "192.0.2.20-192.0.2.29", vrids: "7,9") { $0.interface = "eth1" },
      AddressPool.make("three", "192.0.2.30-192.0.2.39", vrids: "7") { $0.interface = "eth1" },
      AddressPool.make("four", "192.0.2.40-192.0.2.49", vrids: "7"))
    for pool in ["one", "two", "three", "four"] {
      bench.cluster.put(Service.make("s-\(pool)", pool: pool))
      bench.settle()
    }
    #expect(bench.cluster.routers["one-1"]?.spec.vrid == 7)
    #expect(bench.cluster.routers["two-1"]?.spec.vrid == 9)
    #expect(bench.cluster.routers["three-1"]?.spec.vrid == 7)
    #expect(bench.reason("s-four") == "NoVRID")
    // A router that leaves the interface to the nodes may be on any.
    bench.cluster.put(AddressPool.make("any", "192.0.2.50-192.0.2.59", vrids: "8"))
    bench.cluster.put(
      AddressPool.make("five", "192.0.2.60-192.0.2.69", vrids: "8") { $0.interface = "eth1" })
    bench.cluster.put(Service.make("s-any", pool: "any"))
    bench.settle()
    bench.cluster.put(Service.make("s-five", pool: "five"))
    bench.settle()
    #expect(bench.reason("s-five") == "NoVRID")
  }

  @Test func `Services spread evenly over as many routers as there are nodes`() {
    var bench = bench(AddressPool.make("lan", "192.0.2.0/24"))
    for number in 0..<30 { bench.cluster.put(Service.make("s\(number)")) }
    bench.settle()
    #expect(bench.cluster.routers.values.map(\.spec.addresses.count) == [10, 10, 10])
    #expect(bench.shares("lan") == ["a": 1, "b": 1, "c": 1])
  }

  @Test func `there are at most sixteen shared routers unless the pool says so`() {
    for (routers, count) in [(nil, 16), (20, 20)] as [(Int?, Int)] {
      var bench = bench(
        AddressPool.make("lan", "192.0.2.0/24", vrids: "1-255") { $0.routers = routers },
        nodes: (0..<20).map { "n\($0)" })
      for number in 0..<40 { bench.cluster.put(Service.make("s\(number)")) }
      bench.settle()
      #expect(bench.cluster.routers.count == count)
      #expect(bench.cluster.unevenness == [])
    }
  }

  @Test func `pools of one router each do not all go to the same node`() {
    var bench = bench()
    for number in 0..<9 {
      bench.cluster.put(
        AddressPool.make("p\(number)", "192.0.2.\(number + 1)", vrids: "1-255") { $0.routers = 1 })
      bench.cluster.put(Service.make("s\(number)", pool: "p\(number)"))
    }
    bench.settle()
    var firsts: [String: Int] = [:]
    for node in bench.firsts.values { firsts[node, default: 0] += 1 }
    #expect(firsts == ["a": 3, "b": 3, "c": 3])
  }

  @Test func `a router has no more candidates than distinct priorities`() {
    var bench = bench(
      AddressPool.make("lan", "192.0.2.0/24", vrids: "1-255") { $0.routers = 2 },
      nodes: (0..<130).map { "n\($0)" })
    for number in 0..<2 { bench.cluster.put(Service.make("s\(number)")) }
    bench.plan()
    #expect(bench.cluster.routers.values.allSatisfy { $0.spec.candidates.count == 64 })
    #expect(bench.violations == [])
    // All of one router's candidates but one go.
    let router = bench.cluster.routers["lan-1"]?.spec.candidates.map(\.node) ?? []
    for node in router.dropFirst() { bench.cluster.removeNode(node) }
    bench.plan()
    #expect(bench.cluster.routers.values.allSatisfy { $0.spec.candidates.count == 64 })
    #expect(bench.violations == [])
  }

  @Test func `what a dead node held goes to different nodes`() {
    var bench = bench(
      AddressPool.make("lan", "192.0.2.0/24", vrids: "1-255") { $0.routers = 40 },
      nodes: ["a", "b", "c", "d", "e"])
    for number in 0..<40 { bench.cluster.put(Service.make("s\(number)")) }
    bench.settle()
    var heirs: Set<String> = []
    for router in bench.cluster.routers.values {
      let order = router.spec.candidates.sorted { $0.priority > $1.priority }.map(\.node)
      if order[0] == "a" { heirs.insert(order[1]) }
    }
    #expect(heirs.count >= 3)
  }

  @Test func `Local routers are spread over the nodes with endpoints`() {
    var bench = bench(AddressPool.make("lan", "192.0.2.0/24", vrids: "1-255"))
    for number in 0..<9 {
      bench.cluster.put(Service.make("s\(number)", isLocal: true))
      bench.cluster.put(EndpointSlice.make(of: "s\(number)", ["a", "b", "c"]))
    }
    bench.settle()
    var firsts: [String: Int] = [:]
    for node in bench.firsts.values { firsts[node, default: 0] += 1 }
    #expect(firsts == ["a": 3, "b": 3, "c": 3])
  }

  @Test func `endpoints of several slices count together, and those of an excluded node don't`() {
    var bench = bench(AddressPool.make("lan", "192.0.2.0/24"))
    bench.cluster.put(Service.make("web", isLocal: true))
    bench.cluster.put(EndpointSlice.make(of: "web", ["a", "b~"]))
    var second = EndpointSlice.make(of: "web", ["c", "unknown"])
    second.metadata.name = "web-2"
    bench.cluster.put(second)
    var node = ClusterNode.make("c")
    node.metadata.labels[ClusterNode.excludeLabel] = "true"
    bench.cluster.put(node)
    bench.settle()
    #expect(bench.cluster.routers["web"]?.spec.candidates.map(\.node) == ["a"])
  }

  @Test func `names of own routers fit and are unique`() {
    var bench = bench(AddressPool.make("lan", "192.0.2.0/24", vrids: "1-255"))
    let long = String(repeating: "x", count: 63)
    let cutBehindHyphen = String(repeating: "x", count: 53) + "--" + "behind"
    for (namespace, name) in [
      ("one", "web"), ("two", "web"), ("one", "lan-1"), ("one", long), ("one", cutBehindHyphen),
    ] {
      bench.cluster.put(Service.make(name, namespace: namespace, isLocal: true))
      bench.settle()
    }
    bench.cluster.put(Service.make("cluster"))
    bench.settle()
    #expect(bench.cluster.routers.keys.allSatisfy { $0.utf8.count <= 63 })
    #expect(bench.cluster.routers[String(repeating: "x", count: 53)] != nil)
    #expect(bench.cluster.routers["web"] != nil && bench.cluster.routers["web-2"] != nil)
    #expect(bench.cluster.routers["lan-2"]?.spec.service == nil)
    #expect(bench.cluster.routers.count == 6)
  }

  @Test func `a Service that is being deleted gives its address back at once`() {
    var bench = bench(AddressPool.make("lan", "192.0.2.100"))
    bench.cluster.put(Service.make("web"))
    bench.settle()
    var service = Service.make("web")
    service.metadata.isDeleting = true
    bench.cluster.put(service)
    bench.settle()
    #expect(bench.cluster.routers.isEmpty)
    #expect(bench.ingress("web") == [] && bench.reason("web") == nil)
  }

  @Test func `settings of a pool are taken over while its routers run`() {
    var bench = bench(AddressPool.make("lan", "192.0.2.100-192.0.2.110"))
    bench.cluster.put(Service.make("web"))
    bench.settle()
    bench.cluster.put(
      AddressPool.make("lan", "192.0.2.100-192.0.2.110") {
        $0.interval = "1s"
        $0.virtualMAC = true
        $0.preempt = false
      })
    bench.settle()
    let settings = bench.cluster.routers["lan-1"]?.spec.settings
    let expected = Router.Settings(
      interval: .seconds(1), preempt: false, preemptDelay: .zero, virtualMAC: true)
    #expect(settings == expected)
  }

  @Test func `pools choose by the labels of namespaces`() {
    var bench = bench(
      AddressPool.make("lan", "192.0.2.100-192.0.2.110") {
        $0.namespaceSelector = LabelSelector(matchLabels: ["team": "web"])
      })
    bench.cluster.put(Service.make("web"))
    bench.settle()
    #expect(bench.reason("web") == "PoolClosed")
    bench.cluster.put(
      Namespace(metadata: ObjectMeta(name: "default", labels: ["team": "web"])))
    bench.settle()
    #expect(bench.ingress("web") == ["192.0.2.100"])
  }

  @Test func `the fences of a pool hold for addresses that are asked for, too`() {
    var bench = bench(
      AddressPool.make("lan", "192.0.2.100-192.0.2.110") { $0.namespaces = ["other"] })
    bench.cluster.put(Service.make("web", addresses: "192.0.2.105"))
    bench.cluster.put(Service.make("api", namespace: "other", addresses: "192.0.2.106"))
    bench.settle()
    #expect(bench.reason("web") == "PoolClosed" && bench.ingress("web") == [])
    let api = bench.cluster.services[ObjectKey("other", "api")]
    #expect(api?.status.ingress == [ip("192.0.2.106")])
  }

  @Test func `a pool without automatic assignment is only taken by name`() {
    var bench = bench(AddressPool.make("lan", "192.0.2.100-192.0.2.110") { $0.autoAssign = false })
    bench.cluster.put(Service.make("web"))
    bench.cluster.put(Service.make("api", pool: "lan"))
    bench.settle()
    #expect(bench.reason("web") == "NoPool" && bench.ingress("web") == [])
    #expect(bench.ingress("api") == ["192.0.2.100"])
  }

  @Test func `news of a router from before the last write change nothing`() throws {
    var bench = bench(AddressPool.make("lan", "192.0.2.100-192.0.2.110") { $0.routers = 1 })
    bench.cluster.put(Service.make("one"))
    bench.settle()
    var old = try #require(bench.cluster.routers["lan-1"])
    bench.cluster.put(Service.make("two"))
    let writes = bench.plan()
    #expect(writes.count > 1)
    old.status.active[.ipv4] = .init("b")
    bench.allocator.observe(.router(old))
    let again = bench.allocator.plan()
    #expect(again.allSatisfy { "\($0)".hasPrefix("event") })
    bench.settle()
    #expect(bench.violations == [])
    #expect(bench.cluster.routers["lan-1"]?.spec.addresses.count == 2)
  }

  @Test func `where an address goes is decided again when its new router could not be made`() throws
  {
    var bench = bench(AddressPool.make("lan", "192.0.2.100-192.0.2.110"), nodes: ["a", "b"])
    bench.cluster.put(Service.make("web"))
    bench.cluster.put(EndpointSlice.make(of: "web", ["a"]))
    bench.settle()
    bench.cluster.put(Service.make("web", isLocal: true))
    bench.plan()
    bench.look(["a", "b"])
    bench.report(["a", "b"])
    bench.tell()
    let isCreation: (Write) -> Bool = { if case .createRouter = $0 { true } else { false } }
    let refused = bench.allocator.plan()
    #expect(refused.contains(where: isCreation))
    for write in refused { bench.allocator.failed(write) }
    // A node has the address again, as far as is known.
    var router = try #require(bench.cluster.routers["lan-1"])
    router.status.nodes = [
      .init("a", generation: router.metadata.generation), .init("b", generation: 0),
    ]
    bench.cluster.put(router)
    bench.tell()
    bench.allocator.observe(.routerGone("web"))
    bench.allocator.observe(.service(try #require(bench.service("web"))))
    let again = bench.allocator.plan()
    #expect(!again.contains(where: isCreation))
  }

  @Test func `an address stays where it is until there is a VRID for its new router`() {
    var bench = bench(AddressPool.make("lan", "192.0.2.100-192.0.2.110", vrids: "31"))
    bench.cluster.put(Service.make("web"))
    bench.cluster.put(EndpointSlice.make(of: "web", ["a"]))
    bench.settle()
    bench.cluster.put(Service.make("web", isLocal: true))
    bench.settle()
    #expect(bench.cluster.routers["lan-1"]?.spec.addresses == [ip("192.0.2.100")])
    #expect(bench.reason("web") == "NoVRID")
    bench.cluster.put(AddressPool.make("lan", "192.0.2.100-192.0.2.110", vrids: "31-32"))
    bench.settle()
    #expect(bench.cluster.routers["web"]?.spec.addresses == [ip("192.0.2.100")])
    #expect(bench.reason("web") == "Assigned" && bench.violations == [])
  }

  @Test func `a node in maintenance is given nothing until that ends`() {
    var bench = bench(
      AddressPool.make("lan", "192.0.2.100-192.0.2.110") { $0.routers = 2 }, nodes: ["a", "b"])
    var node = ClusterNode.make("b")
    node.metadata.annotations[ClusterNode.maintenanceKey] = ""
    bench.cluster.put(node)
    bench.cluster.put(Service.make("one"))
    bench.cluster.put(Service.make("two"))
    bench.settle()
    #expect(bench.shares("lan") == ["a": 2])
    bench.cluster.put(ClusterNode.make("b"))
    bench.settle()
    #expect(bench.shares("lan") == ["a": 1, "b": 1])
  }

  @Test func `a full pool is passed over for the next one, and a /64 never is full`() {
    var bench = bench(
      AddressPool.make("small", "192.0.2.1-192.0.2.2"),
      AddressPool.make("large", "192.0.2.0/25", "2001:db8::/64") { $0.order = 1 })
    for number in 0..<4 { bench.cluster.put(Service.make("s\(number)")) }
    bench.cluster.put(Service.make("six", families: [.ipv6]))
    bench.settle()
    #expect(bench.ingress("s1") == ["192.0.2.2"] && bench.ingress("s2") == ["192.0.2.3"])
    #expect(bench.ingress("six") == ["2001:db8::1"])
    #expect(bench.cluster.pools["large"]?.status.capacity == "18446744073709551741")
    #expect(bench.cluster.pools["small"]?.status.used == 2)
  }

  @Test func `an address is shared by 256 Services at most`() {
    var snapshot = ClusterSnapshot()
    snapshot.pools = [.make("lan", "192.0.2.100-192.0.2.110")]
    snapshot.services = (1...258).map {
      .make("s\($0)", key: "k", ports: [.init("TCP", $0)])
    }
    var last: [ObjectKey: ServiceUpdate] = [:]
    for case .service(let key, _, let update) in Allocator.plan(snapshot) { last[key] = update }
    let counts = last.values.reduce(into: [:]) { $0["\($1.ingress)", default: 0] += 1 }
    #expect(counts == ["[192.0.2.100]": 256, "[192.0.2.101]": 2])
  }

  @Test func `a service with a name of a Service in another namespace shares only by its key`() {
    var bench = bench(AddressPool.make("lan", "192.0.2.100-192.0.2.110"))
    bench.cluster.put(Service.make("web", namespace: "one", key: "k", ports: [.init("TCP", 80)]))
    bench.cluster.put(Service.make("web", namespace: "two", key: "k", ports: [.init("UDP", 80)]))
    bench.settle()
    let one = bench.cluster.services[ObjectKey("one", "web")]?.status.ingress
    let two = bench.cluster.services[ObjectKey("two", "web")]?.status.ingress
    #expect(one == [ip("192.0.2.100")] && two == one)
  }
}
