import Glibc
import VIPCore

/// The requests of an ``Asker`` that are under way, in the namespace of the calling thread.
struct Asking: ~Copyable {
  /// How long a request may take; a lost packet is not waited for that long by a person either.
  private static let patience = Duration.seconds(1)
  private static let request = Array("GET / HTTP/1.0\r\n\r\n".utf8)

  private let target: IPAddress
  private let port: UInt16
  private var open: [Request] = []

  private struct Request {
    let socket: Int32
    let asked: Moment
    var isSent = false
    var received: [UInt8] = []
  }

  init(target: IPAddress, port: UInt16) {
    self.target = target
    self.port = port
  }

  deinit {
    for request in open { close(request.socket) }
  }

  /// Begins a request; that no machine can be reached is no error here.
  mutating func begin() {
    let family = target.family == .ipv4 ? AF_INET : AF_INET6
    let type = Int32(SOCK_STREAM.rawValue) | O_CLOEXEC | O_NONBLOCK
    let socket = Glibc.socket(family, type, 0)
    guard socket >= 0 else { return }
    let asked = Moment.now
    guard connect(socket) == 0 || errno == EINPROGRESS else {
      close(socket)
      return
    }
    open.append(Request(socket: socket, asked: asked))
  }

  /// Waits until something happens or the time is over, and returns the replies that are complete.
  mutating func turn(within limit: Duration) -> [AskReport.Reply] {
    var polled = open.map {
      pollfd(fd: $0.socket, events: Int16($0.isSent ? POLLIN : POLLOUT), revents: 0)
    }
    let wait = max(.zero, min(limit, .milliseconds(10)))
    poll(&polled, nfds_t(polled.count), Int32(wait.milliseconds.rounded(.up)))
    var replies: [AskReport.Reply] = []
    var left: [Request] = []
    let now = Moment.now
    for (entry, request) in zip(polled, open) {
      var request = request
      if entry.revents != 0, !advance(&request) {
        close(request.socket)
        if let reply = Self.reply(to: request, at: now) { replies.append(reply) }
      } else if now - request.asked > Self.patience {
        close(request.socket)
      } else {
        left.append(request)
      }
    }
    open = left
    return replies
  }

  /// Does what can be done at once; `false` when the request is over, for better or worse.
  private func advance(_ request: inout Request) -> Bool {
    guard request.isSent else {
      request.isSent = true
      // A connection that was refused says so here.
      return send(
        request.socket, Self.request, Self.request.count, Int32(MSG_NOSIGNAL))
        == Self.request.count
    }
    var buffer = [UInt8](repeating: 0, count: 1024)
    let count = recv(request.socket, &buffer, buffer.count, 0)
    guard count > 0 else { return count < 0 && errno == EAGAIN }
    request.received += buffer[..<count]
    return true
  }

  private static func reply(to request: Request, at moment: Moment) -> AskReport.Reply? {
    // By bytes: to a String the end of a header line, \r\n, is one character.
    let newline = UInt8(ascii: "\n")
    let lines = request.received.split(separator: newline)
    guard request.received.starts(with: Array("HTTP/1.0 200".utf8)),
      request.received.last == newline, let line = lines.last
    else { return nil }
    var values: [Substring: Substring] = [:]
    for pair in String(decoding: line, as: UTF8.self).split(separator: " ") {
      let parts = pair.split(separator: "=", maxSplits: 1)
      if parts.count == 2 { values[parts[0]] = parts[1] }
    }
    guard let node = values["node"], let client = values["client"] else { return nil }
    return AskReport.Reply(
      asked: request.asked, at: moment, node: String(node), client: String(client))
  }

  private func connect(_ socket: Int32) -> Int32 {
    switch target {
    case .v4(let address):
      var to = sockaddr_in()
      to.sin_family = sa_family_t(AF_INET)
      to.sin_port = port.bigEndian
      to.sin_addr.s_addr = address.rawValue.bigEndian
      return connect(socket, &to)
    case .v6(let address):
      var to = sockaddr_in6()
      to.sin6_family = sa_family_t(AF_INET6)
      to.sin6_port = port.bigEndian
      withUnsafeMutableBytes(of: &to.sin6_addr) {
        $0.storeBytes(of: address.high.bigEndian, as: UInt64.self)
        $0.storeBytes(of: address.low.bigEndian, toByteOffset: 8, as: UInt64.self)
      }
      return connect(socket, &to)
    }
  }

  private func connect<Address>(_ socket: Int32, _ to: inout Address) -> Int32 {
    withUnsafePointer(to: &to) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(socket, $0, socklen_t(MemoryLayout<Address>.size))
      }
    }
  }
}
