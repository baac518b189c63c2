import VIPCore

// Routers as the API server has them: what nodes have let go of, and what is wrong.
extension Allocator {
  mutating func observe(_ object: VirtualRouter) {
    let name = object.metadata.name
    guard let known = routers[name] else {
      var router = RouterState(
        name: name, created: object.metadata.created, generation: 0,
        pool: object.spec.pool, service: object.spec.service.flatMap { ObjectKey(parsing: $0) },
        vrid: object.spec.vrid, interface: object.spec.interface, settings: object.spec.settings)
      router.planned = object.status.conditions.first(ConditionType.planned)
      // What was so before is not told again.
      router.active = object.status.active.mapValues(\.node)
      index(router)
      return adopt(object)
    }
    let generation = object.metadata.generation
    // What is older than the last write is news of the nodes at most.
    let isOld = known.isAhead && generation < known.generation
    guard !isOld else { return takeStatus(of: object) }
    let isUnchanged = !known.isUncertain && generation == known.generation && !known.isAhead
    if isUnchanged || isAsWritten(object, known) {
      routers[name]?.isAhead = false
      routers[name]?.isNew = false
      routers[name]?.planned =
        object.status.conditions.first(ConditionType.planned) ?? known.planned
      return takeStatus(of: object)
    }
    adopt(object)
  }

  /// Whether a router is what the last write made of it.
  private func isAsWritten(_ object: VirtualRouter, _ known: RouterState) -> Bool {
    guard known.isAhead, object.metadata.generation == known.generation else { return false }
    let spec = object.spec
    // What is to be written next is no part of it yet.
    let written = known.addresses.subtracting(known.pending.added)
    let waiting = known.leaving.filter { $0.value == .max }.keys
    return spec.vrid == known.vrid && spec.pool == known.pool
      && Set(spec.addresses) == written.union(waiting)
      && (known.pending.candidates != nil || spec.candidates == known.candidates)
  }

  /// Takes a router as the API server has it, whatever was planned for it.
  private mutating func adopt(_ object: VirtualRouter) {
    let name = object.metadata.name
    guard var router = routers[name] else { return }
    if router.vrid != object.spec.vrid || router.pool != object.spec.pool
      || router.interface != object.spec.interface
      || router.service?.description != object.spec.service
    {
      router = renewed(router, by: object)
    }
    dirtyAddresses.formUnion(router.addresses)
    for address in router.addresses { update(address) { $0.router = nil } }
    for address in router.leaving.keys {
      update(address) { $0.leavingIn.removeAll { $0 == name } }
    }
    router.created = object.metadata.created
    router.generation = object.metadata.generation
    (router.isAhead, router.isUncertain, router.isNew) = (false, false, false)
    router.settings = object.spec.settings
    router.candidates = object.spec.candidates
    router.pending = RouterChange()
    router.leaving = Dictionary(
      object.spec.leaving.map { ($0.address, $0.since) }, uniquingKeysWith: max)
    router.addresses = []
    routers[name] = router
    for address in router.leaving.keys { update(address) { $0.leavingIn.append(name) } }
    for address in Set(object.spec.addresses) {
      routers[name]?.addresses.insert(address)
      dirtyAddresses.insert(address)
      // One that another router has, too, stays in that.
      if addresses[address]?.router == nil, router.leaving[address] == nil {
        update(address) { $0.router = name }
      } else {
        let other = addresses[address]?.router
        leave(name, address)
        update(address) { $0.router = other }
      }
    }
    if routers[name]?.leaving.isEmpty == false { routersWithLeaving.insert(name) }
    compareAddresses(of: name)
    dirtyCandidates.insert(name)
    dirtyPools.insert(router.pool)
    unbalancedPools.insert(router.pool)
    takeStatus(of: object)
  }

  /// A router in whose place the API server has another one of the same name.
  private mutating func renewed(_ router: RouterState, by object: VirtualRouter) -> RouterState {
    unindex(router)
    var other = RouterState(
      name: router.name, created: "", generation: 0,
      pool: object.spec.pool, service: object.spec.service.flatMap { ObjectKey(parsing: $0) },
      vrid: object.spec.vrid, interface: object.spec.interface, settings: object.spec.settings)
    index(other)
    other.addresses = router.addresses
    other.leaving = router.leaving
    return other
  }

