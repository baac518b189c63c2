public import VIPCore

/// A route to a subnet over an interface, for addresses of ours that no other route serves.
///
/// It carries our tag as its protocol, and the largest of metrics: any other route to the same
/// subnet is used before it.
public struct RouteRequest: Sendable, Hashable {
  /// The kernel's number for the interface.
  public var interfaceIndex: Int32
  /// The subnet: an address with no bits behind its prefix.
  public var subnet: InterfaceAddress
  /// Time for which the kernel keeps the route unless it is asked again; `nil` is without end, as
  /// always for IPv4.
  public var lifetime: Duration?

  /// Makes a request.
  public init(interfaceIndex: Int32, subnet: InterfaceAddress, lifetime: Duration? = nil) {
    self.interfaceIndex = interfaceIndex
    self.subnet = subnet
    self.lifetime = lifetime
  }
}

/// The route that the kernel would take.
public struct RouteRecord: Sendable, Hashable {
  /// Number of bits of the destination by which it is chosen; 0 for a default route.
  public var prefixLength: Int
  /// The program that made it, as the kernel numbers routing protocols.
  public var protocolTag: UInt8
  /// Whether the destination is an address of this machine.
  public var isLocal: Bool

  /// Makes a description of a route.
  public init(prefixLength: Int, protocolTag: UInt8 = 0, isLocal: Bool = false) {
    self.prefixLength = prefixLength
    self.protocolTag = protocolTag
    self.isLocal = isLocal
  }

  /// Whether the tag says that this package made the route.
  public var isOurs: Bool { protocolTag == vipProtocolTag }
}
