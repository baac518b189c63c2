/// A plan that is carried out: its steps, between which the one that runs the node waits.
///
/// In order: ``begin(on:)``, a wait until ``isReleased(on:)``, ``finish(on:)``. If one of them
/// throws: ``withdraw(on:)``, a wait until ``isWithdrawn(on:)``, ``putBack(on:)``.
package struct ChangeSteps {
  private let plan: ChangePlan
  /// The routers that the change touches, as they were before.
  private let former: [RouterConfiguration]
  /// The groups as they were before.
  private let formerGroups: [RouterGroup]
  /// The program's statements about their fitness, by name and cause.
  private let faults: [String: [String: RouterFitness]]
  /// The part that has to wait until the routers that leave are gone.
  private var late = Rearrangement()
  /// The routers that it waits for.
  private var awaited: [String] = []

  /// Prepares a plan for the routers as they are now.
  package init(_ plan: ChangePlan, on engine: some ChangedRouters) {
    self.plan = plan
    former = plan.touched.compactMap { engine.settings(named: $0) }
    formerGroups = engine.groups
    faults = Self.faults(of: plan.touched, engine)
  }

  private static func faults(
    of names: [String], _ engine: some ChangedRouters
  ) -> [String: [String: RouterFitness]] {
    Dictionary(
      names.map { ($0, engine.fitness(of: $0)) }, uniquingKeysWith: { first, _ in first })
  }

  /// Removes, changes, replaces and adds what need not wait.
  ///
  /// - Throws: what the machine has refused; the node is as it was then.
  package mutating func begin(on engine: some ChangedRouters) throws(NodeError) {
    late = try engine.rearrange(plan.rearrangement(keeping: faults))
    // What needs what a leaving router still has waits for it.
    awaited = plan.report.removed + late.added.map(\.name)
  }

  /// Whether the routers are gone that it waits for.
  package func isReleased(on engine: some ChangedRouters) -> Bool {
    !awaited.contains { engine.isStaying($0) ? false : engine.contains($0) }
  }

  /// Whether something is left for ``finish(on:)``.
  package var hasMore: Bool { !late.isEmpty }

  /// Does what had to wait.
  ///
  /// - Throws: what the machine has refused.
  package mutating func finish(on engine: some ChangedRouters) throws(NodeError) {
    guard hasMore else { return }
    _ = try engine.rearrange(late)
  }

  // MARK: Back

  /// Takes away what a change that was refused half-way has added.
  package func withdraw(on engine: some ChangedRouters) {
    for router in plan.added where engine.contains(router.name) { engine.remove(router.name) }
  }

  /// Whether nothing leaves any more that is in the way of what was there before.
  package func isWithdrawn(on engine: some ChangedRouters) -> Bool {
    !(plan.leaving + plan.report.added).contains(where: engine.isLeaving)
  }

  /// Puts back what was there before.
  package func putBack(on engine: some ChangedRouters) {
    // Together, since they may have swapped addresses; what can't be had any more costs no other.
    guard (try? putBack(former, on: engine)) == nil else { return }
    for router in former { try? putBack([router], on: engine) }
  }

  private func putBack(
    _ routers: [RouterConfiguration], on engine: some ChangedRouters
  ) throws(NodeError) {
    var plan = ChangePlan(routers, from: engine.allSettings, unready: .wait)
    if self.plan.groups != nil { plan.change(formerGroups, from: engine.groups) }
    _ = try engine.rearrange(plan.rearrangement(keeping: faults))
  }
}
