import Netlink
import VIP
import VIPCore
import VRRP
import VRRPSimulation

/// Judging the promises while time goes on.
extension NodeSimulation {
  func breach(_ promise: BrokenPromise.Promise, _ machine: Machine?, _ detail: String) {
    brokenPromises.append(
      BrokenPromise(time: now, promise: promise, machine: machine?.name, detail: detail))
  }

  /// Something happens from outside.
  ///
  /// - Parameter isPlanned: whether it is a command that moves addresses in good order.
  func noteDisturbance(isPlanned: Bool = false) {
    supervisor.isPlanned = isPlanned && supervisor.isAudited
    supervisor.lastDisturbance = now
    supervisor.isAudited = false
    supervisor.nextAudit = nil
    for index in supervisor.watched.indices { supervisor.watched[index].isReported = false }
  }

  /// Something happens that makes bounds longer until it is forgotten.
  func note(_ trouble: NodeSupervisor.Trouble, until end: Instant? = nil) {
    supervisor.troubles[trouble] = max(end ?? now, supervisor.troubles[trouble] ?? .zero)
  }

  /// Looks at what has changed in this step.
  func check(_ changed: [Machine]) {
    for machine in changed {
      checkExpiries(of: machine)
      checkEvents(of: machine)
      checkGuard(of: machine)
      if machine.process?.settings.isEmpty ?? false { checkUntouched(machine) }
    }
    rewatch()
    look()
    auditIfDue()
  }

  // MARK: One machine

  /// The lease of an address must not run out while its node lives.
  private func checkExpiries(of machine: Machine) {
    defer { machine.expired = [] }
    // From now on it no longer answers probes for the address.
    if !machine.expired.isEmpty, machine.process == nil { noteDisturbance() }
    guard !machine.expired.isEmpty, let process = machine.process, machine.standstill == nil,
      !machine.refuses(.install, at: now),
      machine.lastWake.map({ now - $0 > .seconds(10) }) ?? true,
      !hasTrouble(.refusal, within: .seconds(10))
    else { return }
    for status in process.engine.status() where status.state == .active {
      for address in status.addresses.map(\.address) where machine.expired.contains(address) {
        breach(.refreshed, machine, "\(address) of \(status.name) expired")
      }
    }
  }

  /// Nothing is told again and again.
  private func checkEvents(of machine: Machine) {
    for case .event(let event) in machine.log {
      // What an operator asked for is told as often as it was asked for.
      if case .changed = event { continue }
      // What was said once more within ten seconds, many times over, is a flood.
      var told = machine.told[event.description] ?? (since: now, count: 0)
      if now - told.since > .seconds(10) { told = (now, 0) }
      told.count += 1
      machine.told[event.description] = told
      if told.count == 15 { breach(.noFlood, machine, "'\(event)' 15 times in ten seconds") }
    }
    guard let process = machine.process else { return }
    let elapsed = now - machine.turnsCountedFrom
    if elapsed > .seconds(1) {
      machine.turnsCountedFrom = now
      machine.turnsCounted = process.turnCount
    } else if process.turnCount - machine.turnsCounted > 2 * NodeProcess.turnsMax {
      breach(.noBusyLoop, machine, "\(process.turnCount - machine.turnsCounted) turns in a second")
      machine.turnsCounted = process.turnCount
    }
  }

