import VIPCore
import VIPKubernetes
import VRRPSimulation

/// Lets chance change a cluster.
struct RandomCluster {
  var bench: Bench
  var random: SeededRandom
  /// What has happened, to be read when something was wrong.
  private(set) var log: [String] = []
  /// Services that were not touched since the last look at them.
  private(set) var quiet: Set<ObjectKey> = []
  private var endpoints: [String: [String]] = [:]
  private let sharesAddresses: Bool
  private let watchesSpeakers: Bool
  /// Whether those that share an address with a Service that is touched are quiet still.
  private let keepsSharers: Bool

  private static let nodeNames = ["a", "b", "c", "d", "e", "f"]
  private static let serviceNames = (0..<14).map { "s\($0)" }

  init(
    seed: UInt64, sharesAddresses: Bool = true, watchesSpeakers: Bool = false,
    keepsSharers: Bool = false
  ) {
    self.sharesAddresses = sharesAddresses
    self.keepsSharers = keepsSharers
    self.watchesSpeakers = watchesSpeakers
    bench = Bench(options: AllocatorOptions(watchesSpeakers: watchesSpeakers))
    bench.cluster.hasLeases = watchesSpeakers
    random = SeededRandom(seed: seed)
    for name in Self.nodeNames.prefix(3) { bench.cluster.put(ClusterNode.make(name)) }
    if watchesSpeakers { bench.cluster.setLife(.alive, of: "a") }
    bench.cluster.put(
      AddressPool.make("lan", "192.0.2.100-192.0.2.112", "2001:db8::/64", vrids: "31-42"))
    bench.cluster.put(
      AddressPool.make("web", "192.0.2.110-192.0.2.120", vrids: "40-50") { $0.order = 1 })
  }

  mutating func restart() {
    log.append("restart")
    bench.restart()
  }

  /// Notes which Services have what they have.
  mutating func beginQuiet() { quiet = Set(bench.cluster.services.keys) }

  /// Something happens.
  mutating func disturb() {
    if watchesSpeakers, random.below(4) == 0 { return changeLife() }
    switch random.below(20) {
    case 0..<7: changeService()
    case 7..<9: removeService()
    case 9..<12: changeEndpoints()
    case 12..<16: changeNode()
    case 16: removeNode()
    case 17: changePool()
    case 18: setForeign()
    default: bench.cluster.speakers[random.pick(Self.nodeNames)]?.isDeaf = random.below(3) == 0
    }
  }

  /// A speaker looks or says what it has done.
  mutating func speak() {
    let node = random.pick(Self.nodeNames)
    if random.below(2) == 0 { bench.look([node]) } else { bench.report([node]) }
  }

  mutating func changeService() {
    let name = random.pick(Self.serviceNames)
    let isDual = random.below(4) == 0
    let key = sharesAddresses && random.below(3) == 0 ? random.pick(["k", "l"]) : nil
    let addresses =
      random.below(5) == 0 ? "192.0.2.\(100 + random.below(22))" : nil
    let policy = random.pick(["PreferDualStack", "RequireDualStack", "SingleStack"])
    let app = random.below(4)
    var service = Service.make(
      name, families: isDual ? [.ipv4, .ipv6] : [random.below(5) == 0 ? .ipv6 : .ipv4],
      policy: policy, isLocal: random.below(3) == 0,
      pool: random.below(5) == 0 ? random.pick(["lan", "web", "none"]) : nil,
      addresses: addresses, key: key,
      ports: [.init("TCP", Int(80 + random.below(4)))],
      selector: app == 0 ? [:] : ["app": app == 1 ? "x" : "y"])
    let isDeleting = bench.cluster.services[ObjectKey("default", name)]?.metadata.isDeleting
    service.metadata.isDeleting = isDeleting ?? false
    let spec = service.spec
    log.append(
      "service \(name) \(spec.ipFamilies) \(spec.ipFamilyPolicy) \(spec.externalTrafficPolicy) "
        + "\(spec.ports.map(\.port)) \(spec.selector) \(service.metadata.annotations)")
    touch(ObjectKey("default", name))
    bench.cluster.put(service)
    if endpoints[name] == nil { setEndpoints(of: name) }
  }

