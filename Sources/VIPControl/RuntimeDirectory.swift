import Glibc
import Synchronization
public import VIP

/// The directory where a running node has its control socket, pid file and log.
///
/// Making one claims it: the pid file is locked until ``release()``, at the latest for as long as
/// the value lives, and the kernel drops the lock with the process, so a dead node's files are
/// never mistaken for a living one's.
public final class RuntimeDirectory: Sendable {
  /// The path of the directory: an absolute one without symbolic links.
  public let path: String
  /// The locked pid file; `nil` once it is released.
  private let lock: Mutex<Int32?>

  /// The path of the control socket in a directory.
  public static func socketPath(in directory: String) -> String { "\(directory)/vipctl.sock" }
  /// The path of the pid file in a directory.
  public static func pidPath(in directory: String) -> String { "\(directory)/vipctl.pid" }
  /// The path of a background node's log in a directory.
  public static func logPath(in directory: String) -> String { "\(directory)/vipctl.log" }

  /// The path of the events that were kept in a directory; older ones are in the same with `.1`.
  public static func eventsPath(in directory: String) -> String { "\(directory)/vipctl.events" }

  /// The path of the list of addresses that the node may hold.
  public static func addressesPath(in directory: String) -> String {
    "\(directory)/vipctl.addresses"
  }

  /// Makes the directory if need be and claims it.
  ///
  /// Refused is a directory that others own or may write to, and what is in place of a file and no
  /// file of this user alone.
  ///
  /// - Throws: ``NodeError/Kind/alreadyRunning`` if a living node has claimed it.
  public init(path: String) throws(NodeError) {
    try Self.makeDirectory(path)
    // Others may own a link on the way, and point it elsewhere while the node runs.
    let path = try OwnFiles.require(directory: path)
    self.path = path
    let lock = try Self.claim(Self.pidPath(in: path), directory: path)
    self.lock = Mutex(lock)
    do throws(NodeError) {
      try clearSocketPlace()
    } catch {
      release()
      throw error
    }
  }

  deinit { release() }

  /// Removes what is in the place of the control socket.
  ///
  /// No living node has it, since the lock is ours.
  func clearSocketPlace() throws(NodeError) {
    let socket = Self.socketPath(in: path)
    guard unlink(socket) != 0, errno != ENOENT else { return }
    let code = errno
    throw NodeError(
      .system(errno: code),
      "\(socket) is in the place of the control socket and can't be removed "
        + "(\(errorText(code))); remove it")
  }

  /// Claims the directory again if others have removed or replaced it or the pid file.
  ///
  /// - Returns: whether that was so.
  /// - Throws: why it can't be claimed; ``NodeError/Kind/alreadyRunning`` if another node has done
  ///   it.
  package func reclaimIfLost() throws(NodeError) -> Bool {
    try lock.withLock { lock throws(NodeError) in
      guard let old = lock, !Self.isPidFile(old, of: path) else { return false }
      try Self.makeDirectory(path)
      try requireInPlace()
      lock = try Self.claim(Self.pidPath(in: path), directory: path)
      close(old)
      return true
    }
  }

  /// Refuses what others have put in the directory's place, such as a link to another directory.
  func requireInPlace() throws(NodeError) {
    let real = try OwnFiles.require(directory: path)
    guard real == path else {
      throw NodeError(
        .system(errno: ELOOP),
        "\(path) is a symbolic link to \(real) now; remove it, the node makes its own directory")
    }
  }

  /// Whether the directory is still this process's: others may have removed or replaced it.
  package var isHeld: Bool {
    lock.withLock { lock in lock.map { Self.isPidFile($0, of: path) } ?? false }
  }

  /// Removes the node's files and gives the directory to others; nothing happens a second time.
  public func release() {
    let lock = self.lock.withLock { lock in
      defer { lock = nil }
      return lock
    }
    guard let lock else { return }
    // Others may have replaced the directory by one of theirs.
    if Self.isPidFile(lock, of: path) {
      unlink(Self.socketPath(in: path))
      unlink(Self.pidPath(in: path))
    }
    close(lock)
  }

  private static func isPidFile(_ descriptor: Int32, of path: String) -> Bool {
    guard let file = FileIdentity(descriptor: descriptor) else { return false }
    return FileIdentity(path: pidPath(in: path)) == file
  }

  /// Whether a directory is still the one of a process, whose files are there as long.
  package static func isHeld(_ path: String, by pid: Int32) -> Bool {
    guard let text = readSmallFile(pidPath(in: path)) else { return false }
    return String(decoding: text, as: UTF8.self) == "\(pid)\n"
  }

  private static func makeDirectory(_ path: String) throws(NodeError) {
    var partial = path.hasPrefix("/") ? "" : "."
    for component in path.split(separator: "/") {
      partial += "/\(component)"
      guard mkdir(partial, 0o755) != 0, errno != EEXIST else { continue }
      throw .system(errno, "make the runtime directory \(partial)")
    }
  }

  private static func claim(_ pidPath: String, directory: String) throws(NodeError) -> Int32 {
    while true {
      guard let descriptor = try OwnFiles.open(pidPath, O_RDWR | O_CREAT) else { continue }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        let code = errno
        let pid =
          readSmallFile(pidPath).map { String(decoding: $0, as: UTF8.self) }?
          .split(separator: "\n").first.map { " (pid \($0))" } ?? ""
        // A file without a pid is one that was made here just now.
        var status = stat()
        if code != EWOULDBLOCK, fstat(descriptor, &status) == 0, status.st_size == 0 {
          unlink(pidPath)
        }
        close(descriptor)
        guard code == EWOULDBLOCK else { throw .system(code, "lock \(pidPath)") }
        throw NodeError(
          .alreadyRunning,
          "a node\(pid) already runs on \(directory)")
      }
      // A node that was just ending may have unlinked the file that we have locked.
      var mine = stat()
      var current = stat()
      if fstat(descriptor, &mine) == 0, stat(pidPath, &current) == 0, mine.st_ino == current.st_ino
      {
        let text = Array("\(getpid())\n".utf8)
        ftruncate(descriptor, 0)
        _ = write(descriptor, text, text.count)
        return descriptor
      }
      close(descriptor)
    }
  }
}
