import VIPCore
import VRRP

/// A holder of addresses whose speaker is silent.
struct Silence: Sendable, Hashable {
  /// The node.
  var node: String
  /// The generation of the router that it has acknowledged.
  var generation: Int64
}

// Nodes that can't be told what has changed, and nodes that are gone.
//
// A node that is cut off from the API server alone goes on holding what it has: its advertisements
// keep the others from what was added since. Nothing can be done about it from here but to say so,
// to give no more to its routers, and to make no other group with a VRID that it may still use.
extension Allocator {
  /// Whether the holder of a router's addresses, if there is one, hears of new ones.
  func hearsOfNews(_ name: String, _ family: AddressFamily) -> Bool {
    guard let holder = routers[name]?.active[family] else { return true }
    return hears(holder)
  }

  /// The holders of a router that are silent.
  func silence(of router: RouterState) -> [AddressFamily: Silence] {
    router.active.filter { speakers[$0.value] == .silent }.mapValues { node in
      Silence(node: node, generation: router.acknowledgements[node]?.generation ?? 0)
    }
  }

  private static let holderSilent = "HolderSilent"

  /// What keeps an address from being served that was given after its router's holder fell silent.
  func silenceProblem(
    of address: IPAddress, _ service: ServiceState, in router: RouterState
  ) -> Refusal? {
    guard let silence = router.silence[address.family] else { return nil }
    let isUnheard: Bool
    if let since = router.since[address] {
      isUnheard = since > silence.generation
    } else {
      // Of the time before this allocator no more is known than what was said then.
      let said = service.published?.condition
      isUnheard =
        silence.generation < router.generation && said?.reason == Self.holderSilent
        && said?.message.hasPrefix("\(address): ") == true
    }
    guard isUnheard else { return nil }
    return Refusal(
      reason: Self.holderSilent,
      message: "node \(silence.node) holds the addresses of virtual router \(router.name) and does "
        + "not hear of this one, since vipctl can't reach the API server there; see its pod, or "
        + "switch the machine off")
  }

  /// What is wrong when the other group with a router's VRID may be a node that can't be told what
  /// has changed; `nil` if there is no such node, or no other group.
  func strangeGroup(of router: RouterState) -> Refusal? {
    guard router.foreignGroup?.isTrue == true else { return nil }
    let outdated = router.acknowledgements.values.filter { $0.generation < router.generation }
    let suspects = Set(outdated.map(\.node)).union(vacated[router.vrid] ?? [])
      .filter { speakers[$0] == .silent }.sorted()
    guard !suspects.isEmpty else { return nil }
    return Refusal(
      reason: Self.holderSilent,
      message: "another group on the segment has VRID \(router.vrid) "
        + "(\(router.foreignGroup?.message ?? "")); it may be \(Self.list(suspects)), where vipctl "
        + "has other addresses and can't reach the API server; see the pods of the DaemonSet "
        + "there, or switch the machines off")
  }

  // MARK: VRIDs of routers that are gone

  /// Takes note of the nodes that may go on running a router that is gone.
  mutating func noteVacant(_ router: RouterState) {
    let untold = router.acknowledgements.keys.filter { nodes[$0] != nil && !hears($0) }
    if !untold.isEmpty { vacated[router.vrid, default: []].formUnion(untold) }
  }

  /// Whether a node may still run a router with a VRID that none has any more.
  func isStillRun(_ vrid: VRID) -> Bool { vacated[vrid] != nil }

  // MARK: What nodes have said

  /// Has the routers looked at of whose nodes one has changed.
  mutating func entriesChanged(of node: String) {
    if !isGone(node) { absences[node] = nil }
    for (name, router) in routers
    where router.acknowledgements[node] != nil || router.active.values.contains(node) {
      dirtyRouters.insert(name)
    }
    guard nodes[node] == nil || hears(node) else { return }
    for vrid in vacated.keys where vacated[vrid]?.remove(node) != nil {
      if vacated[vrid]?.isEmpty == true { vacated[vrid] = nil }
    }
  }

  /// Whether a node is gone with its speaker.
  private func isGone(_ node: String) -> Bool {
    nodes[node] == nil && speakers[node] != .alive
  }

  /// For how many half minutes a node has to be gone before what it has said is taken away.
  ///
  /// One that is registered anew goes on running what it has an entry for.
  private static let absenceMax = 2

  /// Counts for how long nodes have been gone that have entries.
  mutating func reviewAbsences() {
    absences = absences.filter { entryCounts[$0.key] != nil }
    for node in entryCounts.keys where isGone(node) {
      absences[node, default: 0] += 1
      if absences[node] == Self.absenceMax { entriesChanged(of: node) }
    }
  }

  /// Takes away what nodes have said in a router's status that are gone with their speakers: they
  /// do it no more, and the object would grow with each node that the cluster has ever had.
  mutating func writeForgotten(of name: String, to writes: inout [Write]) {
    guard let router = routers[name], !router.isNew, !router.isUncertain else { return }
    for node in Set(router.acknowledgements.keys).subtracting(router.forgotten).sorted()
    where isGone(node) && absences[node, default: 0] >= Self.absenceMax {
      // A candidate may come back before it has been taken out.
      guard !router.candidates.contains(where: { $0.node == node }) else { continue }
      routers[name]?.forgotten.insert(node)
      writes.append(.forgetNode(name, node: node))
    }
  }
}
