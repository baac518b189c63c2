import CLinux
import Glibc

/// Names that processes of one network namespace claim for as long as they live.
///
/// Each is an abstract Unix socket: the kernel knows such names by network namespace, as it does
/// interfaces, whatever container a process is in, and forgets them with the process. Nobody ever
/// connects to one but to learn whose it is.
final class NameClaims {
  private static let prefix = "vipctl/"

  /// How many may ask whose a name is before it is only known that it is somebody's.
  private static let queueLength: Int32 = 16

  private var held: [String: Int32] = [:]
  /// Who had a name when that could last be learned.
  private var holders: [String: NameHolder] = [:]

  deinit {
    for descriptor in held.values { close(descriptor) }
  }

  /// Claims a name.
  ///
  /// Whoever has it, has it: a living node may have any user, and one that is taken for dead loses
  /// its macvlans. That anybody can keep a node from its names so is the lesser evil.
  ///
  /// - Returns: whether it is ours now; not if another process has it, see ``holder(of:)``.
  func claim(_ name: String) throws(NodeError) -> Bool {
    if held[name] != nil { return true }
    let descriptor = socket(
      AF_UNIX,
      Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    guard descriptor >= 0 else { throw .system(errno, "claim the name \(name)") }
    if Self.withAddress(name, { bind(descriptor, $0, $1) }) == 0,
      listen(descriptor, Self.queueLength) == 0
    {
      held[name] = descriptor
      holders[name] = nil
      return true
    }
    let code = errno
    defer { close(descriptor) }
    guard code == EADDRINUSE else { throw .system(code, "claim the name \(name)") }
    askHolder(of: name, over: descriptor)
    return false
  }

  /// Who had a name when it was last claimed in vain; `nil` if that can't be learned.
  func holder(of name: String) -> NameHolder? { holders[name] }

  private func askHolder(of name: String, over descriptor: Int32) {
    if Self.withAddress(name, { connect(descriptor, $0, $1) }) == 0 {
      holders[name] = UnixSocket.peer(descriptor).map { NameHolder(pid: $0.pid, user: $0.uid) }
    } else if errno != EAGAIN {
      // A queue that is full is the one that we have been in; everybody else is a stranger.
      holders[name] = nil
    }
  }

  /// Gives a name up.
  func release(_ name: String) {
    guard let descriptor = held.removeValue(forKey: name) else { return }
    close(descriptor)
  }

  private static func withAddress(
    _ name: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    // A zero byte first makes it a name of no file.
    let bytes = [0] + Array((prefix + name).utf8)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let length = MemoryLayout<sa_family_t>.size + bytes.count
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(length)) }
    }
  }
}
