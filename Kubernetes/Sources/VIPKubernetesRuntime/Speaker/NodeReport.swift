import VIPCore
import VIPKubernetes

/// What a node has to say in the status of a router; everything in it is the node's own part.
struct NodeReport: Sendable, Hashable {
  /// Its entry among the nodes; `nil` if it has none, or takes it away.
  var entry: RouterObject.Acknowledgement?
  /// The families whose addresses it holds.
  var active: [AddressFamily: RouterObject.Active]
  /// The addresses that it has seen another machine use.
  var conflicts: [RouterObject.Conflict]
  /// What is remarkable, each with the time since when.
  var conditions: [TimedCondition]

  /// A condition with the time of its beginning, in the API's text form.
  struct TimedCondition: Sendable, Hashable {
    /// The condition.
    var condition: Condition
    /// Since when it holds.
    var since: String

    /// Makes a condition.
    init(_ condition: Condition, since: String) {
      self.condition = condition
      self.since = since
    }
  }

  /// Makes a report; what is left out is empty.
  init(
    entry: RouterObject.Acknowledgement? = nil,
    active: [AddressFamily: RouterObject.Active] = [:], conflicts: [RouterObject.Conflict] = [],
    conditions: [TimedCondition] = []
  ) {
    self.entry = entry
    self.active = active
    self.conflicts = conflicts
    self.conditions = conditions
  }

  /// Whether it is another one in nothing but that the node holds less.
  func isLoss(from before: NodeReport) -> Bool {
    var kept = before
    kept.active = active
    return kept == self && before != self
      && active.allSatisfy { before.active[$0.key] == $0.value }
  }
}
