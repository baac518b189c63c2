import Testing
import ARP
import Netlink
import VIP
import VIPCore
import VRRP

/// A machine in memory: a fake kernel, a fake wire and an election socket under the test's control.
final class FakePlatform: Platform, Readiness {
  static let eth0 = Link(
    index: 2, name: "eth0", macAddress: MACAddress(2, 0, 0, 0, 0, 1), mtu: 1500,
    flags: [.up, .running, .lowerUp, .broadcast, .multicast])
  static let ownV4 = InterfaceAddress("198.18.0.1/24")
  static let ownV6 = InterfaceAddress("fe80::1/64")

  let fake = FakeKernel(links: [FakePlatform.eth0])
  var kernel: any Kernel { fake }
  var time = Instant(nanoseconds: 1_000_000_000)
  var transports: [SegmentKey: FakeTransport] = [:]
  var wire = FakeWire()
  /// What the loop would wait for; only the wire is ever unwatched by the tests.
  var watched: Set<ReadinessSource> = []
  /// What opening a socket fails with.
  var openFailure: NodeError?
  /// What happened on the machine, in order: the order that a takeover must keep.
  private(set) var log: [String] = []

  init() {
    if let v4 = Self.ownV4 {
      fake.add(AddressRecord(interfaceIndex: 2, address: v4, flags: .permanent))
    }
    if let v6 = Self.ownV6 {
      fake.add(AddressRecord(interfaceIndex: 2, address: v6, flags: .permanent))
    }
  }

  func now() -> Instant { time }
  func wallClock() -> Timestamp {
    Timestamp(nanosecondsSince1970: 1_700_000_000_000_000_000)
  }

  func openAdvertisements(
    _ link: Link, _ family: AddressFamily
  ) throws(NodeError) -> any AdvertisementTransport {
    if let openFailure { throw openFailure }
    let transport = FakeTransport()
    transports[SegmentKey(interfaceIndex: link.index, family: family)] = transport
    return transport
  }

  func openWire(_ link: Link) throws(NodeError) -> any FrameTransport & FrameReceiver { wire }
  func close(_ wire: consuming any FrameTransport & FrameReceiver) {}
  func isForwarding(_ link: Link, _ family: AddressFamily) -> Bool { false }
  func setPromotesSecondaries(_ isOn: Bool, on link: Link) -> Bool {
    defer { fake.promotesSecondaries = isOn }
    return fake.promotesSecondaries != isOn
  }
  /// Settings below net that were read or written; only those of macvlans can be.
  var settings: [String: Int] = [:]
  /// What writing a setting fails with.
  var settingFailure: Int32 = 0
  /// Names claimed by this node, and by others.
  var names: Set<String> = []
  var foreignNames: Set<String> = []
  var foreignHolder: NameHolder?

  func setting(_ path: String) -> Int? {
    settings[path] ?? (path.hasPrefix("ipv6/conf/") ? -7 : nil)
  }

  func obstacle(toSetting path: String) -> Int32 { settingFailure }

  func changeSetting(_ path: String, to value: Int) -> Int32 {
    guard settingFailure == 0 else { return settingFailure }
    settings[path] = value
    if path.hasSuffix("keep_addr_on_down") { fake.keepsIPv6AddressesOnDown = value == 1 }
    return 0
  }

  func claimName(_ name: String) throws(NodeError) -> Bool {
    guard !foreignNames.contains(name) else { return false }
    names.insert(name)
    return true
  }

  func nameHolder(_ name: String) -> NameHolder? { foreignHolder }
  func releaseName(_ name: String) { names.remove(name) }

  func watch(_ descriptor: Int32, _ source: ReadinessSource) { watched.insert(source) }
  func unwatch(_ descriptor: Int32) { watched.remove(.wire(2)) }

  func transport(_ family: AddressFamily) -> FakeTransport? {
    transports[SegmentKey(interfaceIndex: 2, family: family)]
  }
}

/// An election socket whose other end is the test.
final class FakeTransport: AdvertisementTransport {
  let descriptor: Int32 = -1
  var source: IPAddress?
  private var batch: [[UInt8]] = []
  /// What has been sent, batch by batch.
  private(set) var batches: [[[UInt8]]] = []
  /// What is waiting to be received.
  var inbox: [(PacketHeader, [UInt8])] = []
  var failure: Int32 = 0

  func setSource(_ source: IPAddress) { self.source = source }
  func enqueue(_ message: [UInt8]) { batch.append(message) }

  /// What went to single machines.
  private(set) var unicasts: [(source: IPAddress, destination: IPAddress, priority: UInt8)] = []

  func enqueue(_ message: [UInt8], from source: IPAddress, to destination: IPAddress) {
    unicasts.append((source, destination, message[2]))
  }

  func flush() -> Int32 {
    if !batch.isEmpty { batches.append(batch) }
    batch = []
    return failure
  }

  func drain(limit: Int, _ handler: (PacketHeader, Span<UInt8>) -> Void) -> Bool {
    let taken = inbox.prefix(limit)
    inbox.removeFirst(taken.count)
    for (header, bytes) in taken { handler(header, bytes.span) }
    return !inbox.isEmpty
  }

