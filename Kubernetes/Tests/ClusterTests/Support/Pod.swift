import Foundation
import Synchronization

/// A pod of the DaemonSet on a node: its only container, and the process that holds its namespace
/// of processes, as a kubelet would have them made.
///
/// What it may do and what is mounted is what the DaemonSet says. Left out are the limits of memory
/// and of the size of an `emptyDir`.
final class Pod: Workload {
  /// The name of the container.
  let name: String
  private let podman: Podman
  private let pause: ChildProcess
  private let logPath: String
  private let grace: Int

  private static let counter = Atomic<Int>(0)

  /// Starts a new pod; what another one has left on the node's disk is there.
  init(on node: ClusterNode, of cluster: Cluster, with podman: Podman) throws {
    let number = Self.counter.add(1, ordering: .relaxed).newValue
    let name = "vipctl-\(node.name)-\(number)"
    self.name = name
    self.podman = podman
    logPath = cluster.directory["\(name).log"]
    grace = cluster.pod.spec.terminationGracePeriodSeconds ?? 30
    pause = try ChildProcess(
      [
        "ip", "netns", "exec", node.name, "unshare", "--pid", "--fork", "--kill-child",
        "sleep", "infinity",
      ], logPath: cluster.directory["\(name)-pause.log"])
    let setting = PodSetting(pod: name, node: node, cluster: cluster)
    try podman.run(
      [
        "run", "--detach", "--pull", "never", "--name", name, "--hostname", node.name,
        "--log-opt", "path=\(logPath)", "--pid", try Self.processes(of: pause),
      ] + setting.options() + [cluster.pod.container.image] + cluster.pod.arguments)
  }

  deinit { _ = try? podman.run(["rm", "--force", "--time", "0", name]) }

  var logTail: String {
    readText(logPath).split(separator: "\n").suffix(15).joined(separator: "\n")
  }

  func requireRunning() throws {
    if let status = try exitStatus() {
      throw LabError("the container \(name) ended with \(status):\n\(logTail)")
    }
  }

  /// Ends it as a kubelet does: by SIGTERM, and by SIGKILL after the time that the DaemonSet gives.
  func end(within limit: Duration) throws -> Int32? {
    try podman.run(["stop", "--time", "\(grace)", name], within: limit + .seconds(grace))
    return try exitStatus()
  }

  func killAlone() throws {
    try signal("KILL")
    try waitForEnd()
  }

  /// Sends a signal to the first process of the container, and waits for nothing.
  func signal(_ signal: String) throws { try podman.run(["kill", "--signal", signal, name]) }

  /// Starts the container again, in the same pod, once it has ended.
  func startAgain() throws {
    try waitForEnd()
    try podman.run(["start", name])
  }

  private func waitForEnd() throws {
    try eventually("\(name) has ended", poll: Cluster.poll) { try exitStatus() != nil }
  }

  /// Runs a command in the container, and returns what it wrote.
  func exec(_ command: String...) throws -> String { try podman.run(["exec", name] + command) }

  /// The first process of the container.
  func process() throws -> pid_t {
    guard let process = pid_t(try inspect("{{.State.Pid}}")), process > 0 else {
      throw LabError("the container \(name) has no process:\n\(logTail)")
    }
    return process
  }

  private func exitStatus() throws -> Int32? {
    let words = try inspect("{{.State.Running}} {{.State.ExitCode}}").split(separator: " ")
    return words.first == "true" ? nil : words.last.flatMap { Int32($0) }
  }

  private func inspect(_ format: String) throws -> String {
    try podman.run(["inspect", "--format", format, name])
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// The namespace of processes whose first one a command has started.
  private static func processes(of pause: ChildProcess) throws -> String {
    let children = "/proc/\(pause.pid)/task/\(pause.pid)/children"
    // It has one child, which is the first process of the new namespace.
    let first = try eventually("a namespace of processes") {
      try pause.requireRunning()
      return readText(children).split(separator: " ").first
    }
    return "ns:/proc/\(first)/ns/pid"
  }
}

/// What podman is told about a container of the DaemonSet on a node.
struct PodSetting {
  /// The name of the pod.
  let pod: String
  /// The node.
  let node: ClusterNode
  /// The cluster, which has the DaemonSet.
  let cluster: Cluster

  private var spec: PodSpec { cluster.pod.spec }
  private var container: ContainerSpec { cluster.pod.container }

  /// The options of `podman run`, without what has to do with the pod's namespace of processes.
  func options() throws -> [String] {
    guard spec.hostNetwork == true, spec.shareProcessNamespace == true else {
      throw LabError("the tests can run a pod only in the node's network, with shared processes")
    }
    var options = ["--network", "ns:/run/netns/\(node.name)"]
    if let command = container.command {
      let words = try JSONEncoder().encode(command)
      options += ["--entrypoint", String(decoding: words, as: UTF8.self)]
    }
    return try options + security() + variables() + mounts()
  }

  private func security() throws -> [String] {
    guard let context = container.securityContext else { return [] }
    var options: [String] = []
    if let user = context.runAsUser { options += ["--user", "\(user)"] }
    if context.allowPrivilegeEscalation == false {
      options += ["--security-opt", "no-new-privileges"]
    }
    if context.readOnlyRootFilesystem == true {
      options += ["--read-only", "--read-only-tmpfs=false"]
    }
    for name in context.capabilities?.drop ?? [] { options += ["--cap-drop", name] }
    for name in context.capabilities?.add ?? [] { options += ["--cap-add", name] }
    switch context.seccompProfile?.type {
    case "RuntimeDefault": break
    case "Unconfined", nil: options += ["--security-opt", "seccomp=unconfined"]
    case let type?: throw LabError("the tests have no seccomp profile of type \(type)")
    }
    return options
  }

  private func variables() throws -> [String] {
    var variables = [
      // Of the Service `default/kubernetes`, as every pod gets them.
      "KUBERNETES_SERVICE_HOST=198.19.0.1", "KUBERNETES_SERVICE_PORT=443",
    ]
    for variable in container.env ?? [] {
      let value: String
      switch variable.valueFrom?.fieldRef?.fieldPath {
      case "spec.nodeName": value = node.name
      case "metadata.name": value = pod
      case "metadata.namespace": value = cluster.pod.namespace
      case let path?: throw LabError("the tests don't know the field \(path)")
      case nil: value = variable.value ?? ""
      }
      variables.append("\(variable.name)=\(value)")
    }
    return variables.flatMap { ["--env", $0] }
  }

  private func mounts() throws -> [String] {
    var options: [String] = []
    for mount in container.volumeMounts ?? [] {
      guard let volume = spec.volumes?.first(where: { $0.name == mount.name }) else {
        throw LabError("there is no volume \(mount.name)")
      }
      // A folder of the pod, or of the node.
      let folder: String
      if volume.emptyDir != nil {
        folder = cluster.directory["\(pod)-\(mount.name)"]
      } else if volume.hostPath != nil {
        folder = cluster.directory["\(mount.name)-\(node.number)"]
      } else if mount.mountPath == Self.account {
        continue
      } else {
        throw LabError("the tests can't mount the volume \(mount.name)")
      }
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true)
      options += ["--volume", "\(folder):\(mount.mountPath)\(mount.readOnly == true ? ":ro" : "")"]
    }
    if spec.automountServiceAccountToken != false {
      options += ["--volume", "\(cluster.credentials):\(Self.account):ro"]
    }
    return options
  }

  /// Where the token of the account is mounted.
  private static let account = "/var/run/secrets/kubernetes.io/serviceaccount"
}
