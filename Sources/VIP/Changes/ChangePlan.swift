/// The steps that bring a node's routers to what is wanted.
///
/// Made from settings alone: those that the routers have and those that they shall have. What
/// carries it out is ``ChangeSteps``.
package struct ChangePlan {
  /// New routers.
  package private(set) var added: [RouterConfiguration] = []
  /// Routers that take other settings over while they run.
  package private(set) var changed: [RouterConfiguration] = []
  /// Routers that hand over and start again as other routers.
  package private(set) var replaced: [RouterConfiguration] = []
  /// The groups that there are to be; `nil` if they stay as they are.
  package private(set) var groups: [RouterGroup]?
  /// The same for callers, with the routers that go and those that stay as they are.
  package var report = ChangeReport()
  /// The policy for routers that this machine can't serve yet.
  package let unready: UnreadyPolicy

  /// The routers that hand over, in order.
  package var leaving: [String] { report.removed + replaced.map(\.name) }

  /// The routers that were there before and are touched.
  package var touched: [String] { leaving + changed.map(\.name) }

  /// Compares routers with what they shall be.
  ///
  /// - Parameters:
  ///   - wanted: the settings, each with a name of its own; routers that are not named stay.
  ///   - removing: the routers that go, in order; names that are not there, or that are wanted, are
  ///     passed over.
  ///   - present: the settings of the routers that are there.
  ///   - unready: what becomes of routers that this machine can't serve yet.
  package init(
    _ wanted: [RouterConfiguration], removing: [String] = [], from present: [RouterConfiguration],
    unready: UnreadyPolicy = .refuse
  ) {
    self.unready = unready
    let before = Dictionary(
      present.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    for router in wanted { add(router, before: before[router.name]) }
    let staying = Set(wanted.map(\.name))
    report.removed = removing.filter { before[$0] != nil && !staying.contains($0) }
  }

  /// Has the groups changed too, if they are others than those that are there.
  mutating func change(_ wanted: [RouterGroup], from present: [RouterGroup]) {
    guard wanted != present else { return }
    groups = wanted
    report.groups = RouterGroup.differences(from: present, to: wanted)
  }

  private mutating func add(_ router: RouterConfiguration, before: RouterConfiguration?) {
    guard let before else {
      added.append(router)
      report.added.append(router.name)
      return
    }
    let change = ChangeReport.Change(from: before, to: router)
    switch before.change(to: router) {
    case .none: report.unchanged.append(router.name)
    case .inPlace:
      changed.append(router)
      report.changed.append(change)
    case .replacement:
      replaced.append(router)
      report.replaced.append(change)
    }
  }

  /// The plan as what the engine does in one step; with what a program has said of routers that are
  /// replaced, by name and cause.
  func rearrangement(keeping faults: [String: [String: RouterFitness]]) -> Rearrangement {
    Rearrangement(
      removed: report.removed, changed: changed, added: added + replaced, faults: faults,
      groups: groups, unready: unready)
  }
}
