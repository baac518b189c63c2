import VIPCore

/// What happens to a cluster by chance.
struct ChanceEvents {
  /// The Services that are there.
  private(set) var services: [String] = []
  /// What has happened, for a reader.
  var story: [String] = []
  /// The nodes whose cables were ever cut.
  private(set) var everCut: [String: ClusterNode] = [:]

  let running: Running
  var chance: SplitMix64
  private var count = 0
  private var cut: ClusterNode?
  private var inMaintenance: ClusterNode?
  private var withoutProxy: ClusterNode?
  var withoutSpeaker: ClusterNode?
  /// A node that is no member of the cluster.
  var removed: ClusterNode?

  /// The most Services at a time.
  private static let servicesMax = 8

  init(_ running: Running, seed: UInt64) {
    self.running = running
    chance = SplitMix64(seed: seed)
  }

  var cluster: Cluster { running.cluster }

  /// Lets one thing happen, and a while pass.
  mutating func next() throws {
    switch Int.random(in: 0..<16, using: &chance) {
    case 0...4: try changeServices()
    case 5: try turnCable()
    case 6, 7: try turnSpeaker()
    case 8: try turnMaintenance()
    case 9: try turnProxy()
    case 10, 11: try turnNode()
    case 12: try killAllocator()
    case 13: try updateAll()
    default: try stopAPI()
    }
    pause(.milliseconds(Int.random(in: 0...1500, using: &chance)))
  }

  /// Ends all that is wrong.
  mutating func heal() throws {
    if cut != nil { try turnCable() }
    if removed != nil { try turnNode() }
    if withoutSpeaker != nil { try turnSpeaker() }
    if inMaintenance != nil { try turnMaintenance() }
    if withoutProxy != nil { try turnProxy() }
    if services.isEmpty { try changeServices() }
  }

  /// Some node of the cluster.
  mutating func someNode() -> ClusterNode {
    let members = cluster.nodes.filter { $0 !== removed }
    return members[Int.random(in: 0..<members.count, using: &chance)]
  }

  private mutating func changeServices() throws {
    let isRoom = services.count < Self.servicesMax
    if isRoom && (services.isEmpty || Bool.random(using: &chance)) {
      try addService(local: Bool.random(using: &chance))
    } else {
      let name = services.remove(at: Int.random(in: 0..<services.count, using: &chance))
      story.append("\(name) deleted")
      try cluster.delete(name)
    }
  }

  /// Makes a Service, and returns its name.
  @discardableResult
  mutating func addService(local: Bool) throws -> String {
    count += 1
    let name = "web\(count)"
    services.append(name)
    story.append("\(name) made")
    try cluster.expose(name, local: local)
    return name
  }

  private mutating func turnCable() throws {
    if let node = cut {
      story.append("\(node.number) plugged")
      try node.plug()
      cut = nil
    } else {
      let node = someNode()
      story.append("\(node.number) cut")
      try node.cut()
      everCut[node.name] = node
      cut = node
    }
  }

  private mutating func turnSpeaker() throws {
    if let node = withoutSpeaker {
      story.append("speaker \(node.number) started")
      try running.restart(node)
      withoutSpeaker = nil
      return
    }
    let node = someNode()
    try endSpeaker(of: node)
    withoutSpeaker = node
  }

  /// Stops or kills the program on a node.
  mutating func endSpeaker(of node: ClusterNode) throws {
    if Bool.random(using: &chance) {
      story.append("speaker \(node.number) stopped")
      try running.speaker(of: node).stop()
    } else {
      story.append("speaker \(node.number) killed")
      try running.speaker(of: node).kill()
    }
  }

  private mutating func turnMaintenance() throws {
    if let node = inMaintenance {
      story.append("\(node.number) back from maintenance")
      // It may have left the cluster with its annotations.
      if node !== removed {
        try cluster.api.kubectl("annotate node \(node.name) vipctl.io/maintenance-")
      }
      inMaintenance = nil
    } else {
      let node = someNode()
      story.append("\(node.number) in maintenance")
      try cluster.api.kubectl("annotate node \(node.name) vipctl.io/maintenance=true")
      inMaintenance = node
    }
  }

  private mutating func turnProxy() throws {
    if let node = withoutProxy {
      story.append("kube-proxy \(node.number) started")
      try cluster.controlProxy(of: node, "start")
      withoutProxy = nil
    } else {
      let node = someNode()
      story.append("kube-proxy \(node.number) stopped")
      try cluster.controlProxy(of: node, "stop")
      withoutProxy = node
    }
  }

  /// Stops the API server, as a rule while something else happens that needs none.
  private mutating func stopAPI() throws {
    story.append("API stopped")
    try cluster.control("api", "stop")
    for _ in 0..<Int.random(in: 0...2, using: &chance) {
      if Bool.random(using: &chance) { try turnCable() } else { try turnSpeaker() }
      pause(.milliseconds(Int.random(in: 0...2000, using: &chance)))
    }
    story.append("API started")
    try cluster.control("api", "start")
  }
}