  private mutating func takeStatus(of object: VirtualRouter) {
    let name = object.metadata.name
    guard let before = routers[name] else { return }
    let status = object.status
    let active = status.active.mapValues(\.node)
    tellMoves(of: before, to: active)
    routers[name]?.active = active
    let entries = Dictionary(status.nodes.map { ($0.node, $0) }, uniquingKeysWith: { $1 })
    routers[name]?.acknowledgements = entries
    routers[name]?.forgotten.formIntersection(entries.keys)
    countEntries(before.acknowledgements.keys, entries.keys)
    let conflicts = Dictionary(
      status.conflicts.map { ($0.address, $0.mac) }, uniquingKeysWith: { $1 })
    for address in Set(conflicts.keys).union(before.conflicts.keys)
    where conflicts[address] != before.conflicts[address] {
      dirtyVerdicts.formUnion(addresses[address]?.users ?? [])
    }
    routers[name]?.conflicts = conflicts
    let foreignGroup = status.conditions.first(ConditionType.foreignGroup)
    if foreignGroup != before.foreignGroup {
      routers[name]?.foreignGroup = foreignGroup
      dirtyAddresses.formUnion(before.addresses)
    }
    dirtyRouters.insert(name)
    if before.hasLingering { dirtyCandidates.insert(name) }
  }

  /// The most Services that are told of one move; the others have their router's.
  private static let toldServicesMax = 100

  /// Tells Services which node serves them now.
  private mutating func tellMoves(of router: RouterState, to active: [AddressFamily: String]) {
    for family in AddressFamily.allCases {
      let before = router.active[family]
      guard let now = active[family], now != before else { continue }
      let text = before.map { "from node \($0) to node \(now)" } ?? "by node \(now)"
      let own = router.addresses.filter { $0.family == family }.sorted()
      for address in own.prefix(Self.toldServicesMax) {
        for user in addresses[address]?.users ?? [] {
          events.append(
            Event(
              .service(user), reason: before == nil ? "Serving" : "Moved",
              message: "\(address) is \(before == nil ? "served" : "moved") \(text)"))
        }
      }
    }
  }

  /// Takes note that a router has been removed: with addresses in it, it is made again as it was,
  /// so that nodes which have not heard of it yet are still in the same group.
  mutating func forgetRouter(_ name: String) {
    guard var router = routers[name] else { return }
    guard !router.addresses.isEmpty else {
      for address in router.leaving.keys {
        dirtyAddresses.insert(address)
        update(address) { $0.leavingIn.removeAll { $0 == name } }
      }
      return unindex(router)
    }
    countEntries(router.acknowledgements.keys, [String]())
    router.generation = 0
    (router.isNew, router.isAhead, router.isUncertain) = (true, false, false)
    (router.active, router.acknowledgements, router.conflicts) = ([:], [:], [:])
    (router.foreignGroup, router.planned) = (nil, nil)
    router.pending = RouterChange()
    router.pending.added = Array(router.addresses)
    (router.since, router.forgotten) = ([:], [])
    // Counted from its new beginning.
    router.leaving = router.leaving.mapValues { _ in .max }
    routers[name] = router
    dirtyRouters.insert(name)
  }

  /// Takes back a router that could not be made; where its addresses go is decided again.
  mutating func dissolve(_ name: String) {
    guard let router = routers[name] else { return }
    for address in router.addresses { update(address) { $0.router = nil } }
    for address in router.leaving.keys {
      update(address) { $0.leavingIn.removeAll { $0 == name } }
    }
    dirtyAddresses.formUnion(router.addresses)
    dirtyAddresses.formUnion(router.leaving.keys)
    unindex(router)
  }

  /// Takes note of what all nodes have let go of.
  mutating func acknowledge() {
    for name in routersWithLeaving.intersection(dirtyRouters).sorted() {
      guard let router = routers[name], !router.isAhead, !router.isUncertain else { continue }
      let gone = router.leaving.filter { entry in
        entry.value <= router.generation && holdouts(of: router, since: entry.value).isEmpty
      }
      for address in gone.keys.sorted() {
        routers[name]?.leaving[address] = nil
        routers[name]?.pending.gone.append(address)
        dirtyAddresses.insert(address)
        update(address) { $0.leavingIn.removeAll { $0 == name } }
      }
      if routers[name]?.leaving.isEmpty == true { routersWithLeaving.remove(name) }
    }
  }

  /// The nodes that may still have what has been taken out of a router.
  ///
  /// One that is not there, not ready or silent is not waited for: whether it uses an address still
  /// is found by asking the segment before the address's first use elsewhere.
  private func holdouts(of router: RouterState, since generation: Int64) -> [String] {
    router.acknowledgements.values.filter { entry in
      entry.generation < generation && hears(entry.node)
    }.map(\.node)
  }

  /// Removes routers that have nothing to serve any more.
  mutating func removeEmptyRouters() {
    for name in dirtyRouters.sorted() {
      guard let router = routers[name], router.isEmpty, !router.isUncertain else { continue }
      if !router.isNew {
        deletedRouters.append((name, router.generation))
      }
      unindex(router)
    }
  }
}
