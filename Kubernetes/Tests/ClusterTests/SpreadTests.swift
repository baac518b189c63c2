import Testing
import VIPCore
import VIPKubernetes

extension ClusterTests {
  /// Many Services, and the nodes over which they are spread.
  @Suite struct SpreadTests {
    @Test("Thirty Services are spread over three nodes, and over two when one dies")
    func spread() throws {
      let running = try Running(pool: "preemptDelay: 2s")
      let cluster = running.cluster
      try cluster.addPods()
      let names = (1...30).map { "web\($0)" }
      for name in names { try cluster.expose(name) }
      let addresses = try names.flatMap { try cluster.waitForAddresses(of: $0) }
      #expect(Set(addresses).count == 60)
      try expectSpread(addresses, over: cluster.nodes, each: [20, 20, 20])
      let routers = try cluster.api.routers()
      #expect(routers.count == 3)
      #expect(Set(routers.map(\.spec.vrid)).count == 3)

      let dead = cluster.nodes[0]
      try dead.cut()
      // Those of a node go where its router goes: as a whole.
      try expectSpread(addresses, over: Array(cluster.nodes.dropFirst()), each: [20, 40])
      try dead.plug()
      try expectSpread(addresses, over: cluster.nodes, each: [20, 20, 20])
      try running.expectOneHolder(without: [dead])
    }

    private func expectSpread(
      _ addresses: [IPAddress], over nodes: [ClusterNode], each counts: [Int]
    ) throws {
      try eventually("\(counts) addresses", within: .seconds(60), poll: .milliseconds(100)) {
        let held = try nodes.map { try $0.poolAddresses() }
        return held.map(\.count).sorted() == counts
          && held.reduce(into: Set()) { $0.formUnion($1) } == Set(addresses)
      }
    }
  }
}
