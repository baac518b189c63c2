import Foundation
import Testing
import VIPCore

extension ClusterTests {
  /// The program in containers, from the image, with the settings of the DaemonSet.
  ///
  /// With `VIP_CLUSTER_IMAGE` all other tests with a control plane run it so, too.
  @Suite(.enabled(if: Laboratory.image != nil, "VIP_CLUSTER_IMAGE names no image"))
  struct ImageTests {
    @Test("The image has 60 MB at most")
    func size() throws {
      let attributes = try FileManager.default.attributesOfItem(
        atPath: try #require(Laboratory.image))
      let size = try #require(attributes[.size] as? Int)
      #expect(size <= 60_000_000)
    }

    @Test("A container has what the DaemonSet gives it and nothing else, and serves")
    func serves() throws {
      let running = try Running()
      let cluster = running.cluster
      try cluster.addService("web")
      let addresses = try cluster.waitForAddresses(of: "web")
      let holder = try cluster.waitForFirst(of: addresses)
      for asker in try running.ask(addresses) { _ = try asker.stop() }

      let container = cluster.pod.container
      let pod = try running.pod(of: holder)
      try expectConfinement(of: pod.process(), as: try #require(container.securityContext))
      let status = try pod.exec("vipctl", "status")
      for address in addresses { #expect(status.contains("\(address)"), "\(status)") }
      for probe in [container.readinessProbe, container.livenessProbe] {
        let target = try container.target(of: probe)
        try eventually("\(target) says yes", within: .seconds(30), poll: Cluster.poll) {
          try holder.isWell(target)
        }
      }
      try running.expectOneHolder()
    }

    /// Expects that the kernel says the same about a process as the DaemonSet.
    private func expectConfinement(of process: pid_t, as context: SecurityContext) throws {
      let status = readText("/proc/\(process)/status")
      func field(_ name: String) -> String? {
        status.split(separator: "\n").first { $0.hasPrefix("\(name):") }
          .map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
      }
      #expect(context.capabilities?.drop == ["ALL"])
      let numbers = ["NET_ADMIN": 12, "NET_RAW": 13, "SYS_NICE": 23]
      let capabilities = try (context.capabilities?.add ?? [])
        .reduce(into: UInt64(0)) { $0 |= 1 << (try #require(numbers[$1], "\($1)")) }
      for name in ["CapPrm", "CapEff", "CapBnd"] {
        #expect(field(name).flatMap { UInt64($0, radix: 16) } == capabilities, "\(name)")
      }
      for name in ["CapInh", "CapAmb"] { #expect(field(name) == "0000000000000000", "\(name)") }
      #expect(field("NoNewPrivs") == (context.allowPrivilegeEscalation == false ? "1" : "0"))
      #expect(field("Seccomp") == (context.seccompProfile?.type == "RuntimeDefault" ? "2" : "0"))
      #expect(
        field("Uid")?.split(separator: "\t").first.map { "\($0)" }
          == context.runAsUser.map { "\($0)" })
      let root = readText("/proc/\(process)/mountinfo").split(separator: "\n")
        .map { $0.split(separator: " ") }.last { $0.count > 5 && $0[4] == "/" }
      #expect(
        root?[5].split(separator: ",").first
          == (context.readOnlyRootFilesystem == true ? "ro" : "rw"))
    }

    @Test("A killed container leaves nothing, another node serves, and it comes back in its pod")
    func killed() throws {
      let running = try Running(pool: "preemptDelay: 2s")
      let cluster = running.cluster
      try cluster.addService("web")
      let addresses = try cluster.waitForAddresses(of: "web")
      let holder = try cluster.waitForFirst(of: addresses)
      let next = try cluster.successor(of: holder, for: addresses[0])
      let pod = try running.pod(of: holder)
      let askers = try running.ask(addresses)

      try pod.signal("KILL")
      for address in addresses {
        // By the guard, and not by the end of the lease.
        try eventually("\(address) is gone", within: Bound(machine: .seconds(1))) {
          try !holder.holds(address)
        }
        try eventually("\(next.node.name) holds \(address)", detail: { running.logs }) {
          try next.node.holds(address)
        }
      }
      #expect(try holder.poolAddresses() == [])
      try eventually("the guard has ended") { try holder.processes(named: "vipctl").isEmpty }
      for asker in askers { try asker.waitForReply() }
      try pod.startAgain()
      #expect(try cluster.waitForFirst(of: addresses) === holder)
      for asker in askers {
        try asker.waitForReply()
        let report = try asker.stop()
        // One failover; the way back is planned.
        #expect(report.outages(over: Bounds.outage(next)) == [], "\(asker.target)")
        #expect(report.outages(over: Bounds.plannedMove).count <= 1, "\(asker.target)")
      }
      try running.expectOneHolder()
    }

    @Test("Each pod is replaced by a new one, as by a rolling update, and clients don't notice")
    func replaced() throws {
      let running = try Running(pool: "preemptDelay: 2s")
      let cluster = running.cluster
      try cluster.addService("web")
      let addresses = try cluster.waitForAddresses(of: "web")
      let holder = try cluster.waitForFirst(of: addresses)
      let askers = try running.ask(addresses)
      let readiness = try cluster.pod.container.target(of: cluster.pod.container.readinessProbe)

      // The holder first, so that its addresses move at least twice.
      for node in [holder] + cluster.nodes.filter({ $0 !== holder }) {
        // SIGTERM; it throws when SIGKILL had to follow after the grace period.
        try running.speaker(of: node).stop()
        #expect(try node.poolAddresses() == [])
        #expect(try node.processes(named: "vipctl").isEmpty)
        for address in addresses { try cluster.waitForHolder(of: address, not: node) }
        try running.restart(node)
        try eventually("\(node.name) is ready", within: .seconds(60), poll: Cluster.poll) {
          try node.isWell(readiness)
        }
        #expect(try cluster.waitForFirst(of: addresses) === holder)
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

extension Running {
  /// The pod on a node.
  fileprivate func pod(of node: ClusterNode) throws -> Pod {
    guard let pod = speaker(of: node).pod else {
      throw LabError("the program on \(node.name) does not run in a container")
    }
    return pod
  }
}

extension ClusterNode {
  /// The processes of the node whose names begin with something.
  fileprivate func processes(named prefix: String) throws -> [pid_t] {
    try processes().filter { readText("/proc/\($0)/comm").hasPrefix(prefix) }
  }
}
