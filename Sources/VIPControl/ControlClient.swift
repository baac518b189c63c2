import CLinux
import Glibc
import VIP
import VIPCore

/// Asks a running node something over its control socket: one request, one reply.
public enum ControlClient {
  /// Sends a request and waits for the reply.
  ///
  /// Blocks the calling thread.
  ///
  /// - Parameters:
  ///   - request: one line of text, without the line feed.
  ///   - socketPath: ``RuntimeDirectory/socketPath(in:)``.
  ///   - timeout: how long to wait for the reply altogether.
  /// - Returns: the reply, without its line feed.
  /// - Throws: why there is no reply.
  public static func exchange(
    _ request: [UInt8], socketPath: String, timeout: Duration
  ) throws(ControlClientError) -> [UInt8] {
    let deadline = bootTime() + timeout
    let socket: Descriptor
    do throws(NodeError) {
      socket = try UnixSocket.open(nonBlocking: false)
    } catch {
      throw ControlClientError(.system, error.description)
    }
    limitWaiting(socket.raw, to: timeout)
    try connect(socket.raw, socketPath)
    try send(request + [UInt8(ascii: "\n")], to: socket.raw)
    return try receiveLine(from: socket.raw, until: deadline, socketPath)
  }

  /// Sends a request and hands over each line of the reply as it comes, until the node ends it or
  /// the reader has enough.
  ///
  /// Blocks the calling thread, for as long as nothing happens.
  ///
  /// - Parameters:
  ///   - request: one line of text, without the line feed.
  ///   - socketPath: ``RuntimeDirectory/socketPath(in:)``.
  ///   - line: takes a line, without its line feed; says whether to go on.
  /// - Throws: why there is no reply.
  public static func follow(
    _ request: [UInt8], socketPath: String, line: ([UInt8]) -> Bool
  ) throws(ControlClientError) {
    let socket: Descriptor
    do throws(NodeError) {
      socket = try UnixSocket.open(nonBlocking: false)
    } catch {
      throw ControlClientError(.system, error.description)
    }
    limitWaiting(socket.raw, to: followTimeout)
    try connect(socket.raw, socketPath)
    try send(request + [UInt8(ascii: "\n")], to: socket.raw)
    var rest: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = recv(socket.raw, &buffer, buffer.count, 0)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      rest += buffer[..<count]
      while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
        guard line(Array(rest[..<end])) else { return }
        rest.removeSubrange(...end)
      }
    }
  }

  /// Time that a node may take to accept a connection that follows its events.
  private static let followTimeout = Duration.seconds(5)

  /// Bounds the time for which connecting and sending block: a node that hangs accepts no
  /// connection.
  private static func limitWaiting(_ socket: Int32, to timeout: Duration) {
    _ = vip_limit_sending(socket, max(timeout.inNanoseconds / 1000, 1))
  }

  private static func connect(
    _ socket: Int32, _ path: String
  ) throws(ControlClientError) {
    guard let address = UnixAddress(path: path) else {
      throw ControlClientError(
        .pathTooLong,
        "the socket path \(path) is longer than \(UnixAddress.byteCountMax) bytes")
    }
    switch address.connect(socket) {
    case 0: try requireTrust(in: socket, path)
    case ENOENT, ECONNREFUSED, ENOTDIR:
      throw ControlClientError(.noNode, "no node runs here (nothing answers on \(path))")
    case EACCES, EPERM:
      throw ControlClientError(
        .notPermitted, "permission denied on \(path); only root and the node's own user may ask it")
    case EAGAIN, EINTR:
      throw ControlClientError(.timedOut, "the node accepts no connection")
    case let code:
      throw ControlClientError(.system, "connect to \(path): \(errorText(code))")
    }
  }

  /// Requires that the process that listens is root's, this user's, or that of the user to which
  /// root has given the runtime directory: what is asked may be a secret, and what is answered is
  /// believed.
  private static func requireTrust(
    in socket: Int32, _ path: String
  ) throws(ControlClientError) {
    guard let user = UnixSocket.peerUser(socket) else {
      throw ControlClientError(.system, "can't tell which process listens on \(path)")
    }
    let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    guard user != 0, user != geteuid(), !OwnFiles.isGiven(directory: directory, to: user) else {
      return
    }
    throw ControlClientError(
      .system,
      "user \(user) listens on \(path), and others may have put that there; nothing is asked of it")
  }

  private static func send(_ bytes: [UInt8], to socket: Int32) throws(ControlClientError) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        Glibc.send(
          socket, buffer.baseAddress?.advanced(by: sent), buffer.count - sent,
          Int32(MSG_NOSIGNAL))
      }
      if count < 0 {
        if errno == EINTR { continue }
        // The node may have refused us and said why: the reply tells. One that takes nothing does
        // not answer either.
        guard [EPIPE, ECONNRESET, EAGAIN].contains(errno) else {
          throw ControlClientError(.system, "send the request: \(errorText(errno))")
        }
        return
      }
      sent += count
    }
  }

  private static func receiveLine(
    from socket: Int32, until deadline: Instant, _ path: String
  ) throws(ControlClientError) -> [UInt8] {
    var line: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let left = deadline.nanoseconds(since: bootTime())
      guard left > 0 else { throw ControlClientError(.timedOut, "the node did not answer in time") }
      var descriptor = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
      let ready = poll(&descriptor, 1, Int32(clamping: left / 1_000_000 + 1))
      if ready <= 0 { continue }
      let count = recv(socket, &buffer, buffer.count, 0)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        throw ControlClientError(.noNode, "the node on \(path) ended without an answer")
      }
      if let end = buffer[..<count].firstIndex(of: UInt8(ascii: "\n")) {
        line += buffer[..<end]
        return line
      }
      line += buffer[..<count]
    }
  }
}

/// The reason why a node could not be asked.
public struct ControlClientError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kinds that a caller may want to tell apart.
  public enum Kind: Sendable, Hashable {
    /// No node runs on the runtime directory.
    case noNode
    /// The node belongs to another user.
    case notPermitted
    /// The node did not answer in time.
    case timedOut
    /// The path of the runtime directory is too long for a socket in it.
    case pathTooLong
    /// A system call failed.
    case system
  }

  /// The kind of the error.
  public let kind: Kind
  /// One line for people.
  public let description: String

  init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }
}
