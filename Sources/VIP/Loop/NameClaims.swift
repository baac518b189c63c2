import CMNL
import Glibc

/// Names that processes of one network namespace claim for as long as they live.
///
/// Each is an abstract Unix socket: the kernel knows such names by network namespace, as it does
/// interfaces, whatever container a process is in, and forgets them with the process. Nobody ever
/// connects to one but to learn whose it is.
final class NameClaims {
  private static let prefix = "vipctl/"

  private var held: [String: Int32] = [:]
  /// Names of processes that count, which need not be asked again.
  private var foreign: Set<String> = []

  deinit {
    for descriptor in held.values { close(descriptor) }
  }

  /// Claims a name.
  ///
  /// - Returns: whether it is ours now; not if another process has it.
  func claim(_ name: String) throws(NodeError) -> Bool {
    if held[name] != nil { return true }
    let descriptor = socket(
      AF_UNIX,
      Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    guard descriptor >= 0 else { throw .system(errno, "claim the name \(name)") }
    if Self.withAddress(name, { bind(descriptor, $0, $1) }) == 0, listen(descriptor, 1) == 0 {
      held[name] = descriptor
      foreign.remove(name)
      return true
    }
    let code = errno
    defer { close(descriptor) }
    guard code == EADDRINUSE else { throw .system(code, "claim the name \(name)") }
    if foreign.contains(name) { return false }
    // Anybody may take such a name. Only those count who could have made an interface.
    if Self.withAddress(name, { connect(descriptor, $0, $1) }) == 0,
      let user = UnixSocket.peerUser(descriptor), user != 0, user != geteuid()
    {
      return true
    }
    foreign.insert(name)
    return false
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
