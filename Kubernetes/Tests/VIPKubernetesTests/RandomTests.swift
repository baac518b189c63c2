import Foundation
import Testing
import VIPCore
import VIPKubernetes
import VRRPSimulation

/// Clusters that change by chance, and what holds in all of them.
///
/// `VIP_CLUSTERS=10000` for more of them, `VIP_CLUSTER_SEED=…` for one.
@Suite struct RandomTests {
  private static var seeds: [UInt64] {
    let environment = ProcessInfo.processInfo.environment
    if let seed = environment["VIP_CLUSTER_SEED"].flatMap({ UInt64($0) }) { return [seed] }
    return Array(1...(environment["VIP_CLUSTERS"].flatMap { UInt64($0) } ?? 15))
  }

  private static func fail(_ seed: UInt64, _ what: [String], _ cluster: RandomCluster) {
    let lines = Array(cluster.log.suffix(60)) + [""] + cluster.bench.cluster.summary
    Issue.record("VIP_CLUSTER_SEED=\(seed): \(what.prefix(5))\n\(lines.joined(separator: "\n"))")
  }

  /// The allocator knows everything at once, and dies now and then in the middle of its writes.
  @Test func `any beginning of a plan is safe, and what is planned is planned no more`() {
    for seed in Self.seeds {
      var cluster = RandomCluster(seed: seed)
      for _ in 0..<40 {
        for _ in 0...cluster.random.below(3) { cluster.disturb() }
        for _ in 0..<cluster.random.below(6) { cluster.speak() }
        if cluster.random.below(4) == 0 {
          cluster.bench.plan(only: Int(cluster.random.below(6)))
        } else {
          cluster.bench.plan()
          // What no node has entered itself for is let go of as soon as it is said.
          while cluster.bench.cluster.hasNothingToWaitFor { cluster.bench.plan() }
          let again = cluster.bench.plan()
          let fresh = Allocator.plan(cluster.bench.cluster.snapshot).filter { write in
            !cluster.bench.cluster.isOtherReason(write)
          }
          guard again.isEmpty, fresh.isEmpty else {
            Self.fail(seed, (again + fresh).map(\.description), cluster)
            return
          }
        }
        guard cluster.bench.violations.isEmpty else {
          return Self.fail(seed, cluster.bench.violations, cluster)
        }
      }
    }
  }

  /// News come late and writes are refused.
  ///
  /// Without shared addresses: whether two Services may share one, the allocator can only know
  /// late.
  @Test func `an allocator that is behind does no harm`() {
    for seed in Self.seeds {
      var cluster = RandomCluster(seed: seed &+ 1_000_000, sharesAddresses: false)
      for _ in 0..<60 {
        for _ in 0...cluster.random.below(2) { cluster.disturb() }
        for _ in 0..<cluster.random.below(6) { cluster.speak() }
        cluster.bench.tell(only: Int(cluster.random.below(8)))
        cluster.bench.planBehind()
        if cluster.random.below(20) == 0 { cluster.restart() }
      }
      cluster.settle()
      let wrong =
        cluster.bench.violations + cluster.bench.cluster.unserved + cluster.bench.cluster.unevenness
      guard wrong.isEmpty else { return Self.fail(seed, wrong, cluster) }
    }
  }

  /// Whatever happens to others, a Service keeps what it has.
  @Test func `what is valid is never given away`() {
    var kept = 0
    for seed in Self.seeds {
      var cluster = RandomCluster(seed: seed &+ 2_000_000)
      for _ in 0..<6 {
        for _ in 0..<8 { cluster.disturb() }
        cluster.settle()
        var before = cluster.bench.cluster.services.mapValues(\.status.ingress)
        cluster.beginQuiet()
        for _ in 0..<10 {
          cluster.disturb()
          for _ in 0..<cluster.random.below(4) { cluster.speak() }
          cluster.bench.plan(only: cluster.random.below(3) == 0 ? 3 : .max)
          // One that loses its pool while it is in no router is valid no more.
          before = before.mapValues { $0.filter(cluster.bench.cluster.knows) }
        }
        for key in cluster.quiet {
          for address in before[key] ?? [] {
            kept += 1
            let now = cluster.bench.cluster.services[key]?.status.ingress
            guard now?.contains(address) == true else {
              return Self.fail(seed, ["\(key) lost \(address)"], cluster)
            }
          }
        }
      }
    }
    #expect(kept > Self.seeds.count * 3)
  }

