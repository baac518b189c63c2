import CLinux
import Glibc

/// Unix sockets with a path, and who is at their other end.
package enum UnixSocket {
  /// The longest path a socket can have.
  package static let pathByteCountMax = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

  /// Opens a stream socket that has no address yet.
  package static func open(nonBlocking: Bool) throws(NodeError) -> Descriptor {
    var type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    if nonBlocking { type |= Int32(SOCK_NONBLOCK.rawValue) }
    return try Descriptor(socket(AF_UNIX, type, 0), "open a Unix socket")
  }

  /// Binds a socket to a path.
  ///
  /// - Returns: what bind(2) returned, with its `errno`; `nil` if the path is too long for a socket.
  package static func bind(_ socket: Int32, to path: String) -> Int32? {
    withAddress(path) { Glibc.bind(socket, $0, $1) }
  }

  /// Connects a socket to a path.
  ///
  /// - Returns: what connect(2) returned, with its `errno`; `nil` if the path is too long for a
  ///   socket.
  package static func connect(_ socket: Int32, to path: String) -> Int32? {
    withAddress(path) { Glibc.connect(socket, $0, $1) }
  }

  /// Calls `body` with the address of a path; `nil` if the path is too long for one.
  private static func withAddress(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32? {
    guard (1...pathByteCountMax).contains(path.utf8.count) else { return nil }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }

  /// The user on the other end of a connection.
  package static func peerUser(_ descriptor: Int32) -> UInt32? { peer(descriptor)?.uid }

  /// The process on the other end of a connection, as it was when it began to listen.
  static func peer(_ descriptor: Int32) -> vip_ucred? {
    var credentials = vip_ucred()
    var length = socklen_t(MemoryLayout<vip_ucred>.size)
    guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0 else {
      return nil
    }
    return credentials
  }
}
