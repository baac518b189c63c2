public import VIP
public import VIPChecks

/// The contents of a configuration file.
public struct FileConfiguration: Sendable, Hashable {
  /// The node's own settings; those that the file does not name have their defaults.
  public var settings: NodeSettings
  /// The settings of the node that the file names.
  public var given: Set<NodeSetting>
  /// The path at which programs can read what happens, if the file names a FIFO.
  public var eventsPath: String?
  /// The health checks that routers may use.
  public var checks: [Check]
  /// The routers in their order; at least one.
  public var routers: [RouterConfiguration]

  /// The groups of routers that move together.
  public var groups: [RouterGroup]

  /// The settings of a node process where nothing is said: a guard, other than a node in a library.
  public static let defaultSettings = NodeSettings(isGuarded: true)

  /// Makes a configuration; what is left out has its default.
  public init(
    settings: NodeSettings = defaultSettings, given: Set<NodeSetting> = [],
    eventsPath: String? = nil, checks: [Check] = [], routers: [RouterConfiguration],
    groups: [RouterGroup] = []
  ) {
    self.settings = settings
    self.given = given
    self.eventsPath = eventsPath
    self.checks = checks
    self.routers = routers
    self.groups = groups
  }

  /// The configuration that the node is to be brought to.
  public var node: NodeConfiguration {
    NodeConfiguration(settings: settings, routers: routers, groups: groups)
  }
}
