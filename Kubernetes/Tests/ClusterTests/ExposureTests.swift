import Foundation
import Testing
import VIPCore
import VIPKubernetes

extension ClusterTests {
  /// How soon a new Service is reachable, and how soon a deleted one is gone.
  @Suite struct ExposureTests {
    /// One Service, from its creation to its end.
    private struct Round {
      let created: Moment
      let assigned: Moment
      let routed: Moment
      let held: Moment
      let pinged: Moment
      let answered: Moment
      let deleted: Moment
      let gone: Moment

      /// Pods alone may reply before a node has the address: by way of the node that an earlier
      /// Service has left in the client's cache.
      var reachable: Moment { max(pinged, answered) }
    }

    @Test("A Service is reachable in both families within a second, and gone within another")
    func exposure() throws {
      let running = try Running()
      let cluster = running.cluster
      try cluster.addPods()
      let services = try ObjectWatch<ServiceObject>(
        API.servicesPath, of: cluster.api, in: cluster.directory,
        name: "services")
      let routers = try ObjectWatch<VirtualRouter>(
        API.routersPath, of: cluster.api, in: cluster.directory, name: "routers")
      try waitUntilServing(running)

      var rounds: [Round] = []
      for number in 1...9 {
        rounds.append(try round("web\(number)", running, services, routers))
      }
      report(rounds)
      let exposed = rounds.sorted { $0.reachable - $0.created < $1.reachable - $1.created }
      let median = exposed[exposed.count / 2]
      #expect(Bounds.change.objection(from: median.created, to: median.reachable) == nil)
      let removed = rounds.sorted { $0.gone - $0.deleted < $1.gone - $1.deleted }
      let other = removed[removed.count / 2]
      #expect(Bounds.change.objection(from: other.deleted, to: other.gone) == nil)
      try running.expectOneHolder()
    }

    /// The first allocator waits for its Lease; that is no part of what is measured.
    private func waitUntilServing(_ running: Running) throws {
      let cluster = running.cluster
      try cluster.addService("first")
      let addresses = try cluster.waitForAddresses(of: "first")
      let askers = try running.ask(addresses)
      for asker in askers { _ = try asker.stop() }
      // Every node reaches it, by its own kube-proxy.
      for node in cluster.nodes {
        for address in addresses {
          let host = address.family == .ipv6 ? "[\(address)]" : "\(address)"
          try eventually("\(node.name) reaches \(address)", within: .seconds(30)) {
            try run([
              "ip", "netns", "exec", node.name, "curl", "-sf", "--noproxy", "*", "--max-time", "2",
              "http://\(host)/",
            ]).output.hasPrefix("node=")
          }
        }
      }
    }

    private func round(
      _ name: String, _ running: Running, _ services: ObjectWatch<ServiceObject>,
      _ routers: ObjectWatch<VirtualRouter>
    ) throws -> Round {
      let cluster = running.cluster
      try cluster.expose(name)
      let created = try services.first("\(name) is created") {
        $0.type == "ADDED" && $0.object.metadata.name == name
      }
      let assigned = try services.first("\(name) has its addresses") {
        $0.object.metadata.name == name && $0.object.addresses.count == 2
      }
      let addresses = assigned.object.addresses
      let pingers = try addresses.map {
        try Pinger(inNamespace: cluster.client, to: $0, every: .milliseconds(10))
      }
      let askers = try addresses.map { try Asker(inNamespace: cluster.client, to: $0) }
      let pinged = try pingers.map {
        try $0.waitForAnswer(after: created.at, within: .seconds(60)).at
      }
      let answered = try askers.map { asker in
        try eventually("\(asker.target) replies", within: .seconds(60), poll: .milliseconds(1)) {
          try asker.report().replies.first?.at
        }
      }
      let routed = try routers.first("a router has the addresses") { event in
        event.type != "DELETED" && addresses.allSatisfy { event.object.spec.addresses.contains($0) }
          && event.at > created.at
      }
      let held = try eventually("the observer has seen all addresses of \(name)") {
        let holdings = try running.sightings().holdings.filter { $0.from > created.at }
        let times = addresses.compactMap { address in
          holdings.first { $0.address == address }?.from
        }
        return times.count == addresses.count ? times.max() : nil
      }

      try cluster.delete(name)
      let deleted = try services.first("\(name) is deleted") {
        $0.type == "DELETED" && $0.object.metadata.name == name
      }
      let gone = try eventually("no node has the addresses of \(name)", within: .seconds(60)) {
        let held = try running.sightings().holdings
          .filter { addresses.contains($0.address) && $0.to > created.at }
        return held.contains { $0.gone == nil } ? nil : held.compactMap(\.gone).max()
      }
      for pinger in pingers { _ = try pinger.stop() }
      for asker in askers { _ = try asker.stop() }
      return Round(
        created: created.at, assigned: assigned.at, routed: routed.at,
        held: held, pinged: try #require(pinged.max()),
        answered: try #require(answered.max()), deleted: deleted.at, gone: gone)
    }

    /// The medians of the parts, for those who want to know where the time goes.
    private func report(_ rounds: [Round]) {
      func median(_ part: (Round) -> Duration) -> String {
        rounds.map(part).sorted()[rounds.count / 2].report
      }
      print(
        """
        from the creation of a Service, median of \(rounds.count):
          a router has its addresses   \(median { $0.routed - $0.created })
          its status has them          \(median { $0.assigned - $0.created })
          a node has both              \(median { $0.held - $0.created })
          both answer echo requests    \(median { $0.pinged - $0.created })
          pods reply by way of both    \(median { $0.answered - $0.created })
        from its deletion:
          no node has them             \(median { $0.gone - $0.deleted })
        """)
    }
  }
}
