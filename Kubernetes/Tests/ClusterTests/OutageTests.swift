import Testing
import VIPCore
import VIPKubernetes

extension ClusterTests {
  /// Everything goes on while no API server can be asked.
  @Suite struct OutageTests {
    @Test("A minute without the API server: failover, handover, a restart, nothing is withdrawn")
    func minuteWithoutAPI() throws {
      let running = try Running(pool: "preemptDelay: 2s")
      let cluster = running.cluster
      try cluster.addService("web")
      let addresses = try cluster.waitForAddresses(of: "web")
      let first = try cluster.waitForFirst(of: addresses)
      let second = try cluster.successor(of: first, for: addresses[0])
      let third = try #require(
        cluster.nodes.first { $0 !== first && $0 !== second.node })
      // Only its pods: those of a machine that is cut off would be chosen on.
      try cluster.addService("web", on: [third])
      let askers = try running.ask(addresses)

      let began = Moment.now
      try cluster.control("api", "stop")
      try first.cut()
      try expectHolder(second.node, of: addresses)
      try running.speaker(of: second.node).stop()
      try expectHolder(third, of: addresses)
      // It knows from its disk what to serve.
      try running.restart(second.node)
      try expectHolder(second.node, of: addresses)
      try first.plug()
      try expectHolder(first, of: addresses)
      while Moment.now - began < .seconds(60) { pause(.seconds(1)) }
      try expectHolder(first, of: addresses)

      try cluster.control("api", "start")
      try eventually(
        "the API says that \(first.name) is Active", within: .seconds(90), poll: Cluster.poll
      ) {
        let active = try cluster.router(of: addresses[0])?.status.active
        return active?[.ipv4]?.node == first.name && active?[.ipv6]?.node == first.name
      }
      #expect(try cluster.api.service("web").addresses == addresses)
      try expectHolder(first, of: addresses)
      for asker in askers {
        try asker.waitForReply()
        let report = try asker.stop()
        // One failover; the rest was planned.
        #expect(report.outages(over: Bounds.outage(second)) == [], "\(asker.target)")
        #expect(report.outages(over: Bounds.plannedMove).count <= 1, "\(asker.target)")
      }
      try running.expectOneHolder(without: [first])
    }

    private func expectHolder(_ node: ClusterNode, of addresses: [IPAddress]) throws {
      for address in addresses {
        try eventually("\(node.name) holds \(address)", within: .seconds(60), poll: Cluster.poll) {
          try node.holds(address)
        }
      }
    }
  }
}
