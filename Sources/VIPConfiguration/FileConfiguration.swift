public import ARP
public import VIP

/// What a configuration file says.
public struct FileConfiguration: Sendable, Hashable {
  /// The lease, if the file names one.
  public var lease: LeasePolicy?
  /// Whether the node has a guard process, if the file says so.
  public var isGuarded: Bool?
  /// Whether the node runs before all ordinary work, if the file says so.
  public var isRealtime: Bool?
  /// How often and how fast addresses are announced, if the file says so.
  public var announcements: AnnouncementPolicy?
  /// Where programs can read what happens, if the file names a FIFO.
  public var eventsPath: String?
  /// The routers in their order; at least one.
  public var routers: [RouterConfiguration]

  /// Makes a configuration; what is left out has its default.
  public init(
    lease: LeasePolicy? = nil, isGuarded: Bool? = nil, isRealtime: Bool? = nil,
    announcements: AnnouncementPolicy? = nil, eventsPath: String? = nil,
    routers: [RouterConfiguration]
  ) {
    self.lease = lease
    self.isGuarded = isGuarded
    self.isRealtime = isRealtime
    self.announcements = announcements
    self.eventsPath = eventsPath
    self.routers = routers
  }
}
