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
  /// Routers that handed over and started anew, being others now.
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
  /// anew if their interface, VRID or version changes. Routers that are not named stay as they are.
  /// Returns when all have been added, which is not yet when they take part:
  /// ``waitUntilRunning(_:timeout:)``.
  ///
  /// - Parameters:
  ///   - wanted: the settings, each with a name of its own.
  ///   - removing: routers to hand over and remove; names that are not there are passed over.
  ///   - lease: how long addresses outlive the node from now on; as before if left out.
  /// - Returns: what was done.
  /// - Throws: what is wrong with it. Nothing has changed then.
  @discardableResult
  public func apply(
    _ wanted: [RouterConfiguration], removing: [String] = [], lease: LeasePolicy? = nil
  ) async throws(NodeError) -> ChangeReport {
    try await check(wanted, removing, lease)
    if try await areFree(wanted) { try await check(wanted, removing, lease) }
    isApplying = true
    defer {
      isApplying = false
      engineChanged([])
    }
    await noteAddresses(adding: wanted)
    // Meanwhile the node may have been told to end, and the machine may have changed.
    try refuseIfShuttingDown()
    let leaving = Set(removing).subtracting(wanted.map(\.name))
    try loop.engine.check(wanted, removing: leaving, lease: lease)
    let plan = plan(wanted, removing, lease)
    let oldLease = loop.engine.lease
    if let lease { loop.engine.changeLease(to: lease) }
    do throws(NodeError) {
      try await carryOut(plan)
      return plan.report
    } catch {
      loop.engine.changeLease(to: oldLease)
      throw error
    }
  }

  /// What ``apply(_:removing:lease:)`` would do now, after the same checks; nothing changes.
  ///
  /// Takes its parameters and throws what it throws.
  public func preview(
    _ wanted: [RouterConfiguration], removing: [String] = [], lease: LeasePolicy? = nil
  ) async throws(NodeError) -> ChangeReport {
    try await check(wanted, removing, lease)
    return plan(wanted, removing, lease).report
  }

  /// What bringing routers up on a node of their own would do on this machine; nothing changes.
  ///
  /// - Throws: what ``apply(_:removing:lease:)`` of such a node would.
  public static func preview(
    _ wanted: [RouterConfiguration], onNodeWithLease lease: LeasePolicy
  ) throws(NodeError) -> ChangeReport {
    let engine = try Engine(LinuxPlatform(), lease: lease)
    try engine.check(wanted)
    return Plan(wanted, on: engine).report
  }

  /// Waits for its turn and checks what is wanted.
  private func check(
    _ wanted: [RouterConfiguration], _ removing: [String], _ lease: LeasePolicy?
  ) async throws(NodeError) {
    let names = Set(wanted.map(\.name)).union(removing)
    // One at a time, and routers that are just leaving make room first.
    while !isShuttingDown, isApplying || names.contains(where: loop.engine.isLeaving) {
      await nextChange()
    }
    try refuseIfShuttingDown()
    let leaving = Set(removing).subtracting(wanted.map(\.name))
    try loop.engine.check(wanted, removing: leaving, lease: lease)
  }

  /// What has to be done for what is wanted.
  private func plan(
    _ wanted: [RouterConfiguration], _ removing: [String], _ lease: LeasePolicy?
  ) -> Plan {
    let leaving = Set(removing).subtracting(wanted.map(\.name))
    var plan = Plan(wanted, on: loop.engine)
    plan.report.removed = removing.filter { leaving.contains($0) && loop.engine.contains($0) }
    if let lease, lease != loop.engine.lease {
      plan.report.node.append("lease \(loop.engine.lease.inWords) → \(lease.inWords)")
    }
    return plan
  }

  private func carryOut(_ plan: Plan) async throws(NodeError) {
    let old = plan.replaced.compactMap { loop.engine.settings(named: $0.name) }
    let fitness = Dictionary(
      uniqueKeysWithValues: plan.replaced.map { ($0.name, loop.engine.fitness(of: $0.name)) })
    for name in plan.report.removed + plan.replaced.map(\.name) { loop.engine.remove(name) }

    // Whoever does not need what a leaving router still has need not wait for it.
    var gone = RouterSet()
    for router in loop.engine.leavingSettings { _ = gone.insert(router) }
    try loop.engine.change(plan.changed.filter { gone.collision(of: $0) == nil })
    for router in plan.added where gone.collision(of: router) == nil {
      try loop.engine.add(router)
    }
    let late =
      (plan.changed + plan.added).filter { gone.collision(of: $0) != nil } + plan.replaced
    let awaited = plan.report.removed + plan.replaced.map(\.name)
    while awaited.contains(where: loop.engine.contains) { await nextChange() }
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
      try loop.engine.change(late.filter(plan.changed.contains))
      for router in late where !plan.changed.contains(router) {
        try loop.engine.add(router, keeping: fitness[router.name] ?? [:])
      }
    } catch {
      // The machine has changed meanwhile. Better the old routers than none.
      for router in old where !loop.engine.contains(router.name) {
        try? loop.engine.add(router, keeping: fitness[router.name] ?? [:])
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
    guard var settings = loop.engine.settings(named: name) else { throw unknownRouter(name) }
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
    guard var settings = loop.engine.settings(named: name) else { throw unknownRouter(name) }
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
          "these are all its addresses; remove the router itself with 'vipctl down \(name)'"))
    }
    let report = try await apply([settings])
    while loop.engine.isLeaving(name) { await nextChange() }
    return report
  }

  /// Whether the node's thread runs before all ordinary work.
  public var isRealtime: Bool { loop.isRealtime }

  /// Lets the node's thread run before all ordinary work, or no longer.
  ///
  /// - Throws: ``NodeError/Kind/notPermitted`` with what is missing. Nothing has changed then.
  public func changeRealtime(to isRealtime: Bool) throws(NodeError) {
    try loop.setRealtime(isRealtime)
  }

  /// How often and how fast addresses are announced.
  public var announcements: AnnouncementPolicy { loop.engine.announcements }

  /// Announces addresses in another way from now on.
  public func changeAnnouncements(to policy: AnnouncementPolicy) {
    loop.engine.changeAnnouncements(to: policy)
  }

  /// Starts or ends the process that removes the addresses should this one die.
  ///
  /// - Returns: how that is different, in words; `nil` if it is not.
  /// - Throws: why there is no memory for it. Nothing has changed then.
  @discardableResult
  public func changeGuard(to isGuarded: Bool) throws(NodeError) -> String? {
    guard let difference = previewGuard(isGuarded) else { return nil }
    if isGuarded { try loop.startGuard() } else { loop.engine.dismissGuard() }
    return difference
  }

  /// What ``changeGuard(to:)`` would return; nothing changes.
  public func previewGuard(_ isGuarded: Bool) -> String? {
    guard isGuarded != (loop.engine.guardState != .off) else { return nil }
    return isGuarded ? "guard off → on" : "guard on → off"
  }
}
