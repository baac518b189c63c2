public import VIP

/// The result of a change of a node's routers in the form that goes over the control socket: texts
/// instead of the settings of a ``VIP/ChangeReport``.
public struct ChangeRecord: Sendable, Hashable, Codable {
  /// A router that goes on with other settings.
  public struct Change: Sendable, Hashable, Codable {
    /// Its name.
    public var router: String
    /// The difference of the settings, in words.
    public var difference: String

    /// Takes a change down.
    init(_ change: ChangeReport.Change) {
      router = change.router
      difference = change.description
    }
  }

  /// Settings of the node itself, or of its process, that are other than before, in words.
  public var node: [String] = []
  /// Groups of routers that are other than before, in words; `nil` if none is.
  public var groups: [String]?
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

  /// Makes a record of nothing.
  public init() {}

  /// Takes a report down.
  public init(_ report: ChangeReport) {
    node = report.node.map { $0.old.differences(to: $0.new) } ?? []
    groups = report.groups.isEmpty ? nil : report.groups
    added = report.added
    changed = report.changed.map(Change.init)
    replaced = report.replaced.map(Change.init)
    removed = report.removed
    unchanged = report.unchanged
  }
}
