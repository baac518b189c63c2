import Glibc
import VIPCore

/// The sockets of a ``Pinger``, opened in a namespace by the thread that uses them.
final class EchoProbe {
  private let out: Int32
  private let into: Int32
  private let target: IPAddress
  private let identifier = UInt16(truncatingIfNeeded: getpid())

  /// Moves the calling thread into the namespace, for good, and opens the sockets there.
  init(namespace: String, target: IPAddress) throws {
    try enterNamespace(namespace)
    self.target = target
    let isIPv4 = target.family == .ipv4
    // The reply also reaches the raw socket; a filter keeps it from queueing up there.
    let raw = Int32(SOCK_RAW.rawValue) | O_CLOEXEC | O_NONBLOCK
    out = socket(isIPv4 ? AF_INET : AF_INET6, raw, isIPv4 ? 1 : 58)
    let nothing = [UInt32](repeating: .max, count: isIPv4 ? 1 : 8)
    setsockopt(out, isIPv4 ? 255 : 58, 1, nothing, socklen_t(nothing.count * 4))

    let cooked = Int32(SOCK_DGRAM.rawValue) | O_CLOEXEC | O_NONBLOCK
    let etherType: UInt16 = isIPv4 ? 0x0800 : 0x86DD
    into = socket(17, cooked, Int32(etherType.bigEndian))
    guard out >= 0, into >= 0 else {
      throw LabError("cannot open raw sockets: \(String(cString: strerror(errno)))")
    }
    var link = LinkLayerAddress()
    link.protocolNumber = etherType.bigEndian
    link.interface = Int32(if_nametoindex("eth0"))
    let bound = withUnsafePointer(to: &link) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(into, $0, socklen_t(MemoryLayout<LinkLayerAddress>.size))
      }
    }
    guard bound == 0 else {
      throw LabError("cannot listen on eth0: \(String(cString: strerror(errno)))")
    }
    // From now on the kernel notes when packets come.
    _ = arrival
  }

  deinit {
    close(out)
    close(into)
  }

  /// Sends one echo request; that no machine can be reached is no error here.
  func send() {
    switch target {
    case .v4(let address):
      var message: [UInt8] = [8, 0, 0, 0, UInt8(identifier >> 8), UInt8(identifier & 0xFF), 0, 0]
      let sum = 0xFFFF - (UInt32(0x0800) + UInt32(identifier)) % 0xFFFF
      message[2] = UInt8(sum >> 8)
      message[3] = UInt8(sum & 0xFF)
      var to = sockaddr_in()
      to.sin_family = sa_family_t(AF_INET)
      to.sin_addr.s_addr = address.rawValue.bigEndian
      send(message, &to)
    case .v6(let address):
      // The kernel fills in the checksum of ICMPv6.
      let message: [UInt8] = [
        128, 0, 0, 0, UInt8(identifier >> 8), UInt8(identifier & 0xFF), 0, 0,
      ]
      var to = sockaddr_in6()
      to.sin6_family = sa_family_t(AF_INET6)
      withUnsafeMutableBytes(of: &to.sin6_addr) {
        $0.storeBytes(of: address.high.bigEndian, as: UInt64.self)
        $0.storeBytes(of: address.low.bigEndian, toByteOffset: 8, as: UInt64.self)
      }
      send(message, &to)
    }
  }

  private func send<Address>(_ message: [UInt8], _ to: inout Address) {
    _ = withUnsafePointer(to: &to) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(out, message, message.count, 0, $0, socklen_t(MemoryLayout<Address>.size))
      }
    }
  }

  /// Waits until a packet is there or the time is over.
  func wait(_ duration: Duration) {
    guard duration > .zero else { return }
    guard duration >= .milliseconds(1) else {
      // Less than poll(2) can count: short naps, for a reply may come meanwhile.
      pause(min(duration, .microseconds(200)))
      return
    }
    var one = pollfd(fd: into, events: Int16(POLLIN), revents: 0)
    poll(&one, 1, Int32(duration.milliseconds))
  }

  /// Takes packets until a reply to our requests is among them, and returns its sender, and when it
  /// came.
  func receive() -> PingReport.Answer? {
    var packet = [UInt8](repeating: 0, count: 256)
    var link = LinkLayerAddress()
    while true {
      var size = socklen_t(MemoryLayout<LinkLayerAddress>.size)
      let count = withUnsafeMutablePointer(to: &link) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          recvfrom(into, &packet, packet.count, 0, $0, &size)
        }
      }
      guard count > 0 else { return nil }
      if isReply(packet[..<min(count, packet.count)]) {
        return PingReport.Answer(at: arrival, mac: link.mac)
      }
    }
  }

  /// When the packet came that was taken last.
  private var arrival: Moment {
    var time = timespec()
    // SIOCGSTAMPNS
    guard ioctl(into, 0x8907, &time) == 0 else { return .now }
    return Moment(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  private func isReply(_ packet: ArraySlice<UInt8>) -> Bool {
    switch target {
    case .v4(let address):
      let header = Int(packet[0] & 0x0F) * 4
      return packet.count >= header + 8 && header >= 20 && packet[9] == 1
        && packet.span.ipv4Address(at: 12) == address
        && packet[header] == 0 && packet.span.uint16(at: header + 4) == identifier
    case .v6(let address):
      return packet.count >= 48 && packet[6] == 58
        && packet.span.ipv6Address(at: 8) == address
        && packet[40] == 129 && packet.span.uint16(at: 44) == identifier
    }
  }
}

/// `struct sockaddr_ll`, which Swift's view of the C library leaves out.
private struct LinkLayerAddress {
  var family: UInt16 = 17
  var protocolNumber: UInt16 = 0
  var interface: Int32 = 0
  var hardwareType: UInt16 = 0
  var packetType: UInt8 = 0
  var length: UInt8 = 0
  var bytes: (UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8) = (0, 0, 0, 0, 0, 0, 0, 0)

  var mac: MACAddress { MACAddress(bytes.0, bytes.1, bytes.2, bytes.3, bytes.4, bytes.5) }
}

/// Moves the calling thread into a network namespace.
func enterNamespace(_ name: String) throws {
  // Swift's view of the C library also leaves out setns(2).
  typealias SetNS = @convention(c) (Int32, Int32) -> Int32
  guard let symbol = dlsym(nil, "setns") else { throw LabError("no setns in the C library") }
  let file = open("/run/netns/\(name)", O_RDONLY | O_CLOEXEC)
  defer { close(file) }
  guard file >= 0, unsafeBitCast(symbol, to: SetNS.self)(file, 0x4000_0000) == 0 else {
    throw LabError("cannot enter \(name): \(String(cString: strerror(errno)))")
  }
}
