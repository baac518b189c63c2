public import VIPCore

extension Node {
  /// Brings routers to the settings they shall have: only what is different is touched.
  ///
  /// New ones are added; present ones take over what they can while they run. One whose interface,
  /// VRID or version changes is another router from then on; its addresses are served all the time,
  /// in a group that goes on elsewhere by another machine. Routers that are not named stay as they
  /// are. Returns when all have been added, which is not yet when they take part:
  /// ``waitUntilRunning(_:timeout:)``.
  ///
  /// - Parameters:
  ///   - wanted: the settings, each with a name of its own.
  ///   - removing: routers to hand over and remove; names that are not there are passed over.
  ///   - groups: groups of routers that move together, new or other than before; others stay.
  ///   - unready: what becomes of routers that this machine can't serve yet.
  /// - Returns: what was done.
  /// - Throws: what is wrong with it. Nothing has changed then. ``NodeError/Kind/cancelled`` if the
  ///   task is cancelled: a change that has begun is carried through, one that waits is not made.
  @discardableResult
  public func apply(
    _ wanted: [RouterConfiguration], removing: [String] = [], groups: [RouterGroup] = [],
    unready: UnreadyPolicy = .refuse
  ) async throws(NodeError) -> ChangeReport {
    try await apply(target(wanted, removing, groups, unready))
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

  /// Tells what ``apply(_:removing:groups:unready:)`` would do now, after the same checks; changes
  /// nothing.
  ///
  /// Takes its parameters and throws what it throws.
  public func preview(
    _ wanted: [RouterConfiguration], removing: [String] = [], groups: [RouterGroup] = [],
    unready: UnreadyPolicy = .refuse
  ) async throws(NodeError) -> ChangeReport {
    try await preview(target(wanted, removing, groups, unready))
  }

  /// Tells what ``apply(_:replacing:)`` would do now, after the same checks; changes nothing.
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

  /// Takes note that settings have been checked, on another thread than the node's.
  package func noteChecked(_ routers: [RouterConfiguration]) {
    if !routers.isEmpty { engine.checked.note(routers) }
  }

  private func target(
    _ wanted: [RouterConfiguration], _ removing: [String], _ groups: [RouterGroup],
    _ unready: UnreadyPolicy
  ) -> ChangeTarget {
    var target = ChangeTarget(.routers(wanted), removing: removing, unready: unready)
    if !groups.isEmpty {
      let names = Set(groups.map(\.name))
      target.groups = engine.groups.filter { !names.contains($0.name) } + groups
    }
    return target
  }

  private func target(_ configuration: NodeConfiguration, _ replacing: [String]?) -> ChangeTarget {
    ChangeTarget(
      .routers(configuration.routers), removing: replacing, settings: configuration.settings,
      groups: configuration.groups, unready: configuration.unready)
  }

  private func apply(_ target: ChangeTarget) async throws(NodeError) -> ChangeReport {
    tellOfStart()
    try await check(target)
    if try await areFree(try target.routers(on: engine)) { try await check(target) }
    isApplying = true
    return try await carryThrough { node throws(NodeError) in
      defer { node.isApplying = false }
      return try await node.change(target)
    }
  }

  private func change(_ target: ChangeTarget) async throws(NodeError) -> ChangeReport {
    await writeAddressFile(adding: try target.routers(on: engine))
    // Meanwhile the node may have been told to end, and the machine may have changed.
    try refuseIfShuttingDown()
    try checkNow(target)
    let plan = try plan(target)
    let before = settings
    do throws(NodeError) {
      if let settings = target.settings { try take(settings, target.unready) }
      try await carryOut(plan)
      return plan.report
    } catch {
      // A node that ends has dismissed its guard for good.
      guard !isShuttingDown else { throw error }
      for setting in NodeSetting.inOrderOfChange { try? take(setting, of: before) }
      throw error
    }
  }

  private func preview(_ target: ChangeTarget) async throws(NodeError) -> ChangeReport {
    try await check(target)
    return try plan(target).report
  }

  private func take(
    _ settings: NodeSettings, _ unready: UnreadyPolicy
  ) throws(NodeError) {
    for setting in NodeSetting.inOrderOfChange {
      do throws(NodeError) {
        try take(setting, of: settings)
        if setting == .realtime { tell(.realtime, nil) }
      } catch {
        guard setting == .realtime, unready == .wait else { throw error }
        tell(.realtime, Start.withoutRealtime(error))
      }
    }
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

  /// Tells what bringing routers up on a node of their own would do on this machine; changes
  /// nothing.
  ///
  /// - Throws: what ``apply(_:removing:groups:unready:)`` of such a node would.
  public static func preview(
    _ wanted: [RouterConfiguration], onNodeWithLease lease: LeasePolicy,
    unready: UnreadyPolicy = .refuse
  ) throws(NodeError) -> ChangeReport {
    let engine = try Engine(LinuxPlatform(), Poller(), lease: lease)
    try engine.check(wanted, unready: unready)
    return ChangePlan(wanted, from: []).report
  }

  /// Waits for its turn and checks what is wanted.
  private func check(_ target: ChangeTarget) async throws(NodeError) {
    let routers = try target.routers(on: engine)
    // One at a time, and routers that are just leaving make room first.
    let end = await wait { [self] in
      isShuttingDown || (!isApplying && !target.waitsForLeaving(routers, on: engine))
    }
    if end == .cancelled { throw .cancelled }
    try refuseIfShuttingDown()
    try checkNow(target)
  }

  private func checkNow(_ target: ChangeTarget) throws(NodeError) {
    makeTime(forAddresses: target.addressCount)
    try target.check(on: engine)
  }

  /// Works out the steps to what is wanted.
  private func plan(_ target: ChangeTarget) throws(NodeError) -> ChangePlan {
    var plan = try target.plan(on: engine)
    if let wanted = target.settings {
      let change = ChangeReport.NodeChange(from: settings, to: wanted)
      plan.report.node = change.settings.isEmpty ? nil : change
    }
    return plan
  }

  private func carryOut(_ plan: ChangePlan) async throws(NodeError) {
    var steps = ChangeSteps(plan, on: engine)
    do throws(NodeError) {
      try await carryOut(&steps)
    } catch {
      await restore(steps)
      throw error
    }
    if !plan.touched.isEmpty { await writeAddressFile() }
  }

  private func carryOut(_ steps: inout ChangeSteps) async throws(NodeError) {
    makeTime()
    try steps.begin(on: engine)
    let begun = steps
    _ = await wait { [engine] in begun.isReleased(on: engine) }
    guard steps.hasMore else { return }
    try refuseIfShuttingDown()
    try steps.finish(on: engine)
  }

  /// Puts back what was there before a change that the machine has refused half-way.
  private func restore(_ steps: ChangeSteps) async {
    steps.withdraw(on: engine)
    _ = await wait { [self] in isShuttingDown || steps.isWithdrawn(on: engine) }
    guard !isShuttingDown else { return }
    steps.putBack(on: engine)
    await writeAddressFile()
  }

  private func refuseIfShuttingDown() throws(NodeError) {
    guard isShuttingDown else { return }
    throw NodeError(.shuttingDown, "the node is shutting down")
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
    return try await apply(ChangeTarget(.adding(addresses, to: name)))
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
    let report = try await apply(ChangeTarget(.taking(addresses, from: name)))
    guard await wait(until: { [engine] in !engine.isLeaving(name) }) == .met else {
      throw .cancelled
    }
    return report
  }

  /// Refuses addresses before anything is done with them: no router has as many.
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
