import Glibc

/// A `vipctl-kubernetes run` on a node, started as the DaemonSet would.
final class Speaker: Sendable {
  /// The node it runs on.
  let node: ClusterNode
  /// The process in the foreground.
  let process: ChildProcess
  /// Where its control socket is.
  let runtimeDirectory: String

  /// Starts the program; what another one has left on the node's disk is there.
  init(on node: ClusterNode, of cluster: Cluster, _ options: [String] = []) throws {
    self.node = node
    runtimeDirectory = cluster.directory["run-\(node.number)"]
    let credentials = cluster.credentials
    // These are folders of the pod.
    let own = ["--runtime-dir=", "--state-dir="]
    let arguments = cluster.pod.arguments.filter { argument in
      !own.contains { argument.hasPrefix($0) }
    }
    process = try ChildProcess(
      [
        "ip", "netns", "exec", node.name, "env", "NODE_NAME=\(node.name)",
        "POD_NAME=vipctl-\(node.name)", "POD_NAMESPACE=\(cluster.pod.namespace)",
        Laboratory.program,
      ] + arguments + [
        "--runtime-dir=\(runtimeDirectory)",
        "--state-dir=\(cluster.directory["state-\(node.number)"])",
        "--server=\(API.server)", "--token-file=\(credentials)/token",
        "--ca-file=\(credentials)/ca.crt", "--node=\(node.name)",
      ] + options, logPath: cluster.directory["speaker-\(node.number).log"])
  }

  /// Ends it in good order; throws when it does not exit with 0.
  func stop(within limit: Duration = .seconds(30)) throws {
    process.signal(SIGTERM)
    guard let status = process.waitForExit(within: limit) else {
      throw LabError("the speaker of \(node.name) does not stop:\n\(process.logTail)")
    }
    guard status == 0 else {
      throw LabError("the speaker of \(node.name) ended with \(status):\n\(process.logTail)")
    }
  }
}
