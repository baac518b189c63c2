import VIPCore
import VRRP

extension Simulation {
  /// Notes an interference: the promises about an undisturbed segment start again.
  mutating func disturb() {
    supervisor.lastDisturbance = now
    supervisor.settlingStart = max(now, max(supervisor.lastArrival, supervisor.quietFrom))
    supervisor.isAudited = false
    supervisor.isObserved = false
    supervisor.settledAt = nil
    supervisor.isWholeKnown = nil
    for group in supervisor.groups.indices { supervisor.groups[group] = Supervisor.Group() }
  }

  mutating func report(_ promise: Violation.Promise, station: Int, _ detail: String = "") {
    // The first few tell the story; a broken machine breaks a promise at every event.
    guard violations.count < 20 else { return }
    violations.append(Violation(time: now, promise: promise, station: station, detail: detail))
  }

  // MARK: One station

  func isActive(_ station: Int) -> Bool { stations[station].router.state == .active }

  func isRunning(_ station: Int) -> Bool {
    stations[station].router.state != .initialize
  }

  mutating func checkStation(_ station: Int) {
    if stations[station].holdsAddresses != isActive(station) {
      report(.addressesFollowState, station: station)
    }
  }

  mutating func checkSent(_ message: [UInt8], _ priority: Priority, by index: Int) {
    let configuration = stations[index].router.configuration
    let source = stations[index].address
    if priority != .farewell, !isActive(index) {
      report(.onlyActiveSpeaks, station: index, "priority \(priority)")
    }
    do throws(AdvertisementError) {
      let parsed = try Advertisement(
        parsing: message.span, from: source, to: .vrrpGroup(configuration.family),
        hopLimit: Advertisement.hopLimit)
      let isHonest =
        parsed.vrid == configuration.vrid && parsed.interval == configuration.interval
        && parsed.lists(stations[index].addresses, in: message.span)
        && (priority == .farewell || parsed.priority == stations[index].router.effectivePriority)
      if !isHonest { report(.honestAdvertisement, station: index, "\(parsed)") }
    } catch {
      report(.honestAdvertisement, station: index, "\(error)")
    }
    checkRate(of: index)
  }

  private mutating func checkRate(of index: Int) {
    let heard = stations[index].router.statistics.priorityZeroReceived
    var rate = stations[index].sending
    let window = stations[index].router.configuration.interval.nanoseconds
    if now.nanoseconds(since: rate.windowStart) >= window {
      rate = SendingRate(windowStart: now, count: 0, farewellsHeard: heard)
    }
    rate.count += 1
    stations[index].sending = rate
    let farewells = heard &- rate.farewellsHeard
    // Its turn, four answers (five at the edges of the window), a farewell and a takeover.
    if rate.count > 8 + farewells {
      report(.boundedSending, station: index, "\(rate.count) in one interval")
    }
  }

  // MARK: The segment

  /// Called after each change of a station's state.
  mutating func stateChanged(of station: Int) {
    guard checksPromises else { return }
    let group = stations[station].group
    if supervisor.isObserved {
      watch(group, changed: station, since: max(now, supervisor.lastArrival))
    }
    if supervisor.isAudited { audit(group) }
  }

  /// Whether all nodes hear each other, no packet is lost and no node is frozen.
  private mutating func isWhole() -> Bool {
    if let known = supervisor.isWholeKnown { return known }
    let isWhole =
      conditions.isLossless
      && nodes.allSatisfy { !$0.isCut && $0.pausedUntil == nil }
      && blocked.allSatisfy { $0 == 0 }
    supervisor.isWholeKnown = isWhole
    return isWhole
  }

  /// Notes, before the first event after a disturbance, how many Actives it left.
  mutating func observe() {
    supervisor.isObserved = true
    guard checksPromises else { return }
    for (group, members) in groups.enumerated() {
      guard let first = members.first else { continue }
      watch(group, changed: first, since: supervisor.settlingStart)
    }
  }

  /// Follows how long a whole segment has had none or several Actives.
  private mutating func watch(_ group: Int, changed station: Int, since start: Instant) {
    guard isWhole() else { return }
    let members = groups[group]
    let actives = members.count { isActive($0) }
    let running = members.count { isRunning($0) }
    var state = supervisor.groups[group]
    defer { supervisor.groups[group] = state }

    if actives > 1 {
      if state.doubleSince == nil { state.doubleSince = start }
    } else {
      checkDouble(of: group, state, changed: station)
      state.doubleSince = nil
    }
    if actives == 0, running > 0 {
      if state.outageSince == nil {
        state.outageSince = start
        state.shortestDownInterval = shortestDownInterval(of: group, isQuiet: start <= now)
      }
    } else {
      checkOutage(state, changed: station)
      state.outageSince = nil
    }
  }

