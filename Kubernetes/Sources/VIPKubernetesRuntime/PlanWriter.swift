public import KubernetesClient
import VIPCore
public import VIPKubernetes

/// Makes the writes of an ``Allocator``'s plan, each only if its object is still what the plan is
/// based on.
///
/// It is told the same observations as the allocator. It keeps what preconditions need and the plan
/// does not say: uids, the specs of routers, and the versions that its own writes resulted in.
public struct PlanWriter: Sendable {
  /// A Service about which can be written.
  struct KnownService: Sendable {
    var uid: String
    /// The addresses in its status.
    var ingress: [IPAddress]
  }

  /// A router on which a change can be based.
  struct KnownRouter: Sendable {
    var uid: String
    var generation: Int64
    var spec: VirtualRouter.Spec
  }

  let client: KubernetesClient
  private let leadership: Leadership?
  private(set) var routers: [String: KnownRouter] = [:]
  private var pools: [String: String] = [:]
  private(set) var services: [ObjectKey: KnownService] = [:]
  /// The versions in which own writes have resulted.
  private var ownVersions: [ObjectKey: String] = [:]
  /// The versions of what has been read again, until news of them have come.
  private var rereadVersions: [Event.Subject: String] = [:]
  var conditionTimes = ConditionTimes()
  /// What tells people; another task has to run it.
  let events: EventWriter

  /// Makes a writer, which writes nothing after its right to has ended.
  public init(_ client: KubernetesClient, leadership: Leadership?, instance: String) {
    self.init(
      client, leadership: leadership,
      events: EventWriter(
        client, controller: "vipctl.io/allocator", instance: instance, rate: 2, burst: 50,
        leadership: leadership))
  }

  init(_ client: KubernetesClient, leadership: Leadership?, events: EventWriter) {
    self.client = client
    self.leadership = leadership
    self.events = events
  }

  /// Takes note of what the allocator is told, and says whether it is to be told: not what is older
  /// than what has been read again since.
  public mutating func observe(_ observation: Observation) -> Bool {
    if let (subject, version) = observation.version, let last = rereadVersions[subject] {
      guard version.map({ !ResourceVersion.isOlder($0, than: last) }) ?? true else { return false }
      rereadVersions[subject] = nil
    }
    note(observation)
    return true
  }

  private mutating func note(_ observation: Observation) {
    switch observation {
    case .service(let service): note(service)
    case .serviceGone(let key, _):
      services[key] = nil
      ownVersions[key] = nil
      conditionTimes.forget(.service(key))
    case .pool(let pool): pools[pool.metadata.name] = pool.metadata.uid
    case .poolGone(let name, _):
      pools[name] = nil
      conditionTimes.forget(.pool(name))
    case .router(let router):
      let metadata = router.metadata
      // What was read before an own write came back is of the time before it.
      if let known = routers[metadata.name], known.uid == metadata.uid,
        known.generation > metadata.generation
      {
        return
      }
      routers[metadata.name] = KnownRouter(
        uid: metadata.uid, generation: metadata.generation, spec: router.spec)
    case .routerGone(let name, _):
      routers[name] = nil
      conditionTimes.forget(.router(name))
    case .slice, .sliceGone, .node, .nodeGone, .namespace, .namespaceGone, .speaker, .speakerGone,
      .timePassed:
      break
    }
  }

  private mutating func note(_ service: Service) {
    let (key, metadata) = (service.metadata.key, service.metadata)
    var ingress = service.status.ingress
    // What was read before an own write came back is of the time before it.
    if let known = services[key], known.uid == metadata.uid, let own = ownVersions[key],
      ResourceVersion.isOlder(metadata.resourceVersion, than: own)
    {
      ingress = known.ingress
    }
    services[key] = KnownService(uid: metadata.uid, ingress: ingress)
  }

