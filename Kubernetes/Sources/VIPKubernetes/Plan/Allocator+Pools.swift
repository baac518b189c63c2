import VIPCore

// Pools: what they say, which nodes serve them, and what is said of them.
extension Allocator {
  mutating func observe(_ pool: AddressPool) {
    let name = pool.metadata.name
    if let before = pools[name], before.spec == pool.spec,
      before.isDeleting == pool.metadata.isDeleting
    {
      pools[name]?.published = pool.status
      dirtyPools.insert(name)
      return
    }
    var state = PoolState(pool)
    let chosen = nodes.keys.filter { isChosen($0, by: state) }
    state.eligible = Set(chosen.filter(hasSpeaker))
    state.mute = Set(chosen).subtracting(state.eligible)
    state.used = addresses.keys.count { state.space.contains($0) }
    pools[name] = state
    poolsChanged(name)
  }

  mutating func forgetPool(_ name: String) {
    guard pools.removeValue(forKey: name) != nil else { return }
    poolsChanged(name)
  }

  /// Has everything looked at that a pool concerns.
  private mutating func poolsChanged(_ name: String) {
    poolOrder = pools.keys.sorted { left, right in
      let orders = (pools[left]?.spec.order ?? 0, pools[right]?.spec.order ?? 0)
      return orders.0 != orders.1 ? orders.0 < orders.1 : left < right
    }
    // Two pools may have the same addresses.
    dirtyPools.formUnion(poolOrder)
    poolsToCompare.formUnion(poolOrder)
    nodesChanged(of: name)
    for router in routersOfPool[name] ?? [] {
      compareAddresses(of: router)
      for address in routers[router]?.addresses ?? [] {
        dirtyVerdicts.formUnion(addresses[address]?.users ?? [])
      }
    }
    // Any address may have another pool now.
    dirtyAddresses.formUnion(addresses.keys)
    for (key, service) in services
    where service.held.contains(where: { addresses[$0]?.router == nil }) {
      dirtyServices.insert(key)
    }
    wakeAll { _ in true }
  }

  /// Notes which addresses of a router its pool has not.
  mutating func compareAddresses(of name: String) {
    guard let router = routers[name] else { return }
    let space = pools[router.pool]?.space
    routers[name]?.outside = router.addresses.filter { space?.contains($0) == false }
  }

  /// Whether a node may serve a pool's addresses if it has a speaker.
  private func isChosen(_ node: String, by pool: PoolState) -> Bool {
    guard let state = nodes[node] else { return false }
    return state.isEligible && pool.spec.nodeSelector.matches(state.labels)
  }

  /// Takes note of whether a node may serve a pool's addresses.
  mutating func updateEligibility(of node: String, in name: String) {
    guard let pool = pools[name] else { return }
    let isChosen = isChosen(node, by: pool)
    let isEligible = isChosen && hasSpeaker(node)
    let isMute = isChosen && !isEligible
    if isMute != pool.mute.contains(node) {
      if isMute { pools[name]?.mute.insert(node) } else { pools[name]?.mute.remove(node) }
      // What is said of routers without candidates names it.
      nodesChanged(of: name)
    }
    guard isEligible != pool.eligible.contains(node) else { return }
    if isEligible {
      pools[name]?.eligible.insert(node)
    } else {
      pools[name]?.eligible.remove(node)
    }
    nodesChanged(of: name)
  }

  /// Has everything looked at that the nodes of a pool concern.
  mutating func nodesChanged(of pool: String) {
    pools[pool]?.areSpeakersNews = true
    dirtyPools.insert(pool)
    unbalancedPools.insert(pool)
    dirtyRouters.formUnion(routersOfPool[pool] ?? [])
    dirtyCandidates.formUnion(routersOfPool[pool] ?? [])
  }

  /// Brings the settings of routers in line with their pools.
  mutating func reviewPools() {
    for name in poolsToCompare {
      guard let pool = pools[name] else { continue }
      let remarks = remarks(on: pool)
      pools[name]?.remarks = remarks
    }
    poolsToCompare = []
    for name in dirtyPools {
      guard let pool = pools[name] else { continue }
      for router in routersOfPool[name] ?? []
      where routers[router]?.settings != pool.settings {
        routers[router]?.settings = pool.settings
        routers[router]?.pending.settings = pool.settings
        dirtyRouters.insert(router)
      }
    }
  }

  /// What is wrong with a pool beside others and the nodes.
  private func remarks(on pool: PoolState) -> [String] {
    var problems: [String] = []
    for other in poolOrder where other != pool.name {
      guard let overlap = pools[other]?.space.overlap(with: pool.space) else { continue }
      problems.append(
        "addresses: \(overlap) is also in pool \(other); each of them is given once, but take them "
          + "out of one of the pools")
      if problems.count > 20 { break }
    }
    let own = nodeAddresses.keys.filter { pool.space.contains($0) }.min()
    if let own {
      problems.append("addresses: \(own) is a node's own address and never given; leave it out")
    }
    return problems
  }

  /// What the status of a pool is to say.
  func status(of pool: PoolState) -> AddressPool.Status {
    let problems = pool.problems + pool.remarks
    let condition = Condition(
      type: ConditionType.valid, isTrue: problems.isEmpty,
      reason: problems.isEmpty ? "Valid" : "Problems",
      message: problems.joined(separator: "; "))
    return AddressPool.Status(
      capacity: pool.space.count == .max ? "more than 2^128" : "\(pool.space.count)",
      used: pool.used, freeVRIDs: pool.vrids.count { routersOfVRID[$0] == nil },
      conditions: [condition] + [pool.speakers].compactMap { $0 })
  }
}
