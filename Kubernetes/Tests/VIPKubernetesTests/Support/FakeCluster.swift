import VIP
import VIPCore
import VIPKubernetes
import VRRP

typealias Router = VIPKubernetes.VirtualRouter

/// An API server in memory with the objects that the plan is about, and speakers that do what they
/// read.
struct FakeCluster {
  var services: [ObjectKey: Service] = [:]
  var slices: [ObjectKey: EndpointSlice] = [:]
  var nodes: [String: ClusterNode] = [:]
  var namespaces: [String: Namespace] = [:]
  var pools: [String: AddressPool] = [:]
  var routers: [String: Router] = [:]
  var speakers: [String: FakeSpeaker] = [:]
  /// What is known of speakers by their Leases.
  private(set) var lives: [String: SpeakerLife] = [:]
  /// Nodes that were not ready or not there, and whether the allocator knows that they are again.
  private var excused: [String: Bool] = [:]
  /// Whether a node without a Lease has no speaker.
  var hasLeases = false
  /// What has changed since it was last taken, in order.
  private(set) var news: [Observation] = []
  private var version = 0

  var snapshot: ClusterSnapshot {
    var snapshot = ClusterSnapshot()
    snapshot.services = Array(services.values)
    snapshot.slices = Array(slices.values)
    snapshot.nodes = Array(nodes.values)
    snapshot.namespaces = Array(namespaces.values)
    snapshot.pools = Array(pools.values)
    snapshot.routers = Array(routers.values)
    snapshot.speakers = lives
    return snapshot
  }

  mutating func takeNews() -> [Observation] {
    defer { news = [] }
    return news
  }

  /// The next version of anything, which is a time, too.
  private mutating func stamp(_ metadata: inout ObjectMeta) {
    version += 1
    metadata.resourceVersion = "\(version)"
    if metadata.created.isEmpty {
      metadata.uid = "\(version)"
      let text = String(version)
      metadata.created = "2026-01-01T" + String(repeating: "0", count: 8 - text.count) + text
    }
  }

  mutating func put(_ service: Service) {
    var service = service
    let before = services[service.metadata.key]
    service.metadata.created = before?.metadata.created ?? ""
    service.metadata.uid = before?.metadata.uid ?? ""
    if service.status == Service.Status(), let before { service.status = before.status }
    stamp(&service.metadata)
    services[service.metadata.key] = service
    news.append(.service(service))
  }

  mutating func put(_ slice: EndpointSlice) {
    var slice = slice
    stamp(&slice.metadata)
    slices[slice.metadata.key] = slice
    news.append(.slice(slice))
  }

  mutating func put(_ node: ClusterNode) {
    var node = node
    stamp(&node.metadata)
    nodes[node.metadata.name] = node
    if !node.isReady { excused[node.metadata.name] = false }
    if speakers[node.metadata.name] == nil { speakers[node.metadata.name] = FakeSpeaker() }
    news.append(.node(node))
  }

  mutating func put(_ namespace: Namespace) {
    namespaces[namespace.metadata.name] = namespace
    news.append(.namespace(namespace))
  }

  mutating func put(_ pool: AddressPool) {
    var pool = pool
    if let before = pools[pool.metadata.name] { pool.status = before.status }
    stamp(&pool.metadata)
    pools[pool.metadata.name] = pool
    news.append(.pool(pool))
  }

  mutating func put(_ router: Router) {
    var router = router
    let before = routers[router.metadata.name]
    router.metadata.created = before?.metadata.created ?? ""
    router.metadata.generation = before?.metadata.generation ?? 1
    if let before, before.spec != router.spec { router.metadata.generation += 1 }
    stamp(&router.metadata)
    routers[router.metadata.name] = router
    news.append(.router(router))
  }

  /// Whether a speaker is or has been on a node.
  func hasSpeaker(_ node: String) -> Bool {
    !hasLeases || lives[node] != nil
      || routers.values.contains { $0.status.nodes.contains { $0.node == node } }
  }

  /// Says what is known of a node's speaker.
  mutating func setLife(_ life: SpeakerLife?, of node: String) {
    lives[node] = life
    news.append(life.map { .speaker(node, $0) } ?? .speakerGone(node))
  }

  mutating func removeService(_ key: ObjectKey) {
    if services.removeValue(forKey: key) != nil { news.append(.serviceGone(key)) }
    for slice in slices.values where slice.service == key {
      slices[slice.metadata.key] = nil
      news.append(.sliceGone(slice.metadata.key))
    }
  }

  /// Whether a node may still run what was taken from it while it was not waited for.
  ///
  /// Not for longer than until it reads the routers once the allocator knows that it is ready.
  /// Until then the question to the segment before an address's first use keeps others from it.
  func isExcused(_ node: String) -> Bool { excused[node] != nil }

  /// Takes note of what the allocator knows.
  mutating func noteTold(_ news: Observation) {
    guard case .node(let node) = news, let isReady = excused[node.metadata.name] else { return }
    if node.isReady != isReady { excused[node.metadata.name] = node.isReady }
  }

  /// Takes note that a node has read the routers.
  mutating func noteRead(_ node: String) {
    if excused[node] == true { excused[node] = nil }
  }

