import ARP
import Glibc
import Netlink
import Synchronization
import TestSupport
import Testing
import VIP
import VIPCore
import VIPTesting
import VRRP

/// A node on Linux with parts of a program's own, each of which wraps another.
@Suite(.timeLimit(.minutes(10))) struct OwnPartsTests {
  private let machine = MachineInMemory()
  private let log = PartsLog()

  /// What the parts were asked for, or what the machine did, of one kind.
  private func deeds(_ kind: String, in list: [String]) -> [String] {
    list.filter { $0.hasPrefix(kind) }
  }

  private func wait(
    for node: Node, _ condition: (RouterStatus) -> Bool
  ) async throws {
    while !condition(try #require(try await node.status().routers.first)) {
      try await Task.sleep(for: .milliseconds(1))
    }
  }

  @Test func `all that a node does goes through the parts that it was given`() async throws {
    let vetoed = try #require(InterfaceAddress("198.18.0.66/24"))
    let node = try Node(
      on: LinuxPlatform(
        kernel: WrappingKernel(machine.kernel, log, vetoes: vetoed),
        transports: WrappingTransports(machine, log), settings: machine, names: machine))
    let router = try settings(
      ["198.18.0.100/24", "\(vetoed)"], interval: .milliseconds(100))
    try await node.up(router)
    try await wait(for: node) { status in
      status.addresses.filter(\.installed).map(\.address) == [router.addresses[0]]
        && status.problems.contains {
          $0.kind == .addressFailure(vetoed) && $0.text.contains("not in the list")
        } && log.entries.contains { $0.hasPrefix("announce") }
    }
    // What comes in does so by the wrapped parts too.
    try await wait(for: node) { status in
      machine.hear(200)
      return status.state == .backup && log.entries.contains("hear 200")
    }
    await node.shutdown()

    let asked = log.entries
    let done = machine.deeds.map(\.description)
    for kind in ["advertise", "install", "announce", "remove"] {
      #expect(deeds(kind, in: asked) == deeds(kind, in: done), "\(kind): nothing goes past them")
      #expect(!deeds(kind, in: asked).isEmpty)
    }
    #expect(!done.contains("install \(vetoed)") && machine.heldAddresses.isEmpty)
    #expect(asked.contains("close"))
  }

  @Test(.enabled(if: BuiltSnippet.areAll, "the snippets are not beside the tests"))
  func `the snippet with parts of its own does what it shows`() throws {
    let result = try run([BuiltSnippet.path("OwnParts")])
    #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
    let lines = Set(result.output.split(separator: "\n"))
    #expect(
      lines.isSuperset(of: [
        "install 192.0.2.10/24", "announce 192.0.2.10 at 02:00:00:00:00:01",
        "192.0.2.10/24 is here", "192.0.2.11/24 is not here",
      ]), "\(result.output)")
  }
}

/// What parts of a node were asked for, in order.
private final class PartsLog: Sendable {
  private let list = Mutex<[String]>([])
  var entries: [String] { list.withLock { $0 } }
  func note(_ entry: String) { list.withLock { $0.append(entry) } }
}

/// A kernel that refuses one address.
private final class WrappingKernel: Kernel {
  private let kernel: any Kernel
  private let log: PartsLog
  private let vetoed: InterfaceAddress

  init(_ kernel: any Kernel, _ log: PartsLog, vetoes vetoed: InterfaceAddress) {
    self.kernel = kernel
    self.log = log
    self.vetoed = vetoed
  }

  func install(_ requests: [AddressRequest]) -> [NetlinkError?] {
    requests.map { request in
      guard request.address != vetoed else {
        log.note("veto")
        return NetlinkError(operation: "add \(vetoed)", code: EPERM, message: "not in the list")
      }
      let error = kernel.install([request])[0]
      if error == nil { log.note("install \(request.address)") }
      return error
    }
  }

  func remove(_ requests: [AddressRequest]) -> [NetlinkError?] {
    let errors = kernel.remove(requests)
    for (request, error) in zip(requests, errors) where error == nil {
      log.note("remove \(request.address)")
    }
    return errors
  }

  func change(_ requests: [LinkRequest]) -> [NetlinkError?] { kernel.change(requests) }
  func links() throws(NetlinkError) -> [Link] { try kernel.links() }
  func link(_ index: Int32) throws(NetlinkError) -> Link? { try kernel.link(index) }
  func link(named name: String) throws(NetlinkError) -> Link? { try kernel.link(named: name) }
  func addresses() throws(NetlinkError) -> [AddressRecord] { try kernel.addresses() }
  var monitorDescriptor: Int32 { kernel.monitorDescriptor }
  func drainEvents(limit: Int, _ handler: (KernelEvent) -> Void) throws(NetlinkError) {
    try kernel.drainEvents(limit: limit, handler)
  }
}

/// Transports that note what goes through them.
private final class WrappingTransports: TransportFactory {
  private let transports: any TransportFactory
  private let log: PartsLog

  init(_ transports: any TransportFactory, _ log: PartsLog) {
    self.transports = transports
    self.log = log
  }

  func openAdvertisements(
    _ link: Link, _ family: AddressFamily
  ) throws(NodeError) -> any AdvertisementTransport {
    WrappingSocket(try transports.openAdvertisements(link, family), log)
  }

  func openWire(_ link: Link) throws(NodeError) -> any FrameTransport & FrameReceiver {
    WrappingWire(try transports.openWire(link), log)
  }

  func close(_ wire: consuming any FrameTransport & FrameReceiver) {
    log.note("close")
    transports.close(wire)
  }
}

private final class WrappingSocket: AdvertisementTransport {
  private let socket: any AdvertisementTransport
  private let log: PartsLog

  init(_ socket: any AdvertisementTransport, _ log: PartsLog) {
    self.socket = socket
    self.log = log
  }

  var descriptor: Int32 { socket.descriptor }
  func setSource(_ source: IPAddress) { socket.setSource(source) }

  /// The priority is the third byte of a message.
  func enqueue(_ message: [UInt8]) {
    log.note("advertise \(message[2])")
    socket.enqueue(message)
  }

  func enqueue(_ message: [UInt8], from source: IPAddress, to destination: IPAddress) {
    log.note("advertise \(message[2])")
    socket.enqueue(message, from: source, to: destination)
  }

  func flush(_ failed: (_ place: Int, _ errorNumber: Int32) -> Void) { socket.flush(failed) }

  func drain(limit: Int, _ handler: (PacketHeader, Span<UInt8>) -> Void) -> Bool {
    socket.drain(limit: limit) { header, message in
      log.note("hear \(message[2])")
      handler(header, message)
    }
  }
}

private final class WrappingWire: FrameTransport, FrameReceiver {
  private let wire: any FrameTransport & FrameReceiver
  private let log: PartsLog

  init(_ wire: any FrameTransport & FrameReceiver, _ log: PartsLog) {
    self.wire = wire
    self.log = log
  }

  func send(_ frame: Span<UInt8>) throws(FrameError) {
    try wire.send(frame)
    guard let claim = try? AddressClaim(parsing: frame) else { return }
    log.note("\(claim.isInUse ? "announce" : "probe") \(claim.address)")
  }

  var fileDescriptor: Int32 { wire.fileDescriptor }
  func setFilter(_ filter: FrameFilter) throws(FrameError) { try wire.setFilter(filter) }
  func drain(limit: Int, handler: (Span<UInt8>) -> Void) throws(FrameError) -> Int {
    try wire.drain(limit: limit, handler: handler)
  }
}
