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
  /// The guard's area as it was read last.
  var guardReading = GuardReading()
  /// Changes of routers that are under way, the oldest first.
  private var changes: [NodeChange] = []
  /// Statements about the fitness of routers that are not there yet.
  private var said: [Saying] = []
  /// Whether its addresses have had leases all its life.
  private(set) var hasAlwaysLeased: Bool
  /// Whether it has been told to end.
  private(set) var isStopping = false
  /// Routers whose removal a command waits for.
  private var leaving: Set<String> = []
  /// Number of turns that it has taken.
  private(set) var turnCount = 0
  /// The settings of its routers, read again whenever something may have changed.
  var settings: [RouterConfiguration] = []
  /// The states of its routers, as its events tell them.
  private var states: [RouterKey: VirtualRouter.State] = [:]

  private struct Saying {
    var fitness: RouterFitness
    var router: String
    var cause: String
  }

  private struct RouterKey: Hashable {
    var name: String
    var family: AddressFamily
  }

  init(_ machine: Machine, in simulation: NodeSimulation) throws(NodeError) {
    self.machine = machine
    platform = MachinePlatform(machine, in: simulation)
    hasAlwaysLeased = !machine.options.lease.isOff
    engine = try Engine(platform, lease: machine.options.lease)
    engine.takeOverLeftovers(machine.addressFile, routing: machine.routingFile)
    if machine.options.isGuarded { try protect(in: simulation) }
  }

  private func protect(in simulation: NodeSimulation) throws(NodeError) {
    // Small, so that a block which is never given back is soon missed.
    let area = try GuardArea(byteCount: 176 << 10)
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
        note(change.to, of: name, family)
      case .removed(let name):
        for family in AddressFamily.allCases { states[RouterKey(name: name, family: family)] = nil }
      default: break
      }
    }
  }

  /// Takes note of the state of a router.
  func note(_ state: VirtualRouter.State, of name: String, _ family: AddressFamily) {
    states[RouterKey(name: name, family: family)] = state
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

  /// Makes a change, as `Node.apply` does.
  func apply(_ target: ChangeTarget) {
    if let lease = target.settings?.lease, lease.isOff { hasAlwaysLeased = false }
    changes.append(NodeChange(target))
    _ = continueChanges()
  }

  /// Brings routers to the settings they shall have.
  func apply(_ wanted: [RouterConfiguration]) { apply(ChangeTarget(.routers(wanted))) }

  /// The settings that all routers share, as far as a simulated node has them.
  var nodeSettings: NodeSettings {
    var settings = NodeSettings()
    settings.lease = engine.lease
    settings.isGuarded = engine.guardState != .off
    settings.announcements = engine.announcements
    return settings
  }

  /// Says how fit a router is, as `Node.setFitness` does.
  func setFitness(_ fitness: RouterFitness, of name: String, for cause: String) {
    said.append(Saying(fitness: fitness, router: name, cause: cause))
    _ = sayWhatWaits()
  }

  /// Says what there is to say of routers that are there by now; for one that is just being added
  /// or replaced it waits.
  ///
  /// - Returns: whether anything was said.
  private func sayWhatWaits() -> Bool {
    let isApplying = changes.contains(where: \.isUnderWay)
    let isDue = { [engine, isStopping] (saying: Saying) in
      !isApplying || isStopping || engine.isStaying(saying.router)
    }
    let due = said.filter(isDue)
    said.removeAll(where: isDue)
    for saying in due {
      do throws(NodeError) {
        try engine.setFitness(saying.fitness, of: saying.router, for: saying.cause)
      } catch {
        machine.log.append(.remark("refused: \(error)"))
      }
    }
    return !due.isEmpty
  }

  /// Hands a router over and removes it, as `Node.down` does.
  func down(_ name: String) {
    guard engine.remove(name) else {
      machine.log.append(.remark("refused: no router is called '\(name)'"))
      return
    }
    leaving.insert(name)
  }

  /// Follows the routers that were taken down: they are gone, or have come back from being replaced
  /// and are taken down once more.
  ///
  /// - Returns: whether anything has happened.
  private func seeOff() -> Bool {
    guard !leaving.isEmpty, !changes.contains(where: \.isUnderWay) else { return false }
    let back = leaving.filter(engine.isStaying)
    for name in back { engine.remove(name) }
    let gone = leaving.filter { !engine.contains($0) }
    guard !gone.isEmpty else { return !back.isEmpty }
    leaving.subtract(gone)
    writeAddressFile()
    return true
  }

  /// Ends the node in good order, as `Node.shutdown` does.
  func stop() {
    isStopping = true
    engine.remove(all: engine.routerNames)
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
    if sayWhatWaits() { wentOn = true }
    let count = changes.count
    changes.removeAll(where: \.isOver)
    if isStopping, engine.routerNames.isEmpty { writeAddressFile() }
    return wentOn || changes.count != count
  }

  /// Whether another change holds the place in which only one can be.
  func isApplying(besides change: NodeChange) -> Bool {
    changes.contains { $0 !== change && $0.isUnderWay }
  }

  /// Writes which addresses this node may hold from now on, so that its next life finds them.
  func writeAddressFile(adding wanted: [RouterConfiguration] = []) {
    machine.addressFile = AddressFile.entries(of: engine.allSettings + wanted)
    machine.routingFile = AddressFile.routing(of: engine.allSettings + wanted)
  }

  /// Whether nothing is under way that a command has begun.
  var isIdle: Bool { changes.isEmpty && leaving.isEmpty && said.isEmpty && !isStopping }
}
