import Testing
import VIPCore

extension ClusterTests {
  /// The program outside of pods.
  @Suite(.enabled(if: Laboratory.image == nil, "in containers there is no file of kubectl"))
  struct DevelopmentTests {
    @Test("The program runs by a file that kubectl has written")
    func kubeconfig() throws {
      let cluster = try Cluster(nodes: 1)
      try cluster.offerLease()
      try cluster.addPool()
      let file = cluster.directory["kubeconfig"]
      func configure(_ arguments: String...) throws {
        try cluster.api.kubectl(["config", "--kubeconfig", file] + arguments)
      }
      try configure(
        "set-cluster", "lab", "--server=\(API.server)", "--embed-certs",
        "--certificate-authority=\(cluster.credentials)/ca.crt")
      let token = readText("\(cluster.credentials)/token")
      try configure("set-credentials", "developer", "--token=\(token)")
      try configure("set-context", "dev", "--cluster=lab", "--user=developer")
      try configure("use-context", "dev")

      let speaker = try Speaker(on: cluster.nodes[0], of: cluster, kubeconfig: file)
      try cluster.addService("web")
      let addresses = try cluster.waitForAddresses(of: "web")
      for address in addresses { try cluster.waitForHolder(of: address) }
      try speaker.stop()
      #expect(try cluster.nodes[0].poolAddresses() == [])
    }
  }
}
