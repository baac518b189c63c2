/// The result of a change of a node's routers.
public struct ChangeReport: Sendable, Hashable, Codable {
  /// A router that goes on with other settings.
  public struct Change: Sendable, Hashable, Codable {
    /// Its name.
    public var router: String
    /// The difference of the settings, in words.
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
