import VIPKubernetes

// Nodes that come and go, allocators that die, and new versions of the program.
extension ChanceEvents {
  /// Takes a node out of the cluster, or back into it.
  mutating func turnNode() throws {
    if let node = removed {
      story.append("node \(node.number) added")
      try cluster.register(node)
      try cluster.addPod("web-\(node.number)", on: node, labels: "app=web")
      try running.restart(node)
      removed = nil
      return
    }
    let node = someNode()
    // Its program may be gone already.
    let hasSpeaker = node !== withoutSpeaker
    story.append("node \(node.number) removed")
    if hasSpeaker, Bool.random(using: &chance) {
      try endSpeaker(of: node)
      try cluster.unregister(node)
    } else {
      // As an administrator does it who deletes the Node first.
      try cluster.unregister(node)
      pause(.milliseconds(Int.random(in: 0...2000, using: &chance)))
      if hasSpeaker { try endSpeaker(of: node) }
    }
    if !hasSpeaker { withoutSpeaker = nil }
    removed = node
  }

  /// Kills the allocator while it writes.
  mutating func killAllocator() throws {
    guard withoutSpeaker == nil, let node = try cluster.allocatorNode(), node !== removed else {
      return
    }
    // A router and a status for each of them.
    let names = try (0..<4).map { _ in try addService(local: true) }
    pause(.milliseconds(Int.random(in: 0...150, using: &chance)))
    try running.speaker(of: node).kill()
    withoutSpeaker = node
    let routed = try cluster.api.routers().filter { names.contains($0.metadata.name) }.count
    let given = try names.filter { try !cluster.api.service($0).addresses.isEmpty }.count
    story.append("allocator \(node.number) killed after \(routed) routers and \(given) statuses")
  }

  /// Replaces the program on one node after the other, as a DaemonSet does.
  mutating func updateAll() throws {
    story.append("all updated")
    for node in cluster.nodes.shuffled(using: &chance)
    where node !== removed && node !== withoutSpeaker {
      try running.speaker(of: node).stop()
      try running.restart(node)
      try eventually(
        "\(node.name) is ready", within: .seconds(60), poll: Cluster.poll,
        detail: { running.logs }, { try node.isReady(cluster.pod) })
    }
  }
}

extension Cluster {
  /// Makes the Node of a machine, as its kubelet would.
  func register(_ node: ClusterNode) throws { try controlNode(node, "add") }

  /// Deletes the Node of a machine, and its pods, as the control plane would.
  func unregister(_ node: ClusterNode) throws {
    try controlNode(node, "remove")
    try api.kubectl(
      "delete pod web-\(node.number) --grace-period=0 --force --ignore-not-found --wait=false")
  }

  /// The node on which the allocator is; `nil` if there is none.
  func allocatorNode() throws -> ClusterNode? {
    let lease: LeaseObject = try api.get(
      "/apis/coordination.k8s.io/v1/namespaces/\(pod.namespace)/leases/\(pod.lease)")
    guard let holder = lease.spec.holderIdentity else { return nil }
    // By the name of a pod, which may have a number.
    return nodes.first { node in
      ["_", "-"].contains { holder.hasPrefix("vipctl-\(node.name)\($0)") }
    }
  }
}

/// As much of a Lease as the tests look at.
struct LeaseObject: Decodable {
  struct Metadata: Decodable {
    let name: String
  }
  struct Spec: Decodable {
    let holderIdentity: String?
    let renewTime: String?
  }

  let metadata: Metadata
  let spec: Spec
}

extension ClusterNode {
  /// Whether the program on it says that it is ready.
  func isReady(_ pod: PodTemplate) throws -> Bool {
    try isWell(pod.container.target(of: pod.container.readinessProbe))
  }

  /// Whether a probe succeeds, given by its port and path.
  func isWell(_ target: String) throws -> Bool {
    try run([
      "ip", "netns", "exec", name, "curl", "-sf", "--noproxy", "*", "--max-time", "5", "-o",
      "/dev/null", "http://127.0.0.1:\(target)",
    ]).status == 0
  }
}
