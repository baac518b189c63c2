import ARP
import Netlink
import VIP
import VIPCore
import VRRP

/// The VRRP socket of a simulated process on one interface and family.
final class MachineTransport: AdvertisementTransport {
  /// Number of messages that wait in a socket before further ones are lost.
  private static let capacity = 256
  private static let noBuffers: Int32 = 105
  private static let networkDown: Int32 = 100
  private static let notPermitted: Int32 = 1

  let descriptor: Int32
  let interfaceIndex: Int32
  private let machine: Machine
  private unowned let simulation: NodeSimulation
  private unowned let platform: MachinePlatform
  private var source: IPAddress?
  private var batch: [(bytes: [UInt8], source: IPAddress?, destination: IPAddress?)] = []
  private(set) var inbox: [(header: PacketHeader, bytes: [UInt8])] = []
  /// Whether the kernel hands it what is sent to the group.
  private var isMember = true

  var isInGroup: Bool? { isMember }

  init(
    _ machine: Machine, in simulation: NodeSimulation, of platform: MachinePlatform,
    interfaceIndex: Int32, descriptor: Int32
  ) {
    self.machine = machine
    self.simulation = simulation
    self.platform = platform
    self.interfaceIndex = interfaceIndex
    self.descriptor = descriptor
  }

  func setSource(_ source: IPAddress) { self.source = source }

  func enqueue(_ message: [UInt8]) { batch.append((message, nil, nil)) }

  func enqueue(_ message: [UInt8], from source: IPAddress, to destination: IPAddress) {
    batch.append((message, source, destination))
  }

  func flush(_ failed: (_ place: Int, _ errorNumber: Int32) -> Void) {
    defer { batch = [] }
    guard !platform.isDead, !batch.isEmpty else { return }
    var code: Int32 = 0
    // What finds no place in the table of neighbours leaves in a frame.
    let isMute =
      machine.refuses(.neighbours, at: simulation.now)
      && machine.refuses(.announce, at: simulation.now)
    if isMute || machine.refuses(.send, at: simulation.now) {
      code = Self.noBuffers
    } else if machine.refuses(.permission, at: simulation.now) {
      code = Self.notPermitted
    } else if !(machine.link(interfaceIndex)?.isUp ?? false) {
      code = Self.networkDown
    }
    guard code == 0 else {
      machine.log.append(.notSent("\(batch.count) advertisement\(batch.count == 1 ? "" : "s")"))
      for place in batch.indices { failed(place, code) }
      return
    }
    for (bytes, own, destination) in batch {
      guard let source = own ?? source else { continue }
      let header = PacketHeader(
        source: source, destination: destination ?? .vrrpGroup(source.family), hopLimit: 255)
      simulation.sent(bytes, header, by: machine, onInterface: interfaceIndex)
    }
  }

  func drain(limit: Int, _ handler: (PacketHeader, Span<UInt8>) -> Void) -> Bool {
    let taken = inbox.prefix(limit)
    inbox.removeFirst(taken.count)
    for (header, bytes) in taken { handler(header, bytes.span) }
    return !inbox.isEmpty
  }

  /// The kernel takes it out of its group.
  func loseMembership() { isMember = false }

  func renewMembership() { isMember = true }

  /// Takes in what has arrived.
  func receive(_ header: PacketHeader, _ bytes: [UInt8]) {
    guard inbox.count < Self.capacity, isMember || !header.destination.isMulticast else { return }
    inbox.append((header, bytes))
  }
}

/// The packet socket of a simulated process on one interface.
final class MachineWire: FrameTransport, FrameReceiver {
  private static let capacity = 1024

  let fileDescriptor: Int32
  let interfaceIndex: Int32
  private let interface: String
  private let machine: Machine
  private unowned let simulation: NodeSimulation
  private unowned let platform: MachinePlatform
  /// The frames that the process wants to hear.
  private(set) var filter = FrameFilter.nothing
  private var inbox: [[UInt8]] = []

  init(
    _ machine: Machine, in simulation: NodeSimulation, of platform: MachinePlatform, _ link: Link,
    descriptor: Int32
  ) {
    self.machine = machine
    self.simulation = simulation
    self.platform = platform
    interfaceIndex = link.index
    interface = link.name
    fileDescriptor = descriptor
  }

  private var isGone: Bool { machine.link(interfaceIndex) == nil }

  /// Whether it would wake a loop that waits for it.
  var isReadable: Bool { !inbox.isEmpty || isGone }

  func setFilter(_ filter: FrameFilter) throws(FrameError) {
    // What waits was let through by the old filter; libpcap throws it away.
    self.filter = filter
    inbox = []
  }

  func send(_ frame: Span<UInt8>) throws(FrameError) {
    guard !platform.isDead else { return }
    var code: Int32 = 0
    if isGone {
      code = 19
    } else if !(machine.link(interfaceIndex)?.isUp ?? false) {
      code = 100
    } else if machine.refuses(.announce, at: simulation.now) {
      code = 105
    }
    guard code == 0 else {
      machine.log.append(.notSent("a frame"))
      throw FrameError(interface: interface, operation: "send", errorNumber: code)
    }
    let bytes = [UInt8](capacity: frame.count) { copy in
      for index in frame.indices { copy.append(frame[index]) }
    }
    simulation.sent(frame: bytes, by: machine, onInterface: interfaceIndex)
  }

  @discardableResult
  func drain(limit: Int, handler: (Span<UInt8>) -> Void) throws(FrameError) -> Int {
    guard !isGone else {
      throw FrameError(interface: interface, operation: "receive", errorNumber: 19)
    }
    let taken = inbox.prefix(max(limit, 0))
    inbox.removeFirst(taken.count)
    for frame in taken { handler(frame.span) }
    return taken.count
  }

  /// Takes in a frame that has arrived, if the filter lets it through.
  func receive(_ frame: [UInt8]) {
    guard inbox.count < Self.capacity else { return }
    switch filter {
    case .nothing: return
    case .announcements, .segment:
      guard (try? AddressClaim(parsing: frame.span)) != nil else { return }
    case .uses(let addresses, _):
      guard let claim = try? AddressClaim(parsing: frame.span), claim.isInUse,
        addresses.contains(claim.address)
      else { return }
    }
    inbox.append(frame)
  }
}
