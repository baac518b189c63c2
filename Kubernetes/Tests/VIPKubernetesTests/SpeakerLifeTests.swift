import Testing
import VIPCore
import VIPKubernetes

/// Nodes on which no speaker is, and those whose speaker says nothing any more.
@Suite struct SpeakerLifeTests {
  private func bench(nodes: [String] = ["a", "b", "c"], speakers: [String]) -> Bench {
    var bench = Bench(options: AllocatorOptions(watchesSpeakers: true))
    for name in nodes { bench.cluster.put(ClusterNode.make(name)) }
    for name in speakers { bench.cluster.setLife(.alive, of: name) }
    bench.cluster.put(AddressPool.make("lan", "192.0.2.100-192.0.2.120"))
    return bench
  }

  private func candidates(_ bench: Bench, _ router: String = "lan-1") -> [String] {
    bench.cluster.routers[router]?.spec.candidates.map(\.node).sorted() ?? []
  }

  private func speakers(_ bench: Bench) -> Condition? {
    bench.cluster.pools["lan"]?.status.conditions.first { $0.type == ConditionType.speakers }
  }

  /// What is said about an object in events of one plan after the other.
  private func events(_ writes: [Write], about subject: Event.Subject) -> [Event] {
    writes.compactMap { write in
      guard case .event(let event) = write, event.subject == subject else { return nil }
      return event
    }
  }

  @Test func `a node without a speaker serves nothing, which is said on the pool`() {
    var bench = bench(speakers: ["a", "b"])
    for number in 1...6 { bench.cluster.put(Service.make("s\(number)")) }
    bench.settle()
    #expect(Set(bench.shares("lan").keys) == ["a", "b"])
    #expect(bench.shares("lan").values.sorted() == [1, 2])
    #expect(candidates(bench) == ["a", "b"])
    #expect(speakers(bench)?.isTrue == false && speakers(bench)?.reason == "NodesWithout")
    #expect(speakers(bench)?.message.contains("node c;") == true)
    #expect(speakers(bench)?.message.contains("DaemonSet") == true)
    // That the pool itself is right is another matter.
    let valid = bench.cluster.pools["lan"]?.status.conditions.first {
      $0.type == ConditionType.valid
    }
    #expect(valid?.isTrue == true)
  }

  @Test func `a speaker that comes gets its share`() {
    var bench = bench(speakers: ["a", "b"])
    for number in 1...6 { bench.cluster.put(Service.make("s\(number)")) }
    bench.settle()
    bench.cluster.setLife(.alive, of: "c")
    bench.settle()
    #expect(candidates(bench) == ["a", "b", "c"])
    #expect(speakers(bench)?.isTrue == true)
    #expect(bench.shares("lan") == ["a": 1, "b": 1, "c": 1])
    #expect(bench.violations == [])
  }

  @Test func `a cluster whose speakers come one after the other is spread as any`() {
    var bench = bench(speakers: [])
    for number in 1...30 { bench.cluster.put(Service.make("s\(number)")) }
    bench.settle()
    #expect(bench.reason("s1") == "NoCandidate")
    for node in ["b", "c", "a"] {
      bench.cluster.setLife(.alive, of: node)
      bench.settle()
    }
    #expect(bench.cluster.routers.values.map(\.spec.addresses.count) == [7, 7, 7])
    #expect(bench.shares("lan") == ["a": 1, "b": 1, "c": 1])
    #expect(bench.violations == [])
  }

