import ARP
import Netlink
import Synchronization
import VIP
import VIPCore
import VRRP

/// The kernel of a machine in memory, which the node's thread and the test use one after the other.
final class LockedKernel: Kernel, Sendable {
  private let memory: Memory

  init(_ memory: Memory) { self.memory = memory }

  func install(_ requests: [AddressRequest]) -> [NetlinkError?] {
    let results = memory.withKernel { $0.install(requests) }
    for (request, error) in zip(requests, results) where error == nil {
      memory.note(.install(request.address))
    }
    return results
  }

  func remove(_ requests: [AddressRequest]) -> [NetlinkError?] {
    let results = memory.withKernel { $0.remove(requests) }
    for (request, error) in zip(requests, results) where error == nil {
      memory.note(.remove(request.address))
    }
    return results
  }

  func install(_ entry: RoutingEntry, lifetime: Duration?) -> NetlinkError? {
    memory.withKernel { $0.install(entry, lifetime: lifetime) }
  }

  func confirm(_ entry: RoutingEntry, lifetime: Duration?) -> Bool {
    memory.withKernel { $0.confirm(entry, lifetime: lifetime) }
  }

  func remove(_ entry: RoutingEntry) -> NetlinkError? { memory.withKernel { $0.remove(entry) } }

  func change(_ requests: [LinkRequest]) -> [NetlinkError?] {
    memory.withKernel { $0.change(requests) }
  }

  func links() throws(NetlinkError) -> [Link] {
    try ask { kernel throws(NetlinkError) in try kernel.links() }
  }

  func link(_ index: Int32) throws(NetlinkError) -> Link? {
    try ask { kernel throws(NetlinkError) in try kernel.link(index) }
  }

  func link(named name: String) throws(NetlinkError) -> Link? {
    try ask { kernel throws(NetlinkError) in try kernel.link(named: name) }
  }

  func addresses() throws(NetlinkError) -> [AddressRecord] {
    try ask { kernel throws(NetlinkError) in try kernel.addresses() }
  }

  private func ask<Answer: Sendable>(
    _ question: (FakeKernel) throws(NetlinkError) -> Answer
  ) throws(NetlinkError) -> Answer {
    let result = memory.withKernel { kernel in
      Result { () throws(NetlinkError) in try question(kernel) }
    }
    return try result.get()
  }

  var monitorDescriptor: Int32 { memory.monitorDescriptor }

  func drainEvents(limit: Int, _ handler: (KernelEvent) -> Void) throws(NetlinkError) {
    // Handed on after the lock is free: the handler may ask for something.
    let events = try ask { kernel throws(NetlinkError) in
      var events: [KernelEvent] = []
      try kernel.drainEvents(limit: limit) { events.append($0) }
      return events
    }
    for event in events { handler(event) }
  }
}

/// A VRRP socket in memory.
final class MemorySocket: AdvertisementTransport {
  private let memory: Memory
  private let mailbox: Mailbox<Packet>
  private let family: AddressFamily
  private var source: IPAddress?
  private var batch: [MachineInMemory.Deed] = []

  init(_ memory: Memory, _ mailbox: Mailbox<Packet>, _ family: AddressFamily) {
    self.memory = memory
    self.mailbox = mailbox
    self.family = family
  }

  deinit { mailbox.setOpen(false) }

  var descriptor: Int32 { mailbox.descriptor }
  func setSource(_ source: IPAddress) { self.source = source }

  func enqueue(_ message: [UInt8]) {
    if let source { enqueue(message, from: source, to: .vrrpGroup(family)) }
  }

  func enqueue(_ message: [UInt8], from source: IPAddress, to destination: IPAddress) {
    guard
      let advertisement = try? Advertisement(
        parsing: message.span, from: source, to: destination, hopLimit: Advertisement.hopLimit)
    else { return }
    batch.append(.advertise(advertisement, to: destination))
  }

  func flush(_ failed: (_ place: Int, _ errorNumber: Int32) -> Void) {
    defer { batch.removeAll() }
    let failure = memory.state.withLock { $0.sendFailure }
    for (place, deed) in batch.enumerated() {
      if failure == 0 { memory.note(deed) } else { failed(place, failure) }
    }
  }

  func drain(limit: Int, _ handler: (PacketHeader, Span<UInt8>) -> Void) -> Bool {
    let (packets, hasMore) = mailbox.take(limit)
    for packet in packets { handler(packet.header, packet.bytes.span) }
    return hasMore
  }
}

/// A wire in memory.
final class MemoryWire: FrameTransport, FrameReceiver {
  private let memory: Memory
  private let mailbox: Mailbox<[UInt8]>

  init(_ memory: Memory, _ mailbox: Mailbox<[UInt8]>) {
    self.memory = memory
    self.mailbox = mailbox
    mailbox.setOpen(false)
  }

  deinit { mailbox.setOpen(false) }

  var fileDescriptor: Int32 { mailbox.descriptor }

  func setFilter(_ filter: FrameFilter) throws(FrameError) {
    mailbox.setOpen(filter != .nothing)
  }

  func send(_ frame: Span<UInt8>) throws(FrameError) {
    if let failure = memory.state.withLock({ $0.frameFailure }) { throw failure }
    if let claim = try? AddressClaim(parsing: frame) { return memory.note(.announce(claim)) }
    if let deed = Self.advertisement(in: frame) { memory.note(deed) }
  }

  /// An advertisement that leaves as a frame, with a virtual MAC address.
  private static func advertisement(in frame: Span<UInt8>) -> MachineInMemory.Deed? {
    guard let ethernet = try? EthernetFrame(parsing: frame) else { return nil }
    let packet = frame.extracting(ethernet.byteCount..<frame.count)
    guard let header = IPHeader(parsing: packet), let place = header.payload(in: packet),
      header.protocolNumber == Advertisement.protocolNumber,
      let advertisement = try? Advertisement(
        parsing: packet.extracting(place), from: header.source, to: header.destination,
        hopLimit: header.hopLimit)
    else { return nil }
    return .advertise(advertisement, to: header.destination)
  }

  @discardableResult
  func drain(limit: Int, handler: (Span<UInt8>) -> Void) throws(FrameError) -> Int {
    let frames = mailbox.take(limit).items
    for frame in frames { handler(frame.span) }
    return frames.count
  }
}

extension AddressClaim {
  /// The claim as a frame of the segment.
  func encodedFrame() -> [UInt8] {
    guard case .v4(let address) = address, form != .announcement else {
      return Announcement(self.address, at: mac).encodeFrame()
    }
    let packet = ARPPacket(
      operation: form == .reply ? .reply : .request, senderMAC: mac,
      senderAddress: form == .probe ? .any : address, targetMAC: MACAddress(rawValue: 0),
      targetAddress: form == .probe ? address : IPv4Address(198, 18, 0, 77))
    return [UInt8](capacity: 42) { output in
      EthernetFrame(destination: .broadcast, source: mac, etherType: .arp).encode(into: &output)
      packet.encode(into: &output)
    }
  }
}
