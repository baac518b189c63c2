public import VIPCore

/// Flags by which the kernel describes the state of an address (IFA_FLAGS).
///
/// Those that matter to a virtual address have names; the others are kept as bits.
public struct AddressFlags: OptionSet, Sendable, Hashable {
  /// The bits as the kernel numbers them.
  public let rawValue: UInt32

  /// Makes a set from the kernel's bits; unknown ones are kept.
  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// IPv4: another address of the same subnet came first, and takes this one along when it goes.
  ///
  /// The same bit marks a temporary address in IPv6.
  public static let secondary = AddressFlags(rawValue: 0x1)
  /// Usable at once, without duplicate address detection.
  public static let noDAD = AddressFlags(rawValue: 0x2)
  /// Another machine has this address; it is not in use here.
  public static let dadFailed = AddressFlags(rawValue: 0x8)
  /// Not chosen as the source of new connections: the preferred lifetime is over.
  public static let deprecated = AddressFlags(rawValue: 0x20)
  /// Duplicate address detection still runs.
  public static let tentative = AddressFlags(rawValue: 0x40)
  /// Without an end of its lifetime.
  public static let permanent = AddressFlags(rawValue: 0x80)
  /// The address came without a route to its subnet.
  public static let noPrefixRoute = AddressFlags(rawValue: 0x200)
}

/// An address on an interface as the kernel describes it.
public struct AddressRecord: Sendable, Hashable {
  /// The kernel's number for the interface that carries the address.
  public var interfaceIndex: Int32
  /// The address of this machine, with its prefix length.
  public var address: InterfaceAddress
  /// The other end, if the address was installed as one end of a point-to-point connection.
  ///
  /// The prefix length belongs to it in that case.
  public var peer: IPAddress?
  /// The state bits.
  public var flags: AddressFlags
  /// The kind of program that installed the address (IFA_PROTO); zero if that was not said.
  ///
  /// The kernel itself uses 1 for loopback addresses, 2 for those from router advertisements and
  /// 3 for link-local ones. Linux before 5.18 reports none.
  public var protocolTag: UInt8
  /// The time until the kernel removes the address, in whole seconds; `nil` if it never does.
  public var validLifetime: Duration?
  /// The time until the address is deprecated, in whole seconds; `nil` if it never does.
  public var preferredLifetime: Duration?
  /// The name under which old tools list an IPv4 address, such as `eth0:1`.
  public var label: String?
  /// The reach of the address: 0 everywhere, 253 on its link, 254 on this machine.
  public var scope: UInt8

  /// Makes a description of an address.
  public init(
    interfaceIndex: Int32, address: InterfaceAddress, peer: IPAddress? = nil,
    flags: AddressFlags = .permanent, protocolTag: UInt8 = 0, validLifetime: Duration? = nil,
    preferredLifetime: Duration? = nil, label: String? = nil, scope: UInt8 = 0
  ) {
    self.interfaceIndex = interfaceIndex
    self.address = address
    self.peer = peer
    self.flags = flags
    self.protocolTag = protocolTag
    self.validLifetime = validLifetime
    self.preferredLifetime = preferredLifetime
    self.label = label
    self.scope = scope
  }

  /// Whether the tag says that this package installed the address.
  public var isOurs: Bool { protocolTag == vipProtocolTag }
}
