internal import CMNL
import Glibc

/// A routing netlink socket: the only place that calls libmnl.
///
/// libmnl opens, binds, configures, writes to and closes the socket. Messages are composed and read
/// as Swift spans instead of with its pointer helpers, so that no length from outside is ever
/// believed, and datagrams are received with `recvfrom(2)` itself because
/// `mnl_socket_recvfrom` does not tell the sender.
struct NetlinkSocket: ~Copyable {
  private let handle: OpaquePointer

  /// Opens a socket in the network namespace of the calling thread.
  /// - Parameter groups: The multicast groups to join, a bit each, the first group is bit 0.
  /// - Throws: What the system says if there is no socket to be had.
  init(groups: UInt32 = 0) throws(NetlinkError) {
    guard let handle = mnl_socket_open2(NETLINK_ROUTE, Int32(SOCK_CLOEXEC.rawValue)) else {
      throw NetlinkError(operation: "open a netlink socket", code: errno)
    }
    guard mnl_socket_bind(handle, groups, 0) == 0 else {
      let code = errno
      mnl_socket_close(handle)
      throw NetlinkError(operation: "bind a netlink socket", code: code)
    }
    self.handle = handle
  }

  deinit {
    mnl_socket_close(handle)
  }

  /// The file descriptor, for polling.
  var descriptor: Int32 { mnl_socket_get_fd(handle) }

  /// Asks for explanations with errors, for short error replies, and for checked dump requests.
  ///
  /// Kernels that lack one of these (Linux before 4.20) answer less well, but correctly.
  func enableModernReplies() {
    enable(NETLINK_EXT_ACK)
    enable(NETLINK_CAP_ACK)
    enable(NETLINK_GET_STRICT_CHK)
  }

  private func enable(_ option: Int32) {
    var one: Int32 = 1
    mnl_socket_setsockopt(handle, option, &one, socklen_t(MemoryLayout<Int32>.size))
  }

  /// Limits how long `receive` waits.
  func setReceiveTimeout(seconds: Int) {
    var time = timeval(tv_sec: seconds, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
  }

  /// Sets how many bytes may wait unread, beyond the system's limit where that is permitted.
  func setReceiveBufferSize(_ byteCount: Int) {
    var size = Int32(clamping: byteCount)
    let length = socklen_t(MemoryLayout<Int32>.size)
    if setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, length) != 0 {
      setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, length)
    }
  }

  /// Sends bytes to the kernel; the result is zero or an error number.
  func send(_ bytes: [UInt8]) -> Int32 {
    bytes.withUnsafeBytes { buffer in
      while true {
        if mnl_socket_sendto(handle, buffer.baseAddress, buffer.count) >= 0 { return 0 }
        if errno != EINTR { return errno }
      }
    }
  }

  /// The result of one call of `receive`.
  enum Received {
    /// A datagram of this many bytes from the kernel.
    case datagram(Int)
    /// A datagram that another process sent.
    case foreign
    /// An error number. EAGAIN: nothing came in time. EMSGSIZE: the buffer was too small.
    case failed(Int32)
  }

  /// Receives one datagram.
  func receive(into buffer: inout [UInt8], wait: Bool) -> Received {
    var sender = sockaddr_nl()
    let flags = Int32(MSG_TRUNC) | (wait ? 0 : Int32(MSG_DONTWAIT))
    let capacity = buffer.count
    let count = buffer.withUnsafeMutableBytes { bytes in
      withUnsafeMutableBytes(of: &sender) { name in
        while true {
          var nameLength = socklen_t(name.count)
          let count = recvfrom(
            descriptor, bytes.baseAddress, capacity, flags,
            name.baseAddress?.assumingMemoryBound(to: sockaddr.self), &nameLength)
          if count >= 0 || errno != EINTR { return count }
        }
      }
    }
    guard count >= 0 else { return .failed(errno) }
    guard sender.nl_pid == 0 else { return .foreign }
    return count <= capacity ? .datagram(count) : .failed(EMSGSIZE)
  }
}
