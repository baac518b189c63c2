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
    allocator = Allocator(options: options)
    allocator.observe(cluster.snapshot)
    _ = cluster.takeNews()
  }

  /// Tells the allocator what has happened.
  mutating func tell() {
    for news in cluster.takeNews() { allocator.observe(news) }
  }

  /// Plans and makes the writes, or only the first of them; then the allocator dies.
  @discardableResult
  mutating func plan(only count: Int = .max) -> [Write] {
    tell()
    let writes = allocator.plan()
    for write in writes.prefix(count) {
      if !cluster.make(write) { violations.append("can't be made: \(write)") }
      note()
    }
    if count < writes.count { restart() }
    return writes
  }

  mutating func look(_ nodes: [String]) {
    for node in nodes {
      cluster.look(node)
      note()
    }
  }

  mutating func report(_ nodes: [String]) { for node in nodes { cluster.report(node) } }

  private mutating func note() {
    for violation in cluster.violations where !violations.contains(violation) {
      violations.append(violation)
    }
  }

  /// Goes on until nothing is left to do; what was written.
  @discardableResult
  mutating func settle() -> [Write] {
    var all: [Write] = []
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
      if isQuiet { return all }
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
