import Glibc
import VIP

/// The service manager that started the process, told by datagrams how it is getting on.
///
/// The protocol of sd_notify(3): lines of `KEY=value` to the socket named in `$NOTIFY_SOCKET`.
struct ServiceManager: Sendable {
  private let address: UnixAddress
  /// The period in which the manager wants a sign of life; `nil` if it does not ask for any.
  let watchdogPeriod: Duration?

  /// The manager of this process, if it has one that listens.
  static let ofThisProcess = ServiceManager(
    socket: TextOutput.environment("NOTIFY_SOCKET"),
    period: TextOutput.environment("WATCHDOG_USEC"), pid: TextOutput.environment("WATCHDOG_PID"))

  /// Reads the variables of a manager; `nil` if they name no socket.
  init?(socket: String?, period: String?, pid: String?) {
    guard let socket, let address = Self.address(socket) else { return nil }
    self.address = address
    let isMeant = pid.map { $0 == "\(getpid())" } ?? true
    let microseconds = period.flatMap { UInt32($0) } ?? 0
    watchdogPeriod = isMeant && microseconds > 0 ? .microseconds(Int64(microseconds)) : nil
  }

  /// The address in a variable: a path, or a name behind an at sign.
  private static func address(_ text: String) -> UnixAddress? {
    if text.hasPrefix("@") { return UnixAddress(abstract: String(text.dropFirst())) }
    return text.hasPrefix("/") && text.utf8.count > 1 ? UnixAddress(path: text) : nil
  }

  /// Says something; without a listener it is lost.
  func tell(_ lines: String) {
    let type = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = socket(AF_UNIX, type, 0)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    _ = address.send(Array(lines.utf8), over: descriptor)
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
