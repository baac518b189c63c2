import CLinux
import Glibc

/// Names that processes of one network namespace claim for as long as they live.
///
/// Each is an abstract Unix socket: the kernel knows such names by network namespace, as it does
/// interfaces, whatever container a process is in, and forgets them with the process. A process
/// connects to one only to learn whose it is.
final class NameClaims {
  private static let prefix = "vipctl/"

  /// How many processes may ask for the holder of a name before it can't be learned any more.
  private static let queueLength: Int32 = 16

  private var held: [String: Int32] = [:]
  /// The holders of names, as far as that could be learned last.
  private var holders: [String: NameHolder] = [:]

  deinit {
    for descriptor in held.values { close(descriptor) }
  }

  /// Claims a name.
  ///
  /// The first process to claim it has it, whatever its user: a living node may have any, and one
  /// that is taken for dead loses its macvlans. That another process can so keep a node from its
  /// names is the lesser evil.
  ///
  /// - Returns: whether it is ours now; not if another process has it, see ``holder(of:)``.
  func claim(_ name: String) throws(NodeError) -> Bool {
    if held[name] != nil { return true }
    let descriptor = socket(
      AF_UNIX,
      Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    guard descriptor >= 0 else { throw .system(errno, "claim the name \(name)") }
    guard let address = UnixAddress(abstract: Self.prefix + name) else {
      close(descriptor)
      throw .system(ENAMETOOLONG, "claim the name \(name)")
    }
    var code = address.bind(descriptor)
    if code == 0, listen(descriptor, Self.queueLength) != 0 { code = errno }
    guard code != 0 else {
      held[name] = descriptor
      holders[name] = nil
      return true
    }
    defer { close(descriptor) }
    guard code == EADDRINUSE else { throw .system(code, "claim the name \(name)") }
    askHolder(of: name, at: address, over: descriptor)
    return false
  }

  /// Who had a name when it was last claimed in vain; `nil` if that can't be learned.
  func holder(of name: String) -> NameHolder? { holders[name] }

  private func askHolder(of name: String, at address: UnixAddress, over descriptor: Int32) {
    let code = address.connect(descriptor)
    if code == 0 {
      holders[name] = UnixSocket.peer(descriptor).map { NameHolder(pid: $0.pid, user: $0.uid) }
    } else if code != EAGAIN {
      // A full queue is the one of the same holder; any other refusal is a stranger's.
      holders[name] = nil
    }
  }

  /// Gives a name up.
  func release(_ name: String) {
    guard let descriptor = held.removeValue(forKey: name) else { return }
    close(descriptor)
  }
}
