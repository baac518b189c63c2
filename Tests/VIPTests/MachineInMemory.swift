import ARP
import Glibc
import Netlink
import Synchronization
import VIP
import VIPCore
import VIPTesting
import VRRP

/// A machine in memory for a node with its own thread and clock, put together from parts as a program
/// would that embeds one.
final class MachineInMemory: Sendable {
  static let link = Link(
    index: 2, name: "eth0", macAddress: MACAddress(2, 0, 0, 0, 0, 1), mtu: 1500,
    flags: [.up, .running, .lowerUp, .broadcast, .multicast])

  /// What was asked of the machine, in order.
  private let entries = Mutex<[String]>([])
  fileprivate let mailbox = Mailbox()
  /// How often the kernel is still to refuse to list addresses.
  private let listingsToRefuse = Mutex(0)

  /// Lets the kernel refuse to list addresses, once.
  func refuseNextListing() { listingsToRefuse.withLock { $0 += 1 } }

  fileprivate func refusesListing() -> Bool {
    listingsToRefuse.withLock { count in
      guard count > 0 else { return false }
      count -= 1
      return true
    }
  }

  var log: [String] { entries.withLock { $0 } }
  fileprivate func note(_ entry: String) { entries.withLock { $0.append(entry) } }

  /// Starts a node on it.
  ///
  /// - Parameters:
  ///   - isUp: whether its only interface is up.
  ///   - installPause: how long it takes for each batch of addresses.
  /// - Returns: the node, without routers.
  /// - Throws: why there is no thread or descriptor for it.
  func node(isUp: Bool = true, installPause: Duration = .zero) throws -> Node {
    var link = Self.link
    if !isUp { link.flags.remove(.up) }
    let kernel = FakeKernel(links: [link])
    if let own = InterfaceAddress("198.18.0.1/24") {
      kernel.add(AddressRecord(interfaceIndex: 2, address: own, flags: .permanent))
    }
    return try Node(
      on: LinuxPlatform(
        kernel: Installer(kernel, self, pause: installPause), transports: Transports(self),
        settings: NoSettings(), names: NoNames()))
  }

  /// Lets another machine advertise VRID 51.
  func hear(_ priority: UInt8, from source: String = "198.18.0.9") {
    guard let source = IPAddress(source), let vrid = VRID(exactly: 51),
      let address = IPAddress("198.18.0.100")
    else { return }
    let advertisement = Advertisement(
      vrid: vrid, priority: Priority(rawValue: priority), interval: .default, addressCount: 1,
      family: .ipv4, checksumForm: .pseudoHeader)
    let group = IPAddress.vrrpGroup(.ipv4)
    mailbox.put(
      PacketHeader(source: source, destination: group, hopLimit: 255),
      advertisement.encoded([address], from: source, to: group))
  }
}

/// Packets on their way to a node's thread.
private final class Mailbox: Sendable {
  private let arrival: WakeUp
  private let packets = Mutex<[(PacketHeader, [UInt8])]>([])

  init() {
    do throws(NodeError) {
      arrival = try WakeUp()
    } catch {
      preconditionFailure("no descriptor is left: \(error)")
    }
  }

  var descriptor: Int32 { arrival.descriptor }

  func put(_ header: PacketHeader, _ message: [UInt8]) {
    packets.withLock { $0.append((header, message)) }
    arrival.wake()
  }

  func takeAll() -> [(PacketHeader, [UInt8])] {
    arrival.clear()
    return packets.withLock { packets in
      defer { packets.removeAll() }
      return packets
    }
  }
}

/// An address installer of one's own: it writes down what it is asked for.
private final class Installer: Kernel {
  private let base: FakeKernel
  private let machine: MachineInMemory
  private let pause: Duration

  init(_ base: FakeKernel, _ machine: MachineInMemory, pause: Duration) {
    (self.base, self.machine, self.pause) = (base, machine, pause)
  }

  func install(_ requests: [AddressRequest]) -> [NetlinkError?] {
    for request in requests { machine.note("install \(request.address)") }
    if pause > .zero { usleep(UInt32(pause / .microseconds(1))) }
    return base.install(requests)
  }

  func remove(_ requests: [AddressRequest]) -> [NetlinkError?] {
    for request in requests { machine.note("remove \(request.address)") }
    return base.remove(requests)
  }

  func links() throws(NetlinkError) -> [Link] { try base.links() }
  func link(_ index: Int32) throws(NetlinkError) -> Link? { try base.link(index) }
  func link(named name: String) throws(NetlinkError) -> Link? { try base.link(named: name) }
  func change(_ requests: [LinkRequest]) -> [NetlinkError?] { base.change(requests) }
  func addresses() throws(NetlinkError) -> [AddressRecord] {
    if machine.refusesListing() { throw NetlinkError(operation: "list addresses", code: ENOBUFS) }
    return try base.addresses()
  }
  var monitorDescriptor: Int32 { base.monitorDescriptor }
  func drainEvents(limit: Int, _ handler: (KernelEvent) -> Void) throws(NetlinkError) {
    try base.drainEvents(limit: limit, handler)
  }
}

/// An announcer of one's own, and sockets without a network.
private final class Transports: TransportFactory {
  private let machine: MachineInMemory

  init(_ machine: MachineInMemory) { self.machine = machine }

  func openAdvertisements(
    _ link: Link, _ family: AddressFamily
  ) throws(NodeError) -> any AdvertisementTransport {
    Socket(machine)
  }

  func openWire(_ link: Link) throws(NodeError) -> any FrameTransport & FrameReceiver {
    Announcer(machine)
  }

  func close(_ wire: consuming any FrameTransport & FrameReceiver) {}

  private final class Announcer: FrameTransport, FrameReceiver {
    private let machine: MachineInMemory
    let fileDescriptor: Int32 = -1

    init(_ machine: MachineInMemory) { self.machine = machine }

    func send(_ frame: Span<UInt8>) throws(FrameError) {
      guard let claim = try? AddressClaim(parsing: frame) else { return }
      machine.note("announce \(claim.address)")
    }

    func setFilter(_ filter: FrameFilter) throws(FrameError) {}
    func drain(limit: Int, handler: (Span<UInt8>) -> Void) throws(FrameError) -> Int { 0 }
  }

  private final class Socket: AdvertisementTransport {
    private let machine: MachineInMemory

    init(_ machine: MachineInMemory) { self.machine = machine }

    var descriptor: Int32 { machine.mailbox.descriptor }
    func setSource(_ source: IPAddress) {}
    func enqueue(_ message: [UInt8]) { machine.note("advertise \(message[2])") }
    func enqueue(_ message: [UInt8], from source: IPAddress, to destination: IPAddress) {}
    func flush() -> Int32 { 0 }

    func drain(limit: Int, _ handler: (PacketHeader, Span<UInt8>) -> Void) -> Bool {
      for (header, bytes) in machine.mailbox.takeAll() { handler(header, bytes.span) }
      return false
    }
  }
}

private final class NoSettings: KernelSettings {
  func setting(_ path: String) -> Int? { nil }
  func obstacle(toSetting path: String) -> Int32 { ENOENT }
  func changeSetting(_ path: String, to value: Int) -> Int32 { ENOENT }
}

private final class NoNames: NameRegistry {
  func claimName(_ name: String) throws(NodeError) -> Bool { true }
  func nameHolder(_ name: String) -> NameHolder? { nil }
  func releaseName(_ name: String) {}
}
