import Glibc
import Synchronization
public import VIP
import VIPControl
import VIPReports

/// A named pipe on which a program can read what happens, a line of JSON for each event.
///
/// Nothing waits for the reader: what does not fit into the pipe is left out, which the numbers of
/// the events show, and said once the reader has caught up. Without a reader nothing is kept.
public final class EventFIFO: Sendable {
  private struct State {
    var path: String?
    /// The file as it was made, so that no other is removed.
    var inode: UInt64 = 0
    var descriptor: Int32 = -1
    var dropped = 0
    /// The path where it should be and can't be made yet.
    var awaited: String?
  }

  /// A line up to this length is written whole or not at all (PIPE_BUF).
  private static let byteCountMax = 4096

  private let state = Mutex(State())

  /// Makes none yet.
  public init() {}

  /// The path of the pipe; `nil` if there is none.
  public var path: String? { state.withLock { $0.path } }

  /// A pipe that has been made and takes the place of the present one once it is adopted.
  struct Successor {
    fileprivate let path: String?
    fileprivate let inode: UInt64
  }

  /// Makes the pipe at a path, beside where it is now; `nil` for none.
  ///
  /// - Returns: what to adopt or to discard; `nil` if that is where it is.
  /// - Throws: why it can't be made.
  func prepare(_ path: String?) throws(ServiceError) -> Successor? {
    guard path != self.path else { return nil }
    if let path, let failure = Self.make(path) { throw failure }
    return Successor(path: path, inode: path.flatMap(Self.inode) ?? 0)
  }

  /// Goes on with the pipe that was prepared, and removes the one before.
  func adopt(_ successor: Successor?) {
    guard let successor else { return }
    state.withLock { state in
      Self.remove(state)
      state = State(path: successor.path, inode: successor.inode)
    }
  }

  /// Removes the pipe that was prepared, and goes on with the one before.
  func discard(_ successor: Successor?) {
    guard let successor else { return }
    Self.remove(State(path: successor.path, inode: successor.inode))
  }

  /// Makes the pipe at a path instead of where it was; `nil` for none.
  ///
  /// - Throws: why it can't be made. The one before is there still.
  public func move(to path: String?) throws(ServiceError) {
    adopt(try prepare(path))
  }

  /// Does without a pipe until it can be made at a path; ``makeAwaited()`` tries.
  func expect(_ path: String?) {
    state.withLock { state in
      Self.remove(state)
      state = State(awaited: path)
    }
  }

  /// Makes the pipe that could not be made when it should.
  ///
  /// - Returns: whether none is awaited any more.
  func makeAwaited() -> Bool {
    guard let path = state.withLock({ $0.awaited }) else { return true }
    do throws(ServiceError) {
      try move(to: path)
      return true
    } catch {
      return false
    }
  }

  /// Removes the pipe; its reader sees the end.
  public func close() {
    state.withLock { state in
      Self.remove(state)
      state = State()
    }
  }

  /// Hands out what happens on a node until it ends.
  public func follow(_ events: AsyncStream<StampedEvent>) -> Task<Void, Never> {
    Task.detached { [self] in
      for await event in events {
        write { JSONCoding.line(EventRecord(event)) }
      }
    }
  }

  /// Writes a line if there is a reader.
  func write(_ line: () -> [UInt8]) {
    let message = state.withLock { state -> LogLine? in
      guard let path = state.path else { return nil }
      Self.makeAgain(&state, path)
      guard Self.open(&state, path) else { return nil }
      let bytes = line() + [UInt8(ascii: "\n")]
      var code = Self.send(bytes, state.descriptor)
      if code == EPIPE {
        // The reader has gone; perhaps the next one is waiting.
        Glibc.close(state.descriptor)
        state.descriptor = -1
        guard Self.open(&state, path) else { return nil }
        code = Self.send(bytes, state.descriptor)
      }
      guard code == 0 else {
        state.dropped += 1
        return state.dropped > 1
          ? nil
          : LogLine(.warning, "the reader of \(path) is slow; events are left out there")
      }
      defer { state.dropped = 0 }
      return state.dropped == 0
        ? nil : LogLine(.warning, "\(state.dropped) events were left out on \(path)")
    }
    message?.write()
  }

  // MARK: The file

  /// The reason why a pipe can't be made at a path; `nil` if it probably can.
  ///
  /// Nothing changes.
  public func obstacle(to path: String?) -> ServiceError? {
    guard let path, path != self.path else { return nil }
    if let failure = Self.refusal(path) { return failure }
    let folder = path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
    guard access(folder.isEmpty ? "/" : folder, W_OK | X_OK) == 0 else {
      return Self.failure(path, errno)
    }
    return nil
  }

  private static func refusal(_ path: String) -> ServiceError? {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    guard status.st_mode & S_IFMT == S_IFIFO, status.st_uid == geteuid() else {
      return ServiceError(
        .failed, "events: \(path) is there already and no FIFO of ours; name another path")
    }
    return nil
  }

  private static func failure(_ path: String, _ code: Int32) -> ServiceError {
    ServiceError(.failed, "events: can't make the FIFO \(path): \(String(cString: strerror(code)))")
  }

  private static func make(_ path: String) -> ServiceError? {
    if let failure = refusal(path) { return failure }
    // Left by a node that was killed, if anything is there.
    unlink(path)
    guard mkfifo(path, 0o600) == 0 else {
      return failure(path, errno)
    }
    return nil
  }

  /// Makes the pipe again if others have removed it; one that still reads the old one goes on so.
  private static func makeAgain(_ state: inout State, _ path: String) {
    var status = stat()
    guard lstat(path, &status) != 0, errno == ENOENT, mkfifo(path, 0o600) == 0 else { return }
    state.inode = inode(path) ?? 0
  }

  private static func remove(_ state: State) {
    if state.descriptor >= 0 { Glibc.close(state.descriptor) }
    guard let path = state.path, inode(path) == state.inode else { return }
    unlink(path)
  }

  private static func inode(_ path: String) -> UInt64? {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else { return nil }
    return UInt64(status.st_ino)
  }

  /// Opens the pipe for writing, which works while it is open for reading.
  private static func open(_ state: inout State, _ path: String) -> Bool {
    guard state.descriptor < 0 else { return true }
    guard inode(path) == state.inode else { return false }
    state.descriptor = Glibc.open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW)
    return state.descriptor >= 0
  }

  private static func send(_ bytes: [UInt8], _ descriptor: Int32) -> Int32 {
    guard bytes.count <= byteCountMax else { return EMSGSIZE }
    while true {
      let count = Glibc.write(descriptor, bytes, bytes.count)
      if count < 0, errno == EINTR { continue }
      return count == bytes.count ? 0 : count < 0 ? errno : EAGAIN
    }
  }
}
