import Testing
import VIPCore

extension ClusterTests {
  /// What an administrator does on the first day.
  @Suite struct AdministratorTests {
    @Test("The first day: manifests, a pool, an exposed deployment, an address that answers")
    func firstDay() throws {
      // With the manifests applied and the pods of the DaemonSet running.
      let cluster = try Cluster()
      let api = cluster.api
      let observer = try Observer(cluster)
      let speakers = try cluster.startSpeakers()
      try api.kubectl(
        "apply -f -",
        input: """
          apiVersion: vipctl.io/v1alpha1
          kind: AddressPool
          metadata: { name: lan }
          spec: { addresses: [192.0.2.100-192.0.2.150, 2001:db8::100/120] }
          """)
      try api.kubectl("create deployment web --image=web")
      try cluster.addPods()
      try api.kubectl("expose deployment web --port 80 --type LoadBalancer")

      let addresses = try cluster.waitForAddresses(of: "web", count: 1)
      #expect(addresses == [.v4(IPv4Address(192, 0, 2, 100))])
      #expect(try api.kubectl("get svc web").contains("192.0.2.100"))
      let holder = try cluster.waitForHolder(of: addresses[0])
      let asker = try Asker(inNamespace: cluster.client, to: addresses[0])
      try eventually("pods of all nodes reply", within: .seconds(60), poll: Cluster.poll) {
        try Set(asker.report().replies.map(\.node)) == Set(cluster.nodes.map(\.name))
      }
      try expectTable(api, holder: holder)
      _ = try asker.stop()

      for speaker in speakers { try speaker.stop() }
      for node in cluster.nodes { #expect(try !node.holds(addresses[0])) }
      #expect(try observer.stop().doubles.over(Bounds.overlap) == [])
    }

    /// `kubectl get virtualrouters` tells which node holds what.
    private func expectTable(_ api: API, holder: ClusterNode) throws {
      let rows = try eventually("a node is Active", within: .seconds(60), poll: Cluster.poll) {
        let rows = try api.kubectl("get virtualrouters").split(separator: "\n")
          .map { $0.split(separator: " ").map(String.init) }
        return rows.count == 2 && rows[1].contains(holder.name) ? rows : nil
      }
      #expect(
        rows[0] == [
          "NAME", "POOL", "VRID", "ADDRESSES", "ACTIVE-IPV4", "ACTIVE-IPV6", "CANDIDATES", "SINCE",
        ])
      #expect(rows[1][1] == "lan")
    }
  }
}
