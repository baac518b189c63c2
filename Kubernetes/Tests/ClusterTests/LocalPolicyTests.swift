import Testing
import VIPCore
import VIPKubernetes

extension ClusterTests {
  /// Services with `externalTrafficPolicy: Local`.
  @Suite struct LocalPolicyTests {
    @Test("A Local Service is held where its endpoints are, follows them, and sees its clients")
    func followsEndpoints() throws {
      let running = try Running()
      let cluster = running.cluster
      let (first, second) = (cluster.nodes[0], cluster.nodes[1])
      try cluster.addService("web", local: true, on: [first])
      let addresses = try cluster.waitForAddresses(of: "web")
      for address in addresses { #expect(try cluster.waitForHolder(of: address) === first) }
      try expectCandidates([first], of: addresses[0], in: cluster)
      let askers = try running.ask(addresses)

      try cluster.addService("web", local: true, on: [first, second])
      try expectCandidates([first, second], of: addresses[0], in: cluster)
      let moved = Moment.now
      try cluster.addService("web", local: true, on: [second])
      for address in addresses {
        #expect(try cluster.waitForHolder(of: address, not: first) === second)
      }
      try expectCandidates([second], of: addresses[0], in: cluster)
      for asker in askers {
        try eventually("\(second.name) replies at \(asker.target)", poll: Cluster.poll) {
          try asker.report().replies.contains { $0.asked > moved && $0.node == second.name }
        }
        let report = try asker.stop()
        let client = asker.target.family == .ipv4 ? "192.0.2.200" : "2001:db8::200"
        #expect(Set(report.replies.map(\.client)) == [client])
        #expect(report.outages(over: Bounds.change) == [], "\(asker.target)")
      }
      try running.expectOneHolder()
    }

    private func expectCandidates(
      _ nodes: [ClusterNode], of address: IPAddress, in cluster: Cluster
    ) throws {
      let names = Set(nodes.map(\.name))
      try eventually(
        "the candidates are \(names.sorted())", within: .seconds(60), poll: Cluster.poll
      ) {
        let router = try cluster.router(of: address)
        return Set(router?.spec.candidates.map(\.node) ?? []) == names
      }
    }
  }
}
