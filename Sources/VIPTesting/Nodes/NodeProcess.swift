import VIP
import VIPCore
import VRRP

/// One life of a node on a simulated machine: an engine, and what `Node` does around it.
final class NodeProcess {
  /// Turns at one moment that no honest work needs.
  static let turnsMax = 2_000

  let machine: Machine
  let platform: MachinePlatform
  let engine: Engine
  private(set) var area: GuardArea?
  /// Changes of routers that are under way, the oldest first.
  private var changes: [RouterChange] = []
  /// Whether it has been told to end.
  private(set) var isStopping = false
  /// Routers whose removal a command waits for.
  private var leaving: Set<String> = []
  /// How many turns it has taken.
  private(set) var turnCount = 0
  /// The settings of its routers, read again whenever something may have changed.
  private(set) var settings: [RouterConfiguration] = []
  /// The states of its routers, as its events tell them.
  private var states: [RouterKey: VirtualRouter.State] = [:]

  private struct RouterKey: Hashable {
    var name: String
    var family: AddressFamily
  }

  init(_ machine: Machine, in simulation: NodeSimulation) throws(NodeError) {
    self.machine = machine
    platform = MachinePlatform(machine, in: simulation)
    engine = try Engine(platform, lease: machine.options.lease)
    engine.removeLeftovers(machine.addressFile)
    if machine.options.isGuarded { try protect(in: simulation) }
  }

  private func protect(in simulation: NodeSimulation) throws(NodeError) {
    // Small, so that a block which is never given back is soon missed.
    let area = try GuardArea(byteCount: 128 << 10)
    let guardProcess = MachineGuard(
      machine, in: simulation, descriptor: platform.nextDescriptor())
    self.area = area
    platform.guardProcess = guardProcess
    engine.protect(with: Safeguard(area, guardProcess))
  }

  // MARK: Turns

  /// Takes turns until nothing is left to do now.
  ///
  /// - Returns: whether that came to an end.
  func settle() -> Bool {
    for _ in 0..<Self.turnsMax {
      guard !platform.isDead else { return true }
      let ready = platform.ready
      let isDue = engine.deadline.map { $0 <= platform.now() } ?? false
      var isBusy = false
      if !ready.isEmpty || isDue || engine.hasPendingWork {
        engine.turn(ready: ready)
        turnCount += 1
        isBusy = true
      }
      // A process that died in the middle of the turn tells nothing any more.
      guard !platform.isDead else { return true }
      collect()
      if continueChanges() { isBusy = true }
      if !isBusy { return true }
    }
    return false
  }

  /// Takes in what the engine tells, as the loop does.
  func collect() {
    guard engine.hasChanged else { return }
    engine.hasChanged = false
    let present = engine.allSettings
    if present != settings {
      settings = present
      machine.settingsRevision += 1
    }
    for event in engine.takeEvents() {
      if case .settled(let name, let family, let settlement) = event {
        // What a library of hooks would do with it.
        if !settlement.configuration.hooks[settlement.state].isEmpty {
          machine.log.append(
            .remark("\(name) \(family): runs the hook for \(settlement.state.rawValue)"))
        }
        continue
      }
      machine.log.append(.event(event))
      switch event {
      case .transition(let name, let family, let change):
        states[RouterKey(name: name, family: family)] = change.to
      case .removed(let name):
        for family in AddressFamily.allCases { states[RouterKey(name: name, family: family)] = nil }
      default: break
      }
    }
  }

  /// The state of a router.
  func state(_ name: String, _ family: AddressFamily) -> VirtualRouter.State {
    states[RouterKey(name: name, family: family)] ?? .initialize
  }

  /// Whether a router takes part in its election.
  func isRunning(_ name: String, _ family: AddressFamily) -> Bool {
    state(name, family) != .initialize
  }

  // MARK: Commands

  /// Brings routers to the settings they shall have, as `Node.apply` does.
  func apply(
    _ wanted: [RouterConfiguration], removing: [String] = [], lease: LeasePolicy? = nil
  ) {
    changes.append(RouterChange(wanted, removing: removing, lease: lease))
    _ = continueChanges()
  }

  /// Hands a router over and removes it, as `Node.down` does.
  func down(_ name: String) {
    guard engine.remove(name) else {
      machine.log.append(.remark("refused: no router is called '\(name)'"))
      return
    }
    leaving.insert(name)
  }

  /// Follows the routers that were taken down: they are gone, or have come back from being replaced and
  /// are taken down once more.
  ///
  /// - Returns: whether anything has happened.
  private func seeOff() -> Bool {
    guard !leaving.isEmpty, !changes.contains(where: \.isUnderWay) else { return false }
    let back = leaving.filter(engine.isStaying)
    for name in back { engine.remove(name) }
    let gone = leaving.filter { !engine.contains($0) }
    guard !gone.isEmpty else { return !back.isEmpty }
    leaving.subtract(gone)
    noteAddresses()
    return true
  }

  /// Ends the node in good order, as `Node.shutdown` does.
  func stop() {
    isStopping = true
    for name in engine.routerNames { engine.remove(name) }
  }

  /// Whether it has handed everything over and may end.
  var isDone: Bool { isStopping && engine.routerNames.isEmpty && changes.isEmpty }

