import KubernetesClient
import VIPKubernetes

/// An event of one of the kinds that the allocator is about.
enum ClusterEvent: Sendable {
  case service(ReflectorEvent<Service>)
  case slice(ReflectorEvent<EndpointSlice>)
  case node(ReflectorEvent<ClusterNode>)
  case namespace(ReflectorEvent<Namespace>)
  case pool(ReflectorEvent<AddressPool>)
  case router(ReflectorEvent<VirtualRouter>)

  /// What is to be told of it, whatever the allocator makes of it.
  var news: AllocatorLoop.News? {
    switch self {
    case .service(let event): Self.news("services", event)
    case .slice(let event): Self.news("endpointslices", event)
    case .node(let event): Self.news("nodes", event)
    case .namespace(let event): Self.news("namespaces", event)
    case .pool(let event): Self.news("addresspools", event)
    case .router(let event): Self.news("virtualrouters", event)
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
    case news(Observation)
  }

  private(set) var services = StoredKind<Service>()
  private(set) var slices = StoredKind<EndpointSlice>()
  private(set) var nodes = StoredKind<ClusterNode>()
  private(set) var namespaces = StoredKind<Namespace>()
  private(set) var pools = StoredKind<AddressPool>()
  private(set) var routers = StoredKind<VirtualRouter>()

  /// Whether all kinds have been listed.
  var isComplete: Bool {
    services.isListed && slices.isListed && nodes.isListed && namespaces.isListed
      && pools.isListed && routers.isListed
  }

  var snapshot: ClusterSnapshot {
    var snapshot = ClusterSnapshot()
    snapshot.services = services.all
    snapshot.slices = slices.all
    snapshot.nodes = nodes.all
    snapshot.namespaces = namespaces.all
    snapshot.pools = pools.all
    snapshot.routers = routers.all
    return snapshot
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
  }

  mutating func take(_ event: ClusterEvent) -> Meaning {
    switch event {
    case .service(let event):
      services.take(event, { .service($0) }, { .serviceGone(ObjectKey($0.namespace, $0.name)) })
    case .slice(let event):
      slices.take(event, { .slice($0) }, { .sliceGone(ObjectKey($0.namespace, $0.name)) })
    case .node(let event): nodes.take(event, { .node($0) }, { .nodeGone($0.name) })
    case .namespace(let event):
      namespaces.take(event, { .namespace($0) }, { .namespaceGone($0.name) })
    case .pool(let event): pools.take(event, { .pool($0) }, { .poolGone($0.name) })
    case .router(let event): routers.take(event, { .router($0) }, { .routerGone($0.name) })
    }
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

  mutating func take(
    _ event: ReflectorEvent<Object>, _ news: (Object) -> Observation,
    _ gone: (ObjectName) -> Observation
  ) -> ClusterStore.Meaning {
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
      return .news(news(object))
    case .gone(let reference):
      objects[reference.name] = nil
      return .news(gone(reference.name))
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
