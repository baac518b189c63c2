import CLinux
import Glibc
import VIPCore

/// Names that nodes of one network namespace claim for as long as they live.
///
/// Each is a place in the file of the namespace, and an abstract Unix socket, which ss(8) shows:
/// the kernel knows such sockets by network namespace, as it does interfaces, whatever container a
/// process is in, and forgets them with the process. The place decides, since any process may have
/// the socket; where there is none to be had the socket does. Processes connect to one only to
/// learn whose it is.
final class LinuxNameRegistry: NameRegistry {
  private static let prefix = "vipctl/"

  /// Number of processes that may ask for the holder of a name at a time; further ones learn only
  /// that it has one.
  private static let queueLength: Int32 = 16

  private var held: Set<String> = []
  private var sockets: [String: Int32] = [:]
  /// The holder of each name when that could last be learned.
  private var holders: [String: NameHolder] = [:]

  private let places: NamespacePlaces
  private let addresses: LinuxAddressRegistry

  /// Makes a registry that has nothing yet.
  ///
  /// - Parameter isBare: tells whether a process is known to be unable to be a node; what the
  ///   kernel says if it is left out.
  init(isBare: ((Int32) -> Bool)? = nil) {
    places = NamespacePlaces(isBare: isBare)
    addresses = LinuxAddressRegistry(places)
  }

  deinit {
    for descriptor in sockets.values { close(descriptor) }
  }

  /// Claims a name.
  ///
  /// The holder keeps it, whatever its user: a node that is taken for dead loses its macvlans. But
  /// a process that can be seen to have no CAP_NET_ADMIN in the network namespace is no node, and
  /// can't keep one from its names.
  ///
  /// - Returns: whether it is ours now; not if another node has it, see ``nameHolder(_:)``.
  func claimName(_ name: String) throws(NodeError) -> Bool {
    if held.contains(name) { return true }
    let place = Self.place(of: name)
    if let conflict = places.claim([place]) {
      holders[name] = conflict.holder
      return false
    }
    do throws(NodeError) {
      guard try openSocket(name) || isFree(name, place) else {
        places.release([place])
        return false
      }
    } catch {
      places.release([place])
      throw error
    }
    held.insert(name)
    holders[name] = nil
    return true
  }

  /// Whether the socket of a name, which another process has, is no node's: that process can't be
  /// one, or does not answer, and each node has the place.
  private func isFree(_ name: String, _ place: Range<Int64>) -> Bool {
    if let holder = holders[name] { return places.isBare(holder.pid) }
    return places.hasLocked(place.lowerBound)
  }

  /// Opens the socket of a name.
  ///
  /// - Returns: whether it is this node's now; if not, its holder is asked for.
  private func openSocket(_ name: String) throws(NodeError) -> Bool {
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
      sockets[name] = descriptor
      return true
    }
    defer { close(descriptor) }
    guard code == EADDRINUSE else { throw .system(code, "claim the name \(name)") }
    askHolder(of: name, at: address, over: descriptor)
    return false
  }

  /// The place of a name in the file of the namespace.
  ///
  /// Names that differ only in a VRID at their end stand next to one another, so that their locks
  /// are one.
  static func place(of name: String) -> Range<Int64> {
    let end = name.lastIndex(of: "-").map { name.index(after: $0) } ?? name.endIndex
    let vrid = UInt8(name[end...])
    // FNV-1a, which is the same in all processes.
    let hash = (vrid == nil ? name[...] : name[..<end]).utf8.reduce(
      0xCBF2_9CE4_8422_2325 as UInt64
    ) { hash, byte in (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    let place = NamespacePlaces.nameStart | Int64(hash & (1 << 60 - 1) & ~0xFF) | Int64(vrid ?? 0)
    return place..<place + 1
  }

  /// The holder of a name when it was last claimed in vain; `nil` if that can't be learned.
  func nameHolder(_ name: String) -> NameHolder? { holders[name] }

  private func askHolder(of name: String, at address: UnixAddress, over descriptor: Int32) {
    let code = address.connect(descriptor)
    if code == 0 {
      holders[name] = UnixSocket.peer(descriptor).map { NameHolder(pid: $0.pid, user: $0.uid) }
    } else if code != EAGAIN {
      // A full queue is the one of the same holder; any other refusal is that of a process that
      // does not answer.
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
    guard held.remove(name) != nil else { return }
    places.release([Self.place(of: name)])
    if let descriptor = sockets.removeValue(forKey: name) { close(descriptor) }
  }
}
