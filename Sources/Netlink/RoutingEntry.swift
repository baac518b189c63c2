public import VIPCore

/// A route or a rule of routing that comes and goes with virtual addresses.
///
/// It carries our tag as its protocol: what other programs have made is never changed or removed.
public enum RoutingEntry: Sendable, Hashable {
  /// A route to a destination.
  case route(Route)
  /// A rule that chooses a table.
  case rule(Rule)

  /// A route to a destination.
  public struct Route: Sendable, Hashable {
    /// The destination: an address with no bits behind its prefix; `0.0.0.0/0` for all.
    public var destination: InterfaceAddress
    /// The next router; `nil` if the destination is on the link.
    public var gateway: IPAddress?
    /// The kernel's number for the interface; `nil` if the gateway decides it.
    public var interfaceIndex: Int32?
    /// The address that this machine prefers to send from; `nil` for the kernel's choice.
    public var source: IPAddress?
    /// The metric: of several routes the one with the smallest is used; `nil` for the kernel's
    /// default.
    public var metric: UInt32?
    /// The number of the table.
    public var table: UInt32
    /// The scope as the kernel numbers it, for IPv4; `nil` for the one that follows from the
    /// gateway.
    public var scope: UInt8?

    /// Makes a description of a route.
    public init(
      destination: InterfaceAddress, gateway: IPAddress? = nil, interfaceIndex: Int32? = nil,
      source: IPAddress? = nil, metric: UInt32? = nil, table: UInt32 = mainTable,
      scope: UInt8? = nil
    ) {
      self.destination = destination
      self.gateway = gateway
      self.interfaceIndex = interfaceIndex
      self.source = source
      self.metric = metric
      self.table = table
      self.scope = scope
    }

    /// The number of the table that is used without rules (RT_TABLE_MAIN).
    public static let mainTable: UInt32 = 254
  }

  /// A rule that chooses the table for some packets.
  public struct Rule: Sendable, Hashable {
    /// The family of the packets.
    public var family: AddressFamily
    /// The network that packets come from; `nil` for all.
    public var source: InterfaceAddress?
    /// The network that packets go to; `nil` for all.
    public var destination: InterfaceAddress?
    /// The mark that packets have; `nil` for all.
    public var mark: UInt32?
    /// The number of the table.
    public var table: UInt32
    /// The place among the rules: smaller numbers come first.
    public var priority: UInt32

    /// Makes a description of a rule.
    public init(
      family: AddressFamily, source: InterfaceAddress? = nil,
      destination: InterfaceAddress? = nil, mark: UInt32? = nil, table: UInt32, priority: UInt32
    ) {
      self.family = family
      self.source = source
      self.destination = destination
      self.mark = mark
      self.table = table
      self.priority = priority
    }
  }
}
