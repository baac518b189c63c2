import Glibc
public import VIPCore

/// The addresses and interfaces of the network namespace it was made in.
///
/// Two netlink sockets: one for requests, whose answers come within the call, and one for reports
/// of changes. Requests about addresses go out many at a time; each is acknowledged by itself.
/// Changing addresses needs the capability CAP_NET_ADMIN, reading does not.
public final class NetlinkKernel: Kernel {
  /// The requests that share one send; also the width of the set of those still unanswered.
  ///
  /// The answers, which the kernel queues before the send returns, fit the default receive buffer
  /// four times.
  static let batchLimit = UInt64.bitWidth
  /// Number of times that a list is read again that changed meanwhile.
  static let dumpAttempts = 10

  let commands: NetlinkSocket
  private let monitor: NetlinkSocket
  var sequence: UInt32 = 0
  var outgoing: [UInt8] = []
  // The kernel fills at most 32 KiB at a time, and offers as much as the buffer has room for.
  private var incoming = [UInt8](repeating: 0, count: 64 << 10)
  private var reported = [UInt8](repeating: 0, count: 32 << 10)
  /// A conversation broke off; what comes first may belong to it.
  var hasStaleReplies = false
  var checksSourcesByRoute = false
  /// The time until which addresses are not waited for, since some did not come in time.
  var noWaitBefore: ContinuousClock.Instant?

  /// Opens both sockets in the network namespace of the calling thread.
  ///
  /// They stay in that namespace, also when a thread in another one uses them.
  public convenience init() throws(NetlinkError) {
    // A report takes about a kilobyte in the queue. This holds those about 5,000 addresses changed
    // at once; memory is taken only as reports wait. The kernel doubles the number.
    try self.init(monitorBufferByteCount: 8 << 20)
  }

  /// Opens both sockets, with a queue for reports of a given size.
  /// - Parameter monitorBufferByteCount: How much the kernel may queue before it drops reports,
  ///   which `KernelEvent.overflow` then tells. Without CAP_NET_ADMIN the system's limit
  ///   (net.core.rmem_max) applies.
  /// - Throws: EMFILE or what else keeps the process from opening sockets.
  public init(monitorBufferByteCount: Int) throws(NetlinkError) {
    commands = try NetlinkSocket()
    commands.enableModernReplies()
    // Answers are queued by the time a send returns. The limit only keeps a lost one from stopping
    // the process without end.
    commands.setReceiveTimeout(seconds: 2)
    // RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_NETCONF and
    // _IPV6_NETCONF
    monitor = try NetlinkSocket(groups: 1 << 0 | 1 << 4 | 1 << 8 | 1 << 23 | 1 << 24)
    monitor.setReceiveBufferSize(monitorBufferByteCount)
    outgoing.reserveCapacity(Self.batchLimit * AddressMessage.maximumByteCount)
  }

  /// Lists all interfaces.
  ///
  /// Equivalent to: `ip link show`
  /// - Throws: EAGAIN if the list kept changing while it was read, ten times in a row.
  public func links() throws(NetlinkError) -> [Link] {
    try dump("list the links", encode: LinkMessage.encodeDump) { message, bytes in
      message.type == MessageType.newLink ? Link(message, in: bytes) : nil
    }
  }

  /// The interface with a number, as it is now; `nil` if there is none.
  ///
  /// Equivalent to: `ip link show dev IF`
  public func link(_ index: Int32) throws(NetlinkError) -> Link? {
    try query("read interface \(index)", index: index, name: nil)
  }

  /// The interface with a name, as it is now; `nil` if there is none.
  ///
  /// Equivalent to: `ip link show dev IF`
  public func link(named name: String) throws(NetlinkError) -> Link? {
    try query("read interface \(name)", index: 0, name: name)
  }

  private func query(
    _ operation: String, index: Int32, name: String?
  ) throws(NetlinkError) -> Link? {
    do throws(NetlinkError) {
      return try dump(operation) { output, sequence in
        LinkMessage.encodeQuery(index: index, name: name, into: &output, sequence: sequence)
      } decode: { message, bytes in
        message.type == MessageType.newLink ? Link(message, in: bytes) : nil
      }.first
    } catch {
      if error.isNotThere { return nil }
      throw error
    }
  }

  /// Makes, changes and removes interfaces, in order; to delete what is not there is no error.
  public func change(_ requests: [LinkRequest]) -> [NetlinkError?] {
    var results = [NetlinkError?](repeating: nil, count: requests.count)
    for (place, request) in requests.enumerated() {
      discardStaleReplies()
      sequence &+= 1
      outgoing = LinkRequestMessage(request).encoded(sequence: sequence)
      collectReplies(first: sequence, count: 1) { _, reply in
        let error = request.refused(reply.code, reply.message, reply.offset)
        if case .delete = request, error.isNotThere { return }
        results[place] = error
      }
    }
    return results
  }

