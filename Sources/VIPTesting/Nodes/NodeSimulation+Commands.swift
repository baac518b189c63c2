import Netlink
import VIP
import VIPCore
import VRRP
import VRRPSimulation

/// The commands of a story.
extension NodeSimulation {
  // MARK: Nodes

  /// Does something to a node or its machine.
  func perform(_ deed: StoryCommand.Deed, on machine: Machine) {
    guard isPossible(deed, on: machine) else { return }
    // Nothing happens until the file is read.
    if deed == .edit { return machine.isEditing = true }
    if case .group(let name, let routers) = deed {
      machine.groups.removeAll { $0.name == name }
      if !routers.isEmpty { machine.groups.append(RouterGroup(name: name, routers: routers)) }
      if machine.isEditing || machine.process == nil || machine.standstill != nil { return }
    }
    machine.advanceKernel(to: now)
    touch(machine)
    if let disturbance = disturbance(by: deed, on: machine) { restartBounds(after: disturbance) }
    switch deed {
    case .start:
      guard machine.process == nil else { break }
      start(machine)
      if !machine.wanted.isEmpty {
        machine.process?.apply(
          ChangeTarget(.routers(machine.wanted), groups: machine.groups, unready: .wait))
      }
    case .stop: machine.process?.stop()
    case .kill(let withGuard):
      guard machine.process != nil else { break }
      kill(machine, withGuard: withGuard)
      machine.log.append(.remark(withGuard ? "is killed with its guard" : "is killed"))
    case .killAfter(let count):
      if machine.process != nil { machine.requestsUntilDeath = count }
    case .killGuard:
      machine.process?.platform.guardProcess?.die()
      machine.log.append(.remark("its guard is killed"))
    case .freeze(let duration): pause(machine, .frozen, for: duration)
    case .sleep(let duration): pause(machine, .asleep, for: duration)
    case .clock(let drift): machine.clock.setDrift(drift, at: now)
    case .lease(let text): change(text, of: machine)
    case .link(let name, let deed): perform(deed, on: machine, interface: name)
    case .rename(let name, let newName): rename(machine, name, newName)
    case .hostAdds(let address): addHostAddress(address, to: machine)
    case .hostReplaces(let address):
      lengthenBounds(byHostWith: address)
      guard let index = machine.link(named: "eth0")?.index else { break }
      let record = AddressRecord(interfaceIndex: index, address: address, flags: .permanent)
      machine.act { $0.add(record) }
    case .hostRemoves(let address):
      lengthenBounds(byHostWith: address)
      for link in machine.kernel.currentLinks {
        machine.act { $0.remove(address, onInterface: link.index) }
      }
    case .hostPromotes(let isOn): machine.act { $0.promotesSecondaries = isOn }
    case .refuse(let what, let duration):
      guard let what = Machine.Refusal(rawValue: what) else { break }
      machine.refusedUntil[what] = now + duration
      lengthenBounds(because: .refusal, until: now + duration)
      supervisor.quietFrom = max(supervisor.quietFrom, now + duration)
    case .lose:
      machine.kernel.overflow()
    case .forgetGroups:
      for transport in machine.process.map({ Array($0.platform.transports.values) }) ?? [] {
        transport.loseMembership()
      }
      // What makes the kernel do so is told, as a change of the interfaces.
      for index in machine.attachments.keys.sorted() { change(index, of: machine) }
    case .edit: break
    case .reload: reload(machine)
    case .group:
      machine.process?.apply(ChangeTarget(.routers([]), groups: machine.groups))
      machine.process?.collect()
    }
  }

  private func addHostAddress(_ address: InterfaceAddress, to machine: Machine) {
    lengthenBounds(byHostWith: address)
    let index = machine.link(named: "eth0")?.index ?? 2
    // Linux refuses what is there already (EEXIST).
    guard
      !machine.kernel.entries.contains(where: {
        $0.record.interfaceIndex == index && $0.record.address == address
      })
    else { return }
    machine.own(address, onInterface: index)
  }

  /// Makes bounds longer, since a host changes its addresses; with a virtual one it is a stranger
  /// to the other machines.
  private func lengthenBounds(byHostWith address: InterfaceAddress) {
    lengthenBounds(because: .meddling)
    if supervisor.watched.contains(where: { $0.address == address.address }) {
      lengthenBounds(because: .stranger)
    }
  }

