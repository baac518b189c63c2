import VIPCore

// What is said about routers and Services.
extension Allocator {
  /// Brings candidates in line, and notes what is wrong with which router.
  mutating func reviewRouters() {
    for name in dirtyCandidates.sorted() {
      reviewCandidates(of: name)
      let isAlone = routers[name].map { !$0.isShared || pools[$0.pool] == nil } ?? false
      if isAlone { chooseFirst(ofOwn: name) }
    }
    for pool in unbalancedPools.sorted() { balance(pool) }
    dirtyRouters.formUnion(dirtyCandidates)
    for pool in unbalancedPools { dirtyRouters.formUnion(routersOfPool[pool] ?? []) }
    (dirtyCandidates, unbalancedPools) = ([], [])
    for name in dirtyRouters {
      guard let router = routers[name] else { continue }
      let unusable = unusableAddresses(of: router)
      let problem = problem(of: router, unusable)
      let silence = silence(of: router)
      // Of each address only if it is of all of them.
      let isOfAll = problem != router.problem || silence != router.silence
      let news =
        isOfAll
        ? router.addresses
        : Set(router.unusable.keys).union(unusable.keys)
          .filter { router.unusable[$0] != unusable[$0] }
      routers[name]?.problem = problem
      routers[name]?.unusable = unusable
      routers[name]?.silence = silence
      for address in news { dirtyVerdicts.formUnion(addresses[address]?.users ?? []) }
    }
  }

  /// What keeps a router from serving its addresses.
  private func problem(
    of router: RouterState, _ unusable: [IPAddress: String]
  ) -> Refusal? {
    if router.addresses.isEmpty { return nil }
    let wanted = wantedCandidates(of: router)
    if wanted.isEmpty { return emptiness(of: router) }
    if let absence = absence(of: wanted) { return absence }
    if let refusal = strangeGroup(of: router) { return refusal }
    if router.foreignGroup?.isTrue == true {
      return Refusal(
        reason: "ForeignGroup",
        message: "another group on the segment has VRID \(router.vrid) "
          + "(\(router.foreignGroup?.message ?? "")); give pool \(router.pool) vrids without "
          + "\(router.vrid), and the other group's pool others")
    }
    guard unusable.count == router.addresses.count else { return nil }
    return unusable.values.min().map(Self.unusable)
  }

  /// Why none of some nodes serves anything, although they may.
  private func absence(of wanted: Set<String>) -> Refusal? {
    let silent = wanted.filter { speakers[$0] == .silent }
    if silent.count == wanted.count {
      return Refusal(
        reason: "SpeakersSilent",
        message: "vipctl has stopped or can't reach the API server on all nodes that may serve it; "
          + "see the pods of the DaemonSet")
    }
    let rest = wanted.subtracting(silent)
    guard rest.allSatisfy({ nodes[$0]?.isInMaintenance == true }) else { return nil }
    guard !silent.isEmpty else {
      return Refusal(
        reason: "Maintenance",
        message: "all nodes that may serve it are in maintenance; end that of one of them")
    }
    return Refusal(
      reason: "MaintenanceAndSilence",
      message: "of the nodes that may serve it \(Self.list(rest.sorted())) "
        + "\(rest.count == 1 ? "is" : "are") in maintenance, and vipctl has stopped or can't reach "
        + "the API server on \(Self.list(silent.sorted())); end the maintenance, or see the pods of "
        + "the DaemonSet")
  }

  /// Why a router has no candidate.
  private func emptiness(of router: RouterState) -> Refusal {
    let mute = pools[router.pool].map { self.mute(in: $0) } ?? []
    if let service = router.service {
      let nodes = Set(endpoints[service]?.values.joined().map(\.node) ?? [])
      let remark = remark(onMute: mute.filter(nodes.contains))
      return Refusal(
        reason: "NoEndpoints",
        message: "no node that may serve it has a ready endpoint of Service \(service)"
          + (remark.map { "; \($0)" } ?? ""))
    }
    return Refusal(
      reason: "NoCandidate",
      message: remark(onMute: mute).map { "no node may serve it: \($0)" }
        ?? "no node may serve it; see the nodeSelector of pool \(router.pool), the label "
        + "\(ClusterNode.excludeLabel) and the conditions of the nodes")
  }

