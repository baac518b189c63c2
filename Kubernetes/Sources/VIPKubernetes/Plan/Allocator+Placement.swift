import VIPCore

// Which router serves an address.
extension Allocator {
  /// Sees to it that an address is in the router in which it belongs, or on its way there.
  ///
  /// It is put into a router only when it is in no other and all nodes have let go of it.
  mutating func place(_ address: IPAddress) {
    guard let state = addresses[address] else { return }
    let users = state.users.compactMap { services[$0] }.sorted { $0.rank < $1.rank }
    guard let user = users.first else {
      if let router = state.router { leave(router, address) }
      return
    }
    guard let current = state.router else {
      guard state.leavingIn.isEmpty else { return }
      if let router = router(for: address, of: user) {
        enter(router, address)
      } else if homePool(of: address, user) == nil {
        // It has lost its pool on the way from one router to another.
        dirtyServices.insert(user.key)
      } else {
        wait(user, for: .vrid)
      }
      return
    }
    if user.isLocal { anchor(current, to: user.key) }
    if fits(current, users) { return }
    // Not taken out before it is known where it goes: what no pool has any more stays where it is.
    guard let pool = homePool(of: address, user), roomProblem(in: pool, for: user) == nil else {
      return wait(user, for: .vrid)
    }
    leave(current, address)
    if addresses[address]?.leavingIn.isEmpty == true { dirtyAddresses.insert(address) }
  }

  /// Passes an own router on whose Service has no address in it any more, to one that shares them.
  private mutating func anchor(_ name: String, to user: ObjectKey) {
    guard let before = routers[name]?.service, before != user else { return }
    let isUsed = services[before]?.held.contains { addresses[$0]?.router == name } ?? false
    guard !isUsed else { return }
    forget(name, of: before)
    routersOfService[user, default: []].insert(name)
    routers[name]?.service = user
    routers[name]?.pending.service = user.description
    dirtyRouters.insert(name)
    dirtyCandidates.insert(name)
  }

  /// Whether a router is one in which an address of some Services can be.
  private func fits(_ name: String, _ users: [ServiceState]) -> Bool {
    if isObsolete(name) { return false }
    guard let anchor = routers[name]?.service else { return users.allSatisfy { !$0.isLocal } }
    return users.contains { $0.key == anchor && $0.isLocal }
  }

  /// Whether the addresses of a router have to be in another one: its pool is on another interface
  /// now, or a foreign group has its VRID and the pool has been given other ones.
  private func isObsolete(_ name: String) -> Bool {
    // Field by field: this is asked for each router and each address.
    guard let pool = routers[name]?.pool, pools[pool] != nil else { return false }
    if pools[pool]?.spec.interface != routers[name]?.interface { return true }
    guard routers[name]?.foreignGroup?.isTrue == true else { return false }
    return pools[pool]?.vrids.contains { $0 == routers[name]?.vrid } == false
  }

  /// The pool from whose routers an address is to be served; `nil` if none has it any more.
  private func homePool(of address: IPAddress, _ user: ServiceState) -> String? {
    let named = user.request.pools
    let known = poolOrder.filter { pools[$0]?.space.contains(address) == true }
    let before = addresses[address]?.router.flatMap { routers[$0]?.pool }
    if let before, known.contains(before) { return before }
    let best = known.filter { name in
      (named.isEmpty || named.contains(name))
        && pools[name]?.permits(user, namespaceLabels: namespaces[user.key.namespace]) == true
    }
    let choice = best.first { roomProblem(in: $0, for: user) == nil } ?? best.first
    // What is served is not moved into a pool that the Service may not use.
    return before == nil ? choice ?? known.first : choice
  }

