import Netlink
import VIP
import VIPCore
import VRRP
import VRRPSimulation

/// What the commands of a story do.
extension NodeSimulation {
  // MARK: Nodes

  /// Does something to a node or its machine.
  func perform(_ deed: StoryCommand.Deed, on machine: Machine) {
    guard isPossible(deed, on: machine) else { return }
    machine.advanceKernel(to: now)
    touch(machine)
    noteDisturbance(isPlanned: deed == .stop)
    switch deed {
    case .start:
      guard machine.process == nil else { break }
      start(machine)
      if !machine.wanted.isEmpty { machine.process?.apply(machine.wanted) }
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
    case .lease(let text):
      guard let lease = LeasePolicy(text) else { break }
      machine.options.lease = lease
      machine.process?.apply([], lease: lease)
    case .link(let name, let deed): perform(deed, on: machine, interface: name)
    case .rename(let name, let newName): rename(machine, name, newName)
    case .hostAdds(let address):
      note(.meddling)
      let index = machine.link(named: "eth0")?.index ?? 2
      // Linux refuses what is there already (EEXIST).
      guard
        !machine.kernel.entries.contains(where: {
          $0.record.interfaceIndex == index && $0.record.address == address
        })
      else { break }
      machine.own(address, onInterface: index)
    case .hostReplaces(let address):
      note(.meddling)
      guard let index = machine.link(named: "eth0")?.index else { break }
      let record = AddressRecord(interfaceIndex: index, address: address, flags: .permanent)
      machine.act { $0.add(record) }
    case .hostRemoves(let address):
      note(.meddling)
      for link in machine.kernel.currentLinks {
        machine.act { $0.remove(address, onInterface: link.index) }
      }
    case .hostPromotes(let isOn): machine.act { $0.promotesSecondaries = isOn }
    case .refuse(let what, let duration):
      guard let what = Machine.Refusal(rawValue: what) else { break }
      machine.refusedUntil[what] = now + duration
      note(.refusal, until: now + duration)
      supervisor.quietFrom = max(supervisor.quietFrom, now + duration)
    case .lose:
      machine.kernel.overflow()
    case .forgetGroups:
      for transport in machine.process.map({ Array($0.platform.transports.values) }) ?? [] {
        transport.loseMembership()
      }
      // What makes the kernel do so is told, as a change of the interface.
      if let link = machine.link(named: "eth0") { machine.act { $0.setLink(link) } }
    case .edit: machine.isEditing = true
    case .reload: reload(machine)
    }
  }

  /// Whether a process that stands still, or a machine that sleeps, can do something.
  private func isPossible(_ deed: StoryCommand.Deed, on machine: Machine) -> Bool {
    switch deed {
    case .start, .kill, .killGuard: machine.standstill?.kind != .asleep
    case .stop, .lease, .reload: machine.standstill == nil
    default: true
    }
  }