  /// A node says something as Active.
  func noteAdvertisement(
    _ vrid: VRID, _ family: AddressFamily, _ priority: Priority, by machine: Machine,
    onInterface index: Int32
  ) {
    guard priority != .release, machine.lastWake == now, machine.process?.platform.isDead == false,
      let router = machine.process?.settings.first(where: { $0.vrid == vrid }),
      router.priority != .owner
    else { return }
    // It was away for longer than any node waits for it, and has just come back. A Backup's timer may
    // fire late by a quarter of an interval, which is no pause.
    let interval = max(
      router.interval.duration,
      .nanoseconds(Int64(clamping: supervisor.longestIntervals[vrid] ?? 0)))
    let wasActive = machine.activeBefore.contains(
      Machine.Role(vrid: vrid, family: family))
    let downInterval = downInterval(router.version, interval)
    // One that has just listened for that reason does not do so for less than three intervals.
    let isLateAgain = machine.wakeBefore.map { now - $0 - machine.lastAbsence < downInterval }
    let lateness = isLateAgain ?? false ? interval * 3 : max(interval / 4, .milliseconds(50))
    let patience = wasActive ? interval * 3 + .milliseconds(100) : downInterval + lateness
    guard machine.lastAbsence > patience else { return }
    // A Backup that says so has heard the winner, and only lets it know.
    let status = machine.process?.engine.status(router.name).first { $0.family == family }
    guard status?.state != .backup else { return }
    breach(.listensFirst, machine, "VRID \(vrid) \(family) advertises \(priority) as it wakes up")
  }

  // MARK: Addresses

  /// Notes that a client's cache has changed.
  func noteCache(on segment: Int) { supervisor.cacheRevision += 1 }

  /// The addresses that nodes may hold on a segment.
  func knownAddresses(_ segment: Int) -> [IPAddress] {
    supervisor.watched.filter { $0.segment == segment }.map(\.address)
  }

  /// Finds out again which addresses there are, if any settings have changed.
  func rewatch() {
    // Each of these only ever counts up.
    let revision = machines.reduce(0) { $0 + $1.settingsRevision }
    guard revision != supervisor.watchedRevision else { return }
    supervisor.watchedRevision = revision
    let settings = machines.map { $0.process?.settings ?? [] }
    let places = machines.map(\.attachments)
    guard settings != supervisor.watchedSettings || places != supervisor.watchedPlaces else {
      return
    }
    supervisor.watchedSettings = settings
    supervisor.watchedPlaces = places
    var numbers: [WatchKey: Int] = [:]
    var watched: [WatchedAddress] = []
    for (number, routers) in settings.enumerated() {
      for router in routers {
        let nanoseconds = router.interval.nanoseconds
        supervisor.longestIntervals[router.vrid] = max(
          nanoseconds, supervisor.longestIntervals[router.vrid] ?? 0)
        guard let link = machines[number].link(named: router.interface),
          let segment = machines[number].attachments[link.index]
        else { continue }
        for address in router.addresses.map(\.address) {
          let key = WatchKey(segment: segment, address: address)
          if let place = numbers[key] {
            watched[place].members.append((number, router))
          } else {
            numbers[key] = watched.count
            watched.append(
              WatchedAddress(segment: segment, address: address, members: [(number, router)]))
          }
        }
      }
    }
    for old in supervisor.watched {
      let key = WatchKey(segment: old.segment, address: old.address)
      guard let place = numbers[key] else { continue }
      watched[place].unservedSince = old.unservedSince
      watched[place].doubleSince = old.doubleSince
      watched[place].isReported = old.isReported
      watched[place].wasSplit = old.wasSplit
      watched[place].nextJudgement = old.nextJudgement
    }
    supervisor.watched = watched
    supervisor.troubled = []
    supervisor.lookedAt = nil
  }

  private struct WatchKey: Hashable {
    var segment: Int
    var address: IPAddress
  }

  /// Whether a segment is whole and nothing is refused or forged on it: what nodes promise then they
  /// promise without conditions.
  func isCalm(_ segment: Int) -> Bool {
    guard conditions.isLossless, segments[segment].strangers.isEmpty else { return false }
    for machine in machines {
      guard !machine.isCut, machine.standstill == nil, blocked[machine.number] == 0 else {
        return false
      }
      guard machine.refusedUntil.isEmpty || machine.refusedUntil.values.allSatisfy({ $0 <= now })
      else { return false }
    }
    return foreigners.isEmpty || !foreigners.contains { $0.segment == segment }
  }

