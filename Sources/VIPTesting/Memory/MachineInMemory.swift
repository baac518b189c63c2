public import ARP
public import Netlink
import Synchronization
public import VIP
public import VIPCore
public import VRRP

/// A machine in memory, for tests of programs that embed a node: interfaces and addresses, a
/// segment and a clock.
///
/// It is the platform of a ``VIP/Node`` or ``VIP/NodeCore``. The test is everything around it: the
/// other machines of the segment (``hear(_:)``), the operator and other programs on the machine
/// (``withKernel(_:)``), what fails (``sendFailure``, ``frameFailure``), and with a core also the
/// time:
///
/// ```swift
/// let machine = MachineInMemory(time: .virtual)
/// let core = try NodeCore(on: machine)
/// try core.up(router)
/// machine.pass(.seconds(5), for: core)
/// #expect(machine.heldAddresses == router.addresses)
/// ```
///
/// A ``VIP/Node`` has a thread of its own, which waits by the clock of this computer: give it a
/// machine with ``Time/real`` and wait for its events. One machine serves one node at a time, and
/// can be used from every thread.
public final class MachineInMemory: Platform, Sendable {
  /// The time of a machine.
  public enum Time: Sendable, Hashable {
    /// The time of this computer; what a ``VIP/Node`` needs.
    case real
    /// Time that stands still until the test lets it pass, see ``MachineInMemory/pass(_:for:)``.
    case virtual
  }

  /// Something that a node did on a machine.
  public enum Deed: Sendable, Hashable {
    /// The node sent an advertisement to the group or to one machine.
    case advertise(Advertisement, to: IPAddress)
    /// The node put an address on an interface, or refreshed it.
    case install(InterfaceAddress)
    /// The node took an address from an interface.
    case remove(InterfaceAddress)
    /// The node announced an address, defended it, or asked whether it is free.
    case announce(AddressClaim)
  }

  /// The only interface of a machine that is given none: `eth0`, number 2, up.
  public static let eth0 = Link(
    index: 2, name: "eth0", macAddress: MACAddress(2, 0, 0, 0, 0, 1), mtu: 1500,
    flags: [.up, .running, .lowerUp, .broadcast, .multicast])

  let memory: Memory
  private let lockedKernel: LockedKernel

  /// Makes a machine on which no node has run yet.
  ///
  /// - Parameters:
  ///   - time: what time it is there.
  ///   - links: its interfaces.
  ///   - addresses: what the host itself has on the first of them.
  public init(
    time: Time = .real, links: [Link] = [eth0],
    addresses: [InterfaceAddress] = ["198.18.0.1/24", "fe80::1/64"].compactMap {
      InterfaceAddress($0)
    }
  ) {
    memory = Memory(time, links)
    lockedKernel = LockedKernel(memory)
    guard let first = links.first else { return }
    withKernel { kernel in
      for address in addresses {
        kernel.add(
          AddressRecord(interfaceIndex: first.index, address: address, flags: .permanent))
      }
    }
  }

  // MARK: What the node did

  /// The deeds of nodes on the machine, in order.
  public var deeds: [Deed] { memory.state.withLock { $0.deeds } }

  /// Forgets what was done.
  public func forgetDeeds() { memory.state.withLock { $0.deeds.removeAll() } }

  /// The addresses that a node has put on interfaces and that are there now.
  public var heldAddresses: [InterfaceAddress] {
    withKernel { kernel in
      (try? kernel.addresses())?.filter(\.isOurs).map(\.address) ?? []
    }
  }

  // MARK: What happens around it

  /// Does something to the machine's interfaces and addresses, as an operator or another program
  /// would; a node hears of it.
  ///
  /// - Parameter body: is given the kernel, and must not keep it.
  /// - Returns: what `body` returns.
  public func withKernel<Result: Sendable>(
    _ body: (FakeKernel) throws -> Result
  ) rethrows -> Result {
    try memory.withKernel(body)
  }

  /// Another machine advertises for a virtual router.
  ///
  /// - Parameters:
  ///   - priority: its priority; 0 if it leaves.
  ///   - vrid: the virtual router.
  ///   - addresses: the virtual addresses, all of one family.
  ///   - source: the other machine.
  ///   - interval: the time between its advertisements.
  ///   - index: the interface on which it is heard.
  public func hear(
    _ priority: Priority, _ vrid: VRID, _ addresses: [IPAddress], from source: IPAddress,
    interval: AdvertisementInterval = .default, onInterface index: Int32 = eth0.index
  ) {
    let advertisement = Advertisement(
      vrid: vrid, priority: priority, interval: interval, addressCount: addresses.count,
      family: source.family, checksumForm: .pseudoHeader)
    let group = IPAddress.vrrpGroup(source.family)
    memory.socket(index, source.family)?.put(
      Packet(
        header: PacketHeader(source: source, destination: group, hopLimit: 255),
        bytes: advertisement.encoded(addresses, from: source, to: group)))
  }

