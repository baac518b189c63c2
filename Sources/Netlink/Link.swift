public import VIPCore

/// Flags by which the kernel describes the state of a network interface (IFF_UP and its
/// neighbours).
public struct LinkFlags: OptionSet, Sendable, Hashable {
  /// The bits as the kernel numbers them.
  public let rawValue: UInt32

  /// Makes a set from the kernel's bits; unknown ones are kept.
  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// Switched on by the administrator (IFF_UP).
  public static let up = LinkFlags(rawValue: 0x1)
  /// Frames can be broadcast (IFF_BROADCAST).
  public static let broadcast = LinkFlags(rawValue: 0x2)
  /// The machine talks to itself (IFF_LOOPBACK).
  public static let loopback = LinkFlags(rawValue: 0x8)
  /// Ready to carry traffic: operational state up, or unknown (IFF_RUNNING).
  public static let running = LinkFlags(rawValue: 0x40)
  /// Neighbours are not asked for (IFF_NOARP).
  public static let noARP = LinkFlags(rawValue: 0x80)
  /// Frames can be sent to groups (IFF_MULTICAST).
  public static let multicast = LinkFlags(rawValue: 0x1000)
  /// The driver sees a carrier (IFF_LOWER_UP).
  public static let lowerUp = LinkFlags(rawValue: 0x10000)
}

/// A network interface as the kernel describes it.
public struct Link: Sendable, Hashable {
  /// The kernel's number for the interface.
  ///
  /// It outlives a rename, and a re-created interface gets another one.
  public var index: Int32
  /// The name, such as `eth0`.
  public var name: String
  /// Other names that the kernel knows it by (`ip link property add dev IF altname NAME`).
  public var alternativeNames: [String]
  /// Whether its frames are Ethernet frames (ARPHRD_ETHER), which those of a tunnel are not.
  public var isEthernet: Bool
  /// The Ethernet address, if the interface has one of six bytes.
  public var macAddress: MACAddress?
  /// The largest packet the interface carries, in bytes.
  public var mtu: Int
  /// The state bits.
  public var flags: LinkFlags
  /// The bridge, bond or VRF the interface belongs to.
  public var masterIndex: Int32?
  /// The interface this one is stacked on, or the other end of a veth pair.
  ///
  /// `nil` also when that one lives in another network namespace, where its number means nothing
  /// to us.
  public var parentIndex: Int32?
  /// The kind of a virtual interface, such as `veth`, `macvlan` or `bridge`.
  public var kind: String?
  /// The remark on the interface (`ip link set IF alias TEXT`).
  public var alias: String?
  /// Its settings of IPv4, as far as they are known; not all changes of them are reported.
  public var ipv4: [IPv4Setting: Int32]

  /// Makes a description of an interface.
  public init(
    index: Int32, name: String, alternativeNames: [String] = [], isEthernet: Bool = true,
    macAddress: MACAddress? = nil, mtu: Int = 1500,
    flags: LinkFlags = [.up, .running, .lowerUp, .broadcast, .multicast],
    masterIndex: Int32? = nil, parentIndex: Int32? = nil, kind: String? = nil,
    alias: String? = nil, ipv4: [IPv4Setting: Int32] = [:]
  ) {
    self.index = index
    self.name = name
    self.alternativeNames = alternativeNames
    self.isEthernet = isEthernet
    self.macAddress = macAddress
    self.mtu = mtu
    self.flags = flags
    self.masterIndex = masterIndex
    self.parentIndex = parentIndex
    self.kind = kind
    self.alias = alias
    self.ipv4 = ipv4
  }

  /// Whether the administrator has switched the interface on.
  public var isUp: Bool { flags.contains(.up) }
  /// Whether the interface is ready to carry traffic.
  public var isRunning: Bool { flags.contains(.running) }
  /// Whether it is known by a name: its own or an alternative one.
  public func isCalled(_ name: String) -> Bool {
    self.name == name || alternativeNames.contains(name)
  }
  /// Whether this is the loopback interface.
  public var isLoopback: Bool { flags.contains(.loopback) }
  /// Whether frames can be sent to groups.
  public var isMulticast: Bool { flags.contains(.multicast) }

  /// Whether packets can be sent and received now.
  ///
  /// Both bits count: right after being switched on, an interface is up but not yet running.
  public var isUsable: Bool { isUp && isRunning }
}
