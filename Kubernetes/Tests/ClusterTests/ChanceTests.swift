import Foundation
import Glibc
import Testing
import VIPCore

extension ClusterTests {
  /// What happens by chance, with an observer that looks for two holders.
  @Suite struct ChanceTests {
    /// `VIP_CLUSTER_SECONDS`, and how long a run lasts otherwise.
    private static let length = Duration.seconds(
      ProcessInfo.processInfo.environment["VIP_CLUSTER_SECONDS"].flatMap(Int.init) ?? 45)

    /// `VIP_CLUSTER_SEED`, for a run that does the same again; times differ all the same.
    private static let seed =
      ProcessInfo.processInfo.environment["VIP_CLUSTER_SEED"].flatMap { UInt64($0) }
      ?? UInt64.random(in: 0...UInt64(UInt32.max))

    @Test("Whatever happens by chance, an address has one holder, and all is well in the end")
    func chance() throws {
      let running = try Running(pool: "preemptDelay: 1s")
      try running.cluster.addPods()
      var events = ChanceEvents(running, seed: Self.seed)
      // A failure needs it, and a run that has passed is worth a line.
      defer { print("seed \(Self.seed): \(events.story.joined(separator: ", "))") }
      let end = Moment.now + Self.length
      while Moment.now < end { try events.next() }
      try events.heal()
      try expectRest(running, events.services)
      try running.expectOneHolder(without: Array(events.everCut.values))
    }

    /// Each Service has its addresses, each address one holder, and no node has any other.
    private func expectRest(_ running: Running, _ services: [String]) throws {
      let cluster = running.cluster
      let wanted = try services.flatMap { try cluster.waitForAddresses(of: $0) }
      #expect(Set(wanted).count == wanted.count)
      try eventually(
        "each address has one holder", within: .seconds(90), poll: .milliseconds(100),
        detail: { running.logs },
        {
          let held = try cluster.nodes.flatMap { try Array($0.poolAddresses()) }
          return held.sorted() == wanted.sorted()
        })
      for asker in try running.ask(wanted) { _ = try asker.stop() }
    }
  }

  /// What happens to a cluster by chance.
  private struct ChanceEvents {
    private(set) var services: [String] = []
    private(set) var story: [String] = []
    /// The nodes whose cables were ever cut.
    private(set) var everCut: [String: ClusterNode] = [:]

    private let running: Running
    private var chance: SplitMix64
    private var count = 0
    private var cut: ClusterNode?
    private var inMaintenance: ClusterNode?
    private var withoutProxy: ClusterNode?
    private var withoutSpeaker: ClusterNode?

    init(_ running: Running, seed: UInt64) {
      self.running = running
      chance = SplitMix64(seed: seed)
    }

    private var cluster: Cluster { running.cluster }

    /// Lets one thing happen, and a while pass.
    mutating func next() throws {
      switch Int.random(in: 0..<10, using: &chance) {
      case 0...3: try changeServices()
      case 4: try turnCable()
      case 5, 6: try turnSpeaker()
      case 7: try turnMaintenance()
      case 8: try turnProxy()
      default: try restartAPI()
      }
      pause(.milliseconds(Int.random(in: 0...1500, using: &chance)))
    }

    /// Ends all that is wrong.
    mutating func heal() throws {
      if cut != nil { try turnCable() }
      if withoutSpeaker != nil { try turnSpeaker() }
      if inMaintenance != nil { try turnMaintenance() }
      if withoutProxy != nil { try turnProxy() }
      if services.isEmpty { try changeServices() }
    }

    private mutating func someNode() -> ClusterNode {
      cluster.nodes[Int.random(in: 0..<cluster.nodes.count, using: &chance)]
    }

    private mutating func changeServices() throws {
      if services.count < 6 && (services.isEmpty || Bool.random(using: &chance)) {
        count += 1
        services.append("web\(count)")
        story.append("web\(count) made")
        try cluster.expose("web\(count)", local: Bool.random(using: &chance))
      } else {
        let name = services.remove(at: Int.random(in: 0..<services.count, using: &chance))
        story.append("\(name) deleted")
        try cluster.delete(name)
      }
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
      if Bool.random(using: &chance) {
        story.append("speaker \(node.number) stopped")
        try running.speaker(of: node).stop()
      } else {
        story.append("speaker \(node.number) killed")
        try running.speaker(of: node).kill()
      }
      withoutSpeaker = node
    }

    private mutating func turnMaintenance() throws {
      if let node = inMaintenance {
        story.append("\(node.number) back from maintenance")
        try cluster.api.kubectl("annotate node \(node.name) vipctl.io/maintenance-")
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

    private mutating func restartAPI() throws {
      story.append("API restarted")
      try cluster.control("api", "stop")
      pause(.milliseconds(Int.random(in: 0...3000, using: &chance)))
      try cluster.control("api", "start")
    }
  }
}