  /// Follows which machine holds and which one serves each address.
  private func look() {
    var state = NodeSupervisor.Look(
      revision: machines.count + supervisor.cacheRevision, calm: [isCalm(0), isCalm(1)])
    for machine in machines { state.revision += machine.revision }
    if state != supervisor.lookedAt {
      supervisor.lookedAt = state
      let calm = state.calm
      supervisor.troubled = []
      for index in supervisor.watched.indices { follow(index, isCalm: calm) }
    }
    for index in supervisor.troubled { judge(index) }
  }

  private func follow(_ index: Int, isCalm: [Bool]) {
    let watch = supervisor.watched[index]
    let holders = machines.count { $0.holdsCached(watch.address, onSegment: watch.segment) }
    measure(watch, holders: holders)
    guard isCalm[watch.segment] else {
      supervisor.watched[index].unservedSince = nil
      supervisor.watched[index].doubleSince = nil
      if holders > 1 { supervisor.watched[index].wasSplit = true }
      return
    }
    if watch.wasSplit, holders < 2 {
      supervisor.watched[index].wasSplit = false
      if findsOutByItself(watch) {
        let question = segments[watch.segment].client.question(about: watch.address)
        transmit(frame: question, onSegment: watch.segment)
      }
    }
    let isServed = isServed(watch.address, onSegment: watch.segment)
    supervisor.watched[index].doubleSince = holders > 1 ? watch.doubleSince ?? now : nil
    if isServed, let since = watch.unservedSince { judgeGap(watch, from: since) }
    supervisor.watched[index].unservedSince = isServed ? nil : watch.unservedSince ?? now
    if !isServed || holders > 1 { supervisor.troubled.append(index) }
  }

  /// Whether a client finds out only when its packets come to nothing that the machine which it takes
  /// for an address's has lost it to another one.
  ///
  /// A loser of a split makes the winner announce again if it can speak (Docs/Handover.md). One that is
  /// dead, frozen or cut off can't, one that was frozen has not handed over, and a strict one does not.
  private func findsOutByItself(_ watch: WatchedAddress) -> Bool {
    if watch.members.contains(where: { $0.settings.handover == .strict }) { return true }
    guard let mac = segments[watch.segment].client.cache[watch.address],
      let machine = machines.first(where: { machine in
        machine.kernel.currentLinks.contains { $0.macAddress == mac }
      })
    else { return true }
    guard !machine.isCut, machine.standstill == nil,
      machine.lastWake.map({ now - $0 > .seconds(10) }) ?? true
    else { return true }
    // A full table of neighbours mutes one whose frames are refused too.
    let muting: [Machine.Refusal] = [.send, .permission, .neighbours, .open]
    let ends = muting.compactMap { machine.refusedUntil[$0] }
    guard ends.allSatisfy({ now - $0 > .seconds(10) }) else { return true }
    return !running(watch).contains { $0.machine == machine.number }
  }

  /// Whether a packet of the client to an address reaches a machine that has it.
  func isServed(_ address: IPAddress, onSegment segment: Int) -> Bool {
    guard let mac = segments[segment].client.cache[address] else { return false }
    let behind = segments[segment].ports[mac]
    return machines.contains { machine in
      if let behind, machine.number != behind { return false }
      return machine.serves(address, at: mac, onSegment: segment)
    }
  }

  /// The running routers for an address: those that take part in the election.
  func running(_ watch: WatchedAddress) -> [(machine: Int, settings: RouterConfiguration)] {
    watch.members.filter { member in
      machines[member.machine].process?.isRunning(member.settings.name, watch.address.family)
        ?? false
    }
  }

  /// Whether something else has an address, so that nothing is promised about it.
  private func isExcused(_ watch: WatchedAddress) -> Bool {
    !watch.isConsistent || !isListedByAll(watch) || isOrphaned(watch) || isServedElsewhere(watch)
      || machines.contains { machine in
        machine.untouched.entries.contains { $0.record.address.address == watch.address }
      }
  }

