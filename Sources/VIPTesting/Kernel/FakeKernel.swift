import Glibc
public import Netlink
public import VIPCore

/// A kernel in memory, for tests of what uses one.
///
/// It follows Linux where that matters to a holder of virtual addresses: which addresses are the
/// same, which requests are refused and with what words, what disappears with a link, lifetimes
/// (time passes when `advance(by:)` says so), secondary addresses, reports of every change, and
/// their loss. What it leaves out: duplicate address detection, gateways and
/// tables of routes, and the link-local addresses that Linux makes up by itself.
public final class FakeKernel: Kernel {
  /// Something that was asked of the kernel.
  public enum Request: Sendable, Hashable {
    /// `links()` was called.
    case listLinks
    /// `addresses()` was called.
    case listAddresses
    /// One element of `install(_:)`.
    case install(AddressRequest)
    /// One element of `remove(_:)`.
    case remove(AddressRequest)
    /// `link(_:)` or `link(named:)` was called.
    case readLink
    /// One element of `change(_:)`.
    case change(LinkRequest)
    /// `route(to:)` was called.
    case findRoute(IPAddress)
    /// A route was asked for.
    case installRoute(RouteRequest)
    /// A route was to be removed.
    case removeRoute(RouteRequest)
    /// A route or a rule was asked for.
    case installRouting(RoutingEntry)
    /// A route or a rule was looked for.
    case confirmRouting(RoutingEntry)
    /// A route or a rule was to be removed.
    case removeRouting(RoutingEntry)
  }

  /// Everything that was asked so far, in order, also what failed.
  public private(set) var requests: [Request] = []

  /// Decides which requests fail without being looked at; `nil` lets a request pass.
  public var failure: ((Request) -> NetlinkError?)?

  /// Number of events that may wait before further ones are lost.
  public var eventCapacity = 10_000

  /// Whether the next address of a subnet takes the place of the first one when that goes, instead
  /// of going with it (the setting net.ipv4.conf.all.promote_secondaries).
  public var promotesSecondaries = false

  /// Whether IPv6 addresses without an end survive that their link is switched off (the setting
  /// net.ipv6.conf.all.keep_addr_on_down).
  public var keepsIPv6AddressesOnDown = false

  /// The time that has passed.
  public internal(set) var now: Duration = .zero

  /// Interfaces on which IPv6 addresses without an end survive that their link is switched off (the
  /// setting net.ipv6.conf.IF.keep_addr_on_down).
  package var keepingIPv6: Set<Int32> = []

  /// An address with the moments its lifetimes end.
  package struct Entry: Sendable, Hashable {
    package var record: AddressRecord
    package var validUntil: Duration?
    package var preferredUntil: Duration?
    /// An IPv6 address whose link was switched off after it was installed.
    package var isSuspended = false
    /// Whether the machine takes it for its own.
    package var isLocal = true
  }

  package internal(set) var currentLinks: [Link] = []
  /// The number of the latest interface that was made.
  var lastIndex: Int32 = 0
  /// The settings of a new interface.
  static let defaultIPv4 = Dictionary(
    uniqueKeysWithValues: IPv4Setting.allCases.map { ($0, Int32(0)) })
  package internal(set) var entries: [Entry] = [] {
    didSet { knownDeadline = nil }
  }
  /// The position of the entry that was found last.
  var lastPosition = 0
  /// Routes to subnets that were made by a request, not by an address.
  package internal(set) var routes: [FakeRoute] = [] {
    didSet { knownDeadline = nil }
  }
  /// Routes and rules that were made by hand, or come and go with virtual addresses.
  package internal(set) var routing: [FakeRoutingEntry] = []
  /// The time when the next lifetime ends, once it has been worked out.
  var knownDeadline: Duration??
  /// The least MTU of an interface that has IPv6.
  static let ipv6MTUMin = 1280
  /// Interfaces on which IPv6 is switched off.
  var withoutIPv6: Set<Int32> = []

  private var queue: [KernelEvent] = []
  private var hasOverflown = false
  /// A pipe that holds a byte exactly while events wait; of a copy there is none.
  private let signal: (readEnd: Int32, writeEnd: Int32)
  private var isSignalled = false

  /// Makes a kernel that has some interfaces and no addresses.
  public init(links: [Link] = []) {
    currentLinks = links.sorted { $0.index < $1.index }
    var ends: [Int32] = [-1, -1]
    if pipe(&ends) == 0 {
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    }
    signal = (ends[0], ends[1])
  }