  /// The router of a pool into which an address of a Service goes, a new one if need be.
  private mutating func router(for address: IPAddress, of user: ServiceState) -> String? {
    guard let pool = homePool(of: address, user) else { return nil }
    if user.isLocal {
      let own = (routersOfService[user.key] ?? []).filter { isUsable($0, in: pool) }
      return own.min() ?? makeRouter(in: pool, for: user.key)
    }
    let shared = (sharedRouters[pool] ?? []).filter { isUsable($0, in: pool) }
    let open = shared.filter { hasRoom($0) }
    // A holder that does not hear of an address does not serve it, and keeps others from doing so.
    let heard = open.filter { hearsOfNews($0, address.family) }
    // Both families of a Service are served by the same node, if they can be.
    for other in user.held where other != address {
      if let sibling = addresses[other]?.router, heard.contains(sibling) { return sibling }
    }
    let emptiest = (heard.isEmpty ? open : heard).min { left, right in
      (routers[left]?.addresses.count ?? 0) < (routers[right]?.addresses.count ?? 0)
    }
    let hasEmpty = emptiest.flatMap { routers[$0]?.addresses.isEmpty } ?? false
    let mayGrow = shared.count < pools[pool]?.routerCount ?? 1
    if mayGrow, !hasEmpty, let router = makeRouter(in: pool, for: nil) { return router }
    return emptiest
  }

  /// Whether a pool can put addresses into a router.
  private func isUsable(_ name: String, in pool: String) -> Bool {
    routers[name]?.pool == pool && !isObsolete(name)
  }

  /// Whether a router can have one more address: what the API takes has an end.
  private func hasRoom(_ name: String) -> Bool {
    (routers[name]?.addresses.count ?? 0) + (routers[name]?.leaving.count ?? 0)
      < RouterLimits.addressCount
  }

  /// Why a pool can't serve one more address of a Service; `nil` if it can.
  func roomProblem(in pool: String, for service: ServiceState) -> Refusal? {
    if service.isLocal {
      let own = routersOfService[service.key] ?? []
      if own.contains(where: { isUsable($0, in: pool) }) { return nil }
    } else {
      let shared = (sharedRouters[pool] ?? []).filter { isUsable($0, in: pool) }
      if shared.contains(where: hasRoom) { return nil }
      if !shared.isEmpty, shared.count >= pools[pool]?.routerCount ?? 1 {
        return Refusal(
          reason: "RoutersFull",
          message: "the virtual routers of pool \(pool) have \(RouterLimits.addressCount) "
            + "addresses each and take no more; raise routers of the pool",
          waits: AddressFamily.allCases.map { .pool(pool, $0) })
      }
    }
    if freeVRID(in: pool, isShared: !service.isLocal) != nil { return nil }
    let remedy =
      service.isLocal
      ? "each Service with externalTrafficPolicy Local needs one, and one is kept for all others: "
        + "widen vrids, or take the policy Cluster"
      : "widen vrids"
    return Refusal(
      reason: "NoVRID", message: "pool \(pool) has no free VRID; \(remedy)", waits: [.vrid])
  }

  /// The lowest VRID of a pool that no router has, and no node that can't be told so may still run.
  ///
  /// If all are in use, one that is only in use on other interfaces. A pool that leaves the
  /// interface to the nodes may be on any. The last one is kept for the first shared router:
  /// without that the own routers of some Services could leave all others without addresses.
  private func freeVRID(in name: String, isShared: Bool) -> VRID? {
    guard let pool = pools[name] else { return nil }
    let isLastKept =
      !isShared && pool.vrids.count > 1
      && !(sharedRouters[name] ?? []).contains { isUsable($0, in: name) }
    let free = pool.vrids.lazy.filter { routersOfVRID[$0] == nil }
    if free.prefix(2).count > (isLastKept ? 1 : 0) {
      return free.first { !isStillRun($0) } ?? free.first
    }
    guard let interface = pool.spec.interface else { return nil }
    return pool.vrids.first { vrid in
      guard let users = routersOfVRID[vrid] else { return false }
      return users.allSatisfy { name in
        routers[name]?.interface.map { $0 != interface } ?? false
      }
    }
  }

