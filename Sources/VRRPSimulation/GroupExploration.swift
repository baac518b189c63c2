import VIPCore
import VRRP

/// Every way in which a few nodes can go whose virtual routers move together, as ``Exploration``
/// has it for one virtual router.
///
/// Each node has a virtual router on each of two or three segments; what others hear on one is told
/// from what they hear on another by nothing but the segment. Disturbances are losses, deaths,
/// farewells, restarts, and interfaces that fail: their node leaves all elections, and its farewell
/// is heard on the other segments.
package struct GroupExploration: Sendable {
  private static let now = Instant(nanoseconds: 1_000_000_000_000)
  private static let deliveryMax = Exploration.deliveryTimeMax.inNanoseconds

  /// The priority of each node: that of its group.
  private let priorities: [UInt8]
  private let memberCount: Int
  private let disturbanceMax: Int
  private let stateCountMax: Int
  /// The routers by node and member.
  private let templates: [[VirtualRouter]]

  /// Prepares an exploration.
  ///
  /// - Parameters:
  ///   - priorities: the priority of each node.
  ///   - memberCount: how many virtual routers each has. On every second segment the addresses of
  ///     the nodes are in the opposite order.
  ///   - disturbances: how many may happen in all.
  ///   - stateCountMax: where to give up.
  package init(
    priorities: [UInt8], memberCount: Int, disturbances: Int, stateCountMax: Int = 2_000_000
  ) {
    self.priorities = priorities
    self.memberCount = memberCount
    disturbanceMax = disturbances
    self.stateCountMax = stateCountMax
    templates = priorities.indices.map { node in
      (0..<memberCount).map { member in
        var router = VirtualRouter(Self.settings(priorities[node], member))
        router.changePrimaryAddress(to: Self.address(node, member, count: priorities.count))
        return router
      }
    }
  }

  private static func settings(_ priority: UInt8, _ member: Int) -> VirtualRouter.Configuration {
    guard let vrid = VRID(exactly: UInt8(51 + member)) else { preconditionFailure("a VRID") }
    return VirtualRouter.Configuration(
      vrid: vrid, family: .ipv4, priority: Priority(rawValue: priority), checksum: .pseudoHeader)
  }

  private static func address(_ node: Int, _ member: Int, count: Int) -> IPAddress {
    let place = member % 2 == 0 ? node : count - 1 - node
    return .v4(IPv4Address(192, 0, UInt8(2 + member), UInt8(place + 1)))
  }

  /// A state of all segments, in times relative to now.
  private struct State: Hashable {
    var routers: [[VirtualRouter.Standing]]
    var messages: [Message] = []
    var disturbancesLeft: Int
    /// Nanoseconds since the last disturbance.
    var quiet: UInt64 = 0
    /// Nanoseconds for which members were Active on different nodes, undisturbed.
    var split: UInt64 = 0
    /// Advertisements sent without time passing.
    var burst = 0
  }

  private struct Message: Hashable {
    var member: Int
    var from: Int
    var to: Int
    var priority: Priority
    var age: UInt64 = 0

    var order: (Int, Int, Int, UInt64, UInt8) { (member, to, from, age, priority.rawValue) }
  }

  private enum Step: Hashable {
    case tick(node: Int, member: Int)
    case deliver(Int), lose(Int)
    case crash(Int), stop(Int), start(Int)
    case fail(node: Int, member: Int)
  }

  /// Follows every way.
  package func run() -> Exploration.Outcome {
    var outcome = Exploration.Outcome()
    var states = [startState()]
    var known = Set(states)
    var origins: [(from: Int, step: Step)] = [(0, .start(0))]
    var next = 0
    while next < states.count {
      if isSettled(states[next]) { outcome.settledCount += 1 }
      for step in steps(from: states[next]) {
        var successor = states[next]
        perform(step, on: &successor)
        outcome.stepCount += 1
        if let problem = judge(successor) {
          outcome.failure = describe(problem, step, at: next, origins)
          outcome.stateCount = states.count
          return outcome
        }
        guard known.insert(successor).inserted else { continue }
        states.append(successor)
        origins.append((next, step))
        if states.count >= stateCountMax {
          outcome.stateCount = states.count
          return outcome
        }
      }
      next += 1
    }
    outcome.stateCount = states.count
    outcome.isComplete = true
    return outcome
  }

  private func describe(
    _ problem: String, _ last: Step, at index: Int, _ origins: [(from: Int, step: Step)]
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

// MARK: What a node does

extension GroupExploration {
  private func startState() -> State {
    var state = State(
      routers: templates.map { $0.map { _ in VirtualRouter.Standing() } },
      disturbancesLeft: disturbanceMax)
    for node in templates.indices { start(node, &state) }
    return state
  }

  private func router(_ node: Int, _ member: Int, _ state: State) -> VirtualRouter {
    var router = templates[node][member]
    router.standing = state.routers[node][member]
    return router
  }

  private func phase(_ node: Int, _ member: Int, _ state: State) -> VirtualRouter.State {
    state.routers[node][member].phase.state
  }

  private func isRunning(_ node: Int, _ state: State) -> Bool {
    phase(node, 0, state) != .initialize
  }

  private func start(_ node: Int, _ state: inout State) {
    for member in 0..<memberCount {
      change(node, member, &state) { router in
        router.start(at: Self.now, from: router.primaryAddress)
      }
    }
  }

  /// Lets one router do something, and those of its node follow as a node's engine has them follow.
  private func change(
    _ node: Int, _ member: Int, _ state: inout State, isHeard: Bool = true,
    _ body: (inout VirtualRouter) -> Actions
  ) {
    var router = router(node, member, state)
    let actions = body(&router)
    for case .advertise(let priority) in actions where isHeard {
      state.burst += 1
      for other in templates.indices where other != node {
        state.messages.append(Message(member: member, from: node, to: other, priority: priority))
      }
    }
    state.routers[node][member] = router.standing
    state.routers[node][member].normalize(at: Self.now, for: router.configuration)
    switch (actions.transition?.from, actions.transition?.to) {
    case (_, .active):
      for other in 0..<memberCount where phase(node, other, state) == .backup {
        change(node, other, &state) { $0.takeOver(at: Self.now) }
      }
    case (.active, .backup): giveWay(node, &state)
    default: break
    }
    guard actions.heardActive != nil, router.followsActive else { return }
    giveWay(node, &state)
  }

  private func giveWay(_ node: Int, _ state: inout State) {
    for other in 0..<memberCount where phase(node, other, state) == .active {
      change(node, other, &state) { $0.giveWay(at: Self.now) }
    }
  }

  private func mayTakeOver(_ node: Int, _ state: State) -> Bool {
    var decision = JointTakeover(at: Self.now)
    for member in 0..<memberCount { decision.add(router(node, member, state)) }
    return decision.isDue
  }

  private func hear(_ message: Message, _ state: inout State) {
    let sender = templates[message.from][message.member]
    let advertisement = Advertisement(
      vrid: sender.configuration.vrid, priority: message.priority,
      interval: sender.configuration.interval, addressCount: 1, family: .ipv4,
      checksumForm: .pseudoHeader, version: .v3)
    let leavesTies = message.member > 0 && phase(message.to, 0, state) == .active
    change(message.to, message.member, &state) { router in
      router.leavesTiesToGroup = leavesTies
      return router.receive(
        advertisement, from: sender.primaryAddress, addresses: .same, at: Self.now)
    }
  }
}

// MARK: Steps

extension GroupExploration {
  /// Nanoseconds until a router has something to do; `nil` if it waits for its group.
  private func timer(_ node: Int, _ member: Int, _ state: State) -> UInt64? {
    let phase = state.routers[node][member].phase
    guard let timer = phase.timer else { return nil }
    if timer <= Self.now, phase.state == .backup, !mayTakeOver(node, state) { return nil }
    return timer.nanoseconds(since: Self.now)
  }

  private func steps(from state: State) -> [Step] {
    var steps: [Step] = []
    let mayDisturb = state.disturbancesLeft > 0
    for (index, message) in state.messages.enumerated() {
      if index > 0, state.messages[index - 1] == message { continue }
      steps.append(.deliver(index))
      if mayDisturb { steps.append(.lose(index)) }
    }
    var earliest = UInt64.max
    var due: [Step] = []
    for node in templates.indices {
      for member in 0..<memberCount {
        guard let time = timer(node, member, state), time <= earliest else { continue }
        if time < earliest { due = [] }
        earliest = time
        due.append(.tick(node: node, member: member))
      }
    }
    if !due.isEmpty, state.messages.allSatisfy({ $0.age + earliest <= Self.deliveryMax }) {
      steps += due
    }
    guard mayDisturb else { return steps }
    for node in templates.indices {
      guard isRunning(node, state) else {
        steps.append(.start(node))
        continue
      }
      steps += [.crash(node), .stop(node)]
      steps += (0..<memberCount).map { .fail(node: node, member: $0) }
    }
    return steps
  }

  private func perform(_ step: Step, on state: inout State) {
    switch step {
    case .tick, .deliver: break
    default:
      state.disturbancesLeft -= 1
      state.quiet = 0
      state.split = 0
    }
    switch step {
    case .tick(let node, let member):
      pass(timer(node, member, state) ?? 0, &state)
      if phase(node, member, state) == .active || mayTakeOver(node, state) {
        change(node, member, &state) { $0.advance(to: Self.now) }
      }
    case .deliver(let place): hear(state.messages.remove(at: place), &state)
    case .lose(let place): state.messages.remove(at: place)
    case .crash(let node):
      for member in 0..<memberCount { state.routers[node][member] = VirtualRouter.Standing() }
    case .stop(let node): stop(node, failing: nil, &state)
    case .fail(let node, let member): stop(node, failing: member, &state)
    case .start(let node): start(node, &state)
    }
    state.messages.sort { $0.order < $1.order }
    if !isSplit(state) { state.split = 0 }
  }

  private func stop(_ node: Int, failing failed: Int?, _ state: inout State) {
    for member in 0..<memberCount {
      change(node, member, &state, isHeard: member != failed) { router in
        let actions = router.stop(at: Self.now)
        router.finishLeaving()
        return actions
      }
    }
  }

  private func pass(_ time: UInt64, _ state: inout State) {
    guard time > 0 else { return }
    state.burst = 0
    state.quiet = min(state.quiet + time, settlingTime + 1)
    if isSplit(state) { state.split += time }
    for index in state.messages.indices { state.messages[index].age += time }
    for node in templates.indices where isRunning(node, state) {
      for member in 0..<memberCount {
        state.routers[node][member].age(byNanoseconds: time)
        state.routers[node][member].normalize(
          at: Self.now, for: templates[node][member].configuration)
      }
    }
  }
}

// MARK: Promises

extension GroupExploration {
  private var interval: UInt64 { AdvertisementInterval.default.nanoseconds }
  private var settlingTime: UInt64 { 2 * 4 * interval }

  private func isSettled(_ state: State) -> Bool {
    state.quiet > settlingTime && state.messages.isEmpty
  }

  private func actives(_ member: Int, _ state: State) -> [Int] {
    templates.indices.filter { phase($0, member, state) == .active }
  }

  /// Whether two members have Actives, and no node is Active for both.
  private func isSplit(_ state: State) -> Bool {
    let sets = (0..<memberCount).map { actives($0, state) }.filter { !$0.isEmpty }
    return sets.indices.contains { one in
      sets[..<one].contains { other in !other.contains(where: sets[one].contains) }
    }
  }

  private func judge(_ state: State) -> String? {
    if state.burst > 8 * templates.count * memberCount { return "answers never end" }
    if state.split > 2 * interval + 2 * Self.deliveryMax {
      return "a group is Active on different nodes for \(TimeText.seconds(state.split))"
    }
    let running = templates.indices.filter { isRunning($0, state) }
    guard isSettled(state), !running.isEmpty else { return nil }
    let all = (0..<memberCount).map { actives($0, state) }
    guard let active = all.first?.first, all.allSatisfy({ $0 == [active] }) else {
      return "settled segments have the Actives \(all)"
    }
    return running.contains { priorities[$0] > priorities[active] }
      ? "the Actives of settled segments are not on the best node" : nil
  }
}
