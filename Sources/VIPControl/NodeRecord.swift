public import VIP
public import VIPCore
public import VRRP

/// The status of a node in the form that goes over the control socket and to scripts: numbers of
/// seconds and texts instead of the types of ``VIP/NodeStatus``.
public struct NodeRecord: Sendable, Hashable, Codable {
  /// The node itself.
  public var node: Node
  /// Its virtual routers; a configuration with both families appears once for each.
  public var routers: [RouterRecord]
  /// The health checks that its routers use; `nil` if there are none.
  public var checks: [CheckRecord]?

  /// Takes a status down.
  public init(_ status: NodeStatus) {
    node = Node(status.node)
    routers = status.routers.map(RouterRecord.init)
    checks = status.checks.isEmpty ? nil : status.checks.map(CheckRecord.init)
  }

  /// The node's own part of its status.
  public struct Node: Sendable, Hashable, Codable {
    /// The version of the program or library.
    public var version: String
    /// The process that runs the node.
    public var pid: Int32
    /// Seconds since the node was started.
    public var uptimeSeconds: Double
    /// The time for which addresses outlive a node that stopped refreshing them: `3s`, `off`.
    public var lease: String
    /// Whether its process ends once it has no routers any more.
    public var endsWhenIdle: Bool
    /// Whether a guard process would remove the addresses if this process died.
    public var `guard`: NodeStatus.Guard
    /// The guard's process, if there is one.
    public var guardPid: Int32?
    /// Whether its thread runs before all ordinary work, see ``VIP/Node/Options/isRealtime``.
    public var realtime: Bool
    /// The lateness of its turns.
    public var wakeUps: WakeUpRecord
    /// The problems of the node itself, one sentence each; `nil` if there are none.
    public var warnings: [String]?

    /// Takes the node's own part down.
    init(_ node: NodeStatus.Node) {
      version = node.version
      pid = node.pid
      uptimeSeconds = node.uptime.inSeconds
      lease = node.lease.description
      endsWhenIdle = node.endsWhenIdle
      `guard` = node.guard
      guardPid = node.guardPid
      realtime = node.isRealtime
      wakeUps = WakeUpRecord(node.wakeUps)
      warnings = node.problems.isEmpty ? nil : node.problems.map(\.text)
    }
  }
}

/// The status of one virtual router, see ``NodeRecord``.
public struct RouterRecord: Sendable, Hashable, Codable {
  /// The configuration's name.
  public var name: String
  /// The interface it serves.
  public var interface: String
  /// The virtual router identifier.
  public var vrid: VRID
  /// The family of its addresses.
  public var family: AddressFamily
  /// The VRRP version it speaks.
  public var version: Int
  /// The state of RFC 9568 §6.2.
  public var state: VirtualRouter.State
  /// The configured priority.
  public var priority: Priority
  /// The priority it advertises at the moment.
  public var effectivePriority: Priority
  /// The time between its advertisements.
  public var interval: AdvertisementInterval
  /// The Active's primary address, if one is known; our own while we are Active.
  public var activeRouter: IPAddress?
  /// The time since when that machine is Active, as far as this one has heard, in UTC (ISO 8601);
  /// `nil` if none is known.
  public var activeSince: String? = nil
  /// The time for which it has been Active.
  public var activeSeconds: Double? = nil
  /// The virtual addresses and whether the kernel has them on our interface.
  public var addresses: [RouterStatus.AddressStatus]
  /// The Ethernet address that they are served under, if it is not the interface's own.
  public var virtualMAC: RouterStatus.VirtualMAC?
  /// The time when the state was entered, in UTC (ISO 8601).
  public var since: String
  /// The time since then.
  public var secondsInState: Double
  /// The reason why the state was entered, or what an idle router waits for.
  public var reason: String
  /// Counters under their names in RFC 8347.
  public var statistics: Statistics
  /// Counters of its segment and family that belong to no single router.
  public var segmentStatistics: SegmentStatistics
  /// The other machines that claim its addresses.
  public var conflicts: RouterStatus.Conflicts
  /// The durations of its takeovers.
  public var takeovers: TakeoverRecord
  /// The lease of the addresses on the interface; `nil` if there are none, or none has a lease.
  public var lease: LeaseRecord?
  /// The other machines heard, by when they were first heard.
  public var peers: [PeerRecord]
  /// The problems at the moment, one sentence each.
  public var warnings: [String]
  /// The results of its hooks; `nil` if none has been run.
  public var hooks: RouterStatus.Hooks? = nil
  /// The health checks that it depends on; `nil` if it uses none.
  public var checks: [RouterStatus.Check]? = nil
  /// The machines that it advertises to one by one; `nil` if it does to the multicast group.
  public var unicastTo: [IPAddress]? = nil
  /// Its routes and rules; `nil` if it has none.
  public var routing: [RouterStatus.RoutingStatus]? = nil
  /// The group of routers with which it moves; `nil` if it moves alone.
  public var group: String? = nil
  /// The resignation or promotion that it acts upon, for people; `nil` if there is none.
  public var request: String? = nil

  private enum CodingKeys: String, CodingKey {
    case name, interface, vrid, family, version, state, priority, effectivePriority, interval
    case activeRouter, activeSince, activeSeconds, addresses, since, secondsInState, reason
    case statistics, segmentStatistics
    case conflicts, takeovers, lease, peers, warnings, hooks, checks, unicastTo, routing, group
    case request
    case virtualMAC = "virtualMac"
  }

  /// Takes a router's status down.
  public init(_ status: RouterStatus) {
    name = status.name
    interface = status.interface
    vrid = status.vrid
    family = status.family
    version = Int(status.version.rawValue)
    state = status.state
    priority = status.priority
    effectivePriority = status.effectivePriority
    interval = status.interval
    activeRouter = status.activeRouter
    activeSince = status.activeSince?.seconds
    activeSeconds = status.activeFor?.inSeconds
    addresses = status.addresses
    virtualMAC = status.virtualMAC
    since = status.since.seconds
    secondsInState = status.timeInState.inSeconds
    reason = status.reason.description
    statistics = status.statistics
    segmentStatistics = status.segmentStatistics
    conflicts = status.conflicts
    takeovers = TakeoverRecord(status.takeovers)
    lease = status.lease.map(LeaseRecord.init)
    peers = status.peers.map(PeerRecord.init)
    warnings = WarningText.sentences(status.problems)
    hooks = status.hooks
    checks = status.checks
    unicastTo = status.unicastTo
    routing = status.routing
    group = status.group
    request = status.request
  }
}