  /// The allocator's condition of a router.
  func plannedCondition(of router: RouterState) -> Condition {
    var problems = [router.problem].compactMap { $0 }
    if pools[router.pool] == nil {
      problems.append(
        Refusal(
          reason: "PoolGone",
          message:
            "there is no pool \(router.pool) any more; what is in use is kept; make the pool "
            + "again, or change the Services"))
    }
    if router.problem == nil, let first = router.unusable.keys.min() {
      let count = router.unusable.count - 1
      problems.append(
        Refusal(
          reason: "SomeUnusable",
          message: "no node can serve \(first)\(count > 0 ? " and \(count) others" : ""): "
            + "\(router.unusable[first] ?? ""); this stops no other address"))
    }
    if let vrids = pools[router.pool]?.vrids, !vrids.contains(router.vrid) {
      problems.append(
        Refusal(
          reason: "VRIDOutsideRange",
          message:
            "VRID \(router.vrid) is not among the vrids of pool \(router.pool) any more; it is "
            + "kept while no other group has it"))
    }
    if let first = router.outside.min() {
      problems.append(
        Refusal(
          reason: "AddressesOutsidePool",
          message: "pool \(router.pool) does not have \(first) any more"
            + (router.outside.count > 1 ? " and \(router.outside.count - 1) others" : "")
            + "; what is in use is kept"))
    }
    return Condition(
      type: ConditionType.planned, isTrue: problems.isEmpty,
      reason: problems.first?.reason ?? "AsWanted",
      message: problems.map(\.message).joined(separator: "; "))
  }

  /// Has the grants of all Services written of which something else is said now.
  mutating func reviewVerdicts() {
    let granted = Set(grants.map(\.key))
    for key in dirtyVerdicts.subtracting(granted).sorted() {
      guard let service = services[key], !service.isUncertain else { continue }
      let isMarked = service.published?.condition != nil
      guard service.wantsAddresses || isMarked else { continue }
      // What is taken from it is written in any case.
      if !service.wantsAddresses, grants.contains(where: { $0.key == key }) { continue }
      let ingress = service.wantsAddresses ? service.held : service.published?.ingress ?? []
      if service.published != ServiceUpdate(ingress: ingress, condition: verdict(on: service)) {
        grants.append((key, ingress))
      }
    }
    dirtyVerdicts = []
  }

  /// The condition of a Service; `nil` for one that asks for nothing.
  func verdict(on service: ServiceState) -> Condition? {
    guard service.wantsAddresses else { return nil }
    if let message = contestMessage(of: service) { return condition("StatusContested", [message]) }
    if !service.isContentWithOne || service.held.isEmpty, let first = service.refusals.first {
      return condition(first.reason, service.refusals.map(\.message))
    }
    guard !service.held.isEmpty else {
      return condition("BadRequest", ["the Service has no ipFamilies; give it one"])
    }
    for address in service.held {
      if let refusal = problem(of: address, service) {
        return condition(refusal.reason, ["\(address): \(refusal.message)"])
      }
    }
    let notes = service.held.map(description) + service.refusals.map(\.message)
    return Condition(
      type: ConditionType.address, isTrue: true, reason: "Assigned",
      message: notes.joined(separator: "; "))
  }

  private func condition(_ reason: String, _ messages: [String]) -> Condition {
    Condition(
      type: ConditionType.address, isTrue: false, reason: reason,
      message: messages.joined(separator: "; "))
  }

  private func problem(of address: IPAddress, _ service: ServiceState) -> Refusal? {
    guard let name = addresses[address]?.router, let router = routers[name] else {
      let before = addresses[address]?.leavingIn.first
      if let before {
        return Refusal(
          reason: "Moving",
          message:
            "goes into another virtual router as soon as all nodes of \(before) have let go of "
            + "it")
      }
      let pool = poolOrder.first { pools[$0]?.space.contains(address) == true }
      return pool.flatMap { roomProblem(in: $0, for: service) }
        ?? Refusal(reason: "NoRouter", message: "no pool can serve it; see the pools' conditions")
    }
    if service.isLocal == router.isShared {
      return roomProblem(in: router.pool, for: service)
        ?? Refusal(
          reason: "AddressOutsidePools",
          message:
            "no pool has it any more, so that it can't go into another virtual router; add it to "
            + "a pool, or ask for another address")
    }
    if let problem = router.problem { return problem }
    if let mac = router.conflicts[address] {
      return Refusal(
        reason: "AddressInUse",
        message: "the machine \(mac), which is none of the cluster's, uses it; give that machine "
          + "another address, or leave this one out of pool \(router.pool)")
    }
    return router.unusable[address].map(Self.unusable)
      ?? silenceProblem(of: address, service, in: router)
  }

  private func description(_ address: IPAddress) -> String {
    guard let router = addresses[address]?.router.flatMap({ routers[$0] }) else {
      return "\(address)"
    }
    let text = "\(address) from pool \(router.pool)"
    if pools[router.pool] == nil { return text + ", which is gone" }
    return router.outside.contains(address) ? text + ", which does not have it any more" : text
  }
}