  /// Reads the object of a write that has failed, for the allocator to observe.
  ///
  /// This writer takes note of it. A watch that runs beside it may still say what was before.
  public mutating func reread(_ subject: Event.Subject) async throws(APIError) -> Observation {
    let observation = try await read(subject)
    note(observation)
    if let (subject, version) = observation.version { rereadVersions[subject] = version }
    return observation
  }

  private func read(_ subject: Event.Subject) async throws(APIError) -> Observation {
    do throws(APIError) {
      switch subject {
      case .service(let key): return .service(try await client.get(.services, ObjectName(key)))
      case .router(let name):
        return .router(try await client.get(.virtualRouters, ObjectName(name)))
      case .pool(let name): return .pool(try await client.get(.addressPools, ObjectName(name)))
      }
    } catch {
      guard error.isNotFound else { throw error }
      switch subject {
      case .service(let key): return .serviceGone(key)
      case .router(let name): return .routerGone(name)
      case .pool(let name): return .poolGone(name)
      }
    }
  }

  /// A write that only the holder of the Lease may make goes on no longer than that right.
  private var options: RequestOptions {
    RequestOptions(deadline: leadership?.end, repetition: .unlessCarriedOut)
  }

  /// Makes a write; an event is written later.
  public mutating func make(_ write: Write) async throws(APIError) {
    switch write {
    case .service(let key, let version, let update): try await make(key, version, update)
    case .createRouter(let name, let spec): try await create(name, spec)
    case .changeRouter(let name, let generation, let change):
      try await self.change(name, generation, change)
    case .deleteRouter(let name, let generation): try await delete(name, generation)
    case .routerCondition(let name, let condition):
      try await client.patch(
        .virtualRouters, ObjectName(name),
        .apply(try conditionBody(name, condition), force: true), subresource: .status,
        options: options)
    case .forgetNode(let name, let node):
      // What a speaker has said is its own: in its name it is taken away, and nothing else.
      try await client.patch(
        .virtualRouters, ObjectName(name), .apply(.object(routerBody(name)), force: true),
        subresource: .status, as: ClientConfiguration.fieldManager(ofSpeakerOn: node),
        options: options)
    case .poolStatus(let name, let status):
      try await client.patch(
        .addressPools, ObjectName(name), .merge(["status": try poolBody(name, status)]),
        subresource: .status, options: options)
    case .event(let event): tell(event)
    }
  }

  private mutating func make(
    _ key: ObjectKey, _ version: ServiceVersion, _ update: ServiceUpdate
  ) async throws(APIError) {
    guard let resourceVersion = version.resourceVersion ?? ownVersions[key] else {
      throw Self.outdated("there was no write before to Service \(key)")
    }
    let body = try serviceBody(key, uid: version.uid, resourceVersion, update)
    let reference = try await client.patch(
      .services, ObjectName(key), .apply(body, force: true), subresource: .status,
      options: options)
    ownVersions[key] = reference.resourceVersion
    services[key]?.ingress = update.ingress
  }

  /// Takes out of the status of a router, as it was read, that a node is Active for some families.
  func vacate(_ router: VirtualRouter, _ families: [AddressFamily]) async throws(APIError) {
    var active: [String: JSONValue] = [:]
    for family in families { active[family == .ipv4 ? "ipv4" : "ipv6"] = .null }
    let metadata = router.metadata
    // With anything that has been said since it fails.
    try await client.patch(
      .virtualRouters, ObjectName(metadata.name),
      .merge([
        "metadata": [
          "uid": .string(metadata.uid), "resourceVersion": .string(metadata.resourceVersion),
        ], "status": ["active": .object(active)],
      ]), subresource: .status, options: options)
  }

  private mutating func create(
    _ name: String, _ spec: VirtualRouter.Spec
  ) async throws(APIError) {
    let reference = try await client.create(
      .virtualRouters,
      [
        "apiVersion": .string(API.groupVersion), "kind": "VirtualRouter",
        "metadata": ["name": .string(name)], "spec": try JSONValue(encoding: spec),
      ], options: options)
    routers[name] = KnownRouter(
      uid: reference.uid, generation: reference.generation, spec: spec)
  }

