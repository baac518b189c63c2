import VIPCore

/// What the API server says about an object.
public enum Observation: Sendable, Hashable {
  /// A Service as it is.
  case service(Service)
  /// There is no such Service any more, since a version if that is known.
  case serviceGone(ObjectKey, version: String? = nil)
  /// An EndpointSlice as it is.
  case slice(EndpointSlice)
  /// There is no such slice any more.
  case sliceGone(ObjectKey)
  /// A node as it is.
  case node(ClusterNode)
  /// There is no such node any more.
  case nodeGone(String)
  /// A namespace as it is.
  case namespace(Namespace)
  /// There is no such namespace any more.
  case namespaceGone(String)
  /// A pool as it is.
  case pool(AddressPool)
  /// There is no such pool any more, since a version if that is known.
  case poolGone(String, version: String? = nil)
  /// A virtual router as it is.
  case router(VirtualRouter)
  /// There is no such router any more, since a version if that is known.
  case routerGone(String, version: String? = nil)
  /// What is known of the speaker of a node.
  case speaker(String, SpeakerLife)
  /// Nothing is known of a speaker of that node any more.
  case speakerGone(String)
  /// Half a minute has passed since this was said last: to be said again and again.
  case timePassed
}

extension Allocator {
  /// Takes note of what the API server says.
  ///
  /// Nothing is decided before ``plan()``. The same may be said twice.
  public mutating func observe(_ observation: Observation) {
    switch observation {
    case .service(let service): observe(service)
    case .serviceGone(let key, _): forgetService(key)
    case .slice(let slice): observe(slice)
    case .sliceGone(let key): forgetSlice(key)
    case .node(let node): set(NodeState(node), of: node.metadata.name)
    case .nodeGone(let name): set(nil, of: name)
    case .namespace(let namespace):
      setLabels(namespace.metadata.labels, of: namespace.metadata.name)
    case .namespaceGone(let name): setLabels(nil, of: name)
    case .pool(let pool): observe(pool)
    case .poolGone(let name, _): forgetPool(name)
    case .router(let router): observe(router)
    case .routerGone(let name, _): forgetRouter(name)
    case .speaker(let node, let life): setSpeaker(life, of: node)
    case .speakerGone(let node): setSpeaker(nil, of: node)
    case .timePassed:
      reviewContests()
      reviewAbsences()
    }
  }

  private mutating func observe(_ service: Service) {
    let key = service.metadata.key
    let rank = ServiceRank(created: service.metadata.created, key: key)
    let before = services[key]
    if let before, before.rank != rank || before.uid != service.metadata.uid {
      forgetService(key)
    }
    var state = makeState(of: service, rank: rank)
    if let before = services[key] {
      state.held = before.held
      if before.isUncertain {
        // Decided again, from what it really has.
        state.held = before.held.filter {
          service.status.ingress.contains($0) || before.seen.contains($0)
        }
        for address in before.held where !state.held.contains(address) {
          release(address, by: key)
        }
      }
      // What was read before the last write has come back is of the time before it.
      if before.isAhead, before.published != state.published {
        state.published = before.published
        state.isAhead = true
      }
      let seen = state.isAhead ? [] : service.status.ingress
      state.seen = before.seen.union(seen).intersection(state.held)
      state.refusals = before.refusals
      state.waits = before.waits
      state.isChallenger =
        before.isChallenger || !before.held.isEmpty && !state.shares(as: before)
      state.contest = contest(over: state, after: before, by: service.otherManager)
      if state.contest != nil { contested.insert(key) }
    }
    services[key] = state
    dirtyServices.insert(key)
    dirtyVerdicts.insert(key)
    for address in state.held { dirtyServices.formUnion(addresses[address]?.users ?? []) }
    if let before, before.sharingKey != state.sharingKey {
      for address in state.held {
        if let word = before.sharingKey { reviewSharing(word, address) }
        if let word = state.sharingKey { share(address, word) }
      }
    }
    if let before, let word = state.sharingKey, !state.held.isEmpty, !state.shares(as: before) {
      opportunities[.sharing(word)] = .some(nil)
    }
    if let before, before.isLocal != state.isLocal { dirtyAddresses.formUnion(state.held) }
  }

  private func makeState(of service: Service, rank: ServiceRank) -> ServiceState {
    let spec = service.spec
    let isOurClass =
      spec.loadBalancerClass.map { $0 == options.loadBalancerClass } ?? options.isDefault
    let isSingle = spec.ipFamilyPolicy == "SingleStack"
    var families: [AddressFamily] = []
    for family in spec.ipFamilies where !families.contains(family) { families.append(family) }
    let sharingKey = service.metadata.annotations[Annotation.sharingKey]
    return ServiceState(
      rank: rank, uid: service.metadata.uid, resourceVersion: service.metadata.resourceVersion,
      isOurs: spec.type == "LoadBalancer" && isOurClass,
      isDeleting: service.metadata.isDeleting,
      families: isSingle ? Array(families.prefix(1)) : families,
      requiresAll: spec.ipFamilyPolicy == "RequireDualStack",
      isContentWithOne: spec.ipFamilyPolicy == "PreferDualStack",
      isLocal: spec.externalTrafficPolicy == "Local", labels: service.metadata.labels,
      selector: spec.selector, ports: spec.ports,
      sharingKey: sharingKey?.isEmpty == true ? nil : sharingKey,
      request: AddressRequest(service),
      published: ServiceUpdate(
        ingress: service.status.ingress, condition: service.status.condition))
  }