  @Test func `a pool whose nodes have no speaker says so on its routers and Services`() throws {
    var bench = bench(speakers: ["a"])
    bench.cluster.put(
      AddressPool.make("lan", "192.0.2.100-192.0.2.120") {
        $0.nodeSelector = LabelSelector(matchLabels: ["edge": "yes"])
      })
    bench.cluster.put(ClusterNode.make("c", labels: ["edge": "yes"]))
    bench.cluster.put(AddressPool.make("other", "192.0.2.200-192.0.2.210", vrids: "61-70"))
    bench.cluster.put(Service.make("web", pool: "lan"))
    bench.cluster.put(Service.make("api", pool: "other"))
    let writes = bench.settle()
    #expect(bench.reason("web") == "NoCandidate")
    #expect(bench.service("web")?.status.condition?.message.contains("node c") == true)
    let router = try #require(bench.cluster.routers["lan-1"])
    #expect(router.spec.candidates == [])
    let planned = router.status.conditions.first { $0.type == ConditionType.planned }
    #expect(planned?.reason == "NoCandidate" && planned?.isTrue == false)
    #expect(events(writes, about: .router("lan-1")).map(\.reason) == ["NoCandidate"])
    #expect(
      events(writes, about: .service(ObjectKey("default", "web"))).contains {
        $0.isWarning && $0.message.contains("DaemonSet")
      })
    // It stops nothing else.
    #expect(bench.reason("api") == "Assigned" && bench.cluster.holder(of: ip("192.0.2.200")) == "a")
    bench.cluster.setLife(.alive, of: "c")
    bench.settle()
    #expect(bench.reason("web") == "Assigned" && bench.cluster.holder(of: ip("192.0.2.100")) == "c")
  }

  @Test func `an endpoint on a node without a speaker is named`() {
    var bench = bench(speakers: ["a"])
    bench.cluster.put(Service.make("web", isLocal: true))
    bench.cluster.put(EndpointSlice.make(of: "web", ["b"]))
    bench.settle()
    #expect(bench.reason("web") == "NoEndpoints")
    #expect(bench.service("web")?.status.condition?.message.contains("node b") == true)
    bench.cluster.put(EndpointSlice.make(of: "web", ["a", "b"]))
    bench.settle()
    #expect(bench.reason("web") == "Assigned" && candidates(bench, "web") == ["a"])
  }

  @Test func `an entry in a router's status says as much as a Lease`() {
    var bench = bench(speakers: ["a", "b", "c"])
    bench.cluster.put(Service.make("web"))
    bench.settle()
    for node in ["a", "b", "c"] { bench.cluster.setLife(nil, of: node) }
    bench.settle()
    #expect(candidates(bench) == ["a", "b", "c"])
    bench.restart()
    bench.settle()
    #expect(candidates(bench) == ["a", "b", "c"])
    #expect(bench.violations == [])
  }

  @Test func `a silent speaker is not waited for, although its machine is ready`() {
    var bench = bench(nodes: ["a", "b"], speakers: ["a", "b"])
    bench.cluster.put(AddressPool.make("lan", "192.0.2.100"))
    bench.cluster.put(Service.make("web"))
    bench.settle()
    let silent = bench.cluster.holder(of: ip("192.0.2.100")) == "a" ? "b" : "a"
    bench.cluster.speakers[silent]?.isDeaf = true
    bench.cluster.removeService(ObjectKey("default", "web"))
    bench.cluster.put(Service.make("api"))
    bench.settle()
    // Nothing is known of it but that it has not acknowledged.
    #expect(bench.ingress("api") == [])
    bench.cluster.setLife(.silent, of: silent)
    bench.settle()
    #expect(bench.ingress("api") == ["192.0.2.100"])
    #expect(bench.reason("api") == "Assigned")
  }

  @Test func `a silent speaker keeps what it is first of and is given nothing`() {
    var bench = bench(nodes: ["a", "b"], speakers: ["a", "b"])
    for number in 1...2 { bench.cluster.put(Service.make("s\(number)")) }
    bench.settle()
    #expect(bench.shares("lan") == ["a": 1, "b": 1])
    bench.cluster.setLife(.silent, of: "b")
    bench.settle()
    #expect(bench.shares("lan") == ["a": 1, "b": 1])
    bench.cluster.put(AddressPool.make("two", "192.0.2.200-192.0.2.210", vrids: "61-70"))
    for number in 3...6 { bench.cluster.put(Service.make("s\(number)", pool: "two")) }
    bench.settle()
    #expect(bench.shares("two") == ["a": 2])
    bench.cluster.setLife(.alive, of: "b")
    bench.settle()
    #expect(bench.shares("two") == ["a": 1, "b": 1])
  }

  @Test func `a silent speaker is no successor for which a candidate can go`() {
    var bench = bench(nodes: ["a", "b"], speakers: ["a", "b"])
    bench.cluster.put(Service.make("web", isLocal: true))
    bench.cluster.put(EndpointSlice.make(of: "web", ["a"]))
    bench.settle()
    bench.cluster.put(EndpointSlice.make(of: "web", ["a", "b"]))
    bench.settle()
    // It has run the router, and has stopped since.
    bench.cluster.speakers["b"]?.isDeaf = true
    bench.cluster.setLife(.silent, of: "b")
    bench.cluster.put(EndpointSlice.make(of: "web", ["b"]))
    bench.settle()
    #expect(candidates(bench, "web") == ["a", "b"])
    bench.cluster.speakers["b"]?.isDeaf = false
    bench.cluster.setLife(.alive, of: "b")
    bench.settle()
    #expect(candidates(bench, "web") == ["b"])
  }

  @Test func `when all are silent that is said`() {
    var bench = bench(nodes: ["a", "b"], speakers: ["a", "b"])
    bench.cluster.put(Service.make("web"))
    bench.settle()
    bench.cluster.setLife(.silent, of: "a")
    let writes = bench.settle()
    #expect(bench.reason("web") == "Assigned")
    #expect(speakers(bench)?.reason == "NodesSilent")
    #expect(speakers(bench)?.message.contains("node a;") == true)
    #expect(events(writes, about: .pool("lan")).map(\.reason) == ["NodesSilent"])
    bench.cluster.setLife(.silent, of: "b")
    bench.settle()
    #expect(bench.reason("web") == "SpeakersSilent")
    #expect(speakers(bench)?.message.contains("2 nodes a, b;") == true)
    #expect(candidates(bench) == ["a", "b"])
  }

  @Test func `nodes in maintenance together with silent ones serve nothing, which is said`() {
    var bench = bench(nodes: ["a", "b", "c"], speakers: ["a", "b", "c"])
    bench.cluster.put(Service.make("web"))
    bench.settle()
    bench.cluster.put(ClusterNode.make("a", labels: [ClusterNode.maintenanceKey: "true"]))
    bench.cluster.setLife(.silent, of: "b")
    bench.settle()
    #expect(bench.reason("web") == "Assigned")
    bench.cluster.setLife(.silent, of: "c")
    bench.settle()
    #expect(bench.reason("web") == "MaintenanceAndSilence")
    let message = bench.service("web")?.status.condition?.message
    #expect(message?.contains("node a is in maintenance") == true)
    #expect(message?.contains("2 nodes b, c;") == true)
    // A node that is both is silent.
    bench.cluster.setLife(.silent, of: "a")
    bench.settle()
    #expect(bench.reason("web") == "SpeakersSilent")
    bench.cluster.setLife(.alive, of: "c")
    bench.settle()
    #expect(bench.reason("web") == "Assigned")
  }

  @Test func `without a look at speakers each node has one`() {
    var bench = Bench()
    bench.cluster.put(ClusterNode.make("a"))
    bench.cluster.put(AddressPool.make("lan", "192.0.2.100"))
    bench.cluster.put(Service.make("web"))
    bench.settle()
    #expect(candidates(bench) == ["a"] && speakers(bench) == nil)
  }
}
