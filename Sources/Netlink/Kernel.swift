public import VIPCore

/// A change the kernel reports.
///
/// Reports about one's own requests arrive too, and nothing in them tells reliably which program
/// asked: compare their content with what is wanted.
public enum KernelEvent: Sendable, Hashable {
  /// An interface appeared or changed.
  case link(Link)
  /// An interface is gone, with all its addresses.
  case linkRemoved(index: Int32, name: String)
  /// An address appeared or changed.
  case address(AddressRecord)
  /// An address is gone: removed by some program, or expired.
  case addressRemoved(AddressRecord)
  /// Settings of an interface may have changed, such as forwarding or rp_filter; those of all if
  /// there is no number.
  ///
  /// Linux reports only some settings so.
  case settings(interfaceIndex: Int32?)
  /// Reports were lost; only reading `links()` and `addresses()` again tells what is true.
  ///
  /// Reports that follow may be older than that reading, so they are to be taken as hints.
  case overflow
}

/// The addresses and interfaces of one network namespace.
///
/// `NetlinkKernel` asks Linux; the `FakeKernel` of `VIPTesting` keeps everything in memory. Neither
/// may be used by two threads at a time.
public protocol Kernel: AnyObject {
  /// Lists all interfaces.
  ///
  /// Equivalent to: `ip link show`
  func links() throws(NetlinkError) -> [Link]

  /// The interface with a number, as it is now; `nil` if there is none.
  ///
  /// Equivalent to: `ip link show dev IF`
  func link(_ index: Int32) throws(NetlinkError) -> Link?

  /// The interface with a name, as it is now; `nil` if there is none.
  ///
  /// Equivalent to: `ip link show dev IF`
  func link(named name: String) throws(NetlinkError) -> Link?

  /// Makes, changes and removes interfaces, in order.
  ///
  /// One request does not affect another: each has its own result, `nil` for success. To delete
  /// what is not there is no error.
  func change(_ requests: [LinkRequest]) -> [NetlinkError?]

  /// Lists the IPv4 and IPv6 addresses of all interfaces.
  ///
  /// Equivalent to: `ip address show`
  func addresses() throws(NetlinkError) -> [AddressRecord]

  /// Puts addresses on interfaces, or refreshes the lifetime of those that are there.
  ///
  /// One request does not affect another: each has its own result, `nil` for success, in the same
  /// order. What decides whether an address is there already differs: in IPv4 address and prefix
  /// length (`192.0.2.1/24` and `192.0.2.1/32` coexist), in IPv6 the address alone, and the prefix
  /// length it has stays as it is.
  ///
  /// Equivalent to: `ip address replace ADDRESS dev IF proto 112 valid_lft SECONDS`, for IPv6 with
  /// `preferred_lft 0 nodad noprefixroute`
  func install(_ requests: [AddressRequest]) -> [NetlinkError?]

  /// Takes addresses from interfaces.
  ///
  /// Only the interface, the address and the prefix length count. An address that is not there, or
  /// whose interface is gone, is no error. Results as for `install(_:)`.
  ///
  /// Equivalent to: `ip address delete ADDRESS dev IF`
  func remove(_ requests: [AddressRequest]) -> [NetlinkError?]

  /// The route that packets to an address take; `nil` if they don't get anywhere.
  ///
  /// Has a default, by which there is one to everywhere.
  func route(to address: IPAddress) throws(NetlinkError) -> RouteRecord?

  /// Waits until the machine takes addresses for its own, or the limit is reached.
  ///
  /// Linux acknowledges an IPv6 address a moment before that. What is sent to the address meanwhile
  /// is forwarded instead of received. Has a default, which does not wait.
  func awaitUse(of addresses: [IPAddress], atMost limit: Duration)

  /// Makes a route to a subnet, or refreshes its lifetime; has a default, which does nothing.
  func install(_ request: RouteRequest) -> NetlinkError?

  /// Removes such a route; one that is not there is no error. Has a default, which does nothing.
  func remove(_ request: RouteRequest) -> NetlinkError?

  /// Makes a route or a rule that is not there yet; has a default, which does nothing.
  ///
  /// An entry that is the same but for its tag is in the way: ``NetlinkError/isAlreadyThere``.
  ///
  /// - Parameters:
  ///   - entry: the route or rule.
  ///   - lifetime: the time for which the kernel keeps an IPv6 route unless
  ///     ``confirm(_:lifetime:)`` asks for it again; `nil` is without end, as always for IPv4 and
  ///     for rules.
  /// - Returns: the reason why it could not be made; `nil` for success.
  func install(_ entry: RoutingEntry, lifetime: Duration?) -> NetlinkError?

  /// Looks whether a route or a rule is there as this package has made it, and gives an IPv6 route
  /// with a lifetime that lifetime again; has a default, by which it is there.
  ///
  /// - Returns: whether it is there; also if the kernel can't be asked now.
  func confirm(_ entry: RoutingEntry, lifetime: Duration?) -> Bool

  /// Removes a route or a rule with our tag; one that is not there is no error. Has a default,
  /// which does nothing.
  func remove(_ entry: RoutingEntry) -> NetlinkError?

  /// A descriptor that polls as readable while events wait.
  ///
  /// It belongs to the kernel object and is closed with it.
  var monitorDescriptor: Int32 { get }

  /// Hands over the events that wait, and returns without waiting for more.
  ///
  /// Reports that do not fit the queue between kernel and process are lost; `.overflow` says so.
  /// - Parameters:
  ///   - limit: The largest number of reports to read; those left over keep the descriptor
  ///     readable.
  ///   - handler: Called for each event, in order.
  /// - Throws: What the system says if the descriptor cannot be read at all.
  func drainEvents(limit: Int, _ handler: (KernelEvent) -> Void) throws(NetlinkError)
}

extension Kernel {
  /// Says that there is one.
  public func route(to address: IPAddress) throws(NetlinkError) -> RouteRecord? {
    RouteRecord(prefixLength: address.family.addressByteCount * 8)
  }

  /// Does not wait.
  public func awaitUse(of addresses: [IPAddress], atMost limit: Duration) {}

  /// Does nothing.
  public func install(_ request: RouteRequest) -> NetlinkError? { nil }

  /// Does nothing.
  public func remove(_ request: RouteRequest) -> NetlinkError? { nil }

  /// Does nothing.
  public func install(_ entry: RoutingEntry, lifetime: Duration?) -> NetlinkError? { nil }

  /// Makes a route or a rule without an end that is not there yet.
  public func install(_ entry: RoutingEntry) -> NetlinkError? { install(entry, lifetime: nil) }

  /// Says that it is there.
  public func confirm(_ entry: RoutingEntry, lifetime: Duration?) -> Bool { true }

  /// Does nothing.
  public func remove(_ entry: RoutingEntry) -> NetlinkError? { nil }
}
