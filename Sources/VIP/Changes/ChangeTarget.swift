package import VIPCore

/// The goal of a change of a node, and its meaning for an engine at a moment.
package struct ChangeTarget: Sendable {
  /// The routers that there are to be, new or changed.
  package enum Wanted: Sendable {
    /// Routers with all their settings.
    case routers([RouterConfiguration])
    /// A present router with more addresses than it has when it is the change's turn.
    case adding([InterfaceAddress], to: String)
    /// A present router with fewer of them.
    case taking([IPAddress], from: String)
  }

  /// The routers that are new or changed.
  package var wanted: Wanted
  /// Routers to hand over and remove, if they are there and not wanted; `nil` for all others,
  /// whichever those are when it is the change's turn.
  package var removing: [String]?
  /// The node's settings; `nil` if they stay as they are.
  package var settings: NodeSettings?
  /// The groups of routers that move together; `nil` if they stay as they are.
  package var groups: [RouterGroup]?
  /// The policy for routers that this machine can't serve yet.
  package var unready: UnreadyPolicy

  /// Makes a target.
  package init(
    _ wanted: Wanted, removing: [String]? = [], settings: NodeSettings? = nil,
    groups: [RouterGroup]? = nil, unready: UnreadyPolicy = .refuse
  ) {
    self.wanted = wanted
    self.removing = removing
    self.settings = settings
    self.groups = groups
    self.unready = unready
  }

  /// Number of addresses that are named.
  var addressCount: Int {
    switch wanted {
    case .routers(let routers): routers.reduce(0) { $0 + $1.addresses.count }
    case .adding(let addresses, _): addresses.count
    case .taking(let addresses, _): addresses.count
    }
  }

  /// The settings that routers shall have; for a change of what they have, as of now.
  ///
  /// - Throws: ``NodeError/Kind/unknownRouter``, or what is wrong with the addresses.
  package func routers(on engine: some ChangedRouters) throws(NodeError) -> [RouterConfiguration] {
    switch wanted {
    case .routers(let routers):
      return routers
    case .adding(let addresses, let name):
      var settings = try stayingSettings(name, engine)
      settings.add(addresses)
      return [settings]
    case .taking(let addresses, let name):
      var settings = try stayingSettings(name, engine)
      try settings.take(addresses, engine.wording)
      return [settings]
    }
  }

  private func stayingSettings(
    _ name: String, _ engine: some ChangedRouters
  ) throws(NodeError) -> RouterConfiguration {
    guard engine.isStaying(name), let settings = engine.settings(named: name) else {
      throw engine.unknownRouter(name)
    }
    return settings
  }

  /// The routers that are to go, in order; those that are wanted stay.
  private func removed(but staying: [RouterConfiguration], on engine: some ChangedRouters)
    -> [String]
  {
    let names = Set(staying.map(\.name))
    return (removing ?? engine.routerNames).filter { !names.contains($0) }
  }

  /// Whether a router is just leaving that the change is about, and makes room first.
  package func waitsForLeaving(_ routers: [RouterConfiguration], on engine: some ChangedRouters)
    -> Bool
  {
    (routers.map(\.name) + removed(but: routers, on: engine)).contains(where: engine.isLeaving)
  }

  /// Checks that the change can be made now.
  ///
  /// - Throws: the first thing that is wrong.
  package func check(on engine: some ChangedRouters) throws(NodeError) {
    let wanted = try routers(on: engine)
    try engine.check(
      wanted, removing: Set(removed(but: wanted, on: engine)), lease: settings?.lease,
      unready: unready)
    try checkGroups(wanted, on: engine)
  }

  /// Checks that the groups suit the routers that there will be.
  private func checkGroups(
    _ wanted: [RouterConfiguration], on engine: some ChangedRouters
  ) throws(NodeError) {
    let present = engine.groups
    guard !(groups ?? present).isEmpty else { return }
    let changed = Set(wanted.map(\.name)).union(removed(but: wanted, on: engine))
    let staying = engine.allSettings.filter { !changed.contains($0.name) }
    do throws(ConfigurationError) {
      for group in groups ?? [] { try group.validate() }
      try RouterGroup.check(
        groups ?? present, of: wanted + staying, allowsMissing: groups == nil)
    } catch {
      throw NodeError(error)
    }
  }

  /// Works out the steps from the routers as they are now.
  package func plan(on engine: some ChangedRouters) throws(NodeError) -> ChangePlan {
    let wanted = try routers(on: engine)
    var plan = ChangePlan(
      wanted, removing: removed(but: wanted, on: engine), from: engine.allSettings,
      unready: unready)
    if let groups { plan.change(groups, from: engine.groups) }
    return plan
  }
}
