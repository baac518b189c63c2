import CLinux
import Glibc
import Synchronization
public import VIP

/// Lets other processes of this machine ask a node: a Unix socket, one line per request and reply.
///
/// Runs on a thread of its own, so that no client, however slow or hostile, can hold up an
/// election: it only ever costs that thread. Requests and replies are lines, whose form is left to
/// the handler; connections, line lengths and waiting times are bounded.
public final class ControlServer: Sendable {
  /// Answers one request; called concurrently for different connections.
  ///
  /// A request that is too long comes as an empty one. The task is cancelled when the client is
  /// gone.
  public typealias Handler = @Sendable ([UInt8]) async -> [UInt8]

  /// Answers one request of a process.
  package typealias PeerHandler = @Sendable ([UInt8], ControlPeer?) async -> [UInt8]

  /// Answers one request with any number of lines; `nil` if it is one for the ``Handler``, which
  /// also gets those for which there is no room.
  public typealias StreamHandler = @Sendable ([UInt8]) -> AsyncStream<[UInt8]>?

  /// Bounds on what clients can make the server hold; `MachineCheck` counts the descriptors.
  enum Bound {
    static let connections = 64
    /// The time after which a connection that is being answered takes none of these places any
    /// more.
    static let shortAnswer = Duration.seconds(1)
    /// Number of those that there may be beside them.
    static let longAnswers = 192
    /// Number of them that may be streams, which last as long as the client likes.
    static let streams = 32
    static let requestByteCount = 4 << 20
    /// All requests together that are half read or being answered.
    static let pendingByteCount = 8 << 20
    /// Time that a client may take to send its request, and to take the reply.
    static let patience = Duration.seconds(10)
    /// The same time if others are waiting for its place.
    static let patienceWhenFull = Duration.milliseconds(250)
    /// Time without new connections when the process has no descriptor left.
    static let pauseWithoutDescriptors = Duration.milliseconds(200)
    /// The same once the server is to end: the end of a node does not wait for a slow client.
    static let lastPatience = Duration.seconds(2)
    /// Number of bytes of a stream that may wait for a client that does not read.
    static let streamByteCount = 1 << 20
  }

  private let directory: RuntimeDirectory
  private let place: Mutex<Place>
  let wakeUp: WakeUp
  private let replies = Mutex<[Delivery]>([])
  private let isStopped = Atomic<Bool>(false)
  private let ending = Mutex(Ending())

  /// Something to send on a connection.
  struct Delivery {
    var connection: UInt64
    var bytes: [UInt8]
    /// Whether more follows.
    var isPart: Bool
  }

  /// The socket at which clients find the server.
  private struct Place {
    /// The file of the socket.
    var file: FileIdentity?
    /// A socket that takes the place of the one that is listened on.
    var next: Int32?
  }

  private struct Ending {
    var hasEnded = false
    var waiters: [CheckedContinuation<Void, Never>] = []
  }

  /// Listens on the control socket of a claimed runtime directory.
  ///
  /// Only root and the user that runs this process are answered.
  public convenience init(
    in directory: RuntimeDirectory, stream: @escaping StreamHandler = { _ in nil },
    handler: @escaping Handler
  ) throws(NodeError) {
    try self.init(of: directory, stream: stream) { request, _ in await handler(request) }
  }

  /// Listens for a handler that is told which process asks.
  package init(
    of directory: RuntimeDirectory, stream: @escaping StreamHandler,
    peerHandler: @escaping PeerHandler
  ) throws(NodeError) {
    self.directory = directory
    let path = RuntimeDirectory.socketPath(in: directory.path)
    let listener = try Self.listen(path)
    place = Mutex(Place(file: FileIdentity(path: path)))
    do throws(NodeError) {
      wakeUp = try WakeUp()
    } catch {
      Glibc.close(listener)
      throw error
    }
    try start(listener, peerHandler, stream)
  }

