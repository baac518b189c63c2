public import ARP
public import VIPCore

/// What a change of a node's routers has done.
public struct ChangeReport: Sendable, Hashable, Codable {
  /// A router that goes on with other settings.
  public struct Change: Sendable, Hashable, Codable {
    /// Its name.
    public var router: String
    /// How the settings differ, in words.
    public var difference: String
  }

  /// Settings of the node itself that are other than before, in words.
  public var node: [String] = []
  /// Routers that were not there before.
  public var added: [String] = []
  /// Routers that took other settings over while they run.
  public var changed: [Change] = []
  /// Routers that handed over and started again as other routers.
  public var replaced: [Change] = []
  /// Routers that handed over and are gone.
  public var removed: [String] = []
  /// Routers that were to stay as they are.
  public var unchanged: [String] = []

  /// Makes a report of nothing.
  public init() {}
}

extension Node {
  /// Brings routers to the settings they shall have: only what is different is touched.
  ///
  /// New ones are added; present ones take over what they can while they run, or hand over and start
  /// again if their interface, VRID or version changes. Routers that are not named stay as they are.
  /// Returns when all have been added, which is not yet when they take part:
  /// ``waitUntilRunning(_:timeout:)``.
  ///
  /// - Parameters:
  ///   - wanted: the settings, each with a name of its own.
  ///   - removing: routers to hand over and remove; names that are not there are passed over.
  ///   - lease: how long addresses outlive the node from now on; as before if left out.
  /// - Returns: what was done.
  /// - Throws: what is wrong with it. Nothing has changed then. ``NodeError/Kind/cancelled`` if the
  ///   task is cancelled: a change that has begun is carried through, one that waits is not made.
  @discardableResult
  public func apply(
    _ wanted: [RouterConfiguration], removing: [String] = [], lease: LeasePolicy? = nil
  ) async throws(NodeError) -> ChangeReport {
    try await apply(wanted, .these(removing), lease)
  }

  /// Brings the node to exactly these routers: others are handed over and removed.
  ///
  /// - Parameters:
  ///   - wanted: the settings, each with a name of its own.
  ///   - lease: how long addresses outlive the node from now on; as before if left out.
  /// - Returns: what was done.
  /// - Throws: what ``apply(_:removing:lease:)`` throws.
  @discardableResult
  public func apply(
    exactly wanted: [RouterConfiguration], lease: LeasePolicy? = nil
  ) async throws(NodeError) -> ChangeReport {
    try await apply(wanted, .others, lease)
  }

  /// The routers that a change is to remove.
  private enum Removal: Sendable {
    case these([String])
    /// All that are not wanted, whichever they are when it is the change's turn.
    case others
  }

  private func apply(
    _ wanted: [RouterConfiguration], _ removal: Removal, _ lease: LeasePolicy?
  ) async throws(NodeError) -> ChangeReport {
    try await check(wanted, removal, lease)
    if try await areFree(wanted) { try await check(wanted, removal, lease) }
    isApplying = true
    return try await carryThrough { node throws(NodeError) in
      defer { node.isApplying = false }
      return try await node.change(wanted, removal, lease)
    }
  }

  private func change(
    _ wanted: [RouterConfiguration], _ removal: Removal, _ lease: LeasePolicy?
  ) async throws(NodeError) -> ChangeReport {
    await noteAddresses(adding: wanted)
    // Meanwhile the node may have been told to end, and the machine may have changed.
    try refuseIfShuttingDown()
    let removed = removed(by: removal, wanted)
    try engine.check(wanted, removing: Set(removed), lease: lease)
    let plan = plan(wanted, removed, lease)
    let oldLease = engine.lease
    if let lease { engine.setLease(lease) }
    do throws(NodeError) {
      try await carryOut(plan)
      return plan.report
    } catch {
      engine.setLease(oldLease)
      throw error
    }
  }

  /// What ``apply(_:removing:lease:)`` would do now, after the same checks; nothing changes.
  ///
  /// Takes its parameters and throws what it throws.
  public func preview(
    _ wanted: [RouterConfiguration], removing: [String] = [], lease: LeasePolicy? = nil
  ) async throws(NodeError) -> ChangeReport {
    try await check(wanted, .these(removing), lease)
    return plan(wanted, removed(by: .these(removing), wanted), lease).report
  }

