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
  /// - Returns: what was done.
  /// - Throws: what is wrong with it. Nothing has changed then. ``NodeError/Kind/cancelled`` if the
  ///   task is cancelled: a change that has begun is carried through, one that waits is not made.
  @discardableResult
  public func apply(
    _ wanted: [RouterConfiguration], removing: [String] = []
  ) async throws(NodeError) -> ChangeReport {
    try await apply(Target(routers: wanted, removing: removing))
  }

  /// Brings the node to a whole configuration: its own settings and its routers.
  ///
  /// What is different is changed, what is no longer wanted is handed over and removed, the rest is
  /// not touched. All of it is done or nothing: what the machine refuses half-way is put back.
  ///
  /// - Parameters:
  ///   - configuration: what the node shall be.
  ///   - replacing: the routers that the configuration stands for, present or not: those that are
  ///     not in it go. All that are there if left out; others stay as they are.
  /// - Returns: what was done.
  /// - Throws: what is wrong with it. Nothing has changed then.
  @discardableResult
  public func apply(
    _ configuration: NodeConfiguration, replacing: [String]? = nil
  ) async throws(NodeError) -> ChangeReport {
    try await apply(target(configuration, replacing))
  }

  /// What ``apply(_:removing:)`` would do now, after the same checks; nothing changes.
  ///
  /// Takes its parameters and throws what it throws.
  public func preview(
    _ wanted: [RouterConfiguration], removing: [String] = []
  ) async throws(NodeError) -> ChangeReport {
    try await preview(Target(routers: wanted, removing: removing))
  }

  /// What ``apply(_:replacing:)`` would do now, after the same checks; nothing changes.
  ///
  /// Takes its parameters and throws what it throws, but for what only the machine can refuse.
  public func preview(
    _ configuration: NodeConfiguration, replacing: [String]? = nil
  ) async throws(NodeError) -> ChangeReport {
    try await preview(target(configuration, replacing))
  }

  /// The settings that all routers share, as they are now.
  public var settings: NodeSettings {
    NodeSettings(
      lease: engine.lease, isGuarded: engine.guardState != .off,
      isRealtime: loop.isRealtime, announcements: engine.announcements)
  }

  // MARK: How

  /// What a change is to lead to.
  private struct Target {
    var routers: [RouterConfiguration]
    /// Routers to hand over and remove, if they are there and not wanted; `nil` for all others,
    /// whichever those are when it is the change's turn.
    var removing: [String]?
    /// The node's settings; `nil` if they stay as they are.
    var settings: NodeSettings?
  }

  private func target(_ configuration: NodeConfiguration, _ replacing: [String]?) -> Target {
    Target(
      routers: configuration.routers, removing: replacing,
      settings: configuration.settings)
  }

  private func apply(_ target: Target) async throws(NodeError) -> ChangeReport {
    try await check(target)
    if try await areFree(target.routers) { try await check(target) }
    isApplying = true
    return try await carryThrough { node throws(NodeError) in
      defer { node.isApplying = false }
      return try await node.change(target)
    }
  }

  private func change(_ target: Target) async throws(NodeError) -> ChangeReport {
    await noteAddresses(adding: target.routers)
    // Meanwhile the node may have been told to end, and the machine may have changed.
    try refuseIfShuttingDown()
    try checkNow(target)
    let plan = plan(target)
    let before = settings
    do throws(NodeError) {
      if let settings = target.settings { try take(settings) }
      try await carryOut(plan)
      return plan.report
    } catch {
      for setting in NodeSetting.inOrderOfChange { try? take(setting, of: before) }
      throw error
    }
  }

  private func preview(_ target: Target) async throws(NodeError) -> ChangeReport {
    try await check(target)
    return plan(target).report
  }

  private func take(_ settings: NodeSettings) throws(NodeError) {
    for setting in NodeSetting.inOrderOfChange { try take(setting, of: settings) }
  }

  /// Takes one setting over if it is different.
  private func take(_ setting: NodeSetting, of wanted: NodeSettings) throws(NodeError) {
    guard setting.difference(from: settings, to: wanted) != nil else { return }
    switch setting {
    case .lease: engine.setLease(wanted.lease)
    case .guard: if wanted.isGuarded { try startGuard() } else { engine.dismissGuard() }
    case .realtime: try loop.setRealtime(wanted.isRealtime)
    case .announcements: engine.setAnnouncements(wanted.announcements)
    }
  }

  /// What bringing routers up on a node of their own would do on this machine; nothing changes.
  ///
  /// - Throws: what ``apply(_:removing:)`` of such a node would.
  public static func preview(
    _ wanted: [RouterConfiguration], onNodeWithLease lease: LeasePolicy
  ) throws(NodeError) -> ChangeReport {
    let engine = try Engine(LinuxPlatform(), Poller(), lease: lease)
    try engine.check(wanted)
    return Plan(wanted, on: engine).report
  }

  /// Waits for its turn and checks what is wanted.
  private func check(_ target: Target) async throws(NodeError) {
    let names = Set(target.routers.map(\.name))
    // One at a time, and routers that are just leaving make room first.
    let end = await wait { [self] in
      isShuttingDown
        || (!isApplying
          && !names.union(removed(by: target)).contains(where: engine.isLeaving))
    }
    if end == .cancelled { throw .cancelled }
    try refuseIfShuttingDown()
    try checkNow(target)
  }

  private func checkNow(_ target: Target) throws(NodeError) {
    try engine.check(
      target.routers, removing: Set(removed(by: target)), lease: target.settings?.lease)
  }

  /// The routers that are to go, in order; those that are wanted stay.
  private func removed(by target: Target) -> [String] {
    let staying = Set(target.routers.map(\.name))
    return (target.removing ?? engine.routerNames).filter { !staying.contains($0) }
  }

  /// What has to be done for what is wanted.
  private func plan(_ target: Target) -> Plan {
    var plan = Plan(target.routers, on: engine)
    plan.report.removed = removed(by: target).filter(engine.contains)
    if let wanted = target.settings { plan.report.node = settings.differences(to: wanted) }
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
    try refuseTooMany(addresses.count, name)
    var present = Set(settings.addresses)
    settings.addresses += addresses.filter { present.insert($0).inserted }
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
    try refuseTooMany(addresses.count, name)
    let present = Set(settings.addresses.lazy.map(\.address))
    let leaving = Set(addresses)
    for address in addresses {
      guard present.contains(address) else {
        throw NodeError(
          ConfigurationError(.addresses, router: name, "it does not have the address \(address)"))
      }
    }
    settings.addresses.removeAll { leaving.contains($0.address) }
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

  /// Before anything is done with them: no router has as many.
  private func refuseTooMany(_ count: Int, _ name: String) throws(NodeError) {
    guard count > RouterConfiguration.addressCountMax else { return }
    throw NodeError(
      ConfigurationError(
        .addresses, router: name,
        "\(count) addresses are more than \(RouterConfiguration.addressCountMax) in one router"))
  }

  private func startGuard() throws(NodeError) {
    engine.protect(with: Safeguard(try GuardArea(), LinuxGuardProcess()))
  }
}
