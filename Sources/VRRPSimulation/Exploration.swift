import VIPCore
public import VRRP

/// Every way a small segment can go, not just many of them.
///
/// All interleavings of timers, deliveries, losses, crashes, farewells and restarts are followed
/// from the start of all routers until nothing new is found; only the number of disturbances
/// (losses, crashes, farewells, restarts) is limited. Packets take any time up to
/// ``deliveryTimeMax``, so that a timer may fire while one is on its way.
///
/// States that differ only by what makes no difference later (how long ago something was, once it
/// is long enough; counters) are one state. So the search ends although time does not.
public struct Exploration: Sendable {
  /// The result of an exploration.
  public struct Outcome: Sendable, Hashable {
    /// The number of different states of the segment.
    public internal(set) var stateCount = 0
    /// The number of ways from one to another.
    public internal(set) var stepCount = 0
    /// The number of them in which the segment was at rest long enough to be judged.
    public internal(set) var settledCount = 0
    /// The first broken promise and the shortest way to it; `nil` if all were kept.
    public internal(set) var failure: String?
    /// Whether every state was reached, or the search stopped at its limit.
    public internal(set) var isComplete = false
  }

  /// The longest a packet takes.
  public static let deliveryTimeMax = Duration.milliseconds(1)
  private static let deliveryNanosecondsMax = deliveryTimeMax.inNanoseconds

  let configurations: [VirtualRouter.Configuration]
  let templates: [VirtualRouter]
  let disturbanceCountMax: Int
  let stateCountMax: Int

  /// Prepares an exploration.
  ///
  /// - Parameters:
  ///   - configurations: two or three routers of one virtual router; the address of a later one is
  ///     higher.
  ///   - disturbances: how many losses, crashes, farewells and restarts may happen in all.
  ///   - stateCountMax: where to give up.
  public init(
    _ configurations: [VirtualRouter.Configuration], disturbances: Int,
    stateCountMax: Int = 5_000_000
  ) {
    // All send one checksum form; learning it is no part of the election.
    let configurations = configurations.map { configuration in
      var configuration = configuration
      configuration.checksum = .pseudoHeader
      return configuration
    }
    self.configurations = configurations
    disturbanceCountMax = disturbances
    self.stateCountMax = stateCountMax
    templates = configurations.indices.map { index in
      var router = VirtualRouter(configurations[index])
      router.changePrimaryAddress(to: Self.address(of: index))
      return router
    }
  }

  static func address(of router: Int) -> IPAddress {
    .v4(IPv4Address(192, 0, 2, UInt8(router + 1)))
  }

  /// Follows every way.
  public func run() -> Outcome {
    var outcome = Outcome()
    var indices: [Node: Int] = [:]
    var nodes: [Node] = []
    var origins: [(from: Int, step: Step)] = []
    let start = startNode()
    nodes.append(start)
    indices[start] = 0
    origins.append((0, .tick(0)))

    var next = 0
    while next < nodes.count {
      let node = nodes[next]
      if isSettled(node) { outcome.settledCount += 1 }
      for step in steps(from: node) {
        var successor = node
        var problem = perform(step, on: &successor)
        problem = problem ?? judge(successor)
        outcome.stepCount += 1
        if let problem {
          outcome.failure = describe(problem, last: step, at: next, origins)
          outcome.stateCount = nodes.count
          return outcome
        }
        if indices[successor] == nil {
          guard nodes.count < stateCountMax else {
            outcome.stateCount = nodes.count
            return outcome
          }
          indices[successor] = nodes.count
          nodes.append(successor)
          origins.append((next, step))
        }
      }
      next += 1
    }
    outcome.stateCount = nodes.count
    outcome.isComplete = true
    return outcome
  }

  private func describe(
    _ problem: String, last: Step, at index: Int, _ origins: [(from: Int, step: Step)]
  ) -> String {
    var steps = [last]
    var index = index
    while index != 0 {
      steps.append(origins[index].step)
      index = origins[index].from
    }
    return problem + "\n" + steps.reversed().map { "  \($0)" }.joined(separator: "\n")
  }
}

// MARK: States

extension Exploration {
  /// A state of the whole segment, in times relative to now, capped where they no longer matter.
  struct Node: Sendable, Hashable {
    var routers: [VirtualRouter.Standing]
    var messages: [Message] = []
    var disturbancesLeft: Int
    /// Nanoseconds since the last disturbance.
    var quiet: UInt64 = 0
    /// Nanoseconds that several Actives have lasted undisturbed.
    var double: UInt64 = 0
    /// Nanoseconds without an Active, undisturbed, although a router runs.
    var outage: UInt64 = 0
    /// Advertisements sent without time passing: answers that never end would make it grow.
    var burst = 0
  }

