public import VIPCore

/// The result of a change of a node's routers.
public struct ChangeReport: Sendable, Hashable {
  /// A router that goes on with other settings; its description tells the difference in words.
  public struct Change: Sendable, Hashable, CustomStringConvertible {
    /// The settings before.
    public let old: RouterConfiguration
    /// The settings from now on, of the same name.
    public let new: RouterConfiguration

    /// Makes a change of settings to others of the same name.
    public init(from old: RouterConfiguration, to new: RouterConfiguration) {
      self.old = old
      self.new = new
    }

    /// Its name.
    public var router: String { new.name }
    /// The settings that are different.
    public var settings: [RouterSetting] { old.settings(differingFrom: new) }
    /// The addresses that it did not have before.
    public var addedAddresses: [InterfaceAddress] { new.addresses(notIn: old) }
    /// The addresses that it has no longer.
    public var removedAddresses: [InterfaceAddress] { old.addresses(notIn: new) }
    /// The difference in words, without passwords and the arguments of hooks.
    public var description: String { old.difference(to: new) }
  }

  /// A node with other settings of its own; its description tells the difference in words.
  public struct NodeChange: Sendable, Hashable, CustomStringConvertible {
    /// The settings before.
    public let old: NodeSettings
    /// The settings from now on.
    public let new: NodeSettings

    /// Makes a change of settings.
    public init(from old: NodeSettings, to new: NodeSettings) {
      self.old = old
      self.new = new
    }

    /// The settings that are different.
    public var settings: [NodeSetting] {
      NodeSetting.allCases.filter { $0.difference(from: old, to: new) != nil }
    }
    /// The difference in words.
    public var description: String { old.differences(to: new).joined(separator: "; ") }
  }

  /// The change of the node's own settings; `nil` if they are as before.
  public var node: NodeChange?
  /// Groups of routers that are other than before, in words.
  public var groups: [String] = []
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