  /// Lists the IPv4 and IPv6 addresses of all interfaces.
  ///
  /// Equivalent to: `ip address show`
  /// - Throws: EAGAIN if the list kept changing while it was read, ten times in a row.
  public func addresses() throws(NetlinkError) -> [AddressRecord] {
    try addresses(family: FamilyNumber.unspecified, interfaceIndex: 0)
  }

  /// Lists the addresses that one interface has of one family.
  ///
  /// The kernel picks them, which is cheaper than `addresses()` where there are many.
  ///
  /// Equivalent to: `ip -4 address show dev IF`
  /// - Throws: ENODEV if there is no such interface.
  public func addresses(
    _ family: AddressFamily, onInterface index: Int32
  ) throws(NetlinkError) -> [AddressRecord] {
    try addresses(
      family: family == .ipv4 ? FamilyNumber.ipv4 : FamilyNumber.ipv6, interfaceIndex: index)
  }

  /// Puts addresses on interfaces, or refreshes the lifetime of those that are there.
  ///
  /// One system call sends up to 64 requests; the kernel treats each by itself, in order. The call
  /// returns when all are answered. What a request costs the kernel grows with the addresses that
  /// are there: in IPv4 slowly, in IPv6 by about half a microsecond for each while the interface is
  /// up, also for a refresh, and a twelfth of that while it is down. Who has thousands of them
  /// passes them in slices and does other work in between.
  ///
  /// Equivalent to: `ip address replace ADDRESS dev IF proto 112 valid_lft SECONDS`, for IPv6 with
  /// `preferred_lft 0 nodad noprefixroute`
  public func install(_ requests: [AddressRequest]) -> [NetlinkError?] {
    if requests.contains(where: { $0.isDormant && $0.address.family == .ipv4 }) {
      return installDormant(requests)
    }
    return perform(requests, message: AddressMessage.install) { request, reply in
      .adding(request, code: reply.code, message: reply.message, offset: reply.offset)
    }
  }

  /// Takes addresses from interfaces; one that is not there is no error.
  ///
  /// Equivalent to: `ip address delete ADDRESS dev IF`
  public func remove(_ requests: [AddressRequest]) -> [NetlinkError?] {
    perform(requests, message: AddressMessage.remove) { request, reply in
      let error = NetlinkError.removing(
        request, code: reply.code, message: reply.message, offset: reply.offset)
      return error.isNotThere ? nil : error
    }
  }

  /// A descriptor that polls as readable while events wait.
  public var monitorDescriptor: Int32 { monitor.descriptor }

  /// Hands over the events that wait, and returns without waiting for more.
  public func drainEvents(
    limit: Int, _ handler: (KernelEvent) -> Void
  ) throws(NetlinkError) {
    for _ in 0..<max(0, limit) {
      switch monitor.receive(into: &reported, wait: false) {
      case .datagram(let count):
        // Read completely before the handler runs, which may call back into this object.
        for event in Self.events(in: reported.span.extracting(first: count)) { handler(event) }
      case .foreign:
        continue
      case .failed(EAGAIN):
        return
      case .failed(ENOBUFS), .failed(EMSGSIZE):
        handler(.overflow)
      case .failed(let code):
        throw NetlinkError(operation: "read reports of changes", code: code)
      }
    }
  }

  /// The events of one datagram.
  static func events(in bytes: Span<UInt8>) -> [KernelEvent] {
    var events: [KernelEvent] = []
    var position = 0
    while let message = Message.next(in: bytes, from: &position) {
      if let event = KernelEvent(message, in: bytes) { events.append(event) }
    }
    return events
  }
}

// MARK: - Requests about addresses

extension NetlinkKernel {
  /// Sends requests in batches and collects the result of each.
  private func perform(
    _ requests: [AddressRequest], message: (AddressRequest) -> AddressMessage,
    error: (AddressRequest, Reply) -> NetlinkError?
  ) -> [NetlinkError?] {
    var results = [NetlinkError?](repeating: nil, count: requests.count)
    var start = 0
    while start < requests.count {
      let batch = start..<min(start + Self.batchLimit, requests.count)
      discardStaleReplies()
      let first = sequence &+ 1
      sequence &+= UInt32(batch.count)

      outgoing.removeAll(keepingCapacity: true)
      outgoing.append(addingCapacity: batch.count * AddressMessage.maximumByteCount) { output in
        for index in batch {
          message(requests[index]).encode(
            into: &output, sequence: first &+ UInt32(index - start))
        }
      }
      collectReplies(first: first, count: batch.count) { index, reply in
        results[start + index] = error(requests[start + index], reply)
      }
      start = batch.upperBound
    }
    return results
  }

