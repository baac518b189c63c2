public import VIPCore
public import VIPKubernetes

/// What a node has to say in the status of a router; everything in it is the node's own part.
public struct NodeReport: Sendable, Hashable {
  /// Its entry among the nodes; `nil` if it has none, or takes it away.
  public var entry: RouterObject.Acknowledgement?
  /// The families whose addresses it holds.
  public var active: [AddressFamily: RouterObject.Active]
  /// The addresses that it has seen another machine use.
  public var conflicts: [RouterObject.Conflict]
  /// What is remarkable, each with the time since when.
  public var conditions: [TimedCondition]

  /// A condition with the time of its beginning, in the API's text form.
  public struct TimedCondition: Sendable, Hashable {
    /// The condition.
    public var condition: Condition
    /// Since when it holds.
    public var since: String

    /// Makes a condition.
    public init(_ condition: Condition, since: String) {
      self.condition = condition
      self.since = since
    }
  }

  /// Makes a report; what is left out is empty.
  public init(
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