  /// Whether a machine serves an address on another segment, and answers probes for it on this one:
  /// Linux answers for an IPv4 address on each interface.
  private func isServedElsewhere(_ watch: WatchedAddress) -> Bool {
    guard watch.address.isIPv4, watch.members.contains(where: { $0.settings.probe }) else {
      return false
    }
    return segments.indices.contains { segment in
      segment != watch.segment
        && machines.contains { $0.holdsCached(watch.address, onSegment: segment) }
    }
  }

  /// Whether an address stays for good on a machine whose node and guard are dead, since it was put up
  /// without an end (`lease off`): nothing but its node's next life removes it (Docs/Leases.md).
  ///
  /// A router of the group that asks first if its addresses are free waits for all of them.
  private func isOrphaned(_ watch: WatchedAddress) -> Bool {
    var addresses: Set = [watch.address]
    for member in watch.members where member.settings.probe {
      addresses.formUnion(member.settings.addresses.lazy.map(\.address))
    }
    return isOrphaned(anyOf: addresses)
  }

  /// Whether one of some addresses is on the machine of a dead node for good.
  func isOrphaned(anyOf addresses: Set<IPAddress>) -> Bool {
    machines.contains { machine in
      machine.process == nil && machine.lastLease.lifetime == nil
        && machine.kernel.entries.contains {
          $0.record.isOurs && $0.validUntil == nil && addresses.contains($0.record.address.address)
        }
    }
  }

  /// Whether every running router of the group has an address in its list.
  private func isListedByAll(_ watch: WatchedAddress) -> Bool {
    guard let vrid = watch.members.first?.settings.vrid else { return false }
    return machines.allSatisfy { machine in
      guard let process = machine.process else { return true }
      return process.settings.allSatisfy { router in
        guard router.vrid == vrid, process.isRunning(router.name, watch.address.family),
          let link = machine.link(named: router.interface),
          machine.attachments[link.index] == watch.segment
        else { return true }
        return router.addresses.contains { $0.address == watch.address }
      }
    }
  }

  private func judge(_ index: Int) {
    let watch = supervisor.watched[index]
    guard !watch.isReported, watch.unservedSince != nil || watch.doubleSince != nil,
      watch.nextJudgement.map({ $0 <= now }) ?? true
    else { return }
    supervisor.watched[index].nextJudgement = now + .milliseconds(200)
    guard !isExcused(watch) else { return }
    let start = max(supervisor.lastDisturbance, supervisor.quietFrom)
    if let since = watch.unservedSince, !running(watch).isEmpty {
      let bound = outageBound(watch)
      if now - max(since, start) > bound {
        supervisor.watched[index].isReported = true
        breach(
          .replacedInTime, nil,
          "\(watch.address) not served for \((now - max(since, start)).text), bound \(bound.text)")
      }
    }
    if let since = watch.doubleSince {
      let bound = doubleBound(watch)
      if now - max(since, start) > bound {
        supervisor.watched[index].isReported = true
        breach(
          .oneHolder, nil,
          "\(watch.address) held twice for \((now - max(since, start)).text), bound \(bound.text)")
      }
    }
  }

  /// An address is served again: in a planned move it should never have been otherwise.
  private func judgeGap(_ watch: WatchedAddress, from start: Instant) {
    guard supervisor.isPlanned, start >= supervisor.lastDisturbance, !isExcused(watch),
      running(watch).count > 1, watch.members.allSatisfy({ $0.settings.handover == .seamless })
    else { return }
    // What is on its way when the old holder lets go.
    let bound = conditions.deliveryTimeMax * 2
    guard now - start > bound, now - start > bound + nearTieTime(watch) else { return }
    breach(.plannedMove, nil, "\(watch.address) was not served for \((now - start).text)")
  }
}
