import Glibc
import VIP

/// The service manager that started the process, told by datagrams how it is getting on.
///
/// The protocol of sd_notify(3): lines of `KEY=value` to the socket named in `$NOTIFY_SOCKET`.
struct ServiceManager: Sendable {
  private let path: String
  /// How often the manager wants a sign of life; `nil` if it does not ask for any.
  let watchdogPeriod: Duration?

  /// The manager of this process, if it has one that listens.
  static let ofThisProcess = ServiceManager(
    socket: TextOutput.environment("NOTIFY_SOCKET"),
    period: TextOutput.environment("WATCHDOG_USEC"), pid: TextOutput.environment("WATCHDOG_PID"))

  /// Reads the variables of a manager; `nil` if they name no socket.
  init?(socket: String?, period: String?, pid: String?) {
    guard let socket, socket.hasPrefix("/") || socket.hasPrefix("@"),
      (2...Self.pathByteCountMax).contains(socket.utf8.count)
    else { return nil }
    path = socket
    let isMeant = pid.map { $0 == "\(getpid())" } ?? true
    let microseconds = period.flatMap { UInt32($0) } ?? 0
    watchdogPeriod = isMeant && microseconds > 0 ? .microseconds(Int64(microseconds)) : nil
  }

  private static let pathByteCountMax = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

  /// Says something; what nobody hears is lost.
  func tell(_ lines: String) {
    let type = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = socket(AF_UNIX, type, 0)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    var bytes = Array(path.utf8)
    // A socket without a file has a zero in place of the first character.
    if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
    let message = Array(lines.utf8)
    _ = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(descriptor, message, message.count, Int32(MSG_NOSIGNAL), $0, length)
      }
    }
  }

  /// Gives signs of life for as long as the node's loop turns.
  ///
  /// Each one has gone through the loop: if it hangs, the manager notices.
  func feedWatchdog(of node: Node) -> Task<Void, Never>? {
    guard let watchdogPeriod else { return nil }
    return Task.detached {
      while !Task.isCancelled {
        _ = await node.routerNames
        tell("WATCHDOG=1")
        try? await Task.sleep(for: watchdogPeriod / 3)
      }
    }
  }
}