  /// What ``apply(exactly:lease:)`` would do now, after the same checks; nothing changes.
  ///
  /// Takes its parameters and throws what it throws.
  public func preview(
    exactly wanted: [RouterConfiguration], lease: LeasePolicy? = nil
  ) async throws(NodeError) -> ChangeReport {
    try await check(wanted, .others, lease)
    return plan(wanted, removed(by: .others, wanted), lease).report
  }

  /// What bringing routers up on a node of their own would do on this machine; nothing changes.
  ///
  /// - Throws: what ``apply(_:removing:lease:)`` of such a node would.
  public static func preview(
    _ wanted: [RouterConfiguration], onNodeWithLease lease: LeasePolicy
  ) throws(NodeError) -> ChangeReport {
    let engine = try Engine(LinuxPlatform(), Poller(), lease: lease)
    try engine.check(wanted)
    return Plan(wanted, on: engine).report
  }

  /// Waits for its turn and checks what is wanted.
  private func check(
    _ wanted: [RouterConfiguration], _ removal: Removal, _ lease: LeasePolicy?
  ) async throws(NodeError) {
    let names = Set(wanted.map(\.name))
    // One at a time, and routers that are just leaving make room first.
    let end = await wait { [self] in
      isShuttingDown
        || (!isApplying
          && !names.union(removed(by: removal, wanted)).contains(where: engine.isLeaving))
    }
    if end == .cancelled { throw .cancelled }
    try refuseIfShuttingDown()
    try engine.check(wanted, removing: Set(removed(by: removal, wanted)), lease: lease)
  }

  /// The routers that are to go, in order; those that are wanted stay.
  private func removed(by removal: Removal, _ wanted: [RouterConfiguration]) -> [String] {
    let staying = Set(wanted.map(\.name))
    let names =
      switch removal {
      case .these(let names): names
      case .others: engine.routerNames
      }
    return names.filter { !staying.contains($0) }
  }

  /// What has to be done for what is wanted.
  private func plan(
    _ wanted: [RouterConfiguration], _ removed: [String], _ lease: LeasePolicy?
  ) -> Plan {
    var plan = Plan(wanted, on: engine)
    plan.report.removed = removed.filter(engine.contains)
    if let lease, lease != engine.lease {
      plan.report.node.append("lease \(engine.lease.inWords) → \(lease.inWords)")
    }
    return plan
  }

  private func carryOut(_ plan: Plan) async throws(NodeError) {
    let old = plan.replaced.compactMap { engine.settings(named: $0.name) }
    let fitness = Dictionary(
      uniqueKeysWithValues: plan.replaced.map { ($0.name, engine.fitness(of: $0.name)) })
    for name in plan.report.removed + plan.replaced.map(\.name) { engine.remove(name) }

    // A router that needs nothing of what a leaving one still has does not wait for it.
    var gone = RouterSet()
    for router in engine.leavingSettings { _ = gone.insert(router) }
    try engine.change(plan.changed.filter { gone.collision(of: $0) == nil })
    for router in plan.added where gone.collision(of: router) == nil {
      try engine.add(router)
    }
    let late =
      (plan.changed + plan.added).filter { gone.collision(of: $0) != nil } + plan.replaced
    let awaited = plan.report.removed + plan.replaced.map(\.name)
    _ = await wait { [engine] in !awaited.contains(where: engine.contains) }
    try refuseIfShuttingDown()
    try finish(late, plan, old, fitness)
    if !plan.changed.isEmpty || !awaited.isEmpty { await noteAddresses() }
  }

  /// What remains to be done when the routers that leave are gone.
  private func finish(
    _ late: [RouterConfiguration], _ plan: Plan, _ old: [RouterConfiguration],
    _ fitness: [String: [String: RouterFitness]]
  ) throws(NodeError) {
    do throws(NodeError) {
      try engine.change(late.filter(plan.changed.contains))
      for router in late where !plan.changed.contains(router) {
        try engine.add(router, keeping: fitness[router.name] ?? [:])
      }
    } catch {
      // The machine has changed meanwhile. Better the old routers than none.
      for router in old where !engine.contains(router.name) {
        try? engine.add(router, keeping: fitness[router.name] ?? [:])
      }
      throw error
    }
  }