  /// The whole spec is replaced, since what it is on a generation is known: it is that or there is
  /// a conflict.
  private mutating func change(
    _ name: String, _ generation: Int64, _ change: RouterChange
  ) async throws(APIError) {
    guard var known = routers[name], known.generation == generation else {
      throw Self.outdated("router \(name) is not of generation \(generation)")
    }
    known.spec.apply(change)
    let reference = try await client.patch(
      .virtualRouters, ObjectName(name),
      .json([
        .test("/metadata/uid", .string(known.uid)),
        .test("/metadata/generation", .integer(generation)),
        .replace("/spec", try JSONValue(encoding: known.spec)),
      ]), options: options)
    guard reference.generation == generation + 1 else {
      routers[name] = nil
      throw Self.outdated("router \(name) has generation \(reference.generation) after a change")
    }
    known.generation = reference.generation
    routers[name] = known
  }

  /// How often a router is read again whose status has changed before it was deleted.
  private static let deletionAttemptsMax = 5

  /// Deletes what was read just before, and not another version.
  ///
  /// The API has no precondition for a generation.
  private mutating func delete(_ name: String, _ generation: Int64) async throws(APIError) {
    for attempt in 1...Self.deletionAttemptsMax {
      do throws(APIError) {
        let router = try await client.get(.virtualRouters, ObjectName(name))
        guard router.metadata.generation == generation,
          routers[name].map({ $0.uid == router.metadata.uid }) ?? true
        else { throw Self.outdated("router \(name) is not of generation \(generation)") }
        guard !router.metadata.isDeleting else { break }
        try await client.delete(
          .virtualRouters, ObjectName(name),
          Preconditions(
            uid: router.metadata.uid, resourceVersion: router.metadata.resourceVersion),
          options: options)
        break
      } catch {
        if error.isNotFound { break }
        // The status has changed meanwhile, which does not matter.
        let isNews = error.isConflict && error.status?.reason != Self.outdatedReason
        guard isNews, attempt < Self.deletionAttemptsMax else { throw error }
      }
    }
    routers[name] = nil
  }

  private static let outdatedReason = "Outdated"

  /// The conflict that the server would tell, were it asked.
  private static func outdated(_ message: String) -> APIError {
    .status(APIStatus(code: 409, reason: outdatedReason, message: message))
  }

  /// Tells people, if there is not too much to tell; what can't be told is left out.
  func tell(_ event: Event) {
    let uid: String? =
      switch event.subject {
      case .service(let key): services[key]?.uid
      case .router(let name): routers[name]?.uid
      case .pool(let name): pools[name]
      }
    events.tell(event, uid: uid)
  }
}

extension Observation {
  /// What it is about, and its version, which is `nil` for what is gone if it is not known since
  /// when; nothing for objects that are not written.
  fileprivate var version: (subject: Event.Subject, version: String?)? {
    switch self {
    case .service(let service): (.service(service.metadata.key), service.metadata.resourceVersion)
    case .serviceGone(let key, let version): (.service(key), version)
    case .pool(let pool): (.pool(pool.metadata.name), pool.metadata.resourceVersion)
    case .poolGone(let name, let version): (.pool(name), version)
    case .router(let router): (.router(router.metadata.name), router.metadata.resourceVersion)
    case .routerGone(let name, let version): (.router(name), version)
    case .slice, .sliceGone, .node, .nodeGone, .namespace, .namespaceGone, .speaker, .speakerGone,
      .timePassed:
      nil
    }
  }
}

extension Write {
  /// The object that is written; `nil` for an event.
  var subject: Event.Subject? {
    switch self {
    case .service(let key, _, _): .service(key)
    case .createRouter(let name, _), .changeRouter(let name, _, _), .deleteRouter(let name, _),
      .routerCondition(let name, _), .forgetNode(let name, _):
      .router(name)
    case .poolStatus(let name, _): .pool(name)
    case .event: nil
    }
  }
}
