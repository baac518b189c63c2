import ARP
public import VIP
import VIPCore

/// The settings of a node and of its routers as they are now, in the form of the socket.
public struct ConfigurationRecord: Sendable, Hashable, Codable {
  /// The time for which addresses outlive the node, such as `5s` or `off`; `nil` if it follows the
  /// intervals.
  public var lease: String?
  /// Whether there is a guard process.
  public var `guard`: Bool
  /// Whether the node runs before all ordinary work.
  public var realtime: Bool
  /// The number and pace of announcements.
  public var announcements: Announcements
  /// The routers, also those that are leaving.
  public var routers: [RouterConfiguration]
  /// The groups of routers that move together.
  public var groups: [RouterGroup]

  /// The number and pace of announcements, see `AnnouncementPolicy`.
  public struct Announcements: Sendable, Hashable, Codable {
    /// The number in a second.
    public var rate: Int
    /// The number at once.
    public var burst: Int
    /// The pauses after which an address is announced again.
    public var pauses: [RequestTime]
    /// The time between announcements without a reason; `nil` for none.
    public var refresh: RequestTime?
  }

  /// Takes settings down.
  public init(_ settings: NodeSettings, routers: [RouterConfiguration], groups: [RouterGroup]) {
    lease = settings.lease.isAutomatic ? nil : settings.lease.description
    `guard` = settings.isGuarded
    realtime = settings.isRealtime
    announcements = Announcements(
      rate: settings.announcements.maximumRate, burst: settings.announcements.burst,
      pauses: settings.announcements.pauses.map(RequestTime.init(_:)),
      refresh: settings.announcements.refresh.map(RequestTime.init(_:)))
    self.routers = routers
    self.groups = groups
  }

  /// The settings of the node.
  public var settings: NodeSettings {
    var settings = NodeSettings(isGuarded: `guard`, isRealtime: realtime)
    settings.lease = lease.flatMap(LeasePolicy.init) ?? .default
    settings.announcements.maximumRate = announcements.rate
    settings.announcements.burst = announcements.burst
    settings.announcements.pauses = announcements.pauses.map(\.duration)
    settings.announcements.refresh = announcements.refresh?.duration
    return settings
  }
}
