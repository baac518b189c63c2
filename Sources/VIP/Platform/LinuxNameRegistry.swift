import CLinux
import Glibc
import VIPCore

/// Names that processes of one network namespace claim for as long as they live.
///
/// Each is an abstract Unix socket: the kernel knows such names by network namespace, as it does
/// interfaces, whatever container a process is in, and forgets them with the process. Processes
/// connect to one only to learn whose it is.
final class LinuxNameRegistry: NameRegistry {
  private static let prefix = "vipctl/"

  /// Number of processes that may ask for the holder of a name at a time; further ones learn only
  /// that it has one.
  private static let queueLength: Int32 = 16

  private var held: [String: Int32] = [:]
  /// The holder of each name when that could last be learned.
  private var holders: [String: NameHolder] = [:]

  /// Whether a process is known to be unable to be a node.
  private let isBare: (Int32) -> Bool
  private let addresses: LinuxAddressRegistry

  init(isBare: @escaping (Int32) -> Bool = ProcessCapabilities.isWithoutNetAdmin(process:)) {
    self.isBare = isBare
    addresses = LinuxAddressRegistry(isBare: isBare)
  }

  deinit {
    for descriptor in held.values { close(descriptor) }
  }

  /// Claims a name.
  ///
  /// The holder keeps it, whatever its user: a node that is taken for dead loses its macvlans. But a
  /// process that can be seen to have no CAP_NET_ADMIN is no node, and can't keep one from its names.
  ///
  /// - Returns: whether it is ours now; not if another process has it, see ``nameHolder(_:)``.
  func claimName(_ name: String) throws(NodeError) -> Bool {
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
    if let holder = holders[name], isBare(holder.pid) {
      return true
    }
    return false
  }

  /// The holder of a name when it was last claimed in vain; `nil` if that can't be learned.
  func nameHolder(_ name: String) -> NameHolder? { holders[name] }

  private func askHolder(of name: String, at address: UnixAddress, over descriptor: Int32) {
    let code = address.connect(descriptor)
    if code == 0 {
      holders[name] = UnixSocket.peer(descriptor).map { NameHolder(pid: $0.pid, user: $0.uid) }
    } else if code != EAGAIN {
      // A full queue is the one of the same holder; any other refusal is a stranger's.
      holders[name] = nil
    }
  }

  /// Claims addresses of an interface, see ``LinuxAddressRegistry``.
  func claimAddresses(
    _ addresses: [IPAddress], onInterface index: Int32
  ) -> (address: IPAddress, holder: NameHolder?)? {
    self.addresses.claim(addresses, onInterface: index)
  }

  /// Gives addresses of an interface up.
  func releaseAddresses(_ addresses: [IPAddress], onInterface index: Int32) {
    self.addresses.release(addresses, onInterface: index)
  }

  /// Gives a name up.
  func releaseName(_ name: String) {
    guard let descriptor = held.removeValue(forKey: name) else { return }
    close(descriptor)
  }
}
