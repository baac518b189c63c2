// Parts of your own in a node: an installer that puts up only addresses of a list, and an announcer
// that tells what the segment is told.
//
//   sudo .build/debug/OwnParts eth0
//
// Without an interface, or without the capabilities, the node is on a machine in memory.

import ARP
import Glibc
import Netlink
import VIP
import VIPCore
import VIPTesting

/// A kernel that is given only addresses of a list.
///
/// The node's thread calls it, which must not wait.
final class ListedKernel: Kernel {
  private let kernel: any Kernel
  private let list: Set<IPAddress>

  init(_ kernel: any Kernel, list: Set<IPAddress>) {
    self.kernel = kernel
    self.list = list
  }

  // The refusal is a warning of the node, which tries again every second. What is permitted is
  // passed on together, since that is one round trip for many addresses.
  func install(_ requests: [AddressRequest]) -> [NetlinkError?] {
    let listed = requests.map { list.contains($0.address.address) }
    var results = kernel.install(zip(requests, listed).filter(\.1).map(\.0))[...]
    return zip(requests, listed).map { request, isListed in
      guard isListed else {
        return NetlinkError(
          operation: "add \(request.address)", code: EPERM, message: "not in the list")
      }
      let error = results.removeFirst()
      if error == nil { print("install", request.address) }
      return error
    }
  }

  func remove(_ requests: [AddressRequest]) -> [NetlinkError?] { kernel.remove(requests) }
  func change(_ requests: [LinkRequest]) -> [NetlinkError?] { kernel.change(requests) }
  func links() throws(NetlinkError) -> [Link] { try kernel.links() }
  func link(_ index: Int32) throws(NetlinkError) -> Link? { try kernel.link(index) }
  func link(named name: String) throws(NetlinkError) -> Link? { try kernel.link(named: name) }
  func addresses() throws(NetlinkError) -> [AddressRecord] { try kernel.addresses() }
  var monitorDescriptor: Int32 { kernel.monitorDescriptor }
  func drainEvents(limit: Int, _ handler: (KernelEvent) -> Void) throws(NetlinkError) {
    try kernel.drainEvents(limit: limit, handler)
  }

  // These have defaults, by which the node makes no routes and waits for none.
  func route(to address: IPAddress) throws(NetlinkError) -> RouteRecord? {
    try kernel.route(to: address)
  }
  func awaitUse(of addresses: [IPAddress], atMost limit: Duration) {
    kernel.awaitUse(of: addresses, atMost: limit)
  }
  func install(_ request: RouteRequest) -> NetlinkError? { kernel.install(request) }
  func remove(_ request: RouteRequest) -> NetlinkError? { kernel.remove(request) }
}

/// Transports that tell what is announced.
final class TellingTransports: TransportFactory {
  private let transports: any TransportFactory

  init(_ transports: any TransportFactory) { self.transports = transports }

  func openAdvertisements(
    _ link: Link, _ family: AddressFamily
  ) throws(NodeError) -> any AdvertisementTransport {
    try transports.openAdvertisements(link, family)
  }

  func openWire(_ link: Link) throws(NodeError) -> any FrameTransport & FrameReceiver {
    TellingWire(try transports.openWire(link))
  }

  func close(_ wire: consuming any FrameTransport & FrameReceiver) { transports.close(wire) }
}

final class TellingWire: FrameTransport, FrameReceiver {
  private let wire: any FrameTransport & FrameReceiver

  init(_ wire: any FrameTransport & FrameReceiver) { self.wire = wire }

  // Announcements and probes. Other frames are advertisements with a virtual MAC address.
  func send(_ frame: Span<UInt8>) throws(FrameError) {
    try wire.send(frame)
    if let claim = try? AddressClaim(parsing: frame), claim.isInUse {
      print("announce", claim.address, "at", claim.mac)
    }
  }

  var fileDescriptor: Int32 { wire.fileDescriptor }
  func setFilter(_ filter: FrameFilter) throws(FrameError) { try wire.setFilter(filter) }
  func drain(limit: Int, handler: (Span<UInt8>) -> Void) throws(FrameError) -> Int {
    try wire.drain(limit: limit, handler: handler)
  }
}

func hold(_ router: RouterConfiguration, on platform: sending LinuxPlatform) async throws {
  let node = try Node(on: platform)
  let events = node.events()
  try await node.up(router)
  for await event in events {
    print(event)
    if case .settled(_, _, let now) = event, now.state == .active { break }
  }
  for router in try await node.status().routers {
    for address in router.addresses {
      print(address.address, address.installed ? "is here" : "is not here")
    }
  }
  await node.shutdown()
}

// snippet.hide
guard let vip = InterfaceAddress("192.0.2.10/24"), let other = InterfaceAddress("192.0.2.11/24"),
  let host = InterfaceAddress("192.0.2.1/24")
else { fatalError("these are addresses") }
let interface = CommandLine.arguments.dropFirst().first
let router = RouterConfiguration(
  name: "web", interface: interface ?? "eth0", vrid: 51, addresses: [vip, other])
if interface != nil, ProcessCapabilities.missing().isEmpty {
  try await hold(
    router,
    on: LinuxPlatform(
      kernel: ListedKernel(NetlinkKernel(), list: [vip.address]),
      transports: TellingTransports(LinuxTransports())))
} else {
  let machine = MachineInMemory(addresses: [host])
  try await hold(
    router,
    on: LinuxPlatform(
      kernel: ListedKernel(machine.kernel, list: [vip.address]),
      transports: TellingTransports(machine), settings: machine, names: machine))
}