  /// A Service and all that may have an address with it are not quiet any more.
  private mutating func touch(_ key: ObjectKey) {
    quiet.remove(key)
    quiet = quiet.filter { other in
      guard let annotations = bench.cluster.services[other]?.metadata.annotations else {
        return false
      }
      return annotations.keys.allSatisfy { keepsSharers && $0 == Annotation.sharingKey }
    }
  }

  private mutating func removeService() {
    let name = random.pick(Self.serviceNames)
    touch(ObjectKey("default", name))
    if var service = bench.cluster.services[ObjectKey("default", name)],
      !service.metadata.isDeleting, random.below(3) == 0
    {
      // It waits for the finalizer of another program.
      log.append("service \(name) is being deleted")
      service.metadata.isDeleting = true
      return bench.cluster.put(service)
    }
    log.append("delete service \(name)")
    bench.cluster.removeService(ObjectKey("default", name))
    endpoints[name] = nil
  }

  private mutating func changeEndpoints() { setEndpoints(of: random.pick(Self.serviceNames)) }

  private mutating func setEndpoints(of name: String) {
    let nodes = Self.nodeNames.filter { _ in random.below(3) == 0 }
    endpoints[name] = nodes.map { random.below(4) == 0 ? $0 + "~" : $0 }
    log.append("endpoints \(name) \(endpoints[name] ?? [])")
    bench.cluster.put(EndpointSlice.make(of: name, endpoints[name] ?? []))
  }

  private mutating func changeNode() {
    let name = random.pick(Self.nodeNames)
    var node = ClusterNode.make(name, isReady: random.below(5) > 0)
    if random.below(6) == 0 { node.metadata.labels[ClusterNode.excludeLabel] = "" }
    if random.below(6) == 0 { node.metadata.annotations[ClusterNode.maintenanceKey] = "true" }
    if random.below(3) == 0 { node.metadata.labels["zone"] = "one" }
    log.append(
      "node \(name) ready \(node.isReady) \(node.metadata.labels) \(node.metadata.annotations)")
    // One that was not waited for reads the routers before it counts again.
    if watchesSpeakers, bench.cluster.lives[name] != .silent {
      bench.cluster.speakers[name]?.isDeaf = false
      bench.look([name])
    }
    bench.cluster.put(node)
  }

  private mutating func removeNode() {
    let name = random.pick(Self.nodeNames)
    log.append("delete node \(name)")
    bench.cluster.removeNode(name)
    // Its Lease goes with it.
    if watchesSpeakers { bench.cluster.setLife(nil, of: name) }
  }

  /// A speaker comes, falls silent or is there again; or its Lease is deleted.
  private mutating func changeLife() {
    let name = random.pick(Self.nodeNames)
    guard bench.cluster.nodes[name] != nil else { return }
    switch random.below(4) {
    case 0 where bench.cluster.lives[name] != nil:
      log.append("speaker \(name) is silent")
      bench.cluster.speakers[name]?.isDeaf = true
      bench.cluster.setLife(.silent, of: name)
    case 1 where bench.cluster.lives[name] != .silent:
      log.append("Lease of \(name) is gone")
      bench.cluster.setLife(nil, of: name)
    default:
      log.append("speaker \(name) is there")
      revive(name)
    }
  }

  /// Has a speaker hear again: it reads the routers before it says that it is there.
  private mutating func revive(_ name: String) {
    bench.cluster.speakers[name]?.isDeaf = false
    bench.look([name])
    bench.cluster.setLife(.alive, of: name)
  }

  private mutating func changePool() {
    let name = random.pick(["lan", "web"])
    guard random.below(4) > 0 else {
      log.append("delete pool \(name)")
      return bench.cluster.removePool(name)
    }
    let first = 100 + random.below(10)
    var pool = AddressPool.make(
      name, "192.0.2.\(first)-192.0.2.\(first + random.below(14))",
      vrids: random.pick(["31-42", "40-50", "31-33", "60"]))
    if random.below(2) == 0 { pool.spec.addresses.append("2001:db8::/64") }
    if random.below(4) == 0 { pool.spec.interface = "eth0" }
    if random.below(6) == 0 { pool.spec.nodeSelector.matchLabels["zone"] = "one" }
    pool.spec.routers = random.below(3) == 0 ? 2 : nil
    pool.spec.order = Int(random.below(3))
    log.append(
      "pool \(name) \(pool.spec.addresses) \(pool.spec.vrids) \(pool.spec.interface ?? "") order "
        + "\(pool.spec.order) nodes \(pool.spec.nodeSelector.matchLabels)")
    bench.cluster.put(pool)
  }

