package import ARP
import Netlink
package import VIP
package import VIPCore
package import VRRP

/// An engine on a fake machine, with the few verbs its tests need.
package final class Bench {
  package let platform = FakePlatform()
  package let engine: Engine
  package private(set) var events: [NodeEvent] = []

  package init(
    lease: LeasePolicy = .default, announcements: AnnouncementPolicy = AnnouncementPolicy()
  ) throws {
    engine = try Engine(platform, lease: lease, announcements: announcements)
  }

  /// Takes turns until nothing is left to do now.
  package func settle() {
    var turns = 0
    repeat {
      engine.turn(ready: [.kernelEvents])
      events += engine.takeEvents()
      turns += 1
    } while turns < 10_000
      && (engine.hasPendingWork || engine.deadline.map { $0 <= platform.time } ?? false)
  }

  /// Lets time pass, stopping at each deadline.
  package func pass(_ duration: Duration) {
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
  package func hear(
    _ priority: UInt8, from source: String, family: AddressFamily = .ipv4, vrid: UInt8 = 51,
    addresses: [String] = ["198.18.0.100"], hopLimit: UInt8 = 255
  ) throws {
    let list = try addresses.map { try parsed(IPAddress($0)) }
    let source = try parsed(IPAddress(source))
    let advertisement = Advertisement(
      vrid: try parsed(VRID(exactly: vrid)), priority: Priority(rawValue: priority),
      interval: .default, addressCount: list.count, family: family, checksumForm: .pseudoHeader)
    let bytes = advertisement.encoded(list, from: source, to: .vrrpGroup(family))
    hear(bytes, from: source, hopLimit: hopLimit)
  }

  package func hear(_ bytes: [UInt8], from source: IPAddress, hopLimit: UInt8 = 255) {
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
  package func hearAnnouncement(
    of address: String, from mac: MACAddress = MACAddress(2, 0, 0, 0, 0, 9)
  )
    throws
  {
    let announcement = Announcement(try parsed(IPAddress(address)), at: mac)
    platform.wire.deliver(announcement.encodeFrame())
    engine.turn(ready: [.wire(2)])
    settle()
  }

  /// Lets another machine say something about an address.
  package func hear(_ claim: AddressClaim) throws { hear(frame: claim.encodedFrame()) }

  /// Lets a frame reach the interface.
  package func hear(frame: [UInt8]) {
    platform.wire.deliver(frame)
    engine.turn(ready: [.wire(2)])
    events += engine.takeEvents()
    settle()
  }

  /// The addresses with our tag that the kernel has.
  package var held: [String] {
    get throws {
      try platform.fake.addresses().filter(\.isOurs).map(\.address.description)
    }
  }

  /// The warnings of the status.
  package var warnings: [String] { engine.status().flatMap { $0.warnings } }

  package func state(_ family: AddressFamily = .ipv4) -> VirtualRouter.State? {
    engine.status().first { $0.family == family }?.state
  }
}

/// Settings of a router on the fake machine.
package func settings(
  _ addresses: [String] = ["198.18.0.100/24"], priority: Int = 100, vrid: Int = 51,
  name: String? = "web", interface: String = "eth0", preempts: Bool = true,
  interval: AdvertisementInterval = .default, handover: HandoverPolicy = .seamless,
  probe: Bool = false, virtualMAC: Bool = false
) throws -> RouterConfiguration {
  RouterConfiguration(
    name: name, interface: interface, vrid: try parsed(VRID(exactly: vrid)),
    priority: try parsed(Priority(configured: priority)), interval: interval,
    addresses: try addresses.map { try parsed(InterfaceAddress($0)) }, preempts: preempts,
    handover: handover, probe: probe, virtualMAC: virtualMAC)
}

/// A text of a test that is no address, VRID or priority.
struct NotParsed: Error {
  var type: String
}

/// A value that a test's text must give.
private func parsed<Value>(_ value: Value?) throws -> Value {
  guard let value else { throw NotParsed(type: "\(Value.self)") }
  return value
}
