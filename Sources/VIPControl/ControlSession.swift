import CLinux
import Glibc
import VIP
import VIPCore

/// The control server's thread: connections, their half-read requests and half-sent replies.
final class ControlSession {
  private struct Connection {
    let descriptor: Int32
    var request: [UInt8] = []
    /// Number of bytes of the request; counts until the answer is there.
    var requestByteCount = 0
    /// Whether the request is complete and its answer being worked out.
    var isAnswering = false
    var reply: [UInt8] = []
    var sent = 0
    /// The time when the client has been waited for long enough; `nil` while we work.
    var deadline: Instant?
    /// The time since which we work on the answer.
    var answeringSince = Instant.zero
    /// The task that writes a stream for it.
    var stream: Task<Void, Never>?
    /// The task that works out its answer.
    var work: Task<Void, Never>?

    /// A stream has no end of its own: its connection is owed only what has been written for it.
    var isOwedReply: Bool { isAnswering && stream == nil || !reply.isEmpty }

    /// Whether its answer takes its time, such as that of an `up`: it then takes no place of those
    /// that ask for something short.
    func isLong(at now: Instant) -> Bool {
      isAnswering && stream == nil && answeringSince + ControlServer.Bound.shortAnswer <= now
    }
  }

  private let server: ControlServer
  private var listener: Int32
  private let handler: ControlServer.PeerHandler
  private let stream: ControlServer.StreamHandler
  private var connections: [UInt64: Connection] = [:]
  private var lastID: UInt64 = 0
  /// The time to accept again after the process ran out of descriptors.
  private var acceptsFrom = Instant.zero
  private var isHurrying = false
  private var buffer = [UInt8](repeating: 0, count: 65_536)

  init(
    server: ControlServer, listener: Int32,
    _ handler: @escaping ControlServer.PeerHandler, _ stream: @escaping ControlServer.StreamHandler
  ) {
    self.server = server
    self.listener = listener
    self.handler = handler
    self.stream = stream
  }

  func run() {
    while !server.hasStopped || connections.values.contains(where: \.isOwedReply) {
      wait()
      changeListener()
      collectReplies()
      if server.hasStopped { hurry() }
      closeOverdue()
    }
    for id in connections.keys { drop(id) }
    changeListener()
    close(listener)
    server.sessionEnded()
  }

  /// Goes over to another socket if there is one, since the file of this one is gone.
  private func changeListener() {
    guard let next = server.takeListener() else { return }
    if !server.hasStopped { acceptWaiting() }
    close(listener)
    listener = next
  }

  private var isFull: Bool {
    guard connections.count >= ControlServer.Bound.connections else { return false }
    let now = bootTime()
    return connections.values.count { !$0.isLong(at: now) } >= ControlServer.Bound.connections
  }

  /// Waits for something to do and does it.
  private func wait() {
    var descriptors = [pollfd(fd: server.wakeUp.descriptor, events: Int16(POLLIN), revents: 0)]
    let isPausing = bootTime() < acceptsFrom
    let canAccept = !server.hasStopped && !isPausing && (!isFull || hasOverdueWhenFull)
    // A negative descriptor is skipped: the others then wait in the kernel's queue.
    descriptors.append(pollfd(fd: canAccept ? listener : -1, events: Int16(POLLIN), revents: 0))
    let ids = Array(connections.keys)
    for id in ids {
      guard let connection = connections[id] else { continue }
      // A client that is about to be answered has nothing more to say, but may be gone, which is
      // always told.
      let wanted =
        connection.isAnswering && connection.stream == nil
        ? 0 : connection.reply.isEmpty ? POLLIN : POLLOUT
      descriptors.append(
        pollfd(fd: connection.descriptor, events: Int16(wanted), revents: 0))
    }
    let timeout: Int32 = isFull || isPausing ? 100 : connections.isEmpty ? -1 : 1000
    guard poll(&descriptors, nfds_t(descriptors.count), timeout) > 0 else { return }
    if descriptors[0].revents != 0 { server.wakeUp.clear() }
    for (index, id) in ids.enumerated() where descriptors[index + 2].revents != 0 {
      guard let connection = connections[id] else { continue }
      if connection.isAnswering, connection.stream == nil {
        drop(id)
      } else if connection.reply.isEmpty {
        receive(id)
      } else {
        send(id)
      }
    }
    if descriptors[1].revents != 0 { acceptWaiting() }
  }

  /// Accepts connections as far as there is room.
  private func acceptWaiting() {
    let flags = Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    for _ in 0..<ControlServer.Bound.connections {
      if isFull {
        guard let id = overdueWhenFull else { return }
        drop(id)
      }
      limitLongAnswers()
      let descriptor = vip_accept4(listener, nil, nil, flags)
      guard descriptor >= 0 else {
        // A client that waits stays in the queue, and the listener readable: looking again at once
        // would only burn the processor.
        if [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errno) {
          acceptsFrom = bootTime() + ControlServer.Bound.pauseWithoutDescriptors
        }
        return
      }
      guard let user = UnixSocket.peerUser(descriptor), user == 0 || user == geteuid() else {
        close(descriptor)
        continue
      }
      lastID += 1
      connections[lastID] = Connection(
        descriptor: descriptor, deadline: bootTime() + ControlServer.Bound.patience)
    }
  }