  /// Another machine says something about an address, if a node listens to that.
  public func hear(_ claim: AddressClaim, onInterface index: Int32 = eth0.index) {
    memory.wire(index)?.put(claim.encodedFrame())
  }

  /// The error number with which all advertisements fail to be sent; 0 if they don't.
  public var sendFailure: Int32 {
    get { memory.state.withLock { $0.sendFailure } }
    set { memory.state.withLock { $0.sendFailure = newValue } }
  }

  /// The reason why no announcement can be sent; `nil` if they can.
  public var frameFailure: FrameError? {
    get { memory.state.withLock { $0.frameFailure } }
    set { memory.state.withLock { $0.frameFailure = newValue } }
  }

  // MARK: Time

  /// Lets time pass for a core, which takes all turns that are due meanwhile.
  ///
  /// - Parameters:
  ///   - duration: how long; with zero the core does what is due now.
  ///   - core: a core on this machine, whose time is ``Time/virtual``.
  /// - Returns: what has happened.
  @discardableResult
  public func pass(_ duration: Duration, for core: NodeCore) -> [NodeEvent] {
    precondition(memory.time == .virtual, "the time of this computer can't be moved")
    let end = now() + duration
    var events = settle(core)
    while let deadline = core.deadline, deadline <= end {
      memory.setTime(max(deadline, now()))
      events += settle(core)
    }
    memory.setTime(end)
    return events + settle(core)
  }

  /// Takes turns until two in a row have left nothing to do.
  private func settle(_ core: NodeCore) -> [NodeEvent] {
    var events: [NodeEvent] = []
    var idleTurns = 0
    for _ in 0..<Self.turnCountMax where idleTurns < 2 {
      core.turn()
      events += core.takeEvents()
      let isDue = core.deadline.map { $0 <= now() } ?? false
      idleTurns = core.hasPendingWork || isDue ? 0 : idleTurns + 1
    }
    return events
  }

  /// More turns than any work takes that is not in a circle.
  private static let turnCountMax = 100_000
}

extension MachineInMemory.Deed: CustomStringConvertible {
  /// The deed in a few words: `advertise 100`, `install 198.18.0.100/24`, `announce 198.18.0.100`.
  public var description: String {
    switch self {
    case .advertise(let advertisement, _): "advertise \(advertisement.priority)"
    case .install(let address): "install \(address)"
    case .remove(let address): "remove \(address)"
    case .announce(let claim): "\(claim.form == .probe ? "probe" : "announce") \(claim.address)"
    }
  }
}

// MARK: The platform

extension MachineInMemory {
  /// Its addresses and links.
  public var kernel: any Kernel { lockedKernel }

  /// The time on it.
  public func now() -> Instant { memory.now }

  /// Opens a socket that receives what the test lets it hear.
  public func openAdvertisements(
    _ link: Link, _ family: AddressFamily
  ) throws(NodeError) -> any AdvertisementTransport {
    MemorySocket(memory, try memory.openSocket(link.index, family), family)
  }

  /// Opens a wire that receives what the test lets it hear.
  public func openWire(_ link: Link) throws(NodeError) -> any FrameTransport & FrameReceiver {
    MemoryWire(memory, try memory.openWire(link.index))
  }

  /// Does nothing: a wire in memory needs no end.
  public func close(_ wire: consuming any FrameTransport & FrameReceiver) {}

  /// A setting that was changed, or as a machine has it at first: only those of IPv6 are there, and
  /// `promote_secondaries`.
  public func setting(_ path: String) -> Int? {
    if path.hasSuffix("/promote_secondaries") {
      return withKernel { $0.promotesSecondaries ? 1 : 0 }
    }
    return memory.state.withLock { $0.settings[path] } ?? (path.hasPrefix("ipv6/conf/") ? 0 : nil)
  }

  /// Nothing stands in the way of a change.
  public func obstacle(toSetting path: String) -> Int32 { 0 }

  /// Notes a setting.
  public func changeSetting(_ path: String, to value: Int) -> Int32 {
    memory.state.withLock { $0.settings[path] = value }
    if path.hasSuffix("/keep_addr_on_down") {
      withKernel { $0.keepsIPv6AddressesOnDown = value == 1 }
    } else if path.hasSuffix("/promote_secondaries") {
      withKernel { $0.promotesSecondaries = value == 1 }
    }
    return 0
  }

  /// Every name is free.
  public func claimName(_ name: String) throws(NodeError) -> Bool { true }
  /// No other process has names.
  public func nameHolder(_ name: String) -> NameHolder? { nil }
  /// Does nothing.
  public func releaseName(_ name: String) {}
}
