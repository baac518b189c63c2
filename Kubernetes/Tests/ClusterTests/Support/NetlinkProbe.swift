import Glibc
import VIPCore

/// A socket that asks the kernel for the addresses and the neighbours in a namespace.
///
/// It does not use the library under test: what that one overlooks must be seen.
final class NetlinkProbe: Sendable {
  private let socket: Int32

  /// Opens the socket in a namespace.
  init(namespace: String) throws {
    socket = try inside(namespace) {
      // AF_NETLINK, NETLINK_ROUTE
      let socket = Glibc.socket(16, Int32(SOCK_RAW.rawValue) | O_CLOEXEC, 0)
      guard socket >= 0 else {
        throw LabError("cannot open a netlink socket: \(String(cString: strerror(errno)))")
      }
      // The kernel answers at once, or something is wrong.
      var limit = timeval(tv_sec: 10, tv_usec: 0)
      setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
      return socket
    }
  }

  deinit { close(socket) }

  /// All addresses on all interfaces that a condition wants.
  func addresses(where isWanted: (IPAddress) -> Bool) throws -> Set<IPAddress> {
    var found: Set<IPAddress> = []
    // RTM_GETADDR; struct ifaddrmsg has 8 bytes; IFA_ADDRESS, and IFA_LOCAL where there is one.
    try dump(22) { message in
      for type in [2, 1] {
        guard let address = message.address(type, after: 8) else { continue }
        if isWanted(address) { found.insert(address) }
        break
      }
    }
    return found
  }

  /// The neighbours whose Ethernet address is known, of those that a condition wants.
  func neighbours(where isWanted: (IPAddress) -> Bool) throws -> [IPAddress: MACAddress] {
    var found: [IPAddress: MACAddress] = [:]
    // RTM_GETNEIGH; struct ndmsg has 12 bytes, the state at 8; NDA_DST, NDA_LLADDR.
    try dump(30) { message in
      // NUD_INCOMPLETE, NUD_FAILED
      guard message.uint16(at: 8) & 0x21 == 0, let address = message.address(1, after: 12),
        isWanted(address), let bytes = message.attribute(2, after: 12), bytes.count == 6
      else { return }
      found[address] = bytes.span.macAddress(at: 0)
    }
    return found
  }

  /// Asks for all objects of a kind, and hands over each message without its header.
  private func dump(_ type: UInt16, _ body: (NetlinkMessage) -> Void) throws {
    var request = [UInt8](repeating: 0, count: 20)
    request[0] = 20
    request[4] = UInt8(type)
    // NLM_F_REQUEST, NLM_F_DUMP
    request[6] = 0x01
    request[7] = 0x03
    guard send(socket, request, request.count, 0) == request.count else {
      throw LabError("cannot ask the kernel: \(String(cString: strerror(errno)))")
    }
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = recv(socket, &buffer, buffer.count, 0)
      guard count > 0 else {
        throw LabError("the kernel does not answer: \(String(cString: strerror(errno)))")
      }
      var rest = buffer[..<count]
      while let message = NetlinkMessage(takenFrom: &rest) {
        switch message.type {
        case 3: return  // NLMSG_DONE
        case 2: throw LabError("the kernel refuses a dump")  // NLMSG_ERROR
        default: body(message)
        }
      }
    }
  }
}

/// A message of the kernel, in the byte order of this machine, which is little-endian.
private struct NetlinkMessage {
  let type: UInt16
  /// Everything behind the header.
  let payload: ArraySlice<UInt8>

  /// Takes the first message, or nothing if there is none.
  init?(takenFrom bytes: inout ArraySlice<UInt8>) {
    guard bytes.count >= 16 else { return nil }
    let length = Int(Self.uint16(bytes, 0)) | Int(Self.uint16(bytes, 2)) << 16
    guard length >= 16, length <= bytes.count else { return nil }
    type = Self.uint16(bytes, 4)
    payload = bytes.dropFirst(16).prefix(length - 16)
    bytes = bytes.dropFirst((length + 3) & ~3)
  }

  /// The address in an attribute, after a fixed part that begins with its family.
  func address(_ wanted: Int, after fixed: Int) -> IPAddress? {
    guard let family = payload.first, let bytes = attribute(wanted, after: fixed) else {
      return nil
    }
    switch (Int32(family), bytes.count) {
    case (AF_INET, 4): return .v4(bytes.span.ipv4Address(at: 0))
    case (AF_INET6, 16): return .v6(bytes.span.ipv6Address(at: 0))
    default: return nil
    }
  }

  /// The value of an attribute.
  func attribute(_ wanted: Int, after fixed: Int) -> ArraySlice<UInt8>? {
    var rest = payload.dropFirst(fixed)
    while rest.count >= 4 {
      let length = Int(Self.uint16(rest, 0))
      guard length >= 4, length <= rest.count else { return nil }
      if Int(Self.uint16(rest, 2)) & 0x3FFF == wanted {
        return rest.dropFirst(4).prefix(length - 4)
      }
      rest = rest.dropFirst((length + 3) & ~3)
    }
    return nil
  }

  func uint16(at offset: Int) -> UInt16 { Self.uint16(payload, offset) }

  private static func uint16(_ bytes: ArraySlice<UInt8>, _ offset: Int) -> UInt16 {
    let index = bytes.startIndex + offset
    guard index + 1 < bytes.endIndex else { return 0 }
    return UInt16(bytes[index]) | UInt16(bytes[index + 1]) << 8
  }
}