  /// The priorities of everything sent, in order.
  var sentPriorities: [UInt8] { batches.flatMap { $0 }.map { $0[2] } }
}

/// An engine on a fake machine, with the few verbs its tests need.
final class Bench {
  let platform = FakePlatform()
  let engine: Engine
  private(set) var events: [NodeEvent] = []

  init(
    lease: LeasePolicy = .default, announcements: AnnouncementPolicy = AnnouncementPolicy()
  ) throws {
    engine = try Engine(platform, lease: lease, announcements: announcements)
  }

  /// Takes turns until nothing is left to do now.
  func settle() {
    var turns = 0
    repeat {
      engine.turn(ready: [.kernelEvents])
      events += engine.takeEvents()
      turns += 1
    } while turns < 10_000
      && (engine.hasPendingWork || engine.deadline.map { $0 <= platform.time } ?? false)
  }

  /// Lets time pass, stopping at each deadline.
  func pass(_ duration: Duration) {
    let end = platform.time + duration
    settle()
    while let deadline = engine.deadline, deadline <= end {
      step(to: max(deadline, platform.time))
      settle()
    }
    step(to: end)
    settle()
  }

  private func step(to time: Instant) {
    platform.fake.advance(by: time - platform.time)
    platform.time = time
  }

  /// Hands an advertisement of another node to the engine.
  func hear(
    _ priority: UInt8, from source: String, family: AddressFamily = .ipv4, vrid: UInt8 = 51,
    addresses: [String] = ["198.18.0.100"], hopLimit: UInt8 = 255
  ) throws {
    let list = try addresses.map { try #require(IPAddress($0)) }
    let source = try #require(IPAddress(source))
    let advertisement = Advertisement(
      vrid: try #require(VRID(exactly: vrid)), priority: Priority(rawValue: priority),
      interval: .default, addressCount: list.count, family: family, checksumForm: .pseudoHeader)
    let bytes = advertisement.encoded(list, from: source, to: .vrrpGroup(family))
    hear(bytes, from: source, hopLimit: hopLimit)
  }

  func hear(_ bytes: [UInt8], from source: IPAddress, hopLimit: UInt8 = 255) {
    let header = PacketHeader(
      source: source, destination: .vrrpGroup(source.family), hopLimit: hopLimit)
    platform.transport(source.family)?.inbox.append((header, bytes))
    engine.turn(ready: [
      .segment(SegmentKey(interfaceIndex: 2, family: source.family))
    ])
    events += engine.takeEvents()
    settle()
  }

  /// Lets another machine announce an address.
  func hearAnnouncement(of address: String, from mac: MACAddress = MACAddress(2, 0, 0, 0, 0, 9))
    throws
  {
    let announcement = Announcement(try #require(IPAddress(address)), at: mac)
    platform.wire.deliver(announcement.encodeFrame())
    engine.turn(ready: [.wire(2)])
    settle()
  }

  /// Lets another machine say something about an address.
  func hear(_ claim: AddressClaim) throws {
    platform.wire.deliver(try frame(claim))
    engine.turn(ready: [.wire(2)])
    events += engine.takeEvents()
    settle()
  }

  private func frame(_ claim: AddressClaim) throws -> [UInt8] {
    guard case .v4(let address) = claim.address, claim.form != .announcement else {
      return Announcement(claim.address, at: claim.mac).encodeFrame()
    }
    let packet = ARPPacket(
      operation: claim.form == .reply ? .reply : .request, senderMAC: claim.mac,
      senderAddress: claim.form == .probe ? .any : address,
      targetMAC: MACAddress(rawValue: 0),
      targetAddress: claim.form == .probe ? address : IPv4Address(198, 18, 0, 77))
    return [UInt8](capacity: 42) { output in
      EthernetFrame(destination: .broadcast, source: claim.mac, etherType: .arp)
        .encode(into: &output)
      packet.encode(into: &output)
    }
  }

  /// The addresses with our tag that the kernel has.
  var held: [String] {
    get throws {
      try platform.fake.addresses().filter(\.isOurs).map(\.address.description)
    }
  }

  /// What the status warns of.
  var warnings: [String] { engine.status().flatMap { $0.warnings } }

  func state(_ family: AddressFamily = .ipv4) -> VirtualRouter.State? {
    engine.status().first { $0.family == family }?.state
  }
}

/// Settings of a router on the fake machine.
func settings(
  _ addresses: [String] = ["198.18.0.100/24"], priority: Int = 100, vrid: Int = 51,
  name: String? = "web", interface: String = "eth0", preempt: Bool = true,
  interval: AdvertisementInterval = .default, handover: HandoverPolicy = .seamless,
  probe: Bool = false, virtualMac: Bool = false
) throws -> RouterConfiguration {
  RouterConfiguration(
    name: name, interface: interface, vrid: try #require(VRID(exactly: vrid)),
    priority: try #require(Priority(configured: priority)), interval: interval,
    addresses: try addresses.map { try #require(InterfaceAddress($0)) }, preempt: preempt,
    handover: handover, probe: probe, virtualMac: virtualMac)
}
