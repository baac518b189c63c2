import Netlink
import VIPCore
import VRRP

/// Keeping a guard informed and alive.
///
/// What the guard would have to send is written while a router is Backup and has time. From then on
/// the guard is only told what is due: the removal of the addresses before the first of them is
/// installed and until the last is gone, the farewell for as long as the peers take us for the
/// Active, and whether the addresses stay until a successor has announced them.
extension Engine {
  /// Lets a guard watch over this node.
  package func protect(with safeguard: Safeguard) {
    step {
      self.safeguard = safeguard
      // What the process has to clean up is written before the process starts.
      updateSafeguard()
      startGuard()
    }
  }

  /// The state of the guard.
  package var guardState: NodeStatus.Guard { safeguard?.state ?? .off }

  /// The guard process.
  package var guardPid: Int32? { safeguard?.pid }

  /// Ends the guard before it does anything.
  package func dismissGuard() {
    step {
      // Of a node that ends before it has had routers.
      if routers.names.isEmpty { removeLeftovers(except: []) }
      stopWatchingGuard()
      timers.cancel(.guard)
      safeguard?.dismiss()
      safeguard = nil
      endNodeProblem()
    }
  }

  /// Lets the guard clean up after a node that ends as it is; no turn or command may follow.
  package func releaseGuard() {
    stopWatchingGuard()
    safeguard?.release()
    safeguard = nil
  }

  // MARK: The process

  /// Starts a guard, now or when it may be tried again.
  func startGuard() {
    guard let safeguard, safeguard.descriptor == nil else { return }
    var failure: NodeError?
    do throws(NodeError) {
      try safeguard.start(at: now)
    } catch {
      failure = error
    }
    if let descriptor = safeguard.descriptor { return readiness.watch(descriptor, .safeguard) }
    let next = safeguard.nextStart(after: now)
    timers.schedule(.guard, at: next)
    let reason = failure?.description ?? "it has been started too often"
    warn(
      .guardProcess,
      "no guard process is running (\(reason)); addresses of a node that dies go with their "
        + "leases; trying again in \((next - now).text)")
  }

  /// Takes in what the guard process tells.
  func hearGuard() {
    guard let safeguard else { return }
    let pid = safeguard.pid.map { " (pid \($0))" } ?? ""
    switch safeguard.news() {
    case .none: return
    case .isReady: return endNodeProblem()
    case .failed(let code):
      warn(.guardProcess, "the guard process\(pid) can't work: \(errorText(code))")
      stopWatchingGuard()
      _ = safeguard.reap()
    case .hasEnded:
      stopWatchingGuard()
      let end = safeguard.reap()
      warn(.guardProcess, "the guard process\(pid) has ended (\(end)); starting another")
    }
    startGuard()
  }

  /// Ends the guard process, whatever it is about to do; another one is to be started.
  func endGuard() {
    stopWatchingGuard()
    timers.cancel(.guard)
    _ = safeguard?.reap()
  }

  private func stopWatchingGuard() {
    if let descriptor = safeguard?.takeDescriptor() { readiness.unwatch(descriptor) }
  }

  // MARK: The area

  /// Tells the guard what would be due if the node died now; costs nothing if nothing has changed.
  func updateSafeguard() {
    guard let safeguard, dueReviews.takeSafeguard() else { return }
    safeguard.keepOnly { routers[$0]?.link != nil }
    safeguard.setLease(longestLifetime)
    updateWatch()
    let hostAddresses = virtualAddressesOfHost()
    for case let instance? in instances {
      publish(instance, to: safeguard, hostAddresses: hostAddresses[instance.slot] ?? [])
    }
  }

  /// Tells the guard what would be due for one router with a macvlan, whose addresses go with it.
  ///
  /// It is what a takeover can afford: it costs the same however many routers there are.
  func updateSafeguard(of instance: RouterInstance) {
    guard let safeguard else { return }
    publish(instance, to: safeguard, hostAddresses: [])
  }

  private func publish(
    _ instance: RouterInstance, to safeguard: Safeguard, hostAddresses: Set<Int>
  ) {
    guard let link = instance.link else { return }
    let source = instance.election.primaryAddress
    let listed = instance.outgoing.listedAddresses
    instance.routes.update(instance.addresses)
    safeguard.publish(
      GuardedRouter(
        slot: instance.slot, serial: instance.serial, interfaceIndex: link.index,
        duties: duties(of: instance),
        removal: instance.macvlan.map {
          .macvlan(
            name: $0.name, restoring: macvlans.savedSettings(of: link, for: instance.slot))
        }
          ?? .addresses(
            instance.addresses, hostAddresses: hostAddresses, subnets: instance.routes.possible),
        farewell: instance.election.advertisement(.farewell, addressCount: listed.count),
        listedAddresses: listed, source: source, destinations: instance.destinations,
        extraRemovals: extraRemovals(of: instance), interval: instance.settings.interval,
        stay: Handover.Stay(
          addresses: instance.addresses.count, interval: instance.settings.interval,
          virtualMAC: instance.settings.virtualMAC)))
    if !isGuarded(instance) { warn(.unguarded, of: instance, Self.unguardedText) }
  }

  /// The duties of the guard for a router if the node dies now.
  private func duties(of instance: RouterInstance) -> GuardArea.Duties {
    var duties: GuardArea.Duties = []
    // A macvlan that its node does not look after is a leftover, even if it is off.
    if instance.isHolding || !instance.hasReleased || instance.macvlan?.index != nil {
      duties.insert(.removals)
    }
    if instance.isHolding { duties.insert(.farewells) }
    if instance.settings.handover == .seamless,
      instance.isHolding || instance.handover.isUnderWay
    {
      duties.insert(.keeps)
    }
    // Linux would take the other addresses of a subnet along with the first one.
    if instance.family == .ipv4, !instance.settings.virtualMAC, let link = instance.link,
      interfaces.link(link.index)?.ipv4[.promotesSecondaries] == 0
    {
      duties.insert(.promotes)
    }
    return duties
  }

  /// Virtual addresses that the host has given itself meanwhile, by slot and position.
  private func virtualAddressesOfHost() -> [Int: Set<Int>] {
    var found: [Int: Set<Int>] = [:]
    interfaces.forEachHostAddress { record in
      guard let slot = owners.slot(of: record.address.address, on: record.interfaceIndex),
        let position = instances[slot]?.addresses.position(of: record.address.address)
      else { return }
      found[slot, default: []].insert(position)
    }
    return found
  }
}