  /// Removes a node, which is off from then on.
  mutating func removeNode(_ name: String) {
    if nodes.removeValue(forKey: name) != nil { news.append(.nodeGone(name)) }
    speakers[name] = nil
    excused[name] = false
  }

  mutating func removePool(_ name: String) {
    if pools.removeValue(forKey: name) != nil { news.append(.poolGone(name)) }
  }

  mutating func removeRouter(_ name: String) {
    if routers.removeValue(forKey: name) != nil { news.append(.routerGone(name)) }
  }

  /// Makes a write, if its precondition holds.
  mutating func make(_ write: Write) -> Bool {
    switch write {
    case .service(let key, let basedOn, let update):
      guard var service = services[key], service.metadata.uid == basedOn.uid,
        basedOn.resourceVersion.map({ $0 == service.metadata.resourceVersion }) ?? true
      else { return false }
      service.status = Service.Status(ingress: update.ingress, condition: update.condition)
      stamp(&service.metadata)
      services[key] = service
      news.append(.service(service))
    case .createRouter(let name, let spec):
      guard routers[name] == nil else { return false }
      put(Router(metadata: ObjectMeta(name: name), spec: spec))
    case .changeRouter(let name, let basedOn, let change):
      guard var router = routers[name], router.metadata.generation == basedOn else { return false }
      router.spec.apply(change)
      put(router)
    case .deleteRouter(let name, let basedOn):
      guard let router = routers[name] else { return true }
      guard router.metadata.generation == basedOn else { return false }
      removeRouter(name)
    case .routerCondition(let name, let condition):
      guard var router = routers[name] else { return false }
      router.status.conditions.removeAll { $0.type == condition.type }
      router.status.conditions.append(condition)
      put(router)
    case .forgetNode(let name, let node):
      guard var router = routers[name] else { return false }
      router.status.nodes.removeAll { $0.node == node }
      router.status.active = router.status.active.filter { $0.value.node != node }
      put(router)
    case .poolStatus(let name, let status):
      guard let pool = pools[name] else { return false }
      var changed = pool
      changed.status = status
      stamp(&changed.metadata)
      pools[name] = changed
      news.append(.pool(changed))
    case .event: break
    }
    return true
  }
}

/// A speaker: what it has read last, what it runs, and what it has to say about it.
struct FakeSpeaker {
  var running: [RouterConfiguration] = []
  var report: [String: SpeakerPlan.Acknowledgement] = [:]
  /// Whether it is cut off from the API server.
  var isDeaf = false
}

extension FakeCluster {
  /// Has a speaker read the routers, enter itself where it has to, and run what they say.
  mutating func look(_ node: String) {
    guard var speaker = speakers[node], !speaker.isDeaf else { return }
    let interfaces = [
      SpeakerInterface(
        "eth0", ["192.0.2.1/24", "198.51.100.1/24", "2001:db8::1/64"].compactMap { .init($0) }),
      SpeakerInterface("eth1", []),
    ]
    let plan = SpeakerPlan(
      Array(routers.values), on: node,
      isInMaintenance: nodes[node]?.isInMaintenance ?? false, interfaces: interfaces,
      running: speaker.running)
    for name in plan.registrations {
      guard var router = routers[name] else { continue }
      router.status.nodes.append(.init(node, generation: 0))
      put(router)
    }
    speaker.running = plan.routers
    speaker.report = plan.acknowledgements
    speakers[node] = speaker
    noteRead(node)
  }

  /// Has a speaker say what it has done when it looked last, and the Active of each router that it
  /// is it.
  mutating func report(_ node: String) {
    guard let speaker = speakers[node], !speaker.isDeaf else { return }
    for (name, said) in speaker.report.sorted(by: { $0.key < $1.key }) {
      guard var router = routers[name] else { continue }
      let place = router.status.nodes.firstIndex { $0.node == node }
      switch said {
      case .running(let generation, let problem, let unserved):
        let entry = Router.Acknowledgement(
          node, generation: generation, problem: problem, unserved: unserved)
        if let place { router.status.nodes[place] = entry }
      case .released: if let place { router.status.nodes.remove(at: place) }
      }
      for family in [AddressFamily.ipv4, .ipv6] {
        guard let holder = holder(of: name, family), holder == node else { continue }
        router.status.active[family] = .init(node)
      }
      if router != routers[name] { put(router) }
    }
    speakers[node]?.report = [:]
  }

  /// The node that is Active of a router: the one with the highest priority of those that run it.
  func holder(of name: String, _ family: AddressFamily) -> String? {
    speakers.filter { nodes[$0.key]?.isReady == true && nodes[$0.key]?.isInMaintenance == false }
      .compactMap { node, speaker in
        speaker.running.first { $0.name == name && !$0.addresses(family).isEmpty }
          .map { ($0.priority.rawValue, node) }
      }.max { $0 < $1 }?.1
  }

  /// The node that serves an address.
  func holder(of address: IPAddress) -> String? {
    let router = routers.values.first { $0.spec.addresses.contains(address) }
    return router.flatMap { holder(of: $0.metadata.name, address.family) }
  }
}
