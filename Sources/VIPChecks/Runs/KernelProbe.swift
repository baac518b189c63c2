import Glibc
import Netlink
import VIP
import VIPCore

/// Asks the kernel for what checks look at there.
final class KernelProbe {
  private var kernel: NetlinkKernel?

  /// Makes one; it opens its sockets with the first question.
  init() {}

  /// The result of a question; one that can't be asked is no failure of what it is about.
  private func ask(_ question: (NetlinkKernel) throws(NetlinkError) -> CheckResult) -> CheckResult {
    do throws(NetlinkError) {
      if self.kernel == nil { self.kernel = try NetlinkKernel() }
      guard let kernel else { return .couldNotStart("there is no socket to ask the kernel with") }
      return try question(kernel)
    } catch {
      return .couldNotStart(error.description)
    }
  }

  /// Looks for an interface.
  func interface(_ name: String) -> CheckResult {
    ask { kernel throws(NetlinkError) in
      try kernel.link(named: name) == nil
        ? .failure("there is no interface \(name)") : .success("\(name) is there")
    }
  }

  /// Looks for a route.
  func route(_ route: Check.RouteSelector) -> CheckResult {
    ask { kernel throws(NetlinkError) in
      var index: Int32?
      if let name = route.interface {
        guard let link = try kernel.link(named: name) else {
          return .failure("there is no interface \(name)")
        }
        index = link.index
      }
      let isThere = try kernel.hasRoute(
        to: route.destination, prefixLength: route.prefixLength, interfaceIndex: index,
        table: route.table)
      return isThere ? .success("the route is there") : .failure("there is no route \(route)")
    }
  }

  /// The number of an interface; `nil` if there is none.
  func index(of interface: String) -> Int32? {
    var index: Int32?
    _ = ask { kernel throws(NetlinkError) in
      index = try kernel.link(named: interface)?.index
      return .success("")
    }
    return index
  }

  /// Whether the kernel knows that a machine answers on an interface.
  func isReachable(_ address: IPAddress, _ index: Int32) -> Bool {
    var isReachable = false
    _ = ask { kernel throws(NetlinkError) in
      isReachable = try kernel.neighbour(address, onInterface: index)?.isReachable ?? false
      return .success("")
    }
    return isReachable
  }
}

/// An echo request to a neighbour that waits for its answer.
///
/// A machine that does not answer echo requests is reachable too if the kernel knows so from ARP or
/// Neighbor Discovery, which the request has made it ask again.
struct EchoRun: CheckRun {
  /// The most packets that are read at a time.
  private static let readCountMax = 64

  private var socket: Int32
  private let address: IPAddress
  private let interface: String
  private let index: Int32
  private let identifier: UInt16
  private let number: UInt16
  private let end: Instant
  private let kernel: KernelProbe

  var isGone: Bool { socket < 0 }
  var polled: [pollfd] { [pollfd(fd: socket, events: Int16(POLLIN), revents: 0)] }
  var deadline: Instant { end }

  /// Sends a request.
  static func start(
    _ address: IPAddress, on interface: String, number: UInt16, limit: Duration,
    _ kernel: KernelProbe, at now: Instant
  ) -> CheckStart {
    guard let index = kernel.index(of: interface) else {
      return .over(.failure("there is no interface \(interface)"))
    }
    let isIPv4 = address.family == .ipv4
    let type = Int32(SOCK_RAW.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let socket = Glibc.socket(
      isIPv4 ? AF_INET : AF_INET6, type, Int32(isIPv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
    guard socket >= 0 else {
      return .over(.couldNotStart("there is no socket for echo requests: \(errorText(errno))"))
    }
    _ = interface.withCString {
      setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, $0, socklen_t(interface.utf8.count + 1))
    }
    let run = EchoRun(
      socket: socket, address: address, interface: interface, index: index,
      identifier: UInt16(truncatingIfNeeded: getpid()), number: number, end: now + limit,
      kernel: kernel)
    let request = run.request()
    // What can't be sent now may be known to the kernel as reachable or not all the same.
    _ = withSocketAddress(address, port: 0, scope: UInt32(bitPattern: index)) {
      sendto(socket, request, request.count, Int32(MSG_NOSIGNAL), $0, $1)
    }
    return .running(run)
  }

  private func request() -> [UInt8] {
    let type: UInt8 = address.family == .ipv4 ? 8 : 128
    var bytes: [UInt8] = [
      type, 0, 0, 0, UInt8(identifier >> 8), UInt8(identifier & 0xFF), UInt8(number >> 8),
      UInt8(number & 0xFF),
    ]
    // The kernel fills in that of ICMPv6, which has addresses in it.
    guard address.family == .ipv4 else { return bytes }
    var sum: UInt32 = 0
    for place in stride(from: 0, to: bytes.count, by: 2) {
      sum += UInt32(bytes[place]) << 8 | UInt32(bytes[place + 1])
    }
    while sum > 0xFFFF { sum = (sum & 0xFFFF) + (sum >> 16) }
    bytes[2] = UInt8(~sum >> 8 & 0xFF)
    bytes[3] = UInt8(~sum & 0xFF)
    return bytes
  }

  mutating func advance(to now: Instant, _ buffer: inout [UInt8]) -> CheckResult? {
    for _ in 0..<Self.readCountMax {
      guard let answer = receive(&buffer) else { break }
      if isAnswer(answer) {
        abandon()
        return .success("\(address) answers on \(interface)")
      }
    }
    guard end <= now else { return nil }
    abandon()
    if kernel.isReachable(address, index) {
      return .success("\(address) is reachable on \(interface), though it answers no echo request")
    }
    return .failure("\(address) does not answer on \(interface)")
  }

  /// The ICMP message of a packet; `nil` if no packet waits.
  private func receive(_ buffer: inout [UInt8]) -> ArraySlice<UInt8>? {
    var name = sockaddr_in6()
    var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
    let capacity = buffer.count
    let count = buffer.withUnsafeMutableBytes { bytes in
      withUnsafeMutablePointer(to: &name) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          recvfrom(socket, bytes.baseAddress, capacity, 0, $0, &length)
        }
      }
    }
    guard count >= 0 else { return nil }
    guard isSender(&name) else { return [] }
    let packet = buffer[..<count]
    guard address.family == .ipv4, let first = packet.first else { return packet }
    return packet.dropFirst(Int(first & 0x0F) * 4)
  }

  private func isSender(_ name: inout sockaddr_in6) -> Bool {
    withUnsafeBytes(of: &name) { bytes in
      switch address {
      case .v4(let v4):
        return UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
          == v4.rawValue
      case .v6(let v6):
        return UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)) == v6.high
          && UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)) == v6.low
      }
    }
  }

  private func isAnswer(_ message: ArraySlice<UInt8>) -> Bool {
    guard message.count >= 8 else { return false }
    let start = message.startIndex
    return message[start] == (address.family == .ipv4 ? 0 : 129)
      && UInt16(message[start + 4]) << 8 | UInt16(message[start + 5]) == identifier
      && UInt16(message[start + 6]) << 8 | UInt16(message[start + 7]) == number
  }

  mutating func abandon() {
    if socket >= 0 { close(socket) }
    socket = -1
  }
}
