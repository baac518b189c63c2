import Foundation
import Testing
import VIPCore
import VIPKubernetes

/// 50,000 Services and 5,000 nodes: what the first plan takes, and what the change of one Service
/// does.
///
/// The numbers are printed. What is compared is how the cost grows, which is the same on any
/// machine.
@Suite(.serialized) struct ScaleTests {
  private static func cluster(services: Int, nodes: Int) -> FakeCluster {
    var cluster = FakeCluster()
    cluster.put(
      AddressPool.make("lan", "10.64.0.0/10", "2001:db8::/64", vrids: "1-255"))
    for number in 0..<nodes {
      var node = ClusterNode.make("node-\(number)", labels: ["zone": "z\(number % 3)"])
      node.addresses = [IPAddress.v4(IPv4Address(rawValue: 0x0A00_0001 + UInt32(number)))]
      cluster.put(node)
      cluster.setLife(.alive, of: node.metadata.name)
    }
    for number in 0..<services {
      let name = "service-\(number)"
      cluster.put(
        Service.make(
          name, namespace: "team-\(number % 100)",
          families: number % 4 == 0 ? [.ipv4, .ipv6] : [.ipv4],
          policy: number % 4 == 0 ? "PreferDualStack" : "SingleStack",
          // As many as there are VRIDs for.
          isLocal: number < 150))
      cluster.put(
        EndpointSlice.make(
          of: name, namespace: "team-\(number % 100)",
          (0..<3).map { "node-\((number * 7 + $0 * 1701) % nodes)" }))
    }
    _ = cluster.takeNews()
    return cluster
  }

  /// How long something takes in microseconds: the fastest of several times.
  private static func time(_ count: Int = 1, _ body: (Int) -> Void) -> Double {
    var best = Double.infinity
    for turn in 0..<count {
      let start = ContinuousClock.now
      body(turn)
      best = min(
        best,
        Double((ContinuousClock.now - start).components.attoseconds) / 1e12
          + Double((ContinuousClock.now - start).components.seconds) * 1e6)
    }
    return best
  }

  private static var residentMegabytes: Int {
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * 4096 / 1_000_000
  }

  /// The planned cluster, and an allocator that has seen all its writes come back.
  private static func planned(services: Int, nodes: Int) -> (FakeCluster, Allocator) {
    var cluster = cluster(services: services, nodes: nodes)
    let snapshot = cluster.snapshot
    let before = residentMegabytes
    var allocator = Allocator(options: AllocatorOptions(watchesSpeakers: true))
    var writes: [Write] = []
    let observing = time { _ in allocator.observe(snapshot) }
    let planning = time { _ in writes = allocator.plan() }
    print(
      "\(services) Services, \(nodes) nodes: observed in \(Int(observing / 1000)) ms, "
        + "first plan of \(writes.count) writes in \(Int(planning / 1000)) ms, "
        + "\(residentMegabytes - before) MB")
    let failures = writes.count { !cluster.make($0) }
    #expect(failures == 0)
    for news in cluster.takeNews() { allocator.observe(news) }
    let again = allocator.plan()
    #expect(again.isEmpty)
    return (cluster, allocator)
  }

  /// What it takes to add, change and remove one Service.
  private static func changes(_ cluster: inout FakeCluster, _ allocator: inout Allocator)
    -> [Double]
  {
    var observations: [[Observation]] = [[], [], []]
    for turn in 0..<20 {
      var service = Service.make("more-\(turn)", created: "2027-\(1000 + turn)")
      service.metadata.uid = "more-\(turn)"
      observations[0].append(.service(service))
      service.spec.ports = [.init("TCP", 443)]
      observations[1].append(.service(service))
      observations[2].append(.serviceGone(service.metadata.key))
    }
    let before = residentMegabytes
    let times = observations.map { list in
      time(list.count) { turn in
        allocator.observe(list[turn])
        let writes = allocator.plan()
        #expect(writes.count < 12)
      }
    }
    print("memory of \(observations.joined().count) changes: \(residentMegabytes - before) MB")
    return times
  }

  @Test(.timeLimit(.minutes(20)))
  func `the cost of one change does not grow with the number of Services`() {
    var (small, few) = Self.planned(services: 1000, nodes: 5000)
    var (large, many) = Self.planned(services: 50_000, nodes: 5000)
    let before = Self.changes(&small, &few)
    let after = Self.changes(&large, &many)
    for (index, what) in ["added", "changed", "removed"].enumerated() {
      print(
        "one Service \(what): \(Int(before[index])) µs beside 1,000 others, "
          + "\(Int(after[index])) µs beside 50,000")
      // Fifty times as many Services.
      #expect(after[index] < before[index] * 4 + 100)
    }
  }

  @Test(.timeLimit(.minutes(20)))
  func `a node that comes or goes costs the same with many Services`() {
    var times: [[Double]] = []
    for services in [1000, 20_000] {
      var (_, allocator) = Self.planned(services: services, nodes: 200)
      times.append([
        Self.time(5) { turn in
          allocator.observe(.node(.make("new-\(turn)")))
          allocator.observe(.speaker("new-\(turn)", .alive))
          _ = allocator.plan()
        },
        Self.time(5) { turn in
          allocator.observe(.nodeGone("new-\(turn)"))
          allocator.observe(.speakerGone("new-\(turn)"))
          _ = allocator.plan()
        },
        Self.time(6) { turn in
          allocator.observe(.speaker("node-1", turn % 2 == 0 ? .silent : .alive))
          _ = allocator.plan()
        },
      ])
    }
    print("a node comes, goes, is silent: \(times.map { $0.map { "\(Int($0)) µs" } })")
    for index in 0..<3 { #expect(times[1][index] < times[0][index] * 4 + 200) }
  }
}
