import CLinux
import Glibc
import Netlink
import VIPCore

/// Sends IP packets of an interface in frames, past the routes and neighbours of the kernel.
///
/// A packet leaves this way if the IP socket refuses it for a reason that does not concern the
/// link: the source address has just been taken from the interface, or the machine-wide table of
/// neighbours has no room for the group's entry.
final class FrameSocket {
  private let socket: Int32
  private let interfaceIndex: Int32

  /// Opens the socket for an interface; nothing is received on it.
  init(_ link: Link) throws(NodeError) {
    socket = vip_packet_socket()
    guard socket >= 0 else { throw .system(errno, "open a packet socket for \(link.name)") }
    interfaceIndex = link.index
  }

  deinit {
    // The kernel takes milliseconds to close a packet socket, in which fast routers would be late.
    let socket = socket
    Task.detached { _ = close(socket) }
  }

  /// Whether what an IP socket refuses with an error may leave in a frame: not what a firewall
  /// forbids, and not what the link can't carry.
  static func helps(against code: Int32) -> Bool {
    switch code {
    case EPERM, EACCES, ENETDOWN, ENODEV, ENXIO, EMSGSIZE, EBADF: false
    default: true
    }
  }

  /// Sends an advertisement.
  ///
  /// - Returns: 0, or the error number.
  func send(_ message: [UInt8], from source: IPAddress, to destination: IPAddress) -> Int32 {
    let packet = AdvertisementPacket.encoded(message, from: source, to: destination)
    let mac = AdvertisementFrame.destination(of: destination)
    let address = (0..<6).map { UInt8(truncatingIfNeeded: mac.rawValue >> UInt64(40 - 8 * $0)) }
    return vip_send_packet(socket, interfaceIndex, address, packet, packet.count)
  }
}