  struct Message: Sendable, Hashable {
    var from: Int
    var to: Int
    var priority: Priority
    var age: UInt64 = 0
  }

  enum Step: Sendable, Hashable, CustomStringConvertible {
    /// Time passes until a router's timer is due, which fires.
    case tick(Int)
    case deliver(Int, from: Int, to: Int, Priority)
    case lose(Int, from: Int, to: Int, Priority)
    case crash(Int)
    case stop(Int)
    case start(Int)

    var description: String {
      func name(_ router: Int) -> String { ["a", "b", "c", "d"][router] }
      return switch self {
      case .tick(let router): "timer of \(name(router)) fires"
      case .deliver(_, let from, let to, let priority):
        "\(name(to)) hears \(name(from)) with priority \(priority)"
      case .lose(_, let from, let to, let priority):
        "\(name(to)) misses \(name(from)) with priority \(priority)"
      case .crash(let router): "crash \(name(router))"
      case .stop(let router): "stop \(name(router))"
      case .start(let router): "start \(name(router))"
      }
    }
  }

  /// Now, in every state: far from zero, so that times ago can be expressed.
  private static let now = Instant(nanoseconds: 1_000_000_000_000)

  private func startNode() -> Node {
    var node = Node(
      routers: configurations.map { _ in VirtualRouter.Standing() },
      disturbancesLeft: disturbanceCountMax)
    for index in configurations.indices {
      var router = router(index, in: node)
      absorb(router.start(at: Self.now, from: Self.address(of: index)), of: index, router, &node)
    }
    return node
  }

  /// The machine that a standing is of.
  private func router(_ index: Int, in node: Node) -> VirtualRouter {
    var router = templates[index]
    router.standing = node.routers[index]
    return router
  }

  private func isRunning(_ index: Int, in node: Node) -> Bool {
    node.routers[index].phase.state != .initialize
  }

  private func isActive(_ index: Int, in node: Node) -> Bool {
    node.routers[index].phase.state == .active
  }

  /// Nanoseconds until a router's timer fires; zero if it has none.
  private func timer(of index: Int, in node: Node) -> UInt64 {
    node.routers[index].phase.timer?.nanoseconds(since: Self.now) ?? 0
  }

  /// Puts what a machine became, and what it sent, into a state.
  private func absorb(
    _ actions: Actions, of index: Int, _ router: VirtualRouter, _ node: inout Node
  ) {
    for case .advertise(let priority) in actions {
      node.burst += 1
      for other in configurations.indices where other != index {
        node.messages.append(Message(from: index, to: other, priority: priority))
      }
    }
    node.messages.sort {
      ($0.to, $0.from, $0.age, $0.priority) < ($1.to, $1.from, $1.age, $1.priority)
    }
    node.routers[index] = router.standing
    node.routers[index].normalize(at: Self.now, for: configurations[index])
    count(&node)
  }

  /// Resets the watches that no longer run.
  private func count(_ node: inout Node) {
    let actives = node.routers.indices.count { isActive($0, in: node) }
    let running = node.routers.indices.count { isRunning($0, in: node) }
    if actives < 2 { node.double = 0 }
    if actives > 0 || running == 0 { node.outage = 0 }
  }
}

// MARK: Steps

extension Exploration {
  private func steps(from node: Node) -> [Step] {
    var steps: [Step] = []
    for (index, message) in node.messages.enumerated() {
      // Equal packets are interchangeable.
      if index > 0, node.messages[index - 1] == message { continue }
      steps.append(
        .deliver(index, from: message.from, to: message.to, message.priority))
      if node.disturbancesLeft > 0 {
        steps.append(.lose(index, from: message.from, to: message.to, message.priority))
      }
    }
    let running = node.routers.indices.filter { isRunning($0, in: node) }
    if let earliest = running.map({ timer(of: $0, in: node) }).min(),
      node.messages.allSatisfy({ $0.age + earliest <= Self.deliveryNanosecondsMax })
    {
      for index in running where timer(of: index, in: node) == earliest {
        steps.append(.tick(index))
      }
    }
    guard node.disturbancesLeft > 0 else { return steps }
    for index in node.routers.indices {
      if running.contains(index) {
        steps += [.crash(index), .stop(index)]
      } else {
        steps.append(.start(index))
      }
    }
    return steps
  }