  /// Changes the lease of a node's addresses.
  private func change(_ text: String, of machine: Machine) {
    guard let lease = LeasePolicy(text) else { return }
    machine.options.lease = lease
    guard let process = machine.process else { return }
    var settings = process.nodeSettings
    settings.lease = lease
    process.apply(ChangeTarget(.routers([]), settings: settings))
  }

  /// Whether a process that stands still, or a machine that sleeps, can do something.
  private func isPossible(_ deed: StoryCommand.Deed, on machine: Machine) -> Bool {
    switch deed {
    case .start, .kill, .killGuard: machine.standstill?.kind != .asleep
    case .stop, .lease: machine.standstill == nil
    default: true
    }
  }

  /// Brings a node to what its file says.
  func reload(_ machine: Machine) {
    machine.isEditing = false
    guard let process = machine.process else { return }
    // A process that stands still reads it when it goes on.
    machine.reloadsOnWake = machine.standstill != nil
    guard machine.standstill == nil else { return }
    process.apply(
      ChangeTarget(
        .routers(machine.wanted), removing: nil, groups: machine.groups, unready: .wait))
    process.collect()
  }

  private func pause(_ machine: Machine, _ kind: Machine.Standstill, for duration: Duration) {
    guard machine.process != nil || kind == .asleep, machine.standstill == nil else { return }
    machine.standstill = (kind, now + duration)
    machine.lastAbsence = duration
    let active = machine.process?.engine.status().filter { $0.state == .active } ?? []
    machine.activeBefore = Set(active.map { Machine.Role(vrid: $0.vrid, family: $0.family) })
    machine.log.append(.remark(kind == .frozen ? "is frozen" : "falls asleep"))
  }

  // MARK: Routers

  /// Does an operator's deed to a router.
  func perform(_ deed: StoryCommand.RouterDeed, of name: String, on machine: Machine) {
    guard !machine.isEditing else { return edit(deed, of: name, on: machine) }
    guard let process = machine.process, machine.standstill == nil else { return }
    machine.advanceKernel(to: now)
    touch(machine)
    restartBounds(after: disturbance(by: deed, to: name, on: machine))
    switch deed {
    case .up, .set, .add, .remove:
      guard let router = router(name, machine, after: deed) else { return refuse(name, machine) }
      apply(router, process)
    case .down:
      machine.wanted.removeAll { $0.name == name }
      process.down(name)
    case .fitness(let cause, let fitness):
      process.setFitness(fitness.said, of: name, for: cause)
    case .resign(let duration):
      if let duration { supervisor.quietFrom = max(supervisor.quietFrom, now + duration) }
      command(machine) { engine throws(NodeError) in try engine.resign(name, for: duration) }
    case .promote:
      command(machine) { engine throws(NodeError) in try engine.promote(name) }
    case .resume: command(machine) { engine in engine.resume([name]) }
    }
    process.collect()
  }

  /// A router's settings after a change of them; `nil` if there is no such router.
  func router(
    _ name: String, _ machine: Machine, after deed: StoryCommand.RouterDeed
  ) -> RouterConfiguration? {
    if case .up(let addresses, let settings) = deed {
      return StorySetting.router(name, addresses, settings)
    }
    guard var router = machine.wanted.first(where: { $0.name == name }) else { return nil }
    switch deed {
    case .set(let settings):
      for setting in settings { _ = setting.apply(to: &router) }
    case .add(let addresses):
      router.addresses += addresses.filter { !router.addresses.contains($0) }
    case .remove(let addresses):
      router.addresses.removeAll { addresses.contains($0.address) }
    case .up, .down, .resign, .promote, .resume, .fitness: break
    }
    return router
  }

  /// Changes a node's file, whether or not the node runs.
  private func edit(
    _ deed: StoryCommand.RouterDeed, of name: String, on machine: Machine
  ) {
    switch deed {
    case .down: machine.wanted.removeAll { $0.name == name }
    case .up, .set, .add, .remove:
      if let router = router(name, machine, after: deed) { write(router, toFileOf: machine) }
    case .resign, .promote, .resume, .fitness: break
    }
  }

  private func write(_ router: RouterConfiguration, toFileOf machine: Machine) {
    if let place = machine.wanted.firstIndex(where: { $0.name == router.name }) {
      machine.wanted[place] = router
    } else {
      machine.wanted.append(router)
    }
  }

  private func apply(_ router: RouterConfiguration, _ process: NodeProcess) {
    let machine = process.machine
    let count = machine.log.count
    process.apply([router])
    // A refusal leaves the operator's file as it was.
    let isRefused = machine.log.dropFirst(count).contains {
      if case .remark(let text) = $0 { return text.hasPrefix("refused") }
      return false
    }
    if !isRefused { write(router, toFileOf: machine) }
  }

