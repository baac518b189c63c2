import KubernetesClient
import VIPCore
import VIPKubernetes

/// An event of one of the kinds that the allocator is about.
enum ClusterEvent: Sendable {
  case service(ReflectorEvent<Service>)
  case slice(ReflectorEvent<EndpointSlice>)
  case node(ReflectorEvent<ClusterNode>)
  case namespace(ReflectorEvent<Namespace>)
  case pool(ReflectorEvent<AddressPool>)
  case router(ReflectorEvent<VirtualRouter>)
  case speaker(ReflectorEvent<Lease>)
  /// Half a minute has passed.
  case time

  /// What is to be told of it, whatever the allocator makes of it.
  var news: AllocatorLoop.News? {
    switch self {
    case .service(let event): Self.news("services", event)
    case .slice(let event): Self.news("endpointslices", event)
    case .node(let event): Self.news("nodes", event)
    case .namespace(let event): Self.news("namespaces", event)
    case .pool(let event): Self.news("addresspools", event)
    case .router(let event): Self.news("virtualrouters", event)
    case .speaker(let event): Self.news("leases", event)
    case .time: nil
    }
  }

  private static func news<Object>(
    _ kind: String, _ event: ReflectorEvent<Object>
  ) -> AllocatorLoop.News? {
    switch event {
    case .interrupted(let error, _): .interrupted(kind: kind, error)
    case .skipped(let reference, let problem): .skipped(kind: kind, reference, problem: problem)
    case .listed, .changed, .gone, .watching, .doubted: nil
    }
  }
}

/// All objects that the allocator is about, as they were read last.
struct ClusterStore: Sendable {
  /// What an event means for the allocator.
  enum Meaning: Sendable {
    case nothing
    /// A kind has been listed for the first time.
    case listed
    /// A kind has been listed once more.
    case listedAgain
    case news([Observation])
  }

  /// Whether the Leases of speakers belong to it.
  private let watchesSpeakers: Bool

  private(set) var services = StoredKind<Service>()
  private(set) var slices = StoredKind<EndpointSlice>()
  private(set) var nodes = StoredKind<ClusterNode>()
  private(set) var namespaces = StoredKind<Namespace>()
  private(set) var pools = StoredKind<AddressPool>()
  private(set) var routers = StoredKind<VirtualRouter>()
  private(set) var speakers = StoredKind<Lease>()
  private var register = SpeakerRegister()
  /// In the status of how many routers each node has an entry.
  private var entryCounts: [String: Int] = [:]

  init(watchesSpeakers: Bool = false) { self.watchesSpeakers = watchesSpeakers }

  /// Whether all kinds have been listed.
  var isComplete: Bool {
    services.isListed && slices.isListed && nodes.isListed && namespaces.isListed
      && pools.isListed && routers.isListed && (speakers.isListed || !watchesSpeakers)
  }

  /// The number of nodes whose speakers are silent.
  var silentCount: Int { register.silentCount }

  var snapshot: ClusterSnapshot {
    var snapshot = ClusterSnapshot()
    snapshot.services = services.all
    snapshot.slices = slices.all
    snapshot.nodes = nodes.all
    snapshot.namespaces = namespaces.all
    snapshot.pools = pools.all
    snapshot.routers = routers.all
    snapshot.speakers = register.lives
    return snapshot
  }

  /// The families that a router is said to be Active for on a node that is dead: one that is no
  /// more, or of which neither the kubelet nor the speaker says anything.
  ///
  /// A successor says so itself. Where there is none nobody else would.
  func vacancies(of router: String) -> [AddressFamily] {
    guard watchesSpeakers, let active = routers[ObjectName(router)]?.status.active else {
      return []
    }
    return AddressFamily.allCases.filter { active[$0].map { isDead($0.node) } ?? false }
  }

  private func isDead(_ name: String) -> Bool {
    let life = register.life(of: name)
    guard let node = nodes[ObjectName(name)] else { return life != .alive }
    return life == .silent && !node.isReady
  }

  /// Takes note that all kinds have to be listed again.
  ///
  /// What they had is kept for comparison.
  mutating func forgetLists() {
    services.isListed = false
    slices.isListed = false
    nodes.isListed = false
    namespaces.isListed = false
    pools.isListed = false
    routers.isListed = false
    speakers.isListed = false
  }

  /// Takes an event that has come at a time of the client's clock.
  mutating func take(_ event: ClusterEvent, at now: Duration) -> Meaning {
    switch event {
    case .service(let event):
      services.take(event, { .service($0) }) {
        .serviceGone(ObjectKey($0.name.namespace, $0.name.name), version: $0.resourceVersion)
      }
    case .slice(let event):
      slices.take(event, { .slice($0) }) {
        .sliceGone(ObjectKey($0.name.namespace, $0.name.name))
      }
    case .node(let event): nodes.take(event, { .node($0) }) { .nodeGone($0.name.name) }
    case .namespace(let event):
      namespaces.take(event, { .namespace($0) }) { .namespaceGone($0.name.name) }
    case .pool(let event):
      pools.take(event, { .pool($0) }) { .poolGone($0.name.name, version: $0.resourceVersion) }
    case .router(let event): takeRouter(event, at: now)
    case .speaker(let event): takeSpeaker(event, at: now)
    case .time: .news([.timePassed])
    }
  }

