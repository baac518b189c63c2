import Glibc

/// The address of a Unix socket: the path of a file, or a name without a file.
package struct UnixAddress: Sendable {
  /// The longest path, and the longest name, in bytes.
  package static let byteCountMax = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

  /// The bytes of the address: a path, or a name behind a zero byte.
  private let bytes: [UInt8]

  /// Makes the address of a file; `nil` if the path is empty or too long.
  package init?(path: String) {
    guard (1...Self.byteCountMax).contains(path.utf8.count), !path.utf8.contains(0) else {
      return nil
    }
    bytes = Array(path.utf8) + [0]
  }

  /// Makes the address of a name that the kernel knows by network namespace and forgets with the
  /// last socket (unix(7): abstract); `nil` if it is empty or too long.
  package init?(abstract name: String) {
    guard (1...Self.byteCountMax).contains(name.utf8.count) else { return nil }
    bytes = [0] + Array(name.utf8)
  }

  /// Binds a socket to the address.
  ///
  /// - Returns: 0, or the error number.
  package func bind(_ socket: Int32) -> Int32 {
    withRaw { Glibc.bind(socket, $0, $1) } == 0 ? 0 : errno
  }

  /// Connects a socket to the address.
  ///
  /// - Returns: 0, or the error number.
  package func connect(_ socket: Int32) -> Int32 {
    withRaw { Glibc.connect(socket, $0, $1) } == 0 ? 0 : errno
  }

  /// Sends a datagram to the address.
  ///
  /// - Returns: 0, or the error number.
  package func send(_ datagram: [UInt8], over socket: Int32) -> Int32 {
    let count = withRaw {
      sendto(socket, datagram, datagram.count, Int32(MSG_NOSIGNAL), $0, $1)
    }
    return count == datagram.count ? 0 : errno
  }

  private func withRaw<Result>(
    _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    // All that counts of a name is its length; a path ends with its zero byte.
    let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
    }
  }
}
