public import ARP
import Glibc
public import Netlink
public import VIPCore

/// The machine that a node works on.
///
/// ``LinuxPlatform`` is the real one, in which each part can be replaced: an installer of addresses
/// that asks a cloud's API instead of the kernel, an announcer of your own, a fake for a test. The
/// parts are small protocols: ``Netlink/Kernel`` for addresses and links, ``TransportFactory`` for
/// what is sent and heard, ``KernelSettings`` and ``NameRegistry``.
///
/// Everything is called on one thread, the node's, and must not wait: what takes a while makes
/// advertisements late. Only ``TransportFactory/openWire(_:)`` may take some milliseconds.
public protocol Platform: TransportFactory, KernelSettings, NameRegistry {
  /// Addresses and links.
  var kernel: any Kernel { get }
  /// The time since boot, suspension included (CLOCK_BOOTTIME).
  ///
  /// Has a default. Give another clock only to a ``NodeCore`` that is driven in virtual time: the
  /// thread of a ``Node`` waits by this one.
  func now() -> Instant
  /// The wall clock, for reports only; has a default.
  func wallClock() -> Timestamp
}

extension Platform {
  /// CLOCK_BOOTTIME.
  public func now() -> Instant { bootTime() }
  /// CLOCK_REALTIME.
  public func wallClock() -> Timestamp {
    Timestamp(nanosecondsSince1970: VIP.wallClock().nanoseconds)
  }
}

/// Opens the ways on which a node advertises and announces.
public protocol TransportFactory: AnyObject {
  /// Opens the VRRP socket of an interface and family.
  ///
  /// - Throws: why not; the node tries again later.
  func openAdvertisements(_ link: Link, _ family: AddressFamily) throws(NodeError)
    -> any AdvertisementTransport
  /// Opens the way to announce addresses on an interface and to hear what others announce; takes
  /// milliseconds.
  ///
  /// What is sent are complete Ethernet frames: gratuitous ARP, Neighbor Advertisements, probes. A
  /// transport that announces in another way reads with ``ARP/AddressClaim`` what they claim.
  ///
  /// - Throws: why not; the node tries again later.
  func openWire(_ link: Link) throws(NodeError) -> any FrameTransport & FrameReceiver
  /// Closes a wire without waiting for it.
  func close(_ wire: consuming any FrameTransport & FrameReceiver)
}

/// Settings of the kernel's network stack.
public protocol KernelSettings: AnyObject {
  /// A setting below net (`/proc/sys/net`) by its path there; `nil` if there is none.
  ///
  /// Equivalent to: `sysctl net.PATH`
  func setting(_ path: String) -> Int?
  /// The reason why such a setting can't be changed, as an error number; 0 if it can.
  func obstacle(toSetting path: String) -> Int32
  /// Changes such a setting.
  ///
  /// Equivalent to: `sysctl -w net.PATH=VALUE`
  ///
  /// - Returns: 0, or the error number.
  func changeSetting(_ path: String, to value: Int) -> Int32
  /// Whether the host forwards packets of a family that arrive on an interface; has a default.
  func isForwarding(_ link: Link, _ family: AddressFamily) -> Bool
}

extension KernelSettings {
  /// Reads the interface's setting `forwarding`.
  public func isForwarding(_ link: Link, _ family: AddressFamily) -> Bool {
    setting("\(family == .ipv4 ? "ipv4" : "ipv6")/conf/\(link.name)/forwarding") ?? 0 != 0
  }
}

/// Names and addresses that nodes claim for as long as they live, each network namespace for
/// itself.
///
/// A registry belongs to one node. Two nodes of one process are two nodes, as those of two
/// processes are.
public protocol NameRegistry: AnyObject {
  /// Claims a name for this node, until it is released or the node or its process ends.
  ///
  /// - Returns: whether this node has it now.
  func claimName(_ name: String) throws(NodeError) -> Bool
  /// The process that had a name when it was last claimed in vain; `nil` if that is not known.
  func nameHolder(_ name: String) -> NameHolder?
  /// Gives such a name up.
  func releaseName(_ name: String)

  /// Claims addresses on an interface for this node, until they are released or the node or its
  /// process ends; has a default, by which no other node has any.
  ///
  /// - Returns: one of them that another node has, and its process if it is known; none is claimed
  ///   then. `nil` if this node has all of them now.
  func claimAddresses(
    _ addresses: [IPAddress], onInterface index: Int32
  ) -> (address: IPAddress, holder: NameHolder?)?

  /// Gives such addresses up; has a default, which does nothing.
  func releaseAddresses(_ addresses: [IPAddress], onInterface index: Int32)
}

extension NameRegistry {
  /// Finds all of them free.
  public func claimAddresses(
    _ addresses: [IPAddress], onInterface index: Int32
  ) -> (address: IPAddress, holder: NameHolder?)? {
    nil
  }

  /// Does nothing.
  public func releaseAddresses(_ addresses: [IPAddress], onInterface index: Int32) {}
}

/// Calls the engine's turn when a descriptor is readable.
package protocol Readiness: AnyObject {
  /// Waits for a descriptor from now on; one that is negative is passed over.
  func watch(_ descriptor: Int32, _ source: ReadinessSource)
  /// No longer waits for a descriptor that is about to be closed.
  func unwatch(_ descriptor: Int32)
}

/// A process that has a name or an address.
public struct NameHolder: Sendable, Hashable {
  /// The number of the process; 0 if it is in another PID namespace, so that it can't be seen what
  /// it is.
  public var pid: Int32
  /// The user of the process; `nil` if that can't be learned.
  public var user: UInt32?

  /// Makes a holder.
  public init(pid: Int32, user: UInt32?) {
    self.pid = pid
    self.user = user
  }

  /// Such as "process 4711 of user 0".
  var description: String {
    if pid == getpid() { return "in this process" }
    let user = user.map { " of user \($0)" } ?? ""
    return pid == 0
      ? "a process\(user) in another PID namespace, which is taken for a node"
      : "process \(pid)\(user)"
  }
}

/// A source that has become readable.
package enum ReadinessSource: Sendable, Hashable {
  /// The kernel's link and address events.
  case kernelEvents
  /// The VRRP socket of an interface and family.
  case segment(SegmentKey)
  /// Announcements of others on an interface.
  case wire(Int32)
  /// The guard process, which has something to say or is dead.
  case safeguard
}

/// One interface and family: where a VRID is unique.
package struct SegmentKey: Sendable, Hashable {
  /// The interface.
  package var interfaceIndex: Int32
  /// The family.
  package var family: AddressFamily

  /// Makes a key.
  package init(interfaceIndex: Int32, family: AddressFamily) {
    self.interfaceIndex = interfaceIndex
    self.family = family
  }
}
