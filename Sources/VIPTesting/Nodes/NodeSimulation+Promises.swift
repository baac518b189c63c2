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

  /// Has all bounds begin again, since something happens from outside.
  func restartBounds(after disturbance: Disturbance = .trouble) {
    let isAtRest = supervisor.isAudited
    supervisor.isPlanned = disturbance != .trouble && isAtRest
    supervisor.isDeath = disturbance == .death
    if disturbance != .replacement {
      supervisor.rolloutSince = nil
    } else if isAtRest {
      supervisor.rolloutSince = now
      for index in supervisor.watched.indices {
        supervisor.watched[index].isRolledOut = keepsService(supervisor.watched[index])
      }
    }
    supervisor.lastDisturbance = now
    supervisor.isAudited = false
    supervisor.nextAudit = nil
    for index in supervisor.watched.indices {
      supervisor.watched[index].isReported = false
      supervisor.watched[index].wasServed = supervisor.watched[index].unservedSince == nil
    }
  }

  /// Makes bounds longer until a trouble is forgotten.
  func lengthenBounds(because trouble: NodeSupervisor.Trouble, until end: Instant? = nil) {
    supervisor.troubles[trouble] = max(end ?? now, supervisor.troubles[trouble] ?? .zero)
  }

  /// Looks at what has changed in this step.
  func check(_ changed: [Machine]) {
    for machine in changed {
      checkExpiries(of: machine)
      checkEvents(of: machine)
      checkGuard(of: machine)
      checkEnds(of: machine)
      if machine.process?.settings.isEmpty ?? false { checkUntouched(machine) }
    }
    rewatch()
    followAddresses()
    followGroups(changed)
    auditIfDue()
  }

  // MARK: One machine

  /// The lease of an address must not run out while its node lives.
  private func checkExpiries(of machine: Machine) {
    defer { machine.expired = [] }
    // From now on it no longer answers probes for the address.
    if !machine.expired.isEmpty, machine.process == nil || machine.standstill?.kind == .frozen {
      restartBounds()
    }
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

  /// Checks that a node which has just woken up says nothing as Active before it has listened.
  func checkListening(
    _ vrid: VRID, _ family: AddressFamily, _ priority: Priority, by machine: Machine,
    onInterface index: Int32
  ) {
    guard priority != .farewell, machine.lastWake == now, machine.process?.platform.isDead == false,
      let router = machine.process?.settings.first(where: { $0.vrid == vrid }),
      router.priority != .owner
    else { return }
    // It was away for longer than any node waits for it, and has just come back. A Backup's timer
    // may fire late by a quarter of an interval, which is no pause.
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

  /// Has the addresses looked at, since a client's cache or a switch's table has changed.
  func cacheChanged() { supervisor.cacheRevision += 1 }

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
      watched[place].wasServed = old.wasServed
      watched[place].isMisled = old.isMisled
      watched[place].isRolledOut = old.isRolledOut
      watched[place].unmannedAt = old.unmannedAt
      watched[place].nextJudgement = old.nextJudgement
    }
    supervisor.watched = watched
    supervisor.places = [[:], [:]]
    for (place, watch) in watched.enumerated() {
      supervisor.places[watch.segment][watch.address] = place
    }
    supervisor.troubled = []
    supervisor.lookedAt = nil
  }

  private struct WatchKey: Hashable {
    var segment: Int
    var address: IPAddress
  }

  /// The running routers for an address: those that take part in the election.
  func running(_ watch: WatchedAddress) -> [(machine: Int, settings: RouterConfiguration)] {
    watch.members.filter { member in
      machines[member.machine].process?.isRunning(member.settings.name, watch.address.family)
        ?? false
    }
  }

  /// Whether something else has an address, so that nothing is promised about it.
  func isExcused(_ watch: WatchedAddress) -> Bool {
    !watch.isConsistent || !isListedByAll(watch) || isOrphaned(watch) || isServedElsewhere(watch)
      || machines.contains { machine in
        machine.untouched.entries.contains { $0.record.address.address == watch.address }
      }
  }

  /// Whether a machine serves an address on another segment, and answers probes for it on this one:
  /// Linux answers for an IPv4 address on each interface.
  private func isServedElsewhere(_ watch: WatchedAddress) -> Bool {
    guard watch.address.isIPv4, watch.members.contains(where: { $0.settings.probes }) else {
      return false
    }
    return segments.indices.contains { segment in
      segment != watch.segment
        && machines.contains { $0.holdsCached(watch.address, onSegment: segment) }
    }
  }

  /// Whether an address stays for good on a machine whose node and guard are dead, since it was put
  /// up without an end (`lease off`): nothing but its node's next life removes it (Docs/Leases.md).
  ///
  /// A router of the group that asks first if its addresses are free waits for all of them.
  private func isOrphaned(_ watch: WatchedAddress) -> Bool {
    var addresses: Set = [watch.address]
    for member in watch.members where member.settings.probes {
      addresses.formUnion(member.settings.addresses.lazy.map(\.address))
    }
    return isOrphaned(anyOf: addresses)
  }

  /// Whether one of some addresses is on the machine of a dead node for good.
  func isOrphaned(anyOf addresses: Set<IPAddress>) -> Bool {
    machines.contains { machine in
      machine.process == nil && machine.lastLease.isOff
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

  /// Whether a router for an address runs on a machine that is not away.
  private func isManned(_ watch: WatchedAddress) -> Bool {
    watch.members.contains { member in
      let machine = machines[member.machine]
      return machine.isPresent
        && (machine.process?.isRunning(member.settings.name, watch.address.family) ?? false)
    }
  }

  /// Judges an address that no client reaches, or that several machines have.
  ///
  /// Looks last at what takes longest: many addresses may be without service for long.
  func judge(_ index: Int, areAllPresent: Bool) {
    // Those that are away can't replace a holder, and one that has just begun needs its time.
    if !areAllPresent, !isManned(supervisor.watched[index]) {
      supervisor.watched[index].unmannedAt = now
    }
    guard !supervisor.watched[index].isReported,
      supervisor.watched[index].nextJudgement.map({ $0 <= now }) ?? true
    else { return }
    let watch = supervisor.watched[index]
    guard watch.unservedSince != nil || watch.doubleSince != nil else { return }
    supervisor.watched[index].nextJudgement = now + .milliseconds(200)
    let start = max(supervisor.lastDisturbance, supervisor.quietFrom)
    if let since = watch.unservedSince {
      let outage = now - max(since, max(start, watch.unmannedAt))
      // No bound is shorter.
      guard outage > interval(watch) * 3 || watch.doubleSince != nil else { return }
      let bound = outageBound(watch)
      if outage > bound, isManned(watch), !isExcused(watch) {
        supervisor.watched[index].isReported = true
        breach(
          .replacedInTime, nil,
          "\(watch.address) not served for \(outage.text), bound \(bound.text)")
      }
    }
    if let since = watch.doubleSince {
      let bound = doubleBound(watch)
      if now - max(since, start) > bound, !isExcused(watch) {
        supervisor.watched[index].isReported = true
        breach(
          .oneHolder, nil,
          "\(watch.address) held twice for \((now - max(since, start)).text), bound \(bound.text)")
      }
    }
  }

  /// An address is served again: in a planned move or a rollout it should never have been
  /// otherwise.
  func judgeGap(_ watch: WatchedAddress, from start: Instant) {
    // What is on its way when the old holder lets go.
    let bound =
      conditions.deliveryTimeMax * 2 + (watch.isMisled ? nextAnnouncementTime : .zero)
    guard now - start > bound else { return }
    let isRollout = watch.isRolledOut && (supervisor.rolloutSince.map { start >= $0 } ?? false)
    guard isRollout || isPlannedMove(watch, from: start) else { return }
    let place = isRollout ? " in a rollout" : ""
    breach(.plannedMove, nil, "\(watch.address) was not served for \((now - start).text)\(place)")
  }

  /// Whether all that has happened to an address since all was at rest is one planned move.
  private func isPlannedMove(_ watch: WatchedAddress, from start: Instant) -> Bool {
    supervisor.isPlanned && start >= supervisor.lastDisturbance && watch.wasServed
      && watch.members.allSatisfy { $0.settings.handover == .seamless }
      && running(watch).count > (supervisor.isDeath ? 0 : 1) && !isExcused(watch)
  }
}