  /// Gives up the one that has been answered for the longest if too many take their time.
  private func limitLongAnswers() {
    guard connections.count >= ControlServer.Bound.longAnswers else { return }
    let now = bootTime()
    let long = connections.filter { $0.value.isLong(at: now) }
    guard long.count >= ControlServer.Bound.longAnswers else { return }
    let oldest = long.min { $0.value.answeringSince < $1.value.answeringSince }
    if let oldest { drop(oldest.key) }
  }

  /// The client that has been waited for the longest, if it is time to give its place to another.
  private var overdueWhenFull: UInt64? {
    let slowest = connections.min {
      ($0.value.deadline ?? Instant(nanoseconds: .max))
        < ($1.value.deadline ?? Instant(nanoseconds: .max))
    }
    let grace = ControlServer.Bound.patience - ControlServer.Bound.patienceWhenFull
    guard let slowest, let deadline = slowest.value.deadline, deadline <= bootTime() + grace else {
      return nil
    }
    return slowest.key
  }

  private var hasOverdueWhenFull: Bool { overdueWhenFull != nil }

  private func receive(_ id: UInt64) {
    guard let descriptor = connections[id]?.descriptor else { return }
    let count = recv(descriptor, &buffer, buffer.count, 0)
    if count < 0, errno == EINTR || errno == EAGAIN { return }
    guard count > 0 else { return drop(id) }
    // A client that follows a stream has nothing more to say.
    guard connections[id]?.stream == nil else { return }
    let end = buffer[..<count].firstIndex(of: UInt8(ascii: "\n"))
    connections[id]?.request += buffer[..<(end ?? count)]
    let byteCount = connections[id]?.request.count ?? 0
    connections[id]?.requestByteCount = byteCount
    guard byteCount <= ControlServer.Bound.requestByteCount else { return answer([], to: id) }
    makeRoom()
    guard end != nil, let request = connections[id]?.request else { return }
    answer(request, to: id)
  }

  /// Gives up the largest half-read request if all together are too much.
  private func makeRoom() {
    let sum = connections.values.reduce(0) { $0 + $1.requestByteCount }
    guard sum > ControlServer.Bound.pendingByteCount else { return }
    let largest = connections.filter { !$0.value.isAnswering }
      .max { $0.value.requestByteCount < $1.value.requestByteCount }
    if let largest { drop(largest.key) }
  }

  private func answer(_ request: [UInt8], to id: UInt64) {
    connections[id]?.request = []
    connections[id]?.isAnswering = true
    connections[id]?.answeringSince = bootTime()
    connections[id]?.deadline = nil
    let streams = connections.values.count { $0.stream != nil }
    if streams < ControlServer.Bound.streams, let lines = stream(request) {
      connections[id]?.requestByteCount = 0
      connections[id]?.stream = Task { [server] in
        for await line in lines {
          server.deliver(line + [UInt8(ascii: "\n")], to: id, isPart: true)
        }
        server.deliver([], to: id)
      }
      return
    }
    let peer = connections[id].flatMap { ControlPeer($0.descriptor) }
    connections[id]?.work = Task { [server, handler] in
      let reply = await handler(request, peer)
      server.deliver(reply + [UInt8(ascii: "\n")], to: id)
    }
  }

  private func collectReplies() {
    for delivery in server.takeReplies() {
      let id = delivery.connection
      guard let connection = connections[id] else { continue }
      if !delivery.isPart {
        connections[id]?.isAnswering = false
        connections[id]?.requestByteCount = 0
        connections[id]?.stream = nil
        connections[id]?.work = nil
      }
      // A client that does not read its stream has had it.
      let waiting = connection.reply.count - connection.sent
      guard connection.stream == nil || waiting <= ControlServer.Bound.streamByteCount else {
        drop(id)
        continue
      }
      connections[id]?.reply += delivery.bytes
      if connection.deadline == nil {
        let patience =
          isHurrying ? ControlServer.Bound.lastPatience : ControlServer.Bound.patience
        connections[id]?.deadline = bootTime() + patience
      }
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
    guard connection.sent + count == connection.reply.count else { return }
    // One request, one reply: done, unless more of a stream follows.
    guard connection.stream != nil else { return drop(id) }
    connections[id]?.reply.removeAll(keepingCapacity: true)
    connections[id]?.sent = 0
    connections[id]?.deadline = nil
  }

  /// Gives all that are waited for a last moment, once.
  private func hurry() {
    guard !isHurrying else { return }
    isHurrying = true
    let end = bootTime() + ControlServer.Bound.lastPatience
    for (id, connection) in connections {
      // Whose answer is being worked out is not waited for.
      if let deadline = connection.deadline { connections[id]?.deadline = min(deadline, end) }
    }
  }

  private func closeOverdue() {
    let now = bootTime()
    for (id, connection) in connections {
      if let deadline = connection.deadline, deadline <= now { drop(id) }
    }
  }

  private func drop(_ id: UInt64) {
    guard let connection = connections.removeValue(forKey: id) else { return }
    connection.stream?.cancel()
    // What has begun goes on; there is no client to wait for the rest.
    connection.work?.cancel()
    close(connection.descriptor)
  }
}
