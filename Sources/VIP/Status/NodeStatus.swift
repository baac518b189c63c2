public import VIPCore
public import VRRP

/// What a node is doing, as `vipctl status --json` prints it.
public struct NodeStatus: Sendable, Hashable, Codable {
  /// The node itself.
  public var node: Node
  /// Its virtual routers; a configuration with both families appears once for each.
  public var routers: [RouterStatus]

  /// Makes a status.
  public init(node: Node, routers: [RouterStatus]) {
    self.node = node
    self.routers = routers
  }

  /// The node's own part of its status.
  public struct Node: Sendable, Hashable, Codable {
    /// The version of the program or library.
    public var version: String
    /// The process that runs the node.
    public var pid: Int32
    /// Seconds since the node was started.
    public var uptimeSeconds: Double
    /// How long addresses outlive a node that stopped refreshing them: `3s`, `off`.
    public var lease: String
    /// Whether its process ends once it has no routers any more.
    public var endsWhenIdle: Bool
    /// Whether a guard process would remove the addresses if this process died.
    public var `guard`: GuardState
    /// That process, if there is one.
    public var guardPid: Int32?
    /// Whether its thread runs before all ordinary work, see ``NodeSettings/isRealtime``.
    public var realtime: Bool
    /// How late its turns come.
    public var wakeUps: WakeUpStatus

    /// Makes the node's part.
    public init(
      version: String, pid: Int32, uptimeSeconds: Double, lease: String,
      endsWhenIdle: Bool = false, guard: GuardState = .off, guardPid: Int32? = nil,
      realtime: Bool = false, wakeUps: WakeUpStatus = WakeUpStatus()
    ) {
      self.version = version
      self.pid = pid
      self.uptimeSeconds = uptimeSeconds
      self.lease = lease
      self.endsWhenIdle = endsWhenIdle
      self.guard = `guard`
      self.guardPid = guardPid
      self.realtime = realtime
      self.wakeUps = wakeUps
    }
  }
}

/// How it stands with the guard of a node, the process that cleans up if the node dies.
public enum GuardState: String, Sendable, Hashable, Codable {
  /// The node was started without one.
  case off
  /// It has been started and has not said yet that it is ready.
  case starting
  /// It watches.
  case running
  /// It has ended too often or can't be started; the node tries again later.
  ///
  /// Meanwhile the addresses of a node that dies go with their leases.
  case down
}

/// What one virtual router is doing.
public struct RouterStatus: Sendable, Hashable, Codable {
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
  /// The virtual addresses and whether the kernel has them on our interface.
  public var addresses: [AddressStatus]
  /// The Ethernet address that they are served under, if it is not the interface's own.
  public var virtualMac: VirtualMAC?
  /// When the state was entered, in UTC (ISO 8601).
  public var since: String
  /// How long ago that was.
  public var secondsInState: Double
  /// Why the state was entered, or what an idle router waits for.
  public var reason: String
  /// Counters under their names in RFC 8347.
  public var statistics: Statistics
  /// Counters of its segment and family that belong to no single router.
  public var segmentStatistics: SegmentStatistics
  /// The machines that claim its addresses too.
  public var conflicts: ConflictStatus
  /// How long its takeovers took.
  public var takeovers: TakeoverStatus
  /// The lease of the addresses on the interface; `nil` if there are none, or none has a lease.
  public var lease: LeaseStatus?
  /// The other machines heard, by when they were first heard.
  public var peers: [PeerStatus]
  /// What is wrong at the moment, one sentence each.
  public var warnings: [String]
  /// How its hooks have fared; `nil` if none has been run.
  public var hooks: HookStatus? = nil
  /// The machines that it advertises to one by one; `nil` if it does to the multicast group.
  public var unicastTo: [IPAddress]? = nil

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

    /// Makes an entry.
    public init(address: InterfaceAddress, installed: Bool) {
      self.address = address
      self.installed = installed
    }
  }
}
