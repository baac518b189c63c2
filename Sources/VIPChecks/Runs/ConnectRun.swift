import Glibc
import VIP
import VIPCore

/// A TCP connection that is being made.
struct ConnectRun: CheckRun {
  private var socket: Int32
  private let end: Instant
  private let limit: Duration
  private let target: String

  var isGone: Bool { socket < 0 }

  /// Begins to connect.
  static func start(
    _ address: IPAddress, _ port: UInt16, limit: Duration, at now: Instant
  ) -> CheckStart {
    let target = Check.text(address, port)
    let family = address.family == .ipv4 ? AF_INET : AF_INET6
    let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let socket = Glibc.socket(family, type, 0)
    guard socket >= 0 else {
      return .over(.couldNotStart("there is no socket: \(errorText(errno))"))
    }
    // It ends with a reset, so that thousands of checks leave no port behind in TIME_WAIT.
    var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
    setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    let result = withSocketAddress(address, port: port) { connect(socket, $0, $1) }
    if result == 0 {
      close(socket)
      return .over(.success("\(target) accepts connections"))
    }
    guard errno == EINPROGRESS else {
      let code = errno
      close(socket)
      return .over(failure(target, code))
    }
    return .running(ConnectRun(socket: socket, end: now + limit, limit: limit, target: target))
  }

  var polled: [pollfd] { [pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)] }
  var deadline: Instant { end }

  mutating func advance(to now: Instant, _ buffer: inout [UInt8]) -> CheckResult? {
    var state = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
    guard poll(&state, 1, 0) > 0 else {
      guard end <= now else { return nil }
      abandon()
      return .timedOut(after: limit)
    }
    var code: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    if getsockopt(socket, SOL_SOCKET, SO_ERROR, &code, &length) != 0 { code = errno }
    abandon()
    return code == 0 ? .success("\(target) accepts connections") : failure(target, code)
  }

  mutating func abandon() {
    if socket >= 0 { close(socket) }
    socket = -1
  }
}
