import Testing
import VIPCore
import VIPKubernetes

/// Services that wait for an address to share, addresses that wait for another router, and
/// candidates that wait for another one.
@Suite struct WaitingTests {
  private func bench(
    _ pool: AddressPool, nodes: [String] = ["a", "b"], watchesSpeakers: Bool = false
  ) -> Bench {
    var bench = Bench(options: AllocatorOptions(watchesSpeakers: watchesSpeakers))
    for name in nodes {
      bench.cluster.put(ClusterNode.make(name))
      if watchesSpeakers { bench.cluster.setLife(.alive, of: name) }
    }
    bench.cluster.put(pool)
    return bench
  }

  private func candidates(_ bench: Bench) -> [String] {
    bench.cluster.routers["lan-1"]?.spec.candidates.map(\.node).sorted() ?? []
  }

  private func excluded(_ name: String, isReady: Bool = true) -> ClusterNode {
    ClusterNode.make(name, labels: [ClusterNode.excludeLabel: ""], isReady: isReady)
  }

  @Test func `a Service gets a part in an address as soon as another one shares it`() {
    var bench = bench(AddressPool.make("lan", "192.0.2.100"))
    bench.cluster.put(Service.make("first"))
    bench.settle()
    bench.cluster.put(Service.make("second", key: "k", ports: [.init("TCP", 443)]))
    bench.cluster.put(
      Service.make("third", addresses: "192.0.2.100", key: "k", ports: [.init("TCP", 25)]))
    bench.settle()
    #expect(bench.reason("second") == "PoolExhausted" && bench.reason("third") == "AddressTaken")
    bench.cluster.put(Service.make("first", key: "k"))
    bench.settle()
    #expect(bench.ingress("second") == ["192.0.2.100"])
    #expect(bench.ingress("third") == ["192.0.2.100"])
    #expect(bench.violations == [])
  }

  @Test func `a Service gets a part in an address as soon as its port is free there`() {
    var bench = bench(AddressPool.make("lan", "192.0.2.100"))
    bench.cluster.put(Service.make("first", key: "k", ports: [.init("TCP", 80)]))
    bench.cluster.put(Service.make("second", key: "k", ports: [.init("TCP", 443)]))
    bench.settle()
    bench.cluster.put(Service.make("changed", key: "k", ports: [.init("TCP", 80)]))
    bench.cluster.put(
      Service.make("removed", addresses: "192.0.2.100", key: "k", ports: [.init("TCP", 443)]))
    bench.settle()
    #expect(bench.ingress("changed") == [] && bench.ingress("removed") == [])
    bench.cluster.put(Service.make("first", key: "k", ports: [.init("TCP", 8080)]))
    bench.settle()
    #expect(bench.ingress("changed") == ["192.0.2.100"] && bench.ingress("removed") == [])
    bench.cluster.removeService(ObjectKey("default", "second"))
    bench.settle()
    #expect(bench.ingress("removed") == ["192.0.2.100"])
    #expect(bench.violations == [])
  }

  @Test func `an address waits for a VRID however often its Service changes meanwhile`() {
    var bench = bench(AddressPool.make("lan", "192.0.2.100-192.0.2.105", vrids: "31-32"))
    bench.cluster.put(Service.make("web"))
    bench.settle()
    bench.cluster.put(EndpointSlice.make(of: "own", ["a"]))
    bench.cluster.put(Service.make("own", isLocal: true))
    bench.settle()
    bench.cluster.put(
      AddressPool.make("lan", "192.0.2.100-192.0.2.105", vrids: "31-32") { $0.interface = "eth0" })
    bench.settle()
    #expect(Set(bench.cluster.routers.keys) == ["lan-1", "own"])
    bench.cluster.put(Service.make("web", labels: ["tier": "front"]))
    bench.settle()
    bench.cluster.removeService(ObjectKey("default", "own"))
    bench.settle()
    #expect(bench.cluster.routers.values.map(\.spec.interface) == ["eth0"])
    #expect(bench.ingress("web") == ["192.0.2.100"] && bench.reason("web") == "Assigned")
    #expect(bench.violations == [])
  }

  @Test func `what a node said before it was removed does not make it a successor`() {
    var bench = bench(
      AddressPool.make("lan", "192.0.2.100-192.0.2.105"), watchesSpeakers: true)
    bench.cluster.put(Service.make("web"))
    bench.settle()
    // With a Lease that is renewed it has not ended.
    bench.cluster.removeNode("b")
    bench.settle()
    #expect(candidates(bench) == ["a"])
    #expect(bench.cluster.routers["lan-1"]?.status.nodes.contains { $0.node == "b" } == true)
    bench.cluster.put(ClusterNode.make("b"))
    bench.cluster.put(excluded("a"))
    bench.plan()
    #expect(bench.plan() == [])
    #expect(candidates(bench) == ["a", "b"])
    #expect(bench.cluster.holder(of: ip("192.0.2.100")) == "a")
    bench.settle()
    #expect(candidates(bench) == ["b"])
    #expect(bench.cluster.holder(of: ip("192.0.2.100")) == "b")
  }

  @Test(arguments: ["silent", "not ready"])
  func `a node that waits for a successor goes when it can't be expected to serve`(
    _ change: String
  ) {
    var bench = Bench(options: AllocatorOptions(watchesSpeakers: true))
    bench.cluster.put(AddressPool.make("lan", "192.0.2.100-192.0.2.105"))
    bench.cluster.put(ClusterNode.make("a"))
    bench.cluster.setLife(.alive, of: "a")
    bench.cluster.put(Service.make("web"))
    bench.settle()
    bench.cluster.put(excluded("a"))
    bench.cluster.put(ClusterNode.make("b"))
    bench.cluster.setLife(.alive, of: "b")
    bench.plan()
    #expect(candidates(bench) == ["a", "b"])
    if change == "silent" {
      bench.cluster.setLife(.silent, of: "a")
    } else {
      bench.cluster.put(excluded("a", isReady: false))
    }
    bench.plan()
    #expect(candidates(bench) == ["b"])
  }
}
