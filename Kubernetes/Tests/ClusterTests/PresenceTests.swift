import Testing
import VIPCore
import VIPKubernetes

extension ClusterTests {
  /// What operators see of the speakers: Leases, events, conditions and metrics.
  @Suite struct PresenceTests {
    @Test("Each speaker has a Lease, which goes with its Node")
    func leases() throws {
      let running = try Running()
      let cluster = running.cluster
      let names = cluster.nodes.map { "vipctl-speaker-\($0.name)" }
      try eventually("all have Leases", within: .seconds(60), poll: Cluster.poll) {
        try Set(cluster.leases().map(\.metadata.name)).isSuperset(of: names)
      }
      for (node, name) in zip(cluster.nodes, names) {
        #expect(try cluster.lease(name).spec.holderIdentity == node.name)
      }
      let before = try cluster.lease(names[0]).spec.renewTime
      try eventually("it is renewed", within: .seconds(60), poll: .milliseconds(500)) {
        try cluster.lease(names[0]).spec.renewTime != before
      }

      let gone = cluster.nodes[2]
      try running.speaker(of: gone).stop()
      try cluster.controlNode(gone, "remove")
      try eventually("its Lease is gone", within: .seconds(90), poll: .milliseconds(200)) {
        try !cluster.leases().contains { $0.metadata.name == names[2] }
      }
      try cluster.register(gone)
      try running.restart(gone)
      try eventually("it has one again", within: .seconds(60), poll: .milliseconds(200)) {
        try cluster.leases().contains { $0.metadata.name == names[2] }
      }
    }

    @Test("kubectl describe tells of a Service which node serves it, and of its move")
    func events() throws {
      let running = try Running(pool: "preemptDelay: 2s")
      let cluster = running.cluster
      try cluster.addService("web")
      let addresses = try cluster.waitForAddresses(of: "web")
      let holder = try cluster.waitForFirst(of: addresses)
      try expectEvents(of: "svc web", in: cluster) { lines in
        lines.contains { $0.contains("Assigned") && $0.contains("\(addresses[0])") }
          && addresses.allSatisfy { address in
            lines.contains { line in
              line.contains("Serving") && line.contains("\(address) is served")
                && line.contains(holder.name)
            }
          }
      }
      let router = try #require(try cluster.router(of: addresses[0]))
      try expectEvents(of: "virtualrouter \(router.metadata.name)", in: cluster) { lines in
        lines.contains { $0.contains("Active") && $0.contains("node \(holder.name) serves") }
      }

      try cluster.api.kubectl("annotate node \(holder.name) vipctl.io/maintenance=true")
      let next = try cluster.waitForHolder(of: addresses[0], not: holder)
      try expectEvents(of: "svc web", in: cluster) { lines in
        lines.contains { line in
          line.contains("Moved") && line.contains("from node \(holder.name)")
            && line.contains("to node \(next.name)")
        }
      }
    }

    @Test("A speaker that is silent is named on its pool, and counted")
    func silence() throws {
      let running = try Running()
      let cluster = running.cluster
      try cluster.addService("web")
      try cluster.waitForAddresses(of: "web")
      // The Leases are there before one of them is no longer renewed.
      try eventually("all have Leases", within: .seconds(60), poll: Cluster.poll) {
        try cluster.leases().count { $0.metadata.name.hasPrefix("vipctl-speaker-") } == 3
      }
      let allocator = try #require(try cluster.allocatorNode())
      let silent = try #require(cluster.nodes.last { $0 !== allocator })
      try running.speaker(of: silent).kill()
      try eventually("it is named", within: .seconds(180), poll: .milliseconds(500)) {
        try cluster.speakersCondition().contains("NodesSilent \(silent.name)")
      }
      #expect(try allocator.metric("vipctl_kubernetes_silent_speakers", cluster.pod) == "1")
      try expectEvents(of: "addresspool lan", in: cluster) { lines in
        lines.contains { $0.contains("NodesSilent") && $0.contains(silent.name) }
      }
      try running.restart(silent)
      try eventually("all is well again", within: .seconds(90), poll: .milliseconds(500)) {
        try cluster.speakersCondition().contains("OnAllNodes")
      }
      #expect(try allocator.metric("vipctl_kubernetes_silent_speakers", cluster.pod) == "0")
    }

    /// Waits until the events that `kubectl describe` tells of an object are as wanted.
    private func expectEvents(
      of object: String, in cluster: Cluster, are: ([String]) -> Bool
    ) throws {
      var lines: [String] = []
      try eventually(
        "the events of \(object) are told", within: .seconds(60), poll: .milliseconds(200),
        detail: { lines.joined(separator: "\n") },
        {
          let text = try cluster.api.kubectl("describe \(object)")
          let all = text.split(separator: "\n").map(String.init)
          lines = all.firstIndex { $0.hasPrefix("Events:") }.map { Array(all[$0...]) } ?? []
          return are(lines)
        })
    }
  }
}

extension Cluster {
  /// The Leases in the namespace of the program.
  fileprivate func leases() throws -> [LeaseObject] { try api.list(leasesPath) }

  fileprivate func lease(_ name: String) throws -> LeaseObject {
    try api.get("\(leasesPath)/\(name)")
  }

  private var leasesPath: String {
    "/apis/coordination.k8s.io/v1/namespaces/\(pod.namespace)/leases"
  }

  /// The reason and the message of what the pool says about speakers.
  fileprivate func speakersCondition() throws -> String {
    let condition = "{range .status.conditions[?(@.type==\"Speakers\")]}{.reason} {.message}{end}"
    let text = try api.kubectl(["get", "addresspool", "lan", "-o", "jsonpath=\(condition)"])
    return text.replacing("vipctl has stopped or can't reach the API server on node ", with: "")
  }
}

extension ClusterNode {
  /// The value of a metric of the program on it, without labels.
  fileprivate func metric(_ name: String, _ pod: PodTemplate) throws -> String? {
    let target = try pod.container.target(of: pod.container.readinessProbe)
    let port = target.prefix { $0 != "/" }
    let text = try check([
      "ip", "netns", "exec", self.name, "curl", "-sf", "--noproxy", "*", "--max-time", "5",
      "http://127.0.0.1:\(port)/metrics",
    ])
    return text.split(separator: "\n").first { $0.hasPrefix("\(name) ") }
      .map { String($0.dropFirst(name.count + 1)) }
  }
}
