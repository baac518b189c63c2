import Testing
import VIPCore

extension ClusterTests {
  /// Nodes that could hold addresses but should not.
  @Suite struct FitnessTests {
    /// Why a node should not, and what ends it.
    enum Cause: String, CaseIterable, CustomTestStringConvertible {
      /// kube-proxy has ended; its rules are still there.
      case proxyIsDead
      /// The node has the annotation `vipctl.io/maintenance`.
      case maintenance

      var testDescription: String { rawValue }

      func begin(on node: ClusterNode, of cluster: Cluster) throws {
        switch self {
        case .proxyIsDead: try cluster.controlProxy(of: node, "stop")
        case .maintenance:
          try cluster.api.kubectl("annotate node \(node.name) vipctl.io/maintenance=true")
        }
      }

      func end(on node: ClusterNode, of cluster: Cluster) throws {
        switch self {
        case .proxyIsDead: try cluster.controlProxy(of: node, "start")
        case .maintenance:
          try cluster.api.kubectl("annotate node \(node.name) vipctl.io/maintenance-")
        }
      }
    }

    @Test(
      "A node hands over and takes back, and its clients don't notice", arguments: Cause.allCases)
    func handsOver(_ cause: Cause) throws {
      let running = try Running(pool: "preemptDelay: 2s")
      let cluster = running.cluster
      try cluster.addService("web")
      let addresses = try cluster.waitForAddresses(of: "web")
      let holder = try cluster.waitForFirst(of: addresses)
      let askers = try running.ask(addresses)

      try cause.begin(on: holder, of: cluster)
      for address in addresses { try cluster.waitForHolder(of: address, not: holder) }
      for asker in askers { try asker.waitForReply() }
      // It takes nothing, whatever becomes of the others: a new Service goes elsewhere, too.
      try cluster.addService("other")
      for address in try cluster.waitForAddresses(of: "other") {
        try cluster.waitForHolder(of: address, not: holder)
      }

      try cause.end(on: holder, of: cluster)
      for address in addresses {
        try eventually(
          "\(holder.name) has \(address) again", within: .seconds(60), poll: Cluster.poll
        ) {
          try holder.holds(address)
        }
      }
      for asker in askers {
        try asker.waitForReply()
        let report = try asker.stop()
        #expect(report.outages(over: Bounds.plannedMove) == [], "\(asker.target)")
      }
      try running.expectOneHolder()
    }
  }
}