  /// A copy of another kernel, of which no process hears.
  private init(copying original: FakeKernel) {
    currentLinks = original.currentLinks
    entries = original.entries
    routes = original.routes
    routing = original.routing
    now = original.now
    lastIndex = original.lastIndex
    withoutIPv6 = original.withoutIPv6
    promotesSecondaries = original.promotesSecondaries
    keepsIPv6AddressesOnDown = original.keepsIPv6AddressesOnDown
    keepingIPv6 = original.keepingIPv6
    signal = (-1, -1)
  }

  deinit {
    guard signal.readEnd >= 0 else { return }
    close(signal.readEnd)
    close(signal.writeEnd)
  }

  /// Empties the record of requests.
  public func forgetRequests() {
    requests = []
  }

  /// Lists all interfaces, by index.
  public func links() throws(NetlinkError) -> [Link] {
    requests.append(.listLinks)
    if let error = failure?(.listLinks) { throw error }
    return currentLinks
  }

  /// The interface with a number.
  public func link(_ index: Int32) throws(NetlinkError) -> Link? {
    requests.append(.readLink)
    if let error = failure?(.readLink) { throw error }
    return currentLinks.first { $0.index == index }
  }

  /// The interface with a name.
  public func link(named name: String) throws(NetlinkError) -> Link? {
    requests.append(.readLink)
    if let error = failure?(.readLink) { throw error }
    return currentLinks.first { $0.name == name }
  }

  /// Makes, changes and removes interfaces.
  public func change(_ requests: [LinkRequest]) -> [NetlinkError?] {
    requests.map { request in
      self.requests.append(.change(request))
      return failure?(.change(request)) ?? perform(request)
    }
  }

  /// Lists all addresses in the order they were installed.
  public func addresses() throws(NetlinkError) -> [AddressRecord] {
    requests.append(.listAddresses)
    if let error = failure?(.listAddresses) { throw error }
    return entries.map(described)
  }

  /// Installs or refreshes addresses.
  public func install(_ requests: [AddressRequest]) -> [NetlinkError?] {
    requests.map { request in
      self.requests.append(.install(request))
      return failure?(.install(request)) ?? perform(install: request)
    }
  }

  /// Removes addresses.
  public func remove(_ requests: [AddressRequest]) -> [NetlinkError?] {
    requests.map { request in
      self.requests.append(.remove(request))
      if let error = failure?(.remove(request)) { return error }
      removeEntry(request.address, onInterface: request.interfaceIndex)
      return nil
    }
  }

  /// Polls as readable while events wait; -1 if the process has no descriptors left.
  public var monitorDescriptor: Int32 { signal.readEnd }

  /// Hands over at most a number of waiting events.
  ///
  /// Like Linux, it reports an overflow before the events that had room.
  public func drainEvents(
    limit: Int, _ handler: (KernelEvent) -> Void
  ) throws(NetlinkError) {
    var room = max(0, limit)
    if hasOverflown, room > 0 {
      hasOverflown = false
      room -= 1
      handler(.overflow)
    }
    // The handler may cause further events; those wait for the next call.
    let events = queue.prefix(room)
    queue.removeFirst(events.count)
    for event in events { handler(event) }
    signalEvents()
  }

  /// Records what was asked.
  func record(_ request: Request) { requests.append(request) }

  /// Queues an event, or loses it.
  func report(_ event: KernelEvent) {
    if queue.count < eventCapacity {
      queue.append(event)
    } else {
      hasOverflown = true
    }
    signalEvents()
  }

  /// Reports that settings of an interface may have changed.
  package func reportSettings(of index: Int32?) { report(.settings(interfaceIndex: index)) }

  /// Loses the events that wait, as if the queue had been too short for them.
  public func overflow() {
    queue = []
    hasOverflown = true
    signalEvents()
  }

  /// Whether events wait.
  package var hasEvents: Bool { !queue.isEmpty || hasOverflown }

  /// Drops the events that wait and what was asked so far, as if this were a new process's kernel.
  package func startOver() {
    queue = []
    hasOverflown = false
    requests = []
    signalEvents()
  }

  /// The same kernel once more, with nothing asked and nothing to report; no program can wait for
  /// its events.
  package func copy() -> FakeKernel { FakeKernel(copying: self) }

  /// Makes the descriptor readable exactly while something waits.
  private func signalEvents() {
    let hasEvents = !queue.isEmpty || hasOverflown
    guard hasEvents != isSignalled, signal.writeEnd >= 0 else { return }
    isSignalled = hasEvents
    var byte: UInt8 = 0
    if hasEvents {
      _ = write(signal.writeEnd, &byte, 1)
    } else {
      _ = read(signal.readEnd, &byte, 1)
    }
  }
}