  private func refuseIfShuttingDown() throws(NodeError) {
    guard isShuttingDown else { return }
    throw NodeError(.shuttingDown, "the node is shutting down")
  }

  /// What has to be done for each router.
  private struct Plan {
    var added: [RouterConfiguration] = []
    var changed: [RouterConfiguration] = []
    var replaced: [RouterConfiguration] = []
    var report = ChangeReport()

    init(_ wanted: [RouterConfiguration], on engine: Engine) {
      for router in wanted {
        guard let present = engine.settings(named: router.name) else {
          added.append(router)
          report.added.append(router.name)
          continue
        }
        let change = ChangeReport.Change(
          router: router.name, difference: present.difference(to: router))
        switch present.change(to: router) {
        case .none: report.unchanged.append(router.name)
        case .inPlace:
          changed.append(router)
          report.changed.append(change)
        case .replacement:
          replaced.append(router)
          report.replaced.append(change)
        }
      }
    }
  }

  // MARK: Addresses

  /// Adds addresses to a running router; those it has already are passed over.
  ///
  /// - Throws: what is wrong with them. Nothing has changed then.
  @discardableResult
  public func add(
    _ addresses: [InterfaceAddress], to name: String
  ) async throws(NodeError) -> ChangeReport {
    guard var settings = engine.settings(named: name) else { throw unknownRouter(name) }
    for address in addresses where !settings.addresses.contains(address) {
      settings.addresses.append(address)
    }
    return try await apply([settings])
  }

  /// Takes addresses from a running router.
  ///
  /// The last address of a family hands its virtual router over; the last of all stays, since a
  /// router without addresses is none: ``down(_:)``.
  ///
  /// - Throws: what is wrong with it. Nothing has changed then.
  @discardableResult
  public func remove(
    _ addresses: [IPAddress], from name: String
  ) async throws(NodeError) -> ChangeReport {
    guard var settings = engine.settings(named: name) else { throw unknownRouter(name) }
    for address in addresses {
      guard settings.addresses.contains(where: { $0.address == address }) else {
        throw NodeError(
          ConfigurationError(.addresses, router: name, "it does not have the address \(address)"))
      }
    }
    settings.addresses.removeAll { addresses.contains($0.address) }
    guard !settings.addresses.isEmpty else {
      throw NodeError(
        ConfigurationError(
          .addresses, router: name,
          "these are all its addresses; \(options.wording.removal(of: name))"))
    }
    let report = try await apply([settings])
    guard await wait(until: { [engine] in !engine.isLeaving(name) }) == .met else {
      throw .cancelled
    }
    return report
  }

  /// Whether the node's thread runs before all ordinary work.
  public var isRealtime: Bool { loop.isRealtime }

  /// Lets the node's thread run before all ordinary work, or no longer.
  ///
  /// - Throws: ``NodeError/Kind/notPermitted`` with what is missing. Nothing has changed then.
  public func setRealtime(_ isRealtime: Bool) throws(NodeError) {
    try loop.setRealtime(isRealtime)
  }

  /// How often and how fast addresses are announced.
  public var announcements: AnnouncementPolicy { engine.announcements }

  /// Announces addresses in another way from now on.
  public func setAnnouncements(_ policy: AnnouncementPolicy) {
    engine.setAnnouncements(policy)
  }

  /// Starts or ends the process that removes the addresses should this one die.
  ///
  /// - Returns: how that is different, in words; `nil` if it is not.
  /// - Throws: why there is no memory for it. Nothing has changed then.
  @discardableResult
  public func setGuarded(_ isGuarded: Bool) throws(NodeError) -> String? {
    guard let difference = previewGuard(isGuarded) else { return nil }
    if isGuarded { try startGuard() } else { engine.dismissGuard() }
    return difference
  }

  private func startGuard() throws(NodeError) {
    engine.protect(with: Safeguard(try GuardArea(), LinuxGuardProcess()))
  }

  /// What ``setGuarded(_:)`` would return; nothing changes.
  public func previewGuard(_ isGuarded: Bool) -> String? {
    guard isGuarded != (engine.guardState != .off) else { return nil }
    return isGuarded ? "guard off → on" : "guard on → off"
  }
}