  /// Sends what is encoded, and tells which of its messages failed; `unused` has a bit for each
  /// number that no message has.
  func collectReplies(
    first: UInt32, count: Int, without unused: UInt64 = 0, failed: (Int, Reply) -> Void
  ) {
    var pending = PendingReplies(first: first, count: count, without: unused)
    let code = commands.send(outgoing)
    guard code == 0 else { return pending.abandon(code: code, failed: failed) }
    while !pending.isEmpty {
      switch commands.receive(into: &incoming, wait: true) {
      case .datagram(let length):
        pending.read(incoming.span.extracting(first: length), failed: failed)
      case .foreign:
        continue
      case .failed(let code):
        hasStaleReplies = true
        return pending.abandon(code: code == EAGAIN ? ETIMEDOUT : code, failed: failed)
      }
    }
  }

  /// Throws away what is left of a conversation that broke off.
  ///
  /// Sequence numbers would tell it apart anyway; but it fills the queue, and the kernel refuses a
  /// dump while another one is unfinished.
  func discardStaleReplies() {
    guard hasStaleReplies else { return }
    hasStaleReplies = false
    // Each datagram read makes room for the next one of an unfinished dump.
    for _ in 0..<10_000 {
      if case .failed(EAGAIN) = commands.receive(into: &incoming, wait: false) { return }
    }
  }
}

// MARK: - Lists

extension NetlinkKernel {
  private func addresses(
    family: UInt8, interfaceIndex: Int32
  ) throws(NetlinkError) -> [AddressRecord] {
    let list = try dump("list the addresses") { output, sequence in
      AddressMessage.encodeDump(
        family: family, interfaceIndex: interfaceIndex, into: &output, sequence: sequence)
    } decode: { message, bytes in
      message.type == MessageType.newAddress ? AddressRecord(message, in: bytes) : nil
    }
    // Linux puts a new IPv6 address before the others, and takes note of the change only later, on
    // a work queue. A list that is read in between repeats an address where one of its parts ends
    // and is not marked as interrupted. Without the repetition it is what was true before.
    var seen: Set<Identity> = []
    seen.reserveCapacity(list.count)
    return list.filter { record in
      // Kernels without strict checking send the addresses of all interfaces.
      (interfaceIndex == 0 || record.interfaceIndex == interfaceIndex)
        && seen.insert(Identity(record)).inserted
    }
  }

  /// Properties that no two addresses have in common.
  private struct Identity: Hashable {
    let interfaceIndex: Int32
    let address: InterfaceAddress
    let peer: IPAddress?

    init(_ record: AddressRecord) {
      interfaceIndex = record.interfaceIndex
      address = record.address
      peer = record.peer
    }
  }

  /// Reads a list, again if it changed meanwhile.
  func dump<Element>(
    _ operation: String, encode: (inout OutputSpan<UInt8>, UInt32) -> Void,
    decode: (Message, Span<UInt8>) -> Element?
  ) throws(NetlinkError) -> [Element] {
    for _ in 0..<Self.dumpAttempts {
      discardStaleReplies()
      sequence &+= 1
      outgoing.removeAll(keepingCapacity: true)
      outgoing.append(addingCapacity: 64) { encode(&$0, sequence) }
      let code = commands.send(outgoing)
      guard code == 0 else { throw NetlinkError(operation: operation, code: code) }
      if let list = try readDump(operation, decode) { return list }
    }
    throw NetlinkError(
      operation: operation, code: EAGAIN, message: "the list kept changing while it was read")
  }

  /// Reads the parts of a list up to its end; `nil` if the kernel says that they do not fit
  /// together.
  private func readDump<Element>(
    _ operation: String, _ decode: (Message, Span<UInt8>) -> Element?
  ) throws(NetlinkError) -> [Element]? {
    var reader = DumpReader<Element>(sequence: sequence)
    while true {
      switch commands.receive(into: &incoming, wait: true) {
      case .datagram(let length):
        let end = reader.read(incoming.span.extracting(first: length), decode: decode)
        guard let end else { continue }
        guard end.code == 0 else {
          throw NetlinkError(
            operation: operation, code: end.code, message: end.message, offset: end.offset)
        }
        return reader.isConsistent ? reader.list : nil
      case .foreign:
        continue
      case .failed(let code):
        hasStaleReplies = true
        throw NetlinkError(operation: operation, code: code == EAGAIN ? ETIMEDOUT : code)
      }
    }
  }
}
