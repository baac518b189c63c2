import VIPCore

// Which nodes may hold the addresses of a router, and which of them is first.
//
// The first candidate has priority 200. All others have one from 101 to 199 that their name and the
// router's determine, so that each router has an order of its own, and what a dead node held goes
// to different nodes. A priority stays what it is; only a candidate that becomes first changes
// places with the one that was.
extension Allocator {
  /// The most candidates of a router: more would need equal priorities, with which two nodes can
  /// become Active at the same moment.
  static let candidateCountMax = 64
  /// The priority of the first candidate.
  static let firstPriority: UInt8 = 200
  /// The priorities of all others.
  static let otherPriorities: ClosedRange<UInt8> = 101...199

  /// Brings the candidates of a router in line with the nodes; which one is first is decided
  /// elsewhere.
  mutating func reviewCandidates(of name: String) {
    // One that serves nothing any more stays as it is until it goes.
    guard let router = routers[name], !router.addresses.isEmpty else { return }
    let wanted = wantedCandidates(of: router)
    var list = router.candidates.filter { candidate in
      wanted.contains(candidate.node) || hasToStay(candidate.node, in: router, wanted)
    }
    routers[name]?.hasLingering = list.contains { !wanted.contains($0.node) }
    let room = Self.candidateCountMax - list.count
    let missing = wanted.subtracting(list.map(\.node))
    if room > 0, !missing.isEmpty {
      let best = missing.map { (Rendezvous.weight(name, $0), $0) }.sorted { $0 > $1 }
      for (weight, node) in best.prefix(room) {
        list.append(.init(node, Self.freePriority(weight, in: list)))
      }
    }
    setCandidates(list, of: name)
  }

  /// The nodes that may hold the addresses of a router.
  func wantedCandidates(of router: RouterState) -> Set<String> {
    // When the pool is gone nothing says any more which nodes they are: nodes are replaced and pods
    // move away all the same, so it may be any.
    let chosen = pools[router.pool]?.eligible
    guard let service = router.service else {
      return chosen ?? Set(nodes.keys.filter(canServe))
    }
    let all =
      endpoints[service]?.values.joined().filter { endpoint in
        chosen?.contains(endpoint.node) ?? canServe(endpoint.node)
      } ?? []
    let ready = all.filter { !$0.isTerminating }
    return Set((ready.isEmpty ? all : ready).map(\.node))
  }

  /// Whether a node can serve the addresses of a pool that is gone.
  private func canServe(_ node: String) -> Bool {
    nodes[node]?.isEligible == true && hasSpeaker(node)
  }

  /// Whether a candidate that is not wanted any more has to wait until another one is there to take
  /// over.
  private func hasToStay(_ node: String, in router: RouterState, _ wanted: Set<String>) -> Bool {
    guard router.active.values.contains(node), hears(node), !wanted.isEmpty else { return false }
    let hasSuccessor = router.candidates.contains { candidate in
      guard let acknowledged = router.acknowledgements[candidate.node] else { return false }
      // An older one may be of the time before the node was taken out and came back.
      return wanted.contains(candidate.node) && acknowledged.generation > 0
        && acknowledged.generation >= router.generation
        && canFollow(acknowledged, node, in: router) && hears(candidate.node)
    }
    return !hasSuccessor
  }

  /// Has the routers looked at in which a node may have to stay until another one is there.
  mutating func lingeringChanged(of node: String) {
    for (name, router) in routers
    where router.hasLingering && router.candidates.contains(where: { $0.node == node }) {
      dirtyRouters.insert(name)
      dirtyCandidates.insert(name)
    }
  }

  private static func freePriority(
    _ weight: UInt64, in list: [VirtualRouter.Candidate]
  ) -> UInt8 {
    let taken = Set(list.map(\.priority))
    let count = UInt64(otherPriorities.count)
    for step in 0..<count {
      let priority = otherPriorities.lowerBound + UInt8((weight % count + step) % count)
      if !taken.contains(priority) { return priority }
    }
    return otherPriorities.lowerBound
  }

  private mutating func setCandidates(_ list: [VirtualRouter.Candidate], of name: String) {
    guard routers[name]?.candidates != list else { return }
    routers[name]?.candidates = list
    routers[name]?.pending.candidates = list
  }

  /// Makes a candidate the first one; the one that was gets its priority.
  private mutating func promote(_ node: String, in name: String) {
    guard var list = routers[name]?.candidates else { return }
    if !list.contains(where: { $0.node == node }) {
      if list.count >= Self.candidateCountMax,
        let lowest = list.indices.min(by: { list[$0].priority < list[$1].priority })
      {
        list.remove(at: lowest)
      }
      list.append(.init(node, Self.freePriority(Rendezvous.weight(name, node), in: list)))
    }
    guard let place = list.firstIndex(where: { $0.node == node }) else { return }
    let former = list[place].priority
    for other in list.indices where list[other].priority == Self.firstPriority {
      list[other].priority = former
    }
    list[place].priority = Self.firstPriority
    setCandidates(list, of: name)
  }

