import Glibc

/// Text written to a descriptor, and the environment of the process.
package enum TextOutput {
  /// Writes text as it is; what can't be written is lost, as with any program in a pipe.
  package static func write(_ text: String, to descriptor: Int32) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  /// Writes text, but waits for a reader only for a time.
  ///
  /// - Returns: whether it was taken, or there is nobody who could.
  package static func write(_ text: String, to descriptor: Int32, patience: Duration) -> Bool {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      let count = poll(&entry, 1, Int32(patience / .milliseconds(1)))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      // So much fits into a pipe that can be written to.
      let part = rest.prefix(Int(PIPE_BUF))
      let written = part.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if written < 0, errno == EINTR || errno == EAGAIN { continue }
      guard written > 0 else { return true }
      rest = rest.dropFirst(written)
    }
    return true
  }

  /// A variable of the environment.
  package static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }
}