  /// The shortest Active_Down_Interval in a group that begins an outage.
  ///
  /// Unless it is quiet, the last words of an Active are on their way and may still teach its
  /// interval to another router.
  private func shortestDownInterval(of group: Int, isQuiet: Bool) -> UInt64 {
    let running = groups[group].filter { isRunning($0) }
    let longest =
      groups[group].map { stations[$0].router.configuration.interval.nanoseconds }.max() ?? 0
    return running.map { station in
      let router = stations[station].router
      let known = router.activeInterval.nanoseconds
      guard !isQuiet, longest > known else { return router.activeDownNanoseconds }
      return 3 * longest + (router.skewNanoseconds * (longest / known + 1))
    }.min() ?? 0
  }

  /// Clocks that run up to 2 % off stretch what they measure; 4 % between two of them.
  private func stretched(_ nanoseconds: UInt64) -> UInt64 {
    let drift = nodes.map(\.clock.drift.magnitude).max() ?? 0
    return drift == 0 ? nanoseconds : nanoseconds + nanoseconds / 1000 * (2 * drift / 1000 + 1)
  }

  private mutating func checkDouble(of group: Int, _ state: Supervisor.Group, changed station: Int)
  {
    guard let since = state.doubleSince else { return }
    let interval =
      groups[group].map { stations[$0].router.configuration.interval.nanoseconds }.max() ?? 0
    let bound = stretched(interval) + 2 * conditions.deliveryNanosecondsMax
    if now.nanoseconds(since: since) > bound {
      report(
        .oneActiveSoon, station: station, "\(now.nanoseconds(since: since)) ns, bound \(bound) ns")
    }
  }

  private mutating func checkOutage(_ state: Supervisor.Group, changed station: Int) {
    guard let since = state.outageSince else { return }
    let bound = stretched(state.shortestDownInterval) + conditions.deliveryNanosecondsMax
    if now.nanoseconds(since: since) > bound {
      report(
        .takeoverInTime, station: station,
        "\(now.nanoseconds(since: since)) ns, bound \(bound) ns")
    }
  }

  // MARK: The settled segment

  /// The moment when the segment has had 2 × (3 × interval + skew) since the last disturbance.
  private mutating func settlingEnd() -> Instant {
    if let known = supervisor.settledAt { return known }
    var longest: UInt64 = 0
    for station in stations.indices where isRunning(station) {
      let router = stations[station].router
      let interval = max(
        router.configuration.interval.nanoseconds, router.activeInterval.nanoseconds)
      let skewUnit = Timing.skewUnit(
        interval: router.configuration.interval, version: router.configuration.version)
      let delay = router.configuration.preemptDelay.inNanoseconds
      longest = max(longest, 3 * interval + max(interval, skewUnit) + delay)
    }
    let end = max(supervisor.settlingStart, supervisor.quietFrom).advanced(
      byNanoseconds: 2 * stretched(longest) + 4 * conditions.deliveryNanosecondsMax)
    supervisor.settledAt = end
    return end
  }

  /// Looks at the whole segment once it has settled.
  mutating func auditIfSettled() {
    guard checksPromises, !supervisor.isAudited, conditions.isLossless else { return }
    guard supervisor.settlingStart < now, settlingEnd() < now else { return }
    guard nodes.allSatisfy({ $0.pausedUntil == nil }) else { return }
    // Intervals learned meanwhile may ask for more time.
    supervisor.settledAt = nil
    guard settlingEnd() < now else { return }
    supervisor.isAudited = true
    for group in groups.indices { audit(group) }
  }

  /// Each connected part has exactly one Active, and the right one.
  private mutating func audit(_ group: Int) {
    var pending = groups[group].filter { isRunning($0) }
    while let first = pending.first {
      let node = stations[first].node
      let part = pending.filter { areConnected(node, stations[$0].node) }
      // One-way links and chains make no parts; nothing is promised about them.
      let isPart = groups[group].filter { isRunning($0) }.allSatisfy { other in
        part.allSatisfy { member in
          let (one, two) = (stations[member].node, stations[other].node)
          return part.contains(other) ? areConnected(one, two) : areSeparate(one, two)
        }
      }
      pending.removeAll { part.contains($0) }
      guard isPart else { continue }
      auditPart(part)
    }
  }

  private mutating func auditPart(_ part: [Int]) {
    let actives = part.filter { isActive($0) }
    guard let active = actives.first, actives.count == 1 else {
      let names = actives.map { nodes[stations[$0].node].name }.joined(separator: ", ")
      report(.exactlyOneActive, station: part[0], "Active: \(names.isEmpty ? "none" : names)")
      return
    }
    let priority = stations[active].router.effectivePriority
    for other in part {
      let router = stations[other].router
      if router.configuration.preempts || router.isOwner, router.effectivePriority > priority {
        report(
          .rightActive, station: active,
          "\(nodes[stations[other].node].name) has priority \(router.effectivePriority)")
      }
    }
  }
}

extension Simulation {
  /// Whether the segment was at rest long enough for its Actives to be judged, and was judged.
  public var isSettled: Bool { supervisor.isAudited }
}