  /// The candidate that is first of a router, if it is one that is wanted.
  private func first(of name: String, among wanted: Set<String>) -> String? {
    guard let first = routers[name]?.first, first.priority == Self.firstPriority else { return nil }
    return wanted.contains(first.node) ? first.node : nil
  }

  /// How often each node is first of a router, in the whole cluster, as far as that is decided.
  private func loads() -> [String: Int] {
    routers.values.reduce(into: [:]) { loads, router in
      guard let first = router.first, first.priority == Self.firstPriority else { return }
      loads[first.node, default: 0] += 1
    }
  }

  /// Decides which candidate is first of a Service's own router, or of one whose pool is gone: it
  /// stays, else the next one follows, and a new router goes to the node that is first of the
  /// fewest.
  mutating func chooseFirst(ofOwn name: String) {
    guard let router = routers[name], !router.addresses.isEmpty else { return }
    let wanted = wantedCandidates(of: router)
    guard first(of: name, among: wanted) == nil else { return }
    let loads = loads()
    let known = router.acknowledgements.keys
    let best = router.candidates.filter { wanted.contains($0.node) }.max { left, right in
      rank(left, loads, isKnown: known.contains(left.node))
        < rank(right, loads, isKnown: known.contains(right.node))
    }
    if let best { promote(best.node, in: name) }
  }

  private func rank(
    _ candidate: VirtualRouter.Candidate, _ loads: [String: Int], isKnown: Bool
  ) -> (Int, Int, Int) {
    let load = -(loads[candidate.node] ?? 0)
    let priority = Int(candidate.priority)
    let isWell = !isResting(candidate.node)
    // Among those that run it already the election has its order.
    return (
      (isWell ? 2 : 0) + (isKnown ? 1 : 0), isKnown ? priority : load, isKnown ? load : priority
    )
  }

  /// Spreads the shared routers of a pool over its nodes: to each its share, one more or less.
  ///
  /// A node that is not well, silent or in maintenance keeps what it has and is given nothing.
  mutating func balance(_ pool: String) {
    let names = sharedRouters[pool] ?? []
    guard let eligible = pools[pool]?.eligible, !eligible.isEmpty, !names.isEmpty else { return }
    let well = eligible.filter { !isResting($0) }
    let takers = well.isEmpty ? eligible : well
    var spread = Spread(takers: takers, total: loads(), routerCount: names.count)
    var orphans: [String] = []
    for name in names {
      guard let first = first(of: name, among: eligible) else {
        orphans.append(name)
        continue
      }
      spread.add(name, to: first)
    }
    for name in orphans {
      let candidates = routers[name]?.candidates ?? []
      let isRunning = !(routers[name]?.acknowledgements.isEmpty ?? true)
      let heir = candidates.sorted { $0.priority > $1.priority }
        .first { isRunning && spread.hasRoom($0.node) }?.node
      let node = heir ?? spread.emptiest(for: name)
      spread.add(name, to: node)
      promote(node, in: name)
    }
    while let (name, node) = spread.nextMove() {
      spread.move(name, to: node)
      promote(node, in: name)
    }
  }
}

/// Which of some nodes is first of which routers.
private struct Spread {
  private let takers: Set<String>
  private let total: [String: Int]
  /// How many routers each node has at least, and how many nodes have one more.
  private let share: (least: Int, rest: Int)
  private var loads: [String: Int]
  private var firsts: [String: String] = [:]

  init(takers: Set<String>, total: [String: Int], routerCount: Int) {
    self.takers = takers
    self.total = total
    share = (routerCount / takers.count, routerCount % takers.count)
    loads = [:]
  }

  mutating func add(_ router: String, to node: String) {
    firsts[router] = node
    loads[node, default: 0] += 1
  }

  mutating func move(_ router: String, to node: String) {
    if let before = firsts[router] { loads[before, default: 1] -= 1 }
    add(router, to: node)
  }

  /// Whether a node can have one more without another one's share becoming too small.
  func hasRoom(_ node: String) -> Bool {
    guard takers.contains(node), load(node) >= share.least else { return takers.contains(node) }
    return load(node) == share.least
      && takers.count { load($0) > share.least } < share.rest
  }

  /// The node that is first of the fewest routers of the pool, then of the fewest of all.
  func emptiest(for router: String) -> String {
    takers.min { rank($0, router) < rank($1, router) } ?? ""
  }

  /// A router that has to move so that no node has two more than another, and where to.
  func nextMove() -> (router: String, node: String)? {
    guard let most = takers.map(load).max(), let least = takers.map(load).min(), most - least > 1
    else { return nil }
    let movable = firsts.filter { takers.contains($0.value) && load($0.value) == most }.keys
    let target = takers.filter { load($0) == least }
      .min { ((total[$0] ?? 0), $0) < ((total[$1] ?? 0), $1) }
    guard let target,
      let router = movable.max(by: {
        (Rendezvous.weight($0, target), $0) < (Rendezvous.weight($1, target), $1)
      })
    else { return nil }
    return (router, target)
  }

  private func load(_ node: String) -> Int { loads[node] ?? 0 }

  private func rank(_ node: String, _ router: String) -> (Int, Int, UInt64, String) {
    (load(node), total[node] ?? 0, .max - Rendezvous.weight(router, node), node)
  }
}