  private mutating func forgetService(_ key: ObjectKey) {
    guard services[key] != nil else { return }
    stopWaiting(key)
    for address in services[key]?.held ?? [] { release(address, by: key) }
    services[key] = nil
    dirtyServices.remove(key)
  }

  private mutating func observe(_ slice: EndpointSlice) {
    let key = slice.metadata.key
    guard let service = slice.service else { return forgetSlice(key) }
    if serviceOfSlice[key] != service { forgetSlice(key) }
    var states: Set<EndpointState> = []
    for endpoint in slice.endpoints {
      guard let node = endpoint.nodeName else { continue }
      let isTerminating = !endpoint.isReady
      guard endpoint.isReady || endpoint.isServing && endpoint.isTerminating else { continue }
      states.insert(EndpointState(node: node, isTerminating: isTerminating))
    }
    serviceOfSlice[key] = service
    endpoints[service, default: [:]][key.name] = Array(states)
    endpointsChanged(of: service)
  }

  private mutating func forgetSlice(_ key: ObjectKey) {
    guard let service = serviceOfSlice.removeValue(forKey: key) else { return }
    endpoints[service]?[key.name] = nil
    if endpoints[service]?.isEmpty == true { endpoints[service] = nil }
    endpointsChanged(of: service)
  }

  private mutating func endpointsChanged(of service: ObjectKey) {
    dirtyRouters.formUnion(routersOfService[service] ?? [])
    dirtyCandidates.formUnion(routersOfService[service] ?? [])
  }

  private mutating func set(_ node: NodeState?, of name: String) {
    let before = nodes[name]
    guard before != node else { return }
    nodes[name] = node
    for address in before?.addresses ?? [] {
      let count = nodeAddresses[address, default: 1] - 1
      nodeAddresses[address] = count > 0 ? count : nil
      if count == 0 { noteFree(address) }
    }
    for address in node?.addresses ?? [] { nodeAddresses[address, default: 0] += 1 }
    if before?.addresses != node?.addresses {
      for pool in poolOrder where hasAddress(of: before, node, pool) {
        dirtyPools.insert(pool)
        poolsToCompare.insert(pool)
      }
    }
    for pool in poolOrder { updateEligibility(of: name, in: pool) }
    entriesChanged(of: name)
    // Routers of a pool that is gone, and those that wait for a node that is well no more.
    dirtyRouters.formUnion(routersWithLeaving)
    for (pool, names) in routersOfPool where pools[pool] == nil || before == nil || node == nil {
      dirtyRouters.formUnion(names)
      dirtyCandidates.formUnion(names)
    }
    if before?.isReady != node?.isReady || before?.isInMaintenance != node?.isInMaintenance {
      lingeringChanged(of: name)
      for pool in poolOrder {
        let isConcerned =
          pools[pool]?.eligible.contains(name) == true || pools[pool]?.mute.contains(name) == true
        if isConcerned { nodesChanged(of: pool) }
      }
    }
  }

  private func hasAddress(of before: NodeState?, _ after: NodeState?, _ pool: String) -> Bool {
    guard let space = pools[pool]?.space else { return false }
    return (before?.addresses ?? []).contains(where: space.contains)
      || (after?.addresses ?? []).contains(where: space.contains)
  }

  /// Takes note that no node has an address any more.
  private mutating func noteFree(_ address: IPAddress) {
    guard addresses[address] == nil else { return }
    opportunities[.address(address)] = .some(nil)
    for name in poolOrder where pools[name]?.space.contains(address) == true {
      pools[name]?.free[address.family]?.giveBack(address)
      opportunities[.pool(name, address.family)] = .some(nil)
    }
  }

  private mutating func setLabels(_ labels: [String: String]?, of namespace: String) {
    guard namespaces[namespace] != labels else { return }
    namespaces[namespace] = labels
    // Labels of namespaces change as rarely as pools do.
    wakeAll { $0.namespace == namespace }
  }

  /// Has Services that wait for anything try again.
  mutating func wakeAll(where condition: (ObjectKey) -> Bool) {
    for queue in waiting.values {
      for rank in queue.ranks where condition(rank.key) { dirtyServices.insert(rank.key) }
    }
  }

  /// Takes note that a write has not been made.
  ///
  /// The object is read again and observed, or said to be gone, before anything more is written to
  /// it.
  public mutating func failed(_ write: Write) {
    switch write {
    case .service(let key, _, _):
      services[key]?.isUncertain = true
      services[key]?.isAhead = false
      dirtyVerdicts.insert(key)
    case .createRouter(let name, _): dissolve(name)
    case .changeRouter(let name, _, _):
      routers[name]?.isUncertain = true
      routers[name]?.isAhead = false
    case .routerCondition(let name, _):
      routers[name]?.planned = nil
      dirtyRouters.insert(name)
    case .forgetNode(let name, let node):
      routers[name]?.forgotten.remove(node)
      dirtyRouters.insert(name)
    case .poolStatus(let name, _):
      pools[name]?.published = AddressPool.Status()
      dirtyPools.insert(name)
    case .deleteRouter, .event: break
    }
  }
}
