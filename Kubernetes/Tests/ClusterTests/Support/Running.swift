import Testing
import VIPCore

/// A cluster with the program on all nodes, the administrator's pool, and an observer.
final class Running {
  /// The cluster.
  let cluster: Cluster
  /// The program on each node, in the order of the nodes.
  private(set) var speakers: [Speaker]
  private let observer: Observer

  /// Starts everything; the pool may have more settings.
  init(nodes: Int = 3, pool: String? = "") throws {
    cluster = try Cluster(nodes: nodes)
    observer = try Observer(cluster)
    try cluster.offerLease()
    speakers = try cluster.startSpeakers()
    if let pool { try cluster.addPool(pool) }
  }

  /// The program on a node.
  func speaker(of node: ClusterNode) -> Speaker { speakers[node.number - 1] }

  /// Starts the program on a node again, after it has ended.
  func restart(_ node: ClusterNode) throws {
    speakers[node.number - 1] = try Speaker(on: node, of: cluster)
  }

  /// Starts clients of some addresses, and waits until each has a reply.
  func ask(_ addresses: [IPAddress]) throws -> [Asker] {
    let askers = try addresses.map { try Asker(inNamespace: cluster.client, to: $0) }
    for asker in askers { try asker.waitForReply() }
    return askers
  }

  /// What was seen so far.
  func sightings() throws -> Sightings { try observer.sightings() }

  /// Expects of all that was seen since the beginning that no address had two holders for longer
  /// than the bound of its family, and that no two machines disagreed about its holder for longer
  /// than that.
  ///
  /// - Parameters:
  ///   - bound: how long two machines may have had an address
  ///   - announcement: how long caches may have named two machines
  ///   - machines: machines that were cut off or killed, whose caches don't count
  /// - Throws: ``LabError`` if the observer, or the program on another machine, has ended
  func expectOneHolder(
    within bound: (AddressFamily) -> Bound = { _ in Bounds.overlap },
    announcement: (AddressFamily) -> Bound = { _ in Bounds.announcement },
    without machines: [ClusterNode] = []
  ) throws {
    for speaker in speakers where !machines.contains(where: { $0 === speaker.node }) {
      try speaker.requireRunning()
    }
    let sightings = try observer.stop()
    #expect(!sightings.holdings.isEmpty, "no address was ever held")
    let cutOff = Set(machines.map(\.name))
    for family in AddressFamily.allCases {
      let doubles = sightings.doubles.filter { $0.address.family == family }
      #expect(doubles.over(bound(family)) == [])
      let disagreements = sightings.disagreements(without: cutOff)
        .filter { $0.address.family == family }
      #expect(disagreements.over(announcement(family)) == [])
    }
  }

  /// The last lines of all logs, for failure texts.
  var logs: String {
    speakers.map { "\($0.node.name):\n\($0.logTail)" }.joined(separator: "\n")
  }
}
