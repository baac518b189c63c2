import CLinux
import Glibc

/// Unix sockets with a path, and the processes at their other ends.
package enum UnixSocket {
  /// Opens a stream socket that has no address yet.
  package static func open(nonBlocking: Bool) throws(NodeError) -> Descriptor {
    var type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    if nonBlocking { type |= Int32(SOCK_NONBLOCK.rawValue) }
    return try Descriptor(socket(AF_UNIX, type, 0), "open a Unix socket")
  }

  /// The user on the other end of a connection.
  package static func peerUser(_ descriptor: Int32) -> UInt32? { peer(descriptor)?.uid }

  /// The user and the number of the process on the other end of a connection.
  package static func peerProcess(_ descriptor: Int32) -> (uid: UInt32, pid: Int32)? {
    peer(descriptor).map { ($0.uid, $0.pid) }
  }

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