  private func refuse(_ name: String, _ machine: Machine) {
    machine.log.append(.remark("refused: no router is called '\(name)'"))
  }

  private func command(
    _ machine: Machine, _ body: (Engine) throws(NodeError) -> Void
  ) {
    guard let engine = machine.process?.engine else { return }
    do throws(NodeError) {
      try body(engine)
    } catch {
      machine.log.append(.remark("refused: \(error)"))
    }
  }

  // MARK: The segment

  func setConditions(_ conditions: LinkConditions) {
    let becomesWhole = conditions.isLossless && !self.conditions.isLossless
    self.conditions = conditions
    restartBounds()
    if becomesWhole { refreshClients() }
  }

  func setCut(_ isCut: Bool, _ machines: [Machine]) {
    for machine in machines { machine.isCut = isCut }
    restartBounds()
    if !isCut { refreshClients() }
  }

  func setBlocked(_ isBlocked: Bool, from: Machine, to: Machine) {
    let bit = UInt64(1) << UInt64(to.number)
    if isBlocked { blocked[from.number] |= bit } else { blocked[from.number] &= ~bit }
    restartBounds()
    if !isBlocked { refreshClients() }
  }

  func partition(_ sides: [[Machine]]) {
    heal()
    for (one, side) in sides.enumerated() {
      for other in sides.dropFirst(one + 1) {
        for a in side {
          for b in other {
            setBlocked(true, from: a, to: b)
            setBlocked(true, from: b, to: a)
          }
        }
      }
    }
  }

  func heal() {
    let wasWhole = machines.allSatisfy { !$0.isCut } && blocked.allSatisfy { $0 == 0 }
    for machine in machines { machine.isCut = false }
    for index in blocked.indices { blocked[index] = 0 }
    restartBounds()
    if !wasWhole { refreshClients() }
  }

  /// Does the deed of a machine outside the groups on the first segment.
  func perform(_ deed: StoryCommand.StrangerDeed) {
    restartBounds()
    lengthenBounds(because: .stranger)
    switch deed {
    case .has(let address): segments[0].strangers[address] = Self.strangerMAC
    case .leaves(let address):
      let hadIt = segments[0].strangers.removeValue(forKey: address) != nil
      // What it once announced is for the holder to repair, if the holder could hear it.
      if segments[0].unheardClaims.remove(address) != nil || hadIt { refreshClients() }
    case .announces(let address):
      if !isCalm(0) { segments[0].unheardClaims.insert(address) }
      announceForeign(address, at: Self.strangerMAC, onSegment: 0)
    case .advertises(let vrid, let priority, let addresses):
      guard let first = addresses.first else { return }
      let source: IPAddress =
        first.isIPv4
        ? .v4(IPv4Address(192, 0, 2, 200)) : .v6(IPv6Address(high: 0xFE80 << 48, low: 200))
      foreigners.append(
        ForeignRouter(
          segment: 0, vrid: vrid, source: source, priority: priority, interval: .default,
          addresses: addresses, next: now))
    case .silence: foreigners = []
    }
  }

  private static let strangerMAC = MACAddress(2, 0, 0, 0xEE, 0, 1)

  // MARK: Asking

  /// The machines that have an address which clients can reach.
  func holders(of address: IPAddress) -> [String] {
    machines.filter { machine in
      segments.indices.contains { machine.holds(address, onSegment: $0) }
    }.map(\.name)
  }

  /// The machine that a packet of the client to an address reaches, if it has the address.
  func server(of address: IPAddress) -> String? {
    for segment in segments.indices {
      guard let mac = segments[segment].client.cache[address] else { continue }
      let behind = segments[segment].ports[mac]
      for machine in machines where behind == nil || machine.number == behind {
        if machine.serves(address, at: mac, onSegment: segment) { return machine.name }
      }
    }
    return nil
  }

  /// Lines about the segment since they were last asked for.
  func takeRemarks() -> [String] {
    defer { remarks = [] }
    return remarks
  }
}

extension StoryCommand.Fitness {
  /// The statement of the program.
  fileprivate var said: RouterFitness {
    switch self {
    case .fit: .fit
    case .weaker(let decrement): .weaker(by: decrement, because: "the story says so")
    case .stronger(let increment): .stronger(by: increment, because: "the story says so")
    case .unfit: .unfit(because: "the story says so")
    }
  }
}
