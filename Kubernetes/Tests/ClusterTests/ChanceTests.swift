import Foundation
import Glibc
import Testing
import VIPCore
import VIPKubernetes

extension ClusterTests {
  /// What happens by chance, with an observer that looks for two holders.
  @Suite struct ChanceTests {
    /// `VIP_CLUSTER_SEED`, for a run that does the same again; times differ all the same.
    private static let seed =
      ProcessInfo.processInfo.environment["VIP_CLUSTER_SEED"].flatMap { UInt64($0) }
      ?? UInt64.random(in: 0...UInt64(UInt32.max))

    @Test("Whatever happens by chance, an address has one holder, and all is well in the end")
    func chance() throws {
      let running = try Running(pool: "preemptDelay: 1s")
      try running.cluster.addPods()
      var events = ChanceEvents(running, seed: Self.seed)
      // A failure needs it, and a run that has passed is worth a line.
      defer {
        print(
          "seed \(Self.seed), \(events.story.count) events: "
            + events.story.joined(separator: ", "))
      }
      let end = Moment.now + ChanceLength.run
      while Moment.now < end {
        try events.next()
        try expectNothingTwice(running)
      }
      try events.heal()
      try expectRest(running, events.services)
      try expectNothing(running, after: events.services)
      try running.expectOneHolder(without: Array(events.everCut.values))
    }

    /// No address is in two Services, and none in two routers.
    private func expectNothingTwice(_ running: Running) throws {
      let api = running.cluster.api
      let services: [ServiceObject] = try api.list(API.servicesPath)
      let given = services.flatMap(\.addresses)
      #expect(Set(given).count == given.count, "\(given)")
      let routed = try api.routers().flatMap(\.spec.addresses)
      #expect(Set(routed).count == routed.count, "\(routed)")
    }

    /// Each Service has its addresses, each address one holder, and no node has any other.
    private func expectRest(_ running: Running, _ services: [String]) throws {
      let cluster = running.cluster
      let wanted = try services.flatMap { try cluster.waitForAddresses(of: $0) }
      #expect(Set(wanted).count == wanted.count)
      try eventually(
        "each address has one holder", within: .seconds(90), poll: .milliseconds(100),
        detail: { running.logs },
        {
          let held = try cluster.nodes.flatMap { try Array($0.poolAddresses()) }
          return held.sorted() == wanted.sorted()
        })
      for asker in try running.ask(wanted) { _ = try asker.stop() }
    }

    /// Without Services nothing is left of what any of them had.
    private func expectNothing(_ running: Running, after services: [String]) throws {
      let cluster = running.cluster
      for service in services { try cluster.delete(service) }
      try eventually(
        "no node has an address, and no router is left", within: .seconds(90),
        poll: .milliseconds(100), detail: { running.logs },
        {
          let held = try cluster.nodes.flatMap { try Array($0.poolAddresses()) }
          guard held.isEmpty else { return false }
          return try cluster.api.routers().isEmpty
        })
      try eventually("the pool has all addresses again", within: .seconds(30), poll: Cluster.poll) {
        try cluster.api.kubectl("get addresspool lan -o jsonpath={.status.used}") == "0"
      }
    }
  }
}