  private mutating func setForeign() {
    guard let name = bench.cluster.routers.keys.sorted().first else { return }
    guard var router = bench.cluster.routers[name] else { return }
    router.status.conditions.removeAll { $0.type == ConditionType.foreignGroup }
    let isOn = random.below(2) == 0
    router.status.conditions.append(
      Condition(type: ConditionType.foreignGroup, isTrue: isOn, reason: "Heard", message: "m"))
    log.append("foreign \(name) \(isOn)")
    bench.cluster.put(router)
  }

  /// Has all hear again, and goes on until nothing is left to do.
  mutating func settle() {
    for name in bench.cluster.speakers.keys.sorted() {
      bench.cluster.speakers[name]?.isDeaf = false
      if bench.cluster.lives[name] == .silent { revive(name) }
    }
    log.append("settle")
    bench.settle()
    // Then nodes that are gone are forgotten.
    bench.passTime(2)
    bench.settle()
  }
}

extension FakeCluster {
  /// The Services and routers, one a line.
  var summary: [String] {
    services.values.sorted { $0.metadata.key < $1.metadata.key }.map {
      "\($0.metadata.name): \($0.status.ingress) \($0.status.condition?.description ?? "")"
    }
      + routers.values.sorted { $0.metadata.name < $1.metadata.name }.map {
        "\($0.metadata.name) generation \($0.metadata.generation): \($0.spec) | "
          + $0.status.nodes.map { "\($0.node)@\($0.generation)" }.joined(separator: " ")
      }
  }

  /// Whether something is on its way out of a router that no node has to let go of.
  var hasNothingToWaitFor: Bool {
    routers.values.contains { router in
      router.spec.leaving.contains { leaving in
        router.status.nodes.allSatisfy {
          $0.generation >= leaving.since || nodes[$0.node]?.isReady != true
            || lives[$0.node] == .silent
        }
      }
    }
  }

  /// Whether a write only gives another reason for what a Service does not get: Services that wait
  /// for something are not looked at whenever it could be another thing.
  func isOtherReason(_ write: Write) -> Bool {
    switch write {
    case .service(let key, _, let update):
      let status = services[key]?.status
      return status?.ingress == update.ingress
        && status?.condition?.isTrue == update.condition?.isTrue
    case .event(let event): return event.isWarning
    default: return false
    }
  }

  /// Whether an address is in a router or a pool.
  func knows(_ address: IPAddress) -> Bool {
    routers.values.contains { $0.spec.addresses.contains(address) }
      || pools.values.contains { pool in
        pool.spec.addresses.contains { text in
          (try? AddressBlock(parsing: text))?.contains(address) == true
        }
      }
  }

  /// How the nodes of each pool and their shares are not as they should be once nothing is left to
  /// do.
  var unevenness: [String] {
    var found: [String] = []
    for pool in pools.values {
      let eligible = nodes.values.filter {
        $0.isEligible && pool.spec.nodeSelector.matches($0.metadata.labels)
          && hasSpeaker($0.metadata.name)
      }
      let well = eligible.filter { $0.isReady && !$0.isInMaintenance }.map(\.metadata.name)
      let canTakeOver = eligible.contains(where: \.isReady)
      let shared = routers.values.filter {
        $0.spec.pool == pool.metadata.name && $0.spec.service == nil
      }
      var shares = Dictionary(uniqueKeysWithValues: well.map { ($0, 0) })
      for router in shared {
        let names = Set(router.spec.candidates.map(\.node))
        let wanted = Set(eligible.map(\.metadata.name))
        // One that holds addresses stays until another one can take them.
        if names != wanted, canTakeOver || !names.isSuperset(of: wanted) {
          found.append("\(router.metadata.name) has candidates \(names.sorted())")
        }
        let first = router.spec.candidates.max { $0.priority < $1.priority }
        if let first, shares[first.node] != nil { shares[first.node, default: 0] += 1 }
      }
      if let most = shares.values.max(), let least = shares.values.min(), most - least > 1 {
        found.append("pool \(pool.metadata.name) is spread as \(shares)")
      }
    }
    return found
  }
}
