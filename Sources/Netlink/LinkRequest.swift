public import VIPCore

/// A setting of IPv4 on an interface (net.ipv4.conf.IF), by the kernel's number for it.
///
/// The kernel tells these with each interface and takes them from netlink too, so that none of it
/// needs a writable /proc/sys.
public enum IPv4Setting: UInt16, Sendable, Hashable, CaseIterable {
  /// Whether packets that arrive here are forwarded.
  case forwarding = 1
  /// Whether a packet's source must be reachable: 0 no, 1 by this interface, 2 by any.
  case reversePathFilter = 8
  /// The addresses of this machine that go into ARP requests: 0 any, 2 only those of the interface.
  case arpAnnounce = 18
  /// The addresses that ARP requests are answered for: 0 all of the machine, 1 those of the
  /// interface.
  case arpIgnore = 19
  /// Whether the next address of a subnet takes the place of the first one when that is removed.
  case promotesSecondaries = 20

  /// The name below net.ipv4.conf.IF.
  public var name: String {
    switch self {
    case .forwarding: "forwarding"
    case .reversePathFilter: "rp_filter"
    case .arpAnnounce: "arp_announce"
    case .arpIgnore: "arp_ignore"
    case .promotesSecondaries: "promote_secondaries"
    }
  }
}

/// A second Ethernet address on an interface, with an interface of its own.
///
/// Always of the kind "bridge": the parent goes on hearing frames that carry the same Ethernet
/// source as the macvlan, such as another machine's under a virtual address. In the kind "private"
/// the kernel hands those to the macvlan alone.
public struct Macvlan: Sendable, Hashable {
  /// Its name: at most 15 bytes.
  public var name: String
  /// The interface it is stacked on.
  public var parentIndex: Int32
  /// Its Ethernet address.
  public var macAddress: MACAddress

  /// Makes a description.
  public init(name: String, parentIndex: Int32, macAddress: MACAddress) {
    self.name = name
    self.parentIndex = parentIndex
    self.macAddress = macAddress
  }
}

/// A change of an interface that is asked of the kernel.
public enum LinkRequest: Sendable, Hashable {
  /// Make a macvlan, switched off.
  ///
  /// Equivalent to: `ip link add NAME link PARENT address MAC type macvlan mode bridge`
  case create(Macvlan)
  /// Switch an interface on or off.
  ///
  /// Equivalent to: `ip link set IF up`
  case setUp(Bool, index: Int32)
  /// Change the remark on an interface, which `ip link` shows; at most 255 bytes.
  ///
  /// Equivalent to: `ip link set IF alias TEXT`
  case setAlias(String, index: Int32)
  /// Change settings of IPv4.
  ///
  /// Equivalent to: `sysctl net.ipv4.conf.IF.NAME=VALUE`
  case setIPv4([IPv4Setting: Int32], index: Int32)
  /// Keep the kernel from making up a link-local address.
  ///
  /// Equivalent to: `ip link set IF addrgenmode none`
  case withoutLinkLocal(index: Int32)
  /// Remove an interface with all its addresses.
  ///
  /// Equivalent to: `ip link delete IF`
  case delete(index: Int32)

  /// The request in words, for an error.
  var operation: String {
    switch self {
    case .create(let macvlan): "create \(macvlan.name) on interface \(macvlan.parentIndex)"
    case .setUp(let isUp, let index): "switch interface \(index) \(isUp ? "on" : "off")"
    case .setAlias(_, let index): "put a remark on interface \(index)"
    case .setIPv4(let settings, let index):
      "set \(settings.keys.map(\.name).sorted().joined(separator: ", ")) of interface \(index)"
    case .withoutLinkLocal(let index): "set addrgenmode of interface \(index)"
    case .delete(let index): "delete interface \(index)"
    }
  }

  /// An error about this request.
  package func refused(_ code: Int32, _ message: String? = nil, _ offset: Int? = nil)
    -> NetlinkError
  {
    NetlinkError(operation: operation, code: code, message: message, offset: offset)
  }
}
