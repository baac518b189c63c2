import CMNL
import Glibc
import VIPCore

/// The control server's thread: connections, their half-read requests and half-sent replies.
final class ControlSession {
  private struct Connection {
    let descriptor: Int32
    var request: [UInt8] = []
    /// Whether the request is complete and its answer being worked out.
    var isAnswering = false
    var reply: [UInt8] = []
    var sent = 0
    /// When the client has been waited for long enough; `nil` while we work.
    var deadline: Instant?

    var isOwedReply: Bool { isAnswering || !reply.isEmpty }
  }

  private let server: ControlServer
  private let listener: Int32
  private let wakeUp: Int32
  private let handler: ControlServer.Handler
  private var connections: [UInt64: Connection] = [:]
  private var lastID: UInt64 = 0
  private var buffer = [UInt8](repeating: 0, count: 65_536)

  init(
    server: ControlServer, listener: Int32, wakeUp: Int32,
    _ handler: @escaping ControlServer.Handler
  ) {
    self.server = server
    self.listener = listener
    self.wakeUp = wakeUp
    self.handler = handler
  }

  func run() {
    while !server.hasStopped || connections.values.contains(where: \.isOwedReply) {
      wait()
      collectReplies()
      closeOverdue()
    }
    for connection in connections.values { close(connection.descriptor) }
    close(listener)
    server.sessionEnded()
  }

  /// Waits for something to do and does it.
  private func wait() {
    var descriptors = [pollfd(fd: wakeUp, events: Int16(POLLIN), revents: 0)]
    let canAccept = connections.count < ControlServer.Bound.connections && !server.hasStopped
    // A negative descriptor is skipped: the others then wait in the kernel's queue.
    descriptors.append(pollfd(fd: canAccept ? listener : -1, events: Int16(POLLIN), revents: 0))
    let ids = Array(connections.keys)
    for id in ids {
      guard let connection = connections[id] else { continue }
      let wanted = connection.reply.isEmpty ? POLLIN : POLLOUT
      descriptors.append(
        pollfd(
          fd: connection.isAnswering ? -1 : connection.descriptor, events: Int16(wanted),
          revents: 0))
    }
    let timeout: Int32 = connections.isEmpty ? -1 : 1000
    guard poll(&descriptors, nfds_t(descriptors.count), timeout) > 0 else { return }
    if descriptors[0].revents != 0 {
      var value: UInt64 = 0
      _ = read(wakeUp, &value, 8)
    }
    for (index, id) in ids.enumerated() where descriptors[index + 2].revents != 0 {
      if connections[id]?.reply.isEmpty ?? true { receive(id) } else { send(id) }
    }
    if descriptors[1].revents != 0 { accept() }
  }

  private func accept() {
    let flags = Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let descriptor = vip_accept4(listener, nil, nil, flags)
    guard descriptor >= 0 else { return }
    guard let user = UnixSocket.peerUser(descriptor), user == 0 || user == geteuid() else {
      close(descriptor)
      return
    }
    lastID += 1
    connections[lastID] = Connection(
      descriptor: descriptor, deadline: bootTime() + ControlServer.Bound.patience)
  }

  private func receive(_ id: UInt64) {
    guard let descriptor = connections[id]?.descriptor else { return }
    let count = recv(descriptor, &buffer, buffer.count, 0)
    if count < 0, errno == EINTR || errno == EAGAIN { return }
    guard count > 0 else { return drop(id) }
    guard let end = buffer[..<count].firstIndex(of: UInt8(ascii: "\n")) else {
      connections[id]?.request += buffer[..<count]
      if connections[id]?.request.count ?? 0 > ControlServer.Bound.requestByteCount { drop(id) }
      return
    }
    var request = connections[id]?.request ?? []
    request += buffer[..<end]
    connections[id]?.request = []
    connections[id]?.isAnswering = true
    connections[id]?.deadline = nil
    Task { [server, handler] in
      let reply = await handler(request)
      server.deliver(reply + [UInt8(ascii: "\n")], to: id)
    }
  }

  private func collectReplies() {
    for (id, bytes) in server.takeReplies() where connections[id] != nil {
      connections[id]?.isAnswering = false
      connections[id]?.reply = bytes
      connections[id]?.deadline = bootTime() + ControlServer.Bound.patience
      send(id)
    }
  }

  private func send(_ id: UInt64) {
    guard let connection = connections[id] else { return }
    let count = connection.reply.withUnsafeBytes { bytes in
      Glibc.send(
        connection.descriptor, bytes.baseAddress?.advanced(by: connection.sent),
        bytes.count - connection.sent, Int32(MSG_NOSIGNAL))
    }
    if count < 0 {
      if errno != EINTR && errno != EAGAIN { drop(id) }
      return
    }
    connections[id]?.sent += count
    // One request, one reply: done.
    if connection.sent + count == connection.reply.count { drop(id) }
  }

  private func closeOverdue() {
    let now = bootTime()
    for (id, connection) in connections {
      if let deadline = connection.deadline, deadline <= now { drop(id) }
    }
  }

  private func drop(_ id: UInt64) {
    guard let connection = connections.removeValue(forKey: id) else { return }
    close(connection.descriptor)
  }
}
