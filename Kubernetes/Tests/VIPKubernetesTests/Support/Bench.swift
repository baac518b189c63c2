import VIPCore
import VIPKubernetes

/// A cluster with an allocator that is told of everything.
struct Bench {
  var cluster = FakeCluster()
  var allocator: Allocator
  let options: AllocatorOptions
  /// What was never to be so and was.
  private(set) var violations: [String] = []

  init(options: AllocatorOptions = AllocatorOptions()) {
    self.options = options
    allocator = Allocator(options: options)
  }

  /// Makes a new allocator, which reads everything.
  mutating func restart() {
    untold = []
    allocator = Allocator(options: options)
    allocator.observe(cluster.snapshot)
    for node in cluster.nodes.values { cluster.noteTold(.node(node)) }
    _ = cluster.takeNews()
  }

  /// What has happened and the allocator does not know yet.
  private var untold: [Observation] = []

  /// Tells the allocator what has happened, or the beginning of it.
  mutating func tell(only count: Int = .max) {
    untold += cluster.takeNews()
    for news in untold.prefix(count) {
      allocator.observe(news)
      cluster.noteTold(news)
    }
    untold.removeFirst(min(count, untold.count))
  }

  /// Half a minute passes, some times over.
  mutating func passTime(_ count: Int = 1) {
    tell()
    for _ in 0..<count { allocator.observe(.timePassed) }
  }

  var untoldCount: Int { untold.count }

  /// Plans with what the allocator knows, and makes the writes; with the first that fails all
  /// behind it do, and then all is told that has happened.
  mutating func planBehind() {
    var hasFailed = false
    var failedRouters: [String] = []
    var before = cluster.violations
    for write in allocator.plan() {
      if !hasFailed, cluster.make(write) {
        note(except: &before)
      } else {
        hasFailed = true
        allocator.failed(write)
        switch write {
        case .createRouter(let name, _), .changeRouter(let name, _, _),
          .deleteRouter(let name, _), .routerCondition(let name, _), .forgetNode(let name, _):
          failedRouters.append(name)
        default: break
        }
      }
    }
    if hasFailed {
      tell()
      // What was read again is said again, whether it has changed or not.
      for name in failedRouters {
        allocator.observe(cluster.routers[name].map { .router($0) } ?? .routerGone(name))
      }
      for service in cluster.services.values { allocator.observe(.service(service)) }
    }
  }

  /// Plans and makes the writes, or only the first of them; then the allocator dies.
  @discardableResult
  mutating func plan(only count: Int = .max) -> [Write] {
    tell()
    let writes = allocator.plan()
    var before = cluster.violations
    for write in writes.prefix(count) {
      if !cluster.make(write) { violations.append("can't be made: \(write)") }
      note(except: &before)
    }
    if count < writes.count { restart() }
    return writes
  }

  mutating func look(_ nodes: [String]) {
    var before = cluster.violations
    for node in nodes {
      cluster.look(node)
      note(except: &before)
    }
  }

  mutating func report(_ nodes: [String]) { for node in nodes { cluster.report(node) } }

  /// Notes what a write or a speaker has made wrong; what users make wrong is theirs.
  private mutating func note(except before: inout [String]) {
    let now = cluster.violations
    violations += now.filter { !before.contains($0) }
    before = now
  }

  /// Goes on until nothing is left to do; what was written.
  @discardableResult
  mutating func settle() -> [Write] {
    var all: [Write] = []
    var quietRounds = 0
    for _ in 0..<50 {
      let writes = plan()
      all += writes
      let nodes = cluster.nodes.keys.sorted()
      look(nodes)
      report(nodes)
      // What was entered before is run now.
      look(nodes)
      report(nodes)
      let isQuiet = writes.isEmpty && cluster.routers.values.allSatisfy(\.spec.leaving.isEmpty)
      quietRounds = isQuiet ? quietRounds + 1 : 0
      // What nodes have said in a quiet round may still be a reason to write.
      if quietRounds == 2 { return all }
    }
    return all
  }

  func service(_ name: String) -> Service? {
    cluster.services[ObjectKey("default", name)]
  }

  /// The addresses of a Service as text.
  func ingress(_ name: String) -> [String] {
    service(name)?.status.ingress.map(\.description) ?? []
  }

  /// The reason of a Service's condition.
  func reason(_ name: String) -> String? { service(name)?.status.condition?.reason }

  /// How many shared routers of a pool each node is first of.
  func shares(_ pool: String) -> [String: Int] {
    var shares: [String: Int] = [:]
    for router in cluster.routers.values
    where router.spec.pool == pool && router.spec.service == nil {
      let first = router.spec.candidates.max { $0.priority < $1.priority }
      if let first { shares[first.node, default: 0] += 1 }
    }
    return shares
  }
}