  /// Takes a step.
  ///
  /// - Returns: what is wrong with it, if anything.
  private func perform(_ step: Step, on node: inout Node) -> String? {
    switch step {
    case .tick(let index):
      pass(timer(of: index, in: node), &node)
      var router = router(index, in: node)
      let actions = router.advance(to: Self.now)
      absorb(actions, of: index, router, &node)
      if timer(of: index, in: node) == 0 { return "a timer that fired is due at once again" }
      return speech(actions, of: router)
    case .deliver(let place, let from, let index, let priority):
      node.messages.remove(at: place)
      var router = router(index, in: node)
      let sender = configurations[from]
      let advertisement = Advertisement(
        vrid: sender.vrid, priority: priority, interval: sender.interval, addressCount: 1,
        family: sender.family, checksumForm: .pseudoHeader, version: sender.version)
      let actions = router.receive(
        advertisement, from: Self.address(of: from), addresses: .same, at: Self.now)
      absorb(actions, of: index, router, &node)
      return speech(actions, of: router)
    case .lose(let place, _, _, _):
      disturb(&node)
      node.messages.remove(at: place)
    case .crash(let index):
      disturb(&node)
      node.routers[index] = VirtualRouter.Standing()
      count(&node)
    case .stop(let index):
      disturb(&node)
      var router = router(index, in: node)
      let actions = router.stop(at: Self.now)
      // Hearing changes nothing in a router that has stopped.
      router.finishLeaving()
      absorb(actions, of: index, router, &node)
      return speech(actions, of: router)
    case .start(let index):
      disturb(&node)
      var router = router(index, in: node)
      let actions = router.start(at: Self.now, from: Self.address(of: index))
      absorb(actions, of: index, router, &node)
      return speech(actions, of: router)
    }
    return nil
  }

  private func disturb(_ node: inout Node) {
    node.disturbancesLeft -= 1
    node.quiet = 0
    node.double = 0
    node.outage = 0
  }

  /// Only an Active advertises, but for the farewell.
  private func speech(_ actions: Actions, of router: VirtualRouter) -> String? {
    for case .advertise(let priority) in actions
    where (priority != .farewell) != (router.state == .active) {
      return "a router in state \(router.state.word) sent priority \(priority)"
    }
    return nil
  }

  private func pass(_ time: UInt64, _ node: inout Node) {
    guard time > 0 else { return }
    node.burst = 0
    let running = node.routers.indices.contains { isRunning($0, in: node) }
    let actives = node.routers.indices.count { isActive($0, in: node) }
    node.quiet = min(node.quiet + time, settlingTime + 1)
    if actives > 1 { node.double += time }
    if actives == 0, running { node.outage += time }
    for index in node.messages.indices { node.messages[index].age += time }
    for index in node.routers.indices where isRunning(index, in: node) {
      node.routers[index].age(byNanoseconds: time)
      node.routers[index].normalize(at: Self.now, for: configurations[index])
    }
  }
}

// MARK: Promises

extension Exploration {
  private var longestInterval: UInt64 {
    configurations.map(\.interval.nanoseconds).max() ?? 0
  }

  /// 2 × (3 × interval + skew), with the skew of the lowest priority.
  private var settlingTime: UInt64 { 2 * 4 * longestInterval }

  private func isSettled(_ node: Node) -> Bool {
    node.quiet > settlingTime && node.messages.isEmpty
  }

  /// The broken promise of a state, if there is one.
  private func judge(_ node: Node) -> String? {
    if node.burst > 8 * configurations.count { return "answers never end" }
    if node.double > longestInterval + 2 * Self.deliveryNanosecondsMax {
      return "two Actives for \(TimeText.seconds(node.double))"
    }
    let running = node.routers.indices.filter { isRunning($0, in: node) }
    if let shortest = running.map({ router($0, in: node).activeDownNanoseconds }).min(),
      node.outage > shortest + Self.deliveryNanosecondsMax
    {
      return "no Active for \(TimeText.seconds(node.outage))"
    }
    guard isSettled(node), !running.isEmpty else { return nil }
    let actives = running.filter { isActive($0, in: node) }
    guard let active = actives.first, actives.count == 1 else {
      return "a settled segment has \(actives.count) Actives"
    }
    let priority = configurations[active].priority
    let better = running.contains {
      configurations[$0].priority > priority
        && (configurations[$0].preempts || configurations[$0].priority == .owner)
    }
    return better ? "the Active of a settled segment is not the best router" : nil
  }
}
