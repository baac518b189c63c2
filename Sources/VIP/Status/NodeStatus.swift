public import VIPCore
public import VRRP

/// The status of a node.
public struct NodeStatus: Sendable, Hashable {
  /// The node itself.
  public var node: Node
  /// Its virtual routers; a configuration with both families appears once for each.
  public var routers: [RouterStatus]
  /// The health checks that its routers use; the node itself leaves them out, `CheckService` of
  /// the product `VIPChecks` adds them.
  public var checks: [CheckStatus]

  /// Makes a status.
  public init(node: Node, routers: [RouterStatus], checks: [CheckStatus] = []) {
    self.node = node
    self.routers = routers
    self.checks = checks
  }

  /// The node's own part of its status.
  public struct Node: Sendable, Hashable {
    /// The version of this library.
    public var version: String
    /// The process that runs the node.
    public var pid: Int32
    /// The time since the node was started.
    public var uptime: Duration
    /// The time for which addresses outlive a node that stopped refreshing them.
    public var lease: LeasePolicy
    /// Whether its process ends once it has no routers any more.
    public var endsWhenIdle: Bool
    /// Whether a guard process would remove the addresses if this process died.
    public var `guard`: Guard
    /// The guard's process, if there is one.
    public var guardPid: Int32?
    /// Whether its thread runs before all ordinary work, see ``NodeSettings/isRealtime``.
    public var isRealtime: Bool
    /// The lateness of its turns.
    public var wakeUps: WakeUps
    /// The problems of the node itself at the moment.
    public var problems: [NodeProblem]

    /// Makes the node's part.
    public init(
      version: String, pid: Int32, uptime: Duration, lease: LeasePolicy,
      endsWhenIdle: Bool = false, guard: Guard = .off, guardPid: Int32? = nil,
      isRealtime: Bool = false, wakeUps: WakeUps = WakeUps(),
      problems: [NodeProblem] = []
    ) {
      self.version = version
      self.pid = pid
      self.uptime = uptime
      self.lease = lease
      self.endsWhenIdle = endsWhenIdle
      self.guard = `guard`
      self.guardPid = guardPid
      self.isRealtime = isRealtime
      self.wakeUps = wakeUps
      self.problems = problems
    }
  }
}

extension NodeStatus {
  /// The state of the guard of a node, the process that cleans up if the node dies.
  public enum Guard: String, Sendable, Hashable, Codable {
    /// The node was started without one.
    case off
    /// The guard has been started and has not said yet that it is ready.
    case starting
    /// The guard watches.
    case running
    /// The guard has ended too often or can't be started; the node tries again later.
    ///
    /// Meanwhile the addresses of a node that dies go with their leases.
    case down
  }
}

/// The status of one virtual router.
public struct RouterStatus: Sendable, Hashable {
  /// The configuration's name.
  public var name: String
  /// The interface it serves.
  public var interface: String
  /// The virtual router identifier.
  public var vrid: VRID
  /// The family of its addresses.
  public var family: AddressFamily
  /// The VRRP version it speaks.
  public var version: ProtocolVersion
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
  /// The time since when that machine is Active, as far as this one has heard, by the wall clock;
  /// `nil` if none is known.
  public var activeSince: Timestamp?
  /// The time for which it has been Active.
  public var activeFor: Duration?
  /// The virtual addresses and whether the kernel has them where they belong.
  public var addresses: [AddressStatus]
  /// The Ethernet address that they are served under, if it is not the interface's own.
  public var virtualMAC: VirtualMAC?
  /// The time when the state was entered, by the wall clock.
  public var since: Timestamp
  /// The time since then.
  public var timeInState: Duration
  /// The reason why the state was entered, or what an idle router waits for.
  public var reason: StateReason
  /// Counters under their names in RFC 8347.
  public var statistics: Statistics
  /// Counters of its segment and family that belong to no single router.
  public var segmentStatistics: SegmentStatistics
  /// The machines outside the group that claim its addresses.
  public var conflicts: Conflicts
  /// The durations of its takeovers.
  public var takeovers: Takeovers
  /// The lease of the addresses on the interface; `nil` if there are none, or none has a lease.
  public var lease: Lease?
  /// The other machines heard, by when they were first heard.
  public var peers: [Peer]
  /// The problems at the moment.
  public var problems: [Problem]
  /// The results of its hooks; `nil` if none has been run.
  public var hooks: Hooks?
  /// The health checks that it depends on; `nil` if it uses none.
  public var checks: [Check]?
  /// The machines that it advertises to one by one; `nil` if it does to the multicast group.
  public var unicastTo: [IPAddress]?
  /// Its routes and rules; `nil` if it has none.
  public var routing: [RoutingStatus]?
  /// The group of routers with which it moves; `nil` if it moves alone.
  public var group: String?
  /// The resignation or promotion that it acts upon, in one sentence; `nil` if there is none.
  public var request: String?

