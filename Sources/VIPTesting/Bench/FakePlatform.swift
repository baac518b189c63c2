package import ARP
package import Netlink
package import VIP
package import VIPCore

/// A machine in memory: a fake kernel, a fake wire and an election socket under the test's control.
package final class FakePlatform: Platform, Readiness {
  package static let eth0 = Link(
    index: 2, name: "eth0", macAddress: MACAddress(2, 0, 0, 0, 0, 1), mtu: 1500,
    flags: [.up, .running, .lowerUp, .broadcast, .multicast])
  /// Another interface, which a test may add.
  package static let eth1 = Link(
    index: 3, name: "eth1", macAddress: MACAddress(2, 0, 0, 0, 0, 7), mtu: 1500, flags: eth0.flags)
  package static let ownV4 = InterfaceAddress("198.18.0.1/24")
  package static let ownV6 = InterfaceAddress("fe80::1/64")

  package let fake = FakeKernel(links: [FakePlatform.eth0])
  package var kernel: any Kernel { fake }
  package var time = Instant(nanoseconds: 1_000_000_000)
  package var transports: [SegmentKey: FakeTransport] = [:]
  package var wire = FakeWire()
  /// The sources that the loop would wait for; only the wire is ever unwatched by the tests.
  package var watched: Set<ReadinessSource> = []
  /// The error with which opening a socket fails.
  package var openFailure: NodeError?
  /// The deeds on the machine, in order: the order that a takeover must keep.
  package private(set) var log: [String] = []

  package init() {
    if let v4 = Self.ownV4 {
      fake.add(AddressRecord(interfaceIndex: 2, address: v4, flags: .permanent))
    }
    if let v6 = Self.ownV6 {
      fake.add(AddressRecord(interfaceIndex: 2, address: v6, flags: .permanent))
    }
  }

  package func now() -> Instant { time }
  package func wallClock() -> Timestamp {
    Timestamp(nanosecondsSince1970: 1_700_000_000_000_000_000)
  }

  package func openAdvertisements(
    _ link: Link, _ family: AddressFamily
  ) throws(NodeError) -> any AdvertisementTransport {
    if let openFailure { throw openFailure }
    let transport = FakeTransport()
    transports[SegmentKey(interfaceIndex: link.index, family: family)] = transport
    return transport
  }

  /// Decides on which interfaces no wire can be opened.
  package var wireFailure: ((Link) -> NodeError?)?

  package func openWire(_ link: Link) throws(NodeError) -> any FrameTransport & FrameReceiver {
    if let error = wireFailure?(link) { throw error }
    return wire
  }
  package func close(_ wire: consuming any FrameTransport & FrameReceiver) {}
  /// Whether the machine is a router.
  package var forwards = false
  package func isForwarding(_ link: Link, _ family: AddressFamily) -> Bool { forwards }
  /// Settings below net that were written, but for `promote_secondaries`, which is the kernel's.
  package var settings: [String: Int] = [:]
  /// The error number with which writing a setting fails.
  package var settingFailure: Int32 = 0
  /// Names claimed by this node, and by others.
  package var names: Set<String> = []
  package var foreignNames: Set<String> = []
  package var foreignHolder: NameHolder?

  package func setting(_ path: String) -> Int? {
    if path.hasSuffix("/promote_secondaries") { return fake.promotesSecondaries ? 1 : 0 }
    return settings[path] ?? (path.hasPrefix("ipv6/conf/") ? -7 : nil)
  }

  package func obstacle(toSetting path: String) -> Int32 { settingFailure }

  package func changeSetting(_ path: String, to value: Int) -> Int32 {
    guard settingFailure == 0 else { return settingFailure }
    if path.hasSuffix("/promote_secondaries") {
      fake.promotesSecondaries = value == 1
      return 0
    }
    settings[path] = value
    if path.hasSuffix("/disable_ipv6"),
      let link = fake.currentLinks.first(where: { path.contains("/\($0.name)/") }),
      link.hasRoom(for: .ipv6)
    {
      fake.setIPv6(enabled: value == 0, onInterface: link.index)
    }
    if path.hasSuffix("keep_addr_on_down") { fake.keepsIPv6AddressesOnDown = value == 1 }
    return 0
  }

  package func claimName(_ name: String) throws(NodeError) -> Bool {
    guard !foreignNames.contains(name) else { return false }
    names.insert(name)
    return true
  }

  /// Addresses that other nodes have claimed, and those that this node has.
  package var foreignAddresses: Set<IPAddress> = []
  package private(set) var claimedAddresses: Set<IPAddress> = []

  package func claimAddresses(
    _ addresses: [IPAddress], onInterface index: Int32
  ) -> (address: IPAddress, holder: NameHolder?)? {
    if let taken = addresses.first(where: foreignAddresses.contains) {
      return (taken, foreignHolder)
    }
    claimedAddresses.formUnion(addresses)
    return nil
  }

  package func releaseAddresses(_ addresses: [IPAddress], onInterface index: Int32) {
    claimedAddresses.subtract(addresses)
  }

  package func nameHolder(_ name: String) -> NameHolder? { foreignHolder }
  package func releaseName(_ name: String) { names.remove(name) }

  package func watch(_ descriptor: Int32, _ source: ReadinessSource) { watched.insert(source) }
  package func unwatch(_ descriptor: Int32) { watched.remove(.wire(2)) }

  package func transport(_ family: AddressFamily) -> FakeTransport? {
    transports[SegmentKey(interfaceIndex: 2, family: family)]
  }
}
