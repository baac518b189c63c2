import ARP
import Netlink
import Synchronization
import VIP
import VIPCore
import VRRP

/// The part of a machine that the threads of a test and of its node share.
final class Memory: Sendable {
  struct State: Sendable {
    var time = Instant(nanoseconds: 1_000_000_000)
    var deeds: [MachineInMemory.Deed] = []
    var settings: [String: Int] = [:]
    var sendFailure: Int32 = 0
    var frameFailure: FrameError?
    var sockets: [SegmentKey: Mailbox<Packet>] = [:]
    var wires: [Int32: Mailbox<[UInt8]>] = [:]
  }

  let time: MachineInMemory.Time
  private let start = bootTime()
  let state = Mutex(State())
  /// Held while the kernel is used.
  private let kernelLock = Mutex(())
  private nonisolated(unsafe) let kernel: FakeKernel

  init(_ time: MachineInMemory.Time, _ links: [Link]) {
    self.time = time
    kernel = FakeKernel(links: links)
  }

  var now: Instant { time == .real ? bootTime() : state.withLock { $0.time } }

  /// Moves the clock; leases end.
  func setTime(_ time: Instant) {
    state.withLock { $0.time = time }
    withKernel { _ in }
  }

  /// Uses the kernel, whose time is the machine's.
  func withKernel<Result: Sendable>(_ body: (FakeKernel) throws -> Result) rethrows -> Result {
    let elapsed = time == .real ? now - start : now - .zero
    return try kernelLock.withLock { _ in
      // It looks at each address, which may be thousands.
      let past = elapsed - kernel.now
      if past >= (time == .real ? .milliseconds(10) : .nanoseconds(1)) { kernel.advance(by: past) }
      return try body(kernel)
    }
  }

  /// The kernel's descriptor, which stays the same.
  var monitorDescriptor: Int32 { kernel.monitorDescriptor }

  func note(_ deed: MachineInMemory.Deed) { state.withLock { $0.deeds.append(deed) } }

  // MARK: Sockets

  func openSocket(_ index: Int32, _ family: AddressFamily) throws(NodeError) -> Mailbox<Packet> {
    let mailbox = try Mailbox<Packet>()
    let key = SegmentKey(interfaceIndex: index, family: family)
    state.withLock { $0.sockets[key] = mailbox }
    return mailbox
  }

  func openWire(_ index: Int32) throws(NodeError) -> Mailbox<[UInt8]> {
    let mailbox = try Mailbox<[UInt8]>()
    state.withLock { $0.wires[index] = mailbox }
    return mailbox
  }

  /// The mailbox for a node's advertisements; `nil` if it does not receive any.
  func socket(_ index: Int32, _ family: AddressFamily) -> Mailbox<Packet>? {
    state.withLock { $0.sockets[SegmentKey(interfaceIndex: index, family: family)] }
  }

  /// The mailbox for a node's frames; `nil` if it does not receive any.
  func wire(_ index: Int32) -> Mailbox<[UInt8]>? { state.withLock { $0.wires[index] } }
}

/// A VRRP message with its header.
struct Packet: Sendable {
  let header: PacketHeader
  let bytes: [UInt8]
}

/// Items on their way to a node's thread.
final class Mailbox<Item: Sendable>: Sendable {
  private struct Content {
    var items: [Item] = []
    var isOpen = true
  }

  private let arrival: WakeUp
  private let content = Mutex(Content())

  init() throws(NodeError) { arrival = try WakeUp() }

  /// Readable while something waits.
  var descriptor: Int32 { arrival.descriptor }

  func put(_ item: Item) {
    content.withLock { content in
      guard content.isOpen else { return }
      content.items.append(item)
      arrival.wake()
    }
  }

  /// Takes in what comes from now on, or forgets it.
  func setOpen(_ isOpen: Bool) { content.withLock { $0.isOpen = isOpen } }

  /// Takes what waits, the oldest first.
  ///
  /// - Returns: at most a number of things, and whether there are more.
  func take(_ limit: Int) -> (items: [Item], hasMore: Bool) {
    content.withLock { content in
      let taken = Array(content.items.prefix(max(limit, 0)))
      content.items.removeFirst(taken.count)
      if content.items.isEmpty { arrival.clear() }
      return (taken, !content.items.isEmpty)
    }
  }
}