  /// Makes a status.
  public init(
    name: String, interface: String, vrid: VRID, family: AddressFamily, version: ProtocolVersion,
    state: VirtualRouter.State, priority: Priority, effectivePriority: Priority,
    interval: AdvertisementInterval, activeRouter: IPAddress? = nil, addresses: [AddressStatus],
    virtualMAC: VirtualMAC? = nil, since: Timestamp, timeInState: Duration, reason: StateReason,
    statistics: Statistics = Statistics(),
    segmentStatistics: SegmentStatistics = SegmentStatistics(),
    conflicts: Conflicts = Conflicts(), takeovers: Takeovers = Takeovers(),
    lease: Lease? = nil, peers: [Peer] = [], problems: [Problem] = [],
    hooks: Hooks? = nil, unicastTo: [IPAddress]? = nil, routing: [RoutingStatus]? = nil,
    group: String? = nil, request: String? = nil
  ) {
    self.name = name
    self.interface = interface
    self.vrid = vrid
    self.family = family
    self.version = version
    self.state = state
    self.priority = priority
    self.effectivePriority = effectivePriority
    self.interval = interval
    self.activeRouter = activeRouter
    self.addresses = addresses
    self.virtualMAC = virtualMAC
    self.since = since
    self.timeInState = timeInState
    self.reason = reason
    self.statistics = statistics
    self.segmentStatistics = segmentStatistics
    self.conflicts = conflicts
    self.takeovers = takeovers
    self.lease = lease
    self.peers = peers
    self.problems = problems
    self.hooks = hooks
    self.unicastTo = unicastTo
    self.routing = routing
    self.group = group
    self.request = request
  }

  /// The problems at the moment, one sentence each.
  public var warnings: [String] { problems.map(\.text) }

  /// An Ethernet address of a virtual router.
  public struct VirtualMAC: Sendable, Hashable, Codable {
    /// The address (RFC 9568 §7.3).
    public var address: MACAddress
    /// The name of the macvlan that has it.
    public var interface: String

    /// Makes an entry.
    public init(address: MACAddress, interface: String) {
      self.address = address
      self.interface = interface
    }
  }

  /// One virtual address.
  public struct AddressStatus: Sendable, Hashable, Codable {
    /// The address.
    public var address: InterfaceAddress
    /// Whether the kernel has it on our interface.
    public var installed: Bool
    /// `true` if another machine still holds it in the group that it came from in a change, so that
    /// it is not put up here yet; `nil` otherwise.
    public var awaited: Bool?
    /// The interface that it is on, or is to be on, if that is not the router's own; `nil`
    /// otherwise.
    public var interface: String?
    /// `false` if advertisements are not to list it; `nil` otherwise.
    public var advertised: Bool?

    /// Makes an entry.
    public init(
      address: InterfaceAddress, installed: Bool, awaited: Bool? = nil, interface: String? = nil,
      advertised: Bool? = nil
    ) {
      self.address = address
      self.installed = installed
      self.awaited = awaited
      self.interface = interface
      self.advertised = advertised
    }
  }

  /// One route or rule of routing.
  public struct RoutingStatus: Sendable, Hashable, Codable {
    /// The route as `ip route` writes it, or the rule as `ip rule` takes it, behind its kind.
    public var entry: String
    /// Whether this node has put it up.
    public var installed: Bool

    /// Makes an entry.
    public init(entry: String, installed: Bool) {
      self.entry = entry
      self.installed = installed
    }
  }
}