  /// Takes an event of a router, and counts the entries of nodes in its status.
  private mutating func takeRouter(
    _ event: ReflectorEvent<VirtualRouter>, at now: Duration
  ) -> Meaning {
    var before: VirtualRouter?
    switch event {
    case .changed(let reference, _), .gone(let reference): before = routers[reference.name]
    case .listed, .skipped, .watching, .interrupted, .doubted: break
    }
    let meaning = routers.take(event, { .router($0) }) {
      .routerGone($0.name.name, version: $0.resourceVersion)
    }
    guard watchesSpeakers else { return meaning }
    switch event {
    case .listed:
      entryCounts = [:]
      for router in routers.all { count(router, 1) }
    case .changed(_, let router):
      guard before?.status.nodes.map(\.node) != router.status.nodes.map(\.node) else {
        return meaning
      }
      if let before { count(before, -1) }
      count(router, 1)
    case .gone: if let before { count(before, -1) }
    case .skipped, .watching, .interrupted, .doubted: return meaning
    }
    let news = register.setEntered(Set(entryCounts.keys), at: now)
    if case .news(let observations) = meaning { return .news(observations + news) }
    return meaning
  }

  private mutating func count(_ router: VirtualRouter, _ step: Int) {
    for entry in router.status.nodes {
      let count = entryCounts[entry.node, default: 0] + step
      entryCounts[entry.node] = count > 0 ? count : nil
    }
  }

  private mutating func takeSpeaker(_ event: ReflectorEvent<Lease>, at now: Duration) -> Meaning {
    var gone: Lease?
    if case .gone(let reference) = event { gone = speakers[reference.name] }
    let meaning = speakers.take(event)
    switch event {
    case .listed:
      let leases = speakers.all.filter(\.isOfSpeaker)
      register.begin(with: leases.map { ($0.holder, $0.renewed) }, at: now)
      return meaning
    case .changed(_, let lease):
      guard lease.isOfSpeaker else { return .nothing }
      return .news(register.take(lease.holder, renewed: lease.renewed, at: now))
    case .gone:
      guard let gone, gone.isOfSpeaker else { return .nothing }
      return .news(register.remove(gone.holder, at: now))
    case .skipped, .watching, .interrupted, .doubted: return meaning
    }
  }
}

extension Lease {
  /// Whether it says that a node has a speaker.
  fileprivate var isOfSpeaker: Bool {
    !holder.isEmpty && metadata.name.name == SpeakerPresence.leaseName(of: holder)
  }
}

/// The objects of a kind.
struct StoredKind<Object: Decodable & Sendable>: Sendable {
  private var objects: [ObjectName: (reference: ObjectReference, object: Object)] = [:]
  var isListed = false

  /// What names them.
  var references: [ObjectReference] { objects.values.map(\.reference) }
  /// All of them, in the order of their names.
  var all: [Object] { objects.sorted { $0.key < $1.key }.map(\.value.object) }

  /// All of them, in any order.
  var unsorted: some Sequence<Object> { objects.values.lazy.map(\.object) }

  subscript(name: ObjectName) -> Object? { objects[name]?.object }

  /// Takes an event; what is news of an object follows from that.
  mutating func take(
    _ event: ReflectorEvent<Object>, _ news: (Object) -> Observation,
    _ gone: (ObjectReference) -> Observation
  ) -> ClusterStore.Meaning {
    let meaning = take(event)
    return switch event {
    case .changed(_, let object): .news([news(object)])
    case .gone(let reference): .news([gone(reference)])
    case .listed, .skipped, .watching, .interrupted, .doubted: meaning
    }
  }

  /// Takes an event, and says what it means but for its object.
  mutating func take(_ event: ReflectorEvent<Object>) -> ClusterStore.Meaning {
    switch event {
    case .listed(let list):
      let before = objects
      objects = [:]
      for (reference, object) in list.objects { objects[reference.name] = (reference, object) }
      for reference in list.unreadable {
        guard let last = before[reference.name], last.reference.uid == reference.uid else {
          continue
        }
        objects[reference.name] = last
      }
      defer { isListed = true }
      return isListed ? .listedAgain : .listed
    case .changed(let reference, let object):
      objects[reference.name] = (reference, object)
      return .nothing
    case .gone(let reference):
      objects[reference.name] = nil
      return .nothing
    case .skipped, .watching, .interrupted, .doubted: return .nothing
    }
  }
}

extension ClusterSnapshot {
  /// What a ``PlanWriter`` needs to know of it.
  var observations: [Observation] {
    services.map { .service($0) } + pools.map { .pool($0) } + routers.map { .router($0) }
  }
}