  /// Goes on with what waits for something.
  ///
  /// - Returns: whether anything went on.
  private func continueChanges() -> Bool {
    guard !isIdle else { return false }
    var wentOn = false
    for change in changes {
      // First: the change may have waited for that, to bring the router back.
      if seeOff() { wentOn = true }
      while change.proceed(on: self) { wentOn = true }
    }
    if seeOff() { wentOn = true }
    let count = changes.count
    changes.removeAll(where: \.isOver)
    if isStopping, engine.routerNames.isEmpty { noteAddresses() }
    return wentOn || changes.count != count
  }

  /// Whether another change holds the place in which only one can be.
  func isApplying(besides change: RouterChange) -> Bool {
    changes.contains { $0 !== change && $0.isUnderWay }
  }

  /// Notes which addresses may be on the interfaces from now on.
  func noteAddresses(adding wanted: [RouterConfiguration] = []) {
    machine.addressFile = AddressFile.entries(of: engine.allSettings + wanted)
  }

  /// Whether nothing is under way that a command has begun.
  var isIdle: Bool { changes.isEmpty && leaving.isEmpty && !isStopping }
}

/// A change of a node's routers, step by step: what `Node.apply` does with waits in between.
final class RouterChange {
  private enum Phase {
    case waiting
    case asking([Int])
    case checked
    case removing
    case over
  }

  private let wanted: [RouterConfiguration]
  private let names: [String]
  private let lease: LeasePolicy?
  private var phase = Phase.waiting
  private var late: [RouterConfiguration] = []
  private var changed: Set<RouterConfiguration> = []
  private var awaited: [String] = []
  private var old: [RouterConfiguration] = []
  private var oldLease: LeasePolicy?

  init(_ wanted: [RouterConfiguration], removing: [String], lease: LeasePolicy?) {
    self.wanted = wanted
    self.lease = lease
    names = removing
  }

  var isOver: Bool {
    if case .over = phase { return true }
    return false
  }

  /// Whether it has begun to change something.
  var isUnderWay: Bool {
    if case .removing = phase { return true }
    return false
  }

  /// Takes one step if it can.
  ///
  /// - Returns: whether it could.
  func proceed(on process: NodeProcess) -> Bool {
    let engine = process.engine
    let leaving = Set(names).subtracting(wanted.map(\.name))
    do throws(NodeError) {
      switch phase {
      case .waiting:
        guard !mustWait(process) else { return false }
        try refuseIfStopping(process)
        try engine.check(wanted, removing: leaving, lease: lease)
        let probes = engine.startProbes(for: wanted)
        phase = probes.isEmpty ? .checked : .asking(probes)
      case .asking(let probes):
        guard !engine.isProbing(probes) || process.isStopping else { return false }
        if let refusal = engine.endProbes(probes) {
          throw NodeError(.addressInUse, refusal)
        }
        phase = .checked
      case .checked:
        guard !mustWait(process) else { return false }
        try refuseIfStopping(process)
        try begin(process, removing: leaving)
      case .removing:
        guard !awaited.contains(where: engine.contains) else { return false }
        phase = .over
        try refuseIfStopping(process)
        try finish(engine)
        process.noteAddresses()
      case .over: return false
      }
    } catch {
      phase = .over
      if let oldLease { engine.setLease(oldLease) }
      process.machine.log.append(.remark("refused: \(error)"))
    }
    return true
  }

  private func mustWait(_ process: NodeProcess) -> Bool {
    let concerned = Set(wanted.map(\.name)).union(names)
    return !process.isStopping
      && (process.isApplying(besides: self)
        || concerned.contains(where: process.engine.isLeaving))
  }

  private func refuseIfStopping(_ process: NodeProcess) throws(NodeError) {
    guard process.isStopping else { return }
    throw NodeError(.shuttingDown, "the node is shutting down")
  }

  private func begin(
    _ process: NodeProcess, removing leaving: Set<String>
  ) throws(NodeError) {
    let engine = process.engine
    try engine.check(wanted, removing: leaving, lease: lease)
    process.noteAddresses(adding: wanted)
    var added: [RouterConfiguration] = []
    var replaced: [RouterConfiguration] = []
    for router in wanted {
      guard let present = engine.settings(named: router.name) else {
        added.append(router)
        continue
      }
      switch present.change(to: router) {
      case .none: break
      case .inPlace: changed.insert(router)
      case .replacement: replaced.append(router)
      }
    }
    if let lease {
      oldLease = engine.lease
      engine.setLease(lease)
    }
    old = replaced.compactMap { engine.settings(named: $0.name) }
    awaited = names.filter { leaving.contains($0) && engine.contains($0) } + replaced.map(\.name)
    phase = .removing
    for name in awaited { engine.remove(name) }
    // A router that does not need what a leaving one still has need not wait for it.
    var gone = RouterSet()
    for router in engine.leavingSettings { _ = gone.insert(router) }
    let inPlace = wanted.filter(changed.contains)
    try engine.change(inPlace.filter { gone.collision(of: $0) == nil })
    for router in added where gone.collision(of: router) == nil { try engine.add(router) }
    late = (inPlace + added).filter { gone.collision(of: $0) != nil } + replaced
  }

  private func finish(_ engine: Engine) throws(NodeError) {
    do throws(NodeError) {
      try engine.change(late.filter(changed.contains))
      for router in late where !changed.contains(router) { try engine.add(router) }
    } catch {
      for router in old where !engine.contains(router.name) { try? engine.add(router) }
      throw error
    }
  }
}
