import Glibc

/// The standard streams and what is at their other end.
enum Terminal {
  /// Writes text as it is; what can't be written is lost, as with any program in a pipe.
  static func write(_ text: String, to descriptor: Int32) {
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
  static func write(_ text: String, to descriptor: Int32, patience: Duration) -> Bool {
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

  /// Writes a line on standard output.
  static func print(_ line: String) { write(line + "\n", to: STDOUT_FILENO) }

  /// Writes a line on standard error.
  static func printError(_ line: String) { write(line + "\n", to: STDERR_FILENO) }

  /// How many columns a line may have; `nil` where nobody looks at a screen.
  static func width(of descriptor: Int32) -> Int? {
    guard isatty(descriptor) == 1 else { return nil }
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }

  /// The columns and rows of a terminal; those of a classic one if it does not say.
  static func size(of descriptor: Int32) -> (width: Int, height: Int) {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
      return (80, 24)
    }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// Whether colour helps: on a screen, unless NO_COLOR (no-color.org) or a dumb terminal.
  static func wantsColour(_ descriptor: Int32) -> Bool {
    guard isatty(descriptor) == 1 else { return false }
    if let value = environment("NO_COLOR"), !value.isEmpty { return false }
    return environment("TERM") != "dumb"
  }

  static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }
}