  /// Brings a node to what its file says.
  private func reload(_ machine: Machine) {
    machine.isEditing = false
    guard let process = machine.process else { return }
    let names = Set(machine.wanted.map(\.name))
    process.apply(
      machine.wanted, removing: process.engine.routerNames.filter { !names.contains($0) })
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

  /// What an operator does to a router.
  func perform(_ deed: StoryCommand.RouterDeed, of name: String, on machine: Machine) {
    guard let process = machine.process, machine.standstill == nil else { return }
    machine.advanceKernel(to: now)
    touch(machine)
    noteDisturbance(isPlanned: deed.isPlanned)
    let present = machine.wanted.first { $0.name == name }
    switch deed {
    case .up(let addresses, let settings):
      guard let router = StorySetting.router(name, addresses, settings) else { return }
      apply(router, process)
    case .set(let settings):
      guard var router = present else { return refuse(name, machine) }
      for setting in settings { _ = setting.apply(to: &router) }
      apply(router, process)
    case .add(let addresses):
      guard var router = present else { return refuse(name, machine) }
      router.addresses += addresses.filter { !router.addresses.contains($0) }
      apply(router, process)
    case .remove(let addresses):
      guard var router = present else { return refuse(name, machine) }
      router.addresses.removeAll { addresses.contains($0.address) }
      apply(router, process)
    case .down:
      machine.wanted.removeAll { $0.name == name }
      if !machine.isEditing { process.down(name) }
    case .resign(let duration):
      if let duration { supervisor.quietFrom = max(supervisor.quietFrom, now + duration) }
      command(machine) { engine throws(NodeError) in try engine.resign(name, for: duration) }
    case .promote:
      command(machine) { engine throws(NodeError) in try engine.promote(name) }
    }
    process.collect()
  }

  private func apply(_ router: RouterConfiguration, _ process: NodeProcess) {
    let machine = process.machine
    let count = machine.log.count
    if !machine.isEditing { process.apply([router]) }
    // A refusal leaves the operator's file as it was.
    let isRefused = machine.log.dropFirst(count).contains {
      if case .remark(let text) = $0 { return text.hasPrefix("refused") }
      return false
    }
    guard !isRefused else { return }
    if let place = machine.wanted.firstIndex(where: { $0.name == router.name }) {
      machine.wanted[place] = router
    } else {
      machine.wanted.append(router)
    }
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

  // MARK: Interfaces

  private func perform(
    _ deed: StoryCommand.LinkDeed, on machine: Machine, interface name: String
  ) {
    note(.meddling)
    if deed == .new { return add(name, to: machine) }
    guard let link = machine.link(named: name) else { return }
    switch deed {
    case .down: setFlags(link, machine) { $0.subtract([.up, .running, .lowerUp]) }
    case .up:
      setFlags(link, machine) { $0.formUnion([.up, .running, .lowerUp]) }
      if link.kind == nil, !link.isUp { giveLinkLocal(machine, link.index) }
    case .noCarrier: setFlags(link, machine) { $0.subtract([.running, .lowerUp]) }
    case .carrier where link.isUp:
      setFlags(link, machine) { $0.formUnion([.running, .lowerUp]) }
    case .carrier, .new: break
    case .joins: machine.attachments[link.index] = 0
    case .smallMTU, .usualMTU: setMTU(deed == .smallMTU ? 576 : 1500, link, machine)
    case .gone:
      machine.act { $0.removeLink(index: link.index) }
      machine.attachments[link.index] = nil
    }
  }

  /// Linux makes the IPv6 part of an interface again whose MTU was too small for it.
  private func setMTU(_ mtu: Int, _ link: Link, _ machine: Machine) {
    var link = link
    link.mtu = mtu
    machine.act { $0.setLink(link) }
    machine.act { $0.setIPv6(enabled: mtu >= 1280, onInterface: link.index) }
    let key = SegmentKey(interfaceIndex: link.index, family: .ipv6)
    machine.process?.platform.transports[key]?.loseMembership()
    if mtu >= 1280 { giveLinkLocal(machine, link.index) }
  }

  private func setFlags(_ link: Link, _ machine: Machine, _ change: (inout LinkFlags) -> Void) {
    var flags = link.flags
    change(&flags)
    machine.act { $0.setFlags(flags, onInterface: link.index) }
    // What is stacked on it has a carrier while it has one.
    for macvlan in machine.kernel.currentLinks where macvlan.parentIndex == link.index {
      var flags = macvlan.flags
      if machine.link(link.index)?.isRunning ?? false, macvlan.isUp {
        flags.formUnion([.running, .lowerUp])
      } else {
        flags.subtract([.running, .lowerUp])
      }
      if flags != macvlan.flags { machine.kernel.setFlags(flags, onInterface: macvlan.index) }
    }
  }

  private func add(_ name: String, to machine: Machine) {
    guard machine.link(named: name) == nil, name == "eth0" || name == "eth1" else { return }
    machine.lastIndex += 1
    let index = machine.lastIndex
    let segment = name == "eth0" ? 0 : 1
    var link = Self.link(name, index, machine.number)
    link.macAddress = MACAddress(2, 0, 0, UInt8(segment + 2), 0, UInt8(machine.number + 1))
    machine.attachments[index] = segment
    machine.act { $0.setLink(link) }
    giveAddresses(machine, index, segment: segment)
  }

  private func rename(_ machine: Machine, _ name: String, _ newName: String) {
    note(.meddling)
    guard var link = machine.link(named: name), machine.link(named: newName) == nil else { return }
    link.name = newName
    machine.act { kernel in
      guard var own = kernel.currentLinks.first(where: { $0.index == link.index }) else { return }
      own.name = newName
      kernel.setLink(own)
    }
  }

  // MARK: The segment

  func setConditions(_ conditions: LinkConditions) {
    let becomesWhole = conditions.isLossless && !self.conditions.isLossless
    self.conditions = conditions
    noteDisturbance()
    if becomesWhole { refreshClients() }
  }

  func setCut(_ isCut: Bool, _ machines: [Machine]) {
    for machine in machines { machine.isCut = isCut }
    noteDisturbance()
    if !isCut { refreshClients() }
  }

  func setBlocked(_ isBlocked: Bool, from: Machine, to: Machine) {
    let bit = UInt64(1) << UInt64(to.number)
    if isBlocked { blocked[from.number] |= bit } else { blocked[from.number] &= ~bit }
    noteDisturbance()
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
    noteDisturbance()
    if !wasWhole { refreshClients() }
  }

  /// What a machine outside the groups does on the first segment.
  func perform(_ deed: StoryCommand.StrangerDeed) {
    noteDisturbance()
    note(.stranger)
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

extension StoryCommand.RouterDeed {
  /// Whether it moves addresses in good order.
  fileprivate var isPlanned: Bool {
    switch self {
    case .down, .resign, .promote, .add: true
    case .set(let settings): settings.allSatisfy { $0.key == .priority }
    case .up, .remove: false
    }
  }
}
