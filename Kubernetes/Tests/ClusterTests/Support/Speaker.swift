/// A `vipctl-kubernetes run` on a node, started as the DaemonSet would.
final class Speaker: Sendable {
  /// The node it runs on.
  let node: ClusterNode
  private let workload: any Workload

  /// Starts the program; what another one has left on the node's disk is there.
  ///
  /// With the path of a kubeconfig it is that which says where the API server is.
  init(on node: ClusterNode, of cluster: Cluster, kubeconfig: String? = nil) throws {
    self.node = node
    workload =
      if let podman = cluster.podman {
        try Pod(on: node, of: cluster, with: podman)
      } else {
        try Self.process(on: node, of: cluster, kubeconfig)
      }
  }

  /// The pod of the program, when it runs in a container.
  var pod: Pod? { workload as? Pod }

  /// The last lines of its log, for failure texts.
  var logTail: String { workload.logTail }

  /// Throws when it has ended, telling what it wrote.
  func requireRunning() throws { try workload.requireRunning() }

  /// Ends it in good order; throws when it does not exit with 0.
  func stop(within limit: Duration = .seconds(30)) throws {
    guard let status = try workload.end(within: limit) else {
      throw LabError("the speaker of \(node.name) does not stop:\n\(logTail)")
    }
    guard status == 0 else {
      throw LabError("the speaker of \(node.name) ended with \(status):\n\(logTail)")
    }
  }

  /// Kills it, but not its guard.
  func kill() throws { try workload.killAlone() }

  private static func process(
    on node: ClusterNode, of cluster: Cluster, _ kubeconfig: String?
  ) throws -> ChildProcess {
    let credentials = cluster.credentials
    let server = [
      "--server=\(API.server)", "--token-file=\(credentials)/token",
      "--ca-file=\(credentials)/ca.crt",
    ]
    // These are folders of the pod.
    let own = ["--runtime-dir=", "--state-dir="]
    let arguments = cluster.pod.arguments.filter { argument in
      !own.contains { argument.hasPrefix($0) }
    }
    return try ChildProcess(
      [
        "ip", "netns", "exec", node.name, "env", "NODE_NAME=\(node.name)",
        "POD_NAME=vipctl-\(node.name)", "POD_NAMESPACE=\(cluster.pod.namespace)",
        Laboratory.program,
      ] + arguments + [
        "--runtime-dir=\(cluster.directory["run-\(node.number)"])",
        "--state-dir=\(cluster.directory["state-\(node.number)"])",
        "--node=\(node.name)",
      ] + (kubeconfig.map { ["--kubeconfig=\($0)"] } ?? server),
      logPath: cluster.directory["speaker-\(node.number).log"])
  }
}
