import Foundation
import Synchronization
import VIPCore

/// Looks all the time for two holders of an address: at the addresses of every node, and at what
/// every machine's neighbour cache says.
final class Observer: Sendable {
  private let shared = Shared()

  private final class Shared: Sendable {
    struct State {
      var sightings = Sightings()
      var failure: String?
      var isOver = false
    }
    let state = Mutex(State())
    let wish = Atomic<Bool>(false)
  }

  /// Starts to look at the pool's addresses, every 20 ms.
  init(_ cluster: Cluster, every interval: Duration = .milliseconds(20)) throws {
    Pace.start()
    var probes: [(machine: String, isNode: Bool, probe: NetlinkProbe)] = []
    for node in cluster.nodes {
      probes.append((node.name, true, try NetlinkProbe(namespace: node.name)))
    }
    for machine in cluster.others {
      probes.append((machine, false, try NetlinkProbe(namespace: machine)))
    }
    let all = probes
    let shared = shared
    let thread = Thread {
      let outcome = Result { try Self.loop(all, every: interval, shared) }
      shared.state.withLock { state in
        if case .failure(let error) = outcome { state.failure = "\(error)" }
        state.isOver = true
      }
    }
    thread.name = "observer"
    thread.start()
  }

  deinit { shared.wish.store(true, ordering: .relaxed) }

  /// What it has seen so far.
  func sightings() throws -> Sightings {
    try shared.state.withLock { state in
      if let failure = state.failure { throw LabError("the observer: \(failure)") }
      return state.sightings
    }
  }

  /// Stops, and tells all it has seen.
  func stop() throws -> Sightings {
    shared.wish.store(true, ordering: .relaxed)
    try eventually("the observer stops") { shared.state.withLock { $0.isOver } }
    return try sightings()
  }

  private static func loop(
    _ probes: [(machine: String, isNode: Bool, probe: NetlinkProbe)], every interval: Duration,
    _ shared: Shared
  ) throws {
    while !shared.wish.load(ordering: .relaxed) {
      let next = Moment.now + interval
      for (machine, isNode, probe) in probes {
        if isNode {
          let from = Moment.now
          let addresses = try probe.addresses(where: Cluster.isInPool)
          let to = Moment.now
          shared.state.withLock { $0.sightings.note(addresses, of: machine, from: from, to: to) }
        }
        let neighbours = try probe.neighbours(where: Cluster.isInPool)
        let now = Moment.now
        shared.state.withLock { $0.sightings.note(neighbours, in: machine, at: now) }
      }
      let rest = next - .now
      if rest > .zero { pause(rest) }
    }
  }
}
