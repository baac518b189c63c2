import VIPCore

@testable import VIP

/// Routers as a change sees them, without an engine: what they are is set by the test.
final class RoutersInMemory: ChangedRouters {
  /// What was asked to be done, in order.
  enum Deed: Equatable {
    case check(wanted: [String], removing: Set<String>, lease: LeasePolicy?, UnreadyPolicy)
    case rearrange(
      removed: [String], changed: [String], added: [String], faults: [String], UnreadyPolicy)
    case remove(String)
  }

  var allSettings: [RouterConfiguration]
  var leaving: Set<String> = []
  /// Routers that leave while another one of their name is there already.
  var replacedWhileLeaving: Set<String> = []
  var faults: [String: [String: RouterFitness]] = [:]
  var wording = Wording()
  /// What the next rearrangements leave for later.
  var late: [Rearrangement] = []
  /// What rearrangements are refused with that are about one of these.
  var refused: Set<String> = []
  private(set) var deeds: [Deed] = []

  init(_ settings: [RouterConfiguration]) { allSettings = settings }

  var routerNames: [String] { allSettings.map(\.name) }

  func settings(named name: String) -> RouterConfiguration? {
    allSettings.first { $0.name == name }
  }

  func contains(_ name: String) -> Bool { routerNames.contains(name) }
  func isStaying(_ name: String) -> Bool { contains(name) && !leaving.contains(name) }
  func isLeaving(_ name: String) -> Bool {
    leaving.contains(name) || replacedWhileLeaving.contains(name)
  }
  func fitness(of name: String) -> [String: RouterFitness] { faults[name] ?? [:] }
  func unknownRouter(_ name: String) -> NodeError { NodeError(.unknownRouter, "no \(name)") }

  func check(
    _ wanted: [RouterConfiguration], removing removed: Set<String>, lease: LeasePolicy?,
    unready: UnreadyPolicy
  ) throws(NodeError) {
    deeds.append(
      .check(wanted: wanted.map(\.name), removing: removed, lease: lease, unready))
  }

  func rearrange(_ wanted: Rearrangement) throws(NodeError) -> Rearrangement {
    let (changed, added) = (wanted.changed.map(\.name), wanted.added.map(\.name))
    deeds.append(
      .rearrange(
        removed: wanted.removed, changed: changed, added: added,
        faults: wanted.faults.filter { !$0.value.isEmpty }.keys.sorted(), wanted.unready))
    if !refused.isDisjoint(with: wanted.removed + changed + added) {
      throw NodeError(.refused, "refused")
    }
    return late.isEmpty ? Rearrangement() : late.removeFirst()
  }

  func remove(_ name: String) -> Bool {
    deeds.append(.remove(name))
    return contains(name)
  }

  func takeDeeds() -> [Deed] {
    defer { deeds = [] }
    return deeds
  }
}