  /// Adds a router to a pool: a shared one, or the own one of a Service.
  private mutating func makeRouter(in pool: String, for service: ObjectKey?) -> String? {
    guard let state = pools[pool], let vrid = freeVRID(in: pool, isShared: service == nil) else {
      return nil
    }
    // Cut behind a hyphen or a dot it would be no name of an object.
    var base = (service?.name ?? pool).prefix(55)
    while base.last == "-" || base.last == "." { base.removeLast() }
    let isAlone = service != nil && routers[String(base)] == nil
    var name = String(base)
    var number = service == nil ? 1 : 2
    while !isAlone {
      name = "\(base)-\(number)"
      if routers[name] == nil { break }
      number += 1
    }
    var router = RouterState(
      name: name, created: "", generation: 0, pool: pool, service: service,
      vrid: vrid, interface: state.spec.interface, settings: state.settings)
    router.isNew = true
    index(router)
    return name
  }

  /// Takes a router into the tables.
  mutating func index(_ router: RouterState) {
    routers[router.name] = router
    routersOfPool[router.pool, default: []].insert(router.name)
    routersOfVRID[router.vrid, default: []].insert(router.name)
    if let service = router.service {
      routersOfService[service, default: []].insert(router.name)
    } else {
      sharedRouters[router.pool, default: []].append(router.name)
      sharedRouters[router.pool]?.sort { ($0.utf8.count, $0) < ($1.utf8.count, $1) }
    }
    dirtyRouters.insert(router.name)
    dirtyCandidates.insert(router.name)
    dirtyPools.formUnion(poolOrder)
    unbalancedPools.insert(router.pool)
  }

  /// Takes a router out of the tables; its addresses are none of its concern any more.
  mutating func unindex(_ router: RouterState) {
    routers[router.name] = nil
    noteVacant(router)
    countEntries(router.acknowledgements.keys, [String]())
    routersOfPool[router.pool]?.remove(router.name)
    if routersOfPool[router.pool]?.isEmpty == true { routersOfPool[router.pool] = nil }
    routersOfVRID[router.vrid]?.remove(router.name)
    if routersOfVRID[router.vrid]?.isEmpty == true { routersOfVRID[router.vrid] = nil }
    if let service = router.service { forget(router.name, of: service) }
    sharedRouters[router.pool]?.removeAll { $0 == router.name }
    routersWithLeaving.remove(router.name)
    dirtyRouters.remove(router.name)
    dirtyCandidates.remove(router.name)
    // Its VRID is free for all of them.
    dirtyPools.formUnion(poolOrder)
    unbalancedPools.insert(router.pool)
    opportunities[.vrid] = .some(nil)
  }

  /// Takes a router from a Service.
  mutating func forget(_ router: String, of service: ObjectKey) {
    routersOfService[service]?.remove(router)
    if routersOfService[service]?.isEmpty == true { routersOfService[service] = nil }
  }

  private mutating func enter(_ name: String, _ address: IPAddress) {
    if routers[name]?.addresses.isEmpty == true { dirtyCandidates.insert(name) }
    routers[name]?.addresses.insert(address)
    routers[name]?.pending.added.append(address)
    routers[name]?.since[address] = .max
    update(address) { $0.router = name }
    dirtyRouters.insert(name)
    dirtyVerdicts.formUnion(addresses[address]?.users ?? [])
  }

  /// Takes an address out of a router; until all nodes have let go of it, it is nowhere else.
  mutating func leave(_ name: String, _ address: IPAddress) {
    routers[name]?.addresses.remove(address)
    routers[name]?.outside.remove(address)
    routers[name]?.since[address] = nil
    dirtyRouters.insert(name)
    dirtyVerdicts.formUnion(addresses[address]?.users ?? [])
    if let place = routers[name]?.pending.added.firstIndex(of: address) {
      // It was never written down.
      routers[name]?.pending.added.remove(at: place)
      update(address) { $0.router = nil }
      return
    }
    // The generation is filled in when it is written.
    routers[name]?.leaving[address] = .max
    routersWithLeaving.insert(name)
    update(address) {
      $0.router = nil
      if !$0.leavingIn.contains(name) { $0.leavingIn.append(name) }
    }
  }
}
