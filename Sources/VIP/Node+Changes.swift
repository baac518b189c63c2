public import VIPCore

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
    try await apply(Target(.routers(wanted), removing: removing))
  }

  /// Brings the node to a whole configuration: its own settings and its routers.
  ///
  /// What is different is changed, what is no longer wanted is handed over and removed, the rest is
  /// not touched. What the machine refuses half-way is put back: routers that have handed over by
  /// then take part again.
  ///
  /// - Parameters:
  ///   - configuration: what the node shall be.
  ///   - replacing: the routers that the configuration stands for, present or not: those that are
  ///     not in it go. All that are there if left out; others stay as they are.
  /// - Returns: what was done.
  /// - Throws: what is wrong with it. The node has its old settings and routers then.
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
    try await preview(Target(.routers(wanted), removing: removing))
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
    var settings = NodeSettings()
    for setting in NodeSetting.allCases {
      switch setting {
      case .lease: settings.lease = engine.lease
      case .guard: settings.isGuarded = engine.guardState != .off
      case .realtime: settings.isRealtime = loop.isRealtime
      case .announcements: settings.announcements = engine.announcements
      }
    }
    return settings
  }

  // MARK: How

  /// What a change is to lead to.
  private struct Target {
    var wanted: Wanted
    /// Routers to hand over and remove, if they are there and not wanted; `nil` for all others,
    /// whichever those are when it is the change's turn.
    var removing: [String]?
    /// The node's settings; `nil` if they stay as they are.
    var settings: NodeSettings?

    init(_ wanted: Wanted, removing: [String]? = [], settings: NodeSettings? = nil) {
      self.wanted = wanted
      self.removing = removing
      self.settings = settings
    }

    /// How many addresses are named.
    var addressCount: Int {
      switch wanted {
      case .routers(let routers): routers.reduce(0) { $0 + $1.addresses.count }
      case .adding(let addresses, _): addresses.count
      case .taking(let addresses, _): addresses.count
      }
    }
  }

  /// Takes note that settings have been checked, on another thread than the node's.
  package func noteChecked(_ routers: [RouterConfiguration]) {
    for router in routers { engine.checked.note(router) }
  }

  /// Which routers there are to be, new or changed.
  private enum Wanted {
    case routers([RouterConfiguration])
    /// A present router with more addresses than it has when it is the change's turn.
    case adding([InterfaceAddress], to: String)
    /// A present router with fewer of them.
    case taking([IPAddress], from: String)
  }

  private func target(_ configuration: NodeConfiguration, _ replacing: [String]?) -> Target {
    Target(
      .routers(configuration.routers), removing: replacing, settings: configuration.settings)
  }

  /// The settings that routers shall have; for a change of what they have, as of now.
  private func routers(_ target: Target) throws(NodeError) -> [RouterConfiguration] {
    switch target.wanted {
    case .routers(let routers):
      return routers
    case .adding(let addresses, let name):
      var settings = try stayingSettings(name)
      settings.add(addresses)
      return [settings]
    case .taking(let addresses, let name):
      var settings = try stayingSettings(name)
      try settings.take(addresses, options.wording)
      return [settings]
    }
  }

  private func stayingSettings(_ name: String) throws(NodeError) -> RouterConfiguration {
    guard engine.isStaying(name), let settings = engine.settings(named: name) else {
      throw unknownRouter(name)
    }
    return settings
  }

  private func apply(_ target: Target) async throws(NodeError) -> ChangeReport {
    try await check(target)
    if try await areFree(try routers(target)) { try await check(target) }
    isApplying = true
    return try await carryThrough { node throws(NodeError) in
      defer { node.isApplying = false }
      return try await node.change(target)
    }
  }

  private func change(_ target: Target) async throws(NodeError) -> ChangeReport {
    await noteAddresses(adding: try routers(target))
    // Meanwhile the node may have been told to end, and the machine may have changed.
    try refuseIfShuttingDown()
    try checkNow(target)
    let plan = try plan(target)
    let before = settings
    do throws(NodeError) {
      if let settings = target.settings { try take(settings) }
      try await carryOut(plan)
      return plan.report
    } catch {
      // A node that ends has dismissed its guard for good.
      guard !isShuttingDown else { throw error }
      for setting in NodeSetting.inOrderOfChange { try? take(setting, of: before) }
      throw error
    }
  }

  private func preview(_ target: Target) async throws(NodeError) -> ChangeReport {
    try await check(target)
    return try plan(target).report
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
    let names = Set(try routers(target).map(\.name))
    // One at a time, and routers that are just leaving make room first.
    let end = await wait { [self] in
      isShuttingDown
        || (!isApplying
          && !names.union(removed(by: target, but: names)).contains(where: engine.isLeaving))
    }
    if end == .cancelled { throw .cancelled }
    try refuseIfShuttingDown()
    try checkNow(target)
  }

  private func checkNow(_ target: Target) throws(NodeError) {
    makeTime(forAddresses: target.addressCount)
    let wanted = try routers(target)
    try engine.check(
      wanted, removing: Set(removed(by: target, but: Set(wanted.map(\.name)))),
      lease: target.settings?.lease)
  }

  /// The routers that are to go, in order; those that are wanted stay.
  private func removed(by target: Target, but staying: Set<String>) -> [String] {
    (target.removing ?? engine.routerNames).filter { !staying.contains($0) }
  }

  /// What has to be done for what is wanted.
  private func plan(_ target: Target) throws(NodeError) -> Plan {
    let wanted = try routers(target)
    var plan = Plan(wanted, on: engine)
    plan.report.removed = removed(by: target, but: Set(wanted.map(\.name)))
      .filter(engine.contains)
    if let wanted = target.settings { plan.report.node = settings.differences(to: wanted) }
    return plan
  }

  private func carryOut(_ plan: Plan) async throws(NodeError) {
    let former = Former(plan, engine)
    do throws(NodeError) {
      try await carryOut(plan, former)
    } catch {
      await restore(former, plan)
      throw error
    }
    if !plan.changed.isEmpty || !plan.leaving.isEmpty { await noteAddresses() }
  }

  private func carryOut(_ plan: Plan, _ former: Former) async throws(NodeError) {
    makeTime()
    for name in plan.leaving { engine.remove(name) }

    // A router that needs nothing of what a leaving one still has does not wait for it.
    var gone = RouterSet()
    for router in engine.leavingSettings { _ = gone.insert(router) }
    func isLate(_ router: RouterConfiguration) -> Bool { gone.collision(of: router) != nil }
    try engine.change(plan.changed.filter { !isLate($0) })
    for router in plan.added where !isLate(router) {
      makeTime()
      try engine.add(router)
    }

    let awaited = plan.leaving
    _ = await wait { [engine] in !awaited.contains(where: engine.contains) }
    try refuseIfShuttingDown()
    try engine.change(plan.changed.filter(isLate))
    for router in plan.added.filter(isLate) + plan.replaced {
      makeTime()
      try engine.add(router, keeping: former.fitness[router.name] ?? [:])
    }
  }

  /// Puts back what was there before a change that the machine has refused half-way.
  private func restore(_ former: Former, _ plan: Plan) async {
    for router in plan.added where engine.contains(router.name) { engine.remove(router.name) }
    let awaited = plan.leaving + plan.report.added
    _ = await wait { [self] in isShuttingDown || !awaited.contains(where: engine.isLeaving) }
    guard !isShuttingDown else { return }
    for router in former.routers {
      if engine.contains(router.name) {
        try? engine.change([router])
      } else {
        try? engine.add(router, keeping: former.fitness[router.name] ?? [:])
      }
    }
    await noteAddresses()
  }

  /// The routers that a change touches, as they were before.
  private struct Former {
    var routers: [RouterConfiguration]
    var fitness: [String: [String: RouterFitness]]

    init(_ plan: Plan, _ engine: Engine) {
      let names = plan.leaving + plan.changed.map(\.name)
      routers = names.compactMap { engine.settings(named: $0) }
      fitness = Dictionary(
        names.map { ($0, engine.fitness(of: $0)) }, uniquingKeysWith: { first, _ in first })
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

    /// The routers that hand over, in order.
    var leaving: [String] { report.removed + replaced.map(\.name) }

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
    try refuseTooMany(addresses.count, name)
    return try await apply(Target(.adding(addresses, to: name)))
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
    try refuseTooMany(addresses.count, name)
    let report = try await apply(Target(.taking(addresses, from: name)))
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
