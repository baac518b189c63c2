public import VIPCore

/// The tag (IFA_PROTO) of addresses that this package installs: 112, the protocol number of VRRP.
public let vipProtocolTag = IPProtocolNumber.vrrp

/// An address to be put on an interface, or to be taken from it.
public struct AddressRequest: Sendable, Hashable {
  /// The kernel's number for the interface.
  public var interfaceIndex: Int32
  /// The address and its prefix length.
  ///
  /// A host prefix (`/32`, `/128`) keeps an IPv4 address from becoming a secondary one that
  /// disappears together with the first address of its subnet.
  public var address: InterfaceAddress
  /// The tag by which the address is recognised later; zero sends none.
  public var protocolTag: UInt8
  /// Time for which the kernel keeps the address unless it is asked again; `nil` is without limit.
  ///
  /// Rounded up to whole seconds. The kernel removes the address up to one second late and never
  /// more than 20 ms early. It refuses a lifetime that is not positive (EINVAL).
  ///
  /// Two things about IPv6 on Linux. Each request for an interface that is up, a refresh too, makes
  /// it report all its multicast groups again (MLD). And an address that survived its interface's
  /// being switched off (keep_addr_on_down) must not get a lifetime before the interface is up
  /// again: it would stay without its route and answer no machine, however often it is refreshed.
  public var lifetime: Duration?
  /// The broadcast address to go with an IPv4 address; `nil` sends none.
  ///
  /// The kernel derives none itself, but the route for the subnet's broadcast address exists
  /// without it.
  public var broadcast: IPv4Address?

  /// Whether the kernel may make a route to the subnet over the interface, as it does for an
  /// address of IPv4; for IPv6 it never does here.
  ///
  /// Not wanted where another interface on the same segment has that route.
  public var makesRoute: Bool

  /// Whether the address shall wait on an interface that is switched off until that is on.
  ///
  /// Without this the machine takes it for its own at once, although no machine can reach it: it
  /// answers ARP for an IPv4 address on other interfaces, and can't reach the machine that really
  /// has it. The kernel wakes it up when the interface is switched on.
  public var isDormant: Bool

  /// The label of an IPv4 address, such as `eth0:1`; the interface's name if `nil`.
  ///
  /// The kernel takes it when the address is put up, and not later.
  public var label: String?

  /// Makes a request; unless told otherwise, for an address of ours without an end.
  public init(
    interfaceIndex: Int32, address: InterfaceAddress, protocolTag: UInt8 = vipProtocolTag,
    lifetime: Duration? = nil, broadcast: IPv4Address? = nil, makesRoute: Bool = true,
    isDormant: Bool = false, label: String? = nil
  ) {
    self.interfaceIndex = interfaceIndex
    self.address = address
    self.protocolTag = protocolTag
    self.lifetime = lifetime
    self.broadcast = broadcast
    self.makesRoute = makesRoute
    self.isDormant = isDormant
    self.label = label
  }

  /// The lifetime as the kernel takes it: whole seconds; all bits set is without limit.
  package var validSeconds: UInt32 {
    guard let lifetime else { return .max }
    let (seconds, attoseconds) = lifetime.components
    guard seconds < Int64(UInt32.max) - 1 else { return .max - 1 }
    return UInt32(max(0, seconds + (attoseconds > 0 ? 1 : 0)))
  }

  /// The time for which the address may be chosen as the source of new connections, in seconds.
  ///
  /// IPv6 picks a source among all addresses of an interface, so a virtual one is deprecated from
  /// the start. IPv4 picks the first of a subnet and ignores all this.
  package var preferredSeconds: UInt32 { address.family == .ipv6 ? 0 : validSeconds }

  /// The flags that the kernel is asked to give to the address.
  ///
  /// The election has decided which machine owns an IPv6 address, so detection of duplicates would
  /// only cost a second; the route to the subnet belongs to the node's own address.
  package var flags: AddressFlags {
    // One whose detection of duplicates has yet to come has no route; it takes no time where the
    // interface is told to send nothing for it (dad_transmits).
    if address.family == .ipv6 { return isDormant ? .noPrefixRoute : [.noDAD, .noPrefixRoute] }
    return makesRoute ? [] : .noPrefixRoute
  }

  /// The reach of the address; the kernel finds that out itself for IPv6.
  package var scope: UInt8 { address.family == .ipv4 && address.address.isLoopback ? 254 : 0 }
}