  /// Services change, and none loses an address by the change of another one.
  @Test func `an edit takes no address from another Service`() {
    var kept = 0
    for seed in Self.seeds {
      var cluster = RandomCluster(seed: seed &+ 5_000_000, keepsSharers: true)
      for _ in 0..<6 {
        for _ in 0..<8 { cluster.disturb() }
        cluster.settle()
        let before = cluster.bench.cluster.services.mapValues(\.status.ingress)
        cluster.beginQuiet()
        for _ in 0..<4 {
          cluster.changeService()
          cluster.bench.plan()
        }
        for key in cluster.quiet {
          // It may get what another one lets go of.
          for address in before[key] ?? [] {
            kept += 1
            let now = cluster.bench.cluster.services[key]?.status.ingress
            guard now?.contains(address) == true else {
              return Self.fail(seed, ["\(key) lost \(address)"], cluster)
            }
          }
        }
      }
    }
    #expect(kept > Self.seeds.count * 3)
  }

  @Test func `in the end all are served, evenly, and nothing is left over`() {
    var served = 0
    for seed in Self.seeds {
      var cluster = RandomCluster(seed: seed &+ 3_000_000)
      for _ in 0..<6 {
        for _ in 0..<8 { cluster.disturb() }
        cluster.settle()
        let wrong =
          cluster.bench.violations + cluster.bench.cluster.unserved
          + cluster.bench.cluster.unevenness
        guard wrong.isEmpty else { return Self.fail(seed, wrong, cluster) }
        served += cluster.bench.cluster.services.values.count { !$0.status.ingress.isEmpty }
      }
    }
    #expect(served > Self.seeds.count * 10)
  }

  /// Speakers come, fall silent and lose their Leases.
  @Test func `nodes are served by speakers alone, and none that is silent is waited for`() {
    var served = 0
    for seed in Self.seeds {
      var cluster = RandomCluster(seed: seed &+ 4_000_000, watchesSpeakers: true)
      for _ in 0..<6 {
        for _ in 0..<10 {
          cluster.disturb()
          for _ in 0..<cluster.random.below(4) { cluster.speak() }
          cluster.bench.plan(only: cluster.random.below(4) == 0 ? 3 : .max)
        }
        cluster.settle()
        var wrong = cluster.bench.violations
        wrong += cluster.bench.cluster.unserved + cluster.bench.cluster.unevenness
        wrong += Allocator.plan(
          cluster.bench.cluster.snapshot, options: AllocatorOptions(watchesSpeakers: true)
        ).filter { !cluster.bench.cluster.isOtherReason($0) }.map(\.description)
        guard wrong.isEmpty else { return Self.fail(seed, wrong, cluster) }
        served += cluster.bench.cluster.services.values.count { !$0.status.ingress.isEmpty }
      }
    }
    #expect(served > Self.seeds.count * 10)
  }

  /// Nodes come and go, and no more routers change hands than must.
  @Test func `moves are bounded when nodes come and go`() {
    for seed in Self.seeds.prefix(40) {
      var random = SeededRandom(seed: seed)
      var bench = Bench()
      let routerCount = Int(random.below(30) + 2)
      bench.cluster.put(
        AddressPool.make("lan", "192.0.2.0/24", vrids: "1-255") { $0.routers = routerCount })
      for number in 0..<3 { bench.cluster.put(ClusterNode.make("n\(number)")) }
      for number in 0..<60 { bench.cluster.put(Service.make("s\(number)")) }
      bench.settle()
      for step in 0..<12 {
        let before = bench.firsts
        let names = bench.cluster.nodes.keys.sorted()
        let share = (routerCount + names.count - 1) / names.count
        let isLeaving = names.count > 2 && random.below(2) == 0
        if isLeaving {
          bench.cluster.removeNode(random.pick(names))
        } else {
          bench.cluster.put(ClusterNode.make("n\(100 + step)"))
        }
        bench.settle()
        let moved = bench.firsts.filter { before[$0.key] != $0.value }.count
        // Those of the node that went; or what the new one takes, no more than its share.
        #expect(moved <= share, "seed \(seed): \(moved) of \(routerCount) moved")
        #expect(bench.cluster.unevenness == [], "seed \(seed)")
        #expect(bench.violations == [], "seed \(seed)")
      }
    }
  }
}

extension Bench {
  /// The first candidate of each router.
  var firsts: [String: String] {
    cluster.routers.compactMapValues { router in
      router.spec.candidates.max { $0.priority < $1.priority }?.node
    }
  }
}