  private static func listen(_ path: String) throws(NodeError) -> Int32 {
    let type =
      Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let listener = socket(AF_UNIX, type, 0)
    guard listener >= 0 else { throw .system(errno, "open the control socket") }
    // The file must never be open to others, not even for a moment: Linux gives it the mode of the
    // socket, less what the umask of the process takes away.
    guard fchmod(listener, 0o600) == 0 else {
      let code = errno
      Glibc.close(listener)
      throw .system(code, "set the mode of the control socket")
    }
    guard let address = UnixAddress(path: path) else {
      Glibc.close(listener)
      throw NodeError(
        .system(errno: ENAMETOOLONG),
        "the socket path \(path) is longer than \(UnixAddress.byteCountMax) bytes; choose a "
          + "shorter runtime directory")
    }
    var code = address.bind(listener)
    if code == 0, Glibc.listen(listener, 128) != 0 { code = errno }
    guard code == 0 else {
      Glibc.close(listener)
      throw .system(code, "listen on \(path)")
    }
    return listener
  }

  private func start(
    _ listener: Int32, _ handler: @escaping PeerHandler, _ stream: @escaping StreamHandler
  ) throws(NodeError) {
    let session = ControlSession(server: self, listener: listener, handler, stream)
    try DetachedThread.start("the control thread") { session.run() }
  }

  /// Stops listening.
  ///
  /// Requests that have come in are still answered, by a thread that outlives this call:
  /// ``finish()`` waits for it.
  public func close() {
    place.withLock { place in
      // Others may have put their own there.
      if !Self.isLost(place, path) { unlink(path) }
      isStopped.store(true, ordering: .releasing)
    }
    wakeUp.wake()
  }

  /// Whether others have removed or replaced the control socket.
  package var isLost: Bool { place.withLock { Self.isLost($0, path) } }

  /// Listens on a new control socket if others have removed or replaced the one there was;
  /// clients that are connected stay so.
  ///
  /// To be called while the directory is claimed.
  ///
  /// - Returns: whether that was so.
  /// - Throws: why it can't listen.
  package func listenAgainIfLost() throws(NodeError) -> Bool {
    let isLost = try place.withLock { place throws(NodeError) in
      guard !hasStopped, Self.isLost(place, path) else { return false }
      try directory.requireInPlace()
      try directory.clearSocketPlace()
      let listener = try Self.listen(path)
      if let unused = place.next { Glibc.close(unused) }
      place = Place(file: FileIdentity(path: path), next: listener)
      return true
    }
    if isLost { wakeUp.wake() }
    return isLost
  }

  private var path: String { RuntimeDirectory.socketPath(in: directory.path) }

  private static func isLost(_ place: Place, _ path: String) -> Bool {
    place.file == nil || FileIdentity(path: path) != place.file
  }

  /// The socket to listen on from now on, if it is another one.
  func takeListener() -> Int32? {
    place.withLock { place in
      defer { place.next = nil }
      return place.next
    }
  }

  /// Stops listening; returns once every request that has come in has its reply.
  ///
  /// A client that does not take its reply is given up after two seconds.
  public func finish() async {
    close()
    await withCheckedContinuation { continuation in
      let hasEnded = ending.withLock { ending in
        if !ending.hasEnded { ending.waiters.append(continuation) }
        return ending.hasEnded
      }
      if hasEnded { continuation.resume() }
    }
  }

  /// Called by the session when its thread has nothing left to do.
  func sessionEnded() {
    let waiters = ending.withLock { ending in
      ending.hasEnded = true
      defer { ending.waiters.removeAll() }
      return ending.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  var hasStopped: Bool { isStopped.load(ordering: .acquiring) }

  func deliver(_ bytes: [UInt8], to connection: UInt64, isPart: Bool = false) {
    replies.withLock {
      $0.append(Delivery(connection: connection, bytes: bytes, isPart: isPart))
    }
    wakeUp.wake()
  }

  func takeReplies() -> [Delivery] {
    replies.withLock { replies in
      defer { replies.removeAll() }
      return replies
    }
  }
}
