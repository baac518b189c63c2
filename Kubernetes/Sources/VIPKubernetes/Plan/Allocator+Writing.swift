import VIPCore

// The writes of a plan, in an order of which every beginning is safe:
//
// 1. What Services get and lose, in the order in which it was decided: none gets what another has
//    still.
// 2. What nodes have let go of is no longer kept from other routers; routers without anything go.
//    After
//    that each address and each VRID that has a new place is in no other.
// 3. New routers, and what becomes different in the others.
// 4. What is said about all that.
extension Allocator {
  mutating func writes() -> [Write] {
    var writes: [Write] = []
    writeGrants(to: &writes)
    let names = dirtyRouters.sorted()
    for name in names { writeRelease(name, to: &writes) }
    for (name, generation) in deletedRouters {
      writes.append(.deleteRouter(name, basedOn: generation))
    }
    for name in names where routers[name]?.isNew == true && routers[name]?.isAhead == false {
      writeCreation(name, to: &writes)
    }
    for name in names { writeChange(name, to: &writes) }
    for name in names { writeCondition(of: name, to: &writes) }
    for name in names { writeForgotten(of: name, to: &writes) }
    for name in dirtyPools.sorted() { writeStatus(of: name, to: &writes) }
    writes += events.map { .event($0) }
    (deletedRouters, events, dirtyPools) = ([], [], [])
    // What could not be written yet is looked at again when it has been observed.
    dirtyRouters = []
    return writes
  }

  private mutating func writeGrants(to writes: inout [Write]) {
    let last = Dictionary(grants.indices.map { (grants[$0].key, $0) }, uniquingKeysWith: max)
    // What has been so before all of this plan, of those that get or lose something more than once.
    var first: [ObjectKey: ServiceUpdate] = [:]
    for (place, (key, ingress)) in grants.enumerated() {
      guard let service = services[key] else { continue }
      let update = ServiceUpdate(ingress: ingress, condition: verdict(on: service))
      // What another program writes again and again is not answered each time.
      if first[key] == nil, isPutOff(update, of: service) { continue }
      let isLast = last[key] == place
      let before = first[key] ?? service.published
      if !isLast { first[key] = before }
      defer {
        if isLast, before != update, let event = event(about: key, from: before, to: update) {
          writes.append(.event(event))
        }
      }
      guard service.published != update else { continue }
      writes.append(
        .service(
          key,
          basedOn: ServiceVersion(
            uid: service.uid,
            resourceVersion: service.isAhead ? nil : service.resourceVersion), update))
      services[key]?.published = update
      services[key]?.isAhead = true
      services[key]?.contest?.mayAnswer = false
    }
    grants = []
  }

  private func event(
    about key: ObjectKey, from before: ServiceUpdate?, to update: ServiceUpdate
  ) -> Event? {
    guard let condition = update.condition else {
      return Event(.service(key), reason: "Released", message: "it has no address any more")
    }
    let isNews =
      before?.ingress != update.ingress || before?.condition?.reason != condition.reason
    guard isNews else { return nil }
    return Event(
      .service(key), isWarning: !condition.isTrue, reason: condition.reason,
      message: condition.message)
  }

  /// What has to be done before another router can have what this one had.
  private mutating func writeRelease(_ name: String, to writes: inout [Write]) {
    guard let router = routers[name], !router.isNew, !router.isUncertain,
      !router.pending.gone.isEmpty
    else { return }
    // What is added may be what another one has to let go of first.
    guard !router.pending.added.isEmpty else { return writeChange(name, to: &writes) }
    var change = RouterChange()
    change.gone = router.pending.gone
    routers[name]?.pending.gone = []
    write(change, to: name, &writes)
  }

  private mutating func writeCreation(_ name: String, to writes: inout [Write]) {
    guard var router = routers[name], !router.isUncertain else { return }
    router.generation = 1
    for (address, since) in router.leaving where since == .max { router.leaving[address] = 1 }
    for address in router.since.keys { router.since[address] = 1 }
    router.pending = RouterChange()
    router.isAhead = true
    routers[name] = router
    writes.append(.createRouter(name, router.spec))
  }

  private mutating func writeChange(_ name: String, to writes: inout [Write]) {
    guard let router = routers[name], !router.isUncertain else { return }
    var change = router.pending
    for address in router.leaving.filter({ $0.value == .max }).keys.sorted() {
      change.leaving.append(.init(address, since: router.generation + 1))
      routers[name]?.leaving[address] = router.generation + 1
    }
    for address in change.added { routers[name]?.since[address] = router.generation + 1 }
    guard !change.isEmpty else { return }
    routers[name]?.pending = RouterChange()
    write(change, to: name, &writes)
  }

  private mutating func write(_ change: RouterChange, to name: String, _ writes: inout [Write]) {
    guard let router = routers[name] else { return }
    writes.append(.changeRouter(name, basedOn: router.generation, change))
    routers[name]?.generation += 1
    routers[name]?.isAhead = true
  }

  private mutating func writeCondition(of name: String, to writes: inout [Write]) {
    guard let router = routers[name] else { return }
    let condition = plannedCondition(of: router)
    guard condition != router.planned else { return }
    writes.append(.routerCondition(name, condition))
    if !condition.isTrue, router.planned?.reason != condition.reason {
      writes.append(
        .event(
          Event(
            .router(name), isWarning: true, reason: condition.reason,
            message: condition.message)))
    }
    routers[name]?.planned = condition
  }

  private mutating func writeStatus(of name: String, to writes: inout [Write]) {
    reviewSpeakers(of: name)
    guard let pool = pools[name] else { return }
    let status = status(of: pool)
    guard status != pool.published else { return }
    writes.append(.poolStatus(name, status))
    for condition in status.conditions where !condition.isTrue {
      // That a node which is new has no speaker yet is no event.
      guard condition.type == ConditionType.valid || condition.reason == Self.silentReason else {
        continue
      }
      let before = pool.published.conditions.first(condition.type)
      guard condition.message != before?.message else { continue }
      writes.append(
        .event(
          Event(
            .pool(name), isWarning: true, reason: condition.reason, message: condition.message)))
    }
    pools[name]?.published = status
  }
}
