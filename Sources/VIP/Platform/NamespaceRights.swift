import CLinux
import Glibc

/// The right over a network namespace: tells which processes can be nodes in it.
///
/// A node needs CAP_NET_ADMIN in the user namespace that owns the network namespace, or in one
/// above it. Any user may have all capabilities in a user namespace of its own, where they are
/// worth nothing here.
struct NamespaceRights: Sendable {
  /// The number of the user namespace that is above all others.
  private static let initialUserNamespace: UInt = 0xEFFF_FFFD

  /// The owner and the user namespaces above it, as far as this process sees them; none if it sees
  /// none.
  private let userNamespaces: [UInt]
  /// The user namespace of this process.
  private let own: UInt?
  /// Whether `/proc` tells of the processes that this one sees, by the numbers by which it knows
  /// them.
  let areProcessesSeen: Bool

  /// Looks at a network namespace.
  ///
  /// - Parameter file: its file. It stays open, and no other descriptor of it is made: closing one
  ///   would end the locks of this process on it.
  init(ofNamespace file: Int32) {
    userNamespaces = Self.userNamespaces(above: file)
    var status = stat()
    own = stat("/proc/self/ns/user", &status) == 0 ? UInt(status.st_ino) : nil
    areProcessesSeen = Self.numberInProc == getpid()
  }

  private static var numberInProc: Int32? {
    var text = [CChar](repeating: 0, count: 16)
    let count = readlink("/proc/self", &text, text.count)
    guard count > 0 else { return nil }
    return Int32(String(decoding: text.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self))
  }

  private static func userNamespaces(above file: Int32) -> [UInt] {
    var numbers: [UInt] = []
    var next = vip_owner_of_namespace(file)
    while next >= 0 {
      if let number = number(of: next) { numbers.append(number) }
      let parent = vip_owner_of_namespace(next)
      close(next)
      next = parent
    }
    return numbers
  }

  private static func number(of file: Int32) -> UInt? {
    var status = stat()
    return fstat(file, &status) == 0 ? UInt(status.st_ino) : nil
  }

  // MARK: Processes

  /// Whether a process is known to be unable to be a node: it lacks CAP_NET_ADMIN over the network
  /// namespace.
  ///
  /// One that can't be looked at, as one in another PID namespace (0), may be a node.
  func isBare(_ process: Int32) -> Bool {
    guard process > 0, areProcessesSeen else { return false }
    return ProcessCapabilities.isWithoutNetAdmin(process: process) || isOutside(process)
  }

  /// Whether a process is known to be in a user namespace that has no right here.
  private func isOutside(_ process: Int32) -> Bool {
    guard !userNamespaces.isEmpty else { return false }
    let file = open("/proc/\(process)/ns/user", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return isMappedElsewhere(process) }
    defer { close(file) }
    guard let number = Self.number(of: file), number != Self.initialUserNamespace,
      !userNamespaces.contains(number)
    else { return false }
    // One above this process has the right too; the one that it is in can't be seen from here.
    let parent = vip_owner_of_namespace(file)
    if parent >= 0 { close(parent) }
    return parent >= 0
  }

  /// Whether a process is known to be in a user namespace below this process's, by the users that
  /// it has there: all that may be seen of another user's process.
  private func isMappedElsewhere(_ process: Int32) -> Bool {
    guard let owner = userNamespaces.first, owner == own,
      let its = Self.userMap(of: "\(process)"), let ours = Self.userMap(of: "self")
    else { return false }
    return Self.isElsewhere(its, unlike: ours)
  }

  /// Whether the users of a user namespace, as they are seen from here, tell that it is below this
  /// one.
  static func isElsewhere(_ its: [[UInt32]], unlike ours: [[UInt32]]) -> Bool {
    // A user that has no number here is of a user namespace beside or above this one.
    its != ours && !its.contains { $0.count > 1 && $0[1] == UInt32.max }
  }

  /// The users of a process's user namespace: the first of each range there and here, and their
  /// count.
  private static func userMap(of process: String) -> [[UInt32]]? {
    guard let bytes = readSmallFile("/proc/\(process)/uid_map") else { return nil }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map { line in
      line.split(separator: " ").compactMap { UInt32($0) }
    }
  }
}
