import Glibc

/// Descriptors 0 to 2, which may be closed when a program starts.
public enum StandardStreams {
  /// Fills the places of closed ones, before anything else is opened.
  ///
  /// Else the first sockets would get these numbers, and the log would be written to one of them.
  public static func fill() {
    for descriptor in STDIN_FILENO...STDERR_FILENO
    where fcntl(descriptor, F_GETFD) < 0 && errno == EBADF {
      // The lowest free number is this one. Not every container has a /dev/null; a directory, which
      // can be neither read nor written like a file, is as good.
      if open("/dev/null", O_RDWR) < 0 { _ = open("/", O_RDONLY | O_DIRECTORY) }
    }
  }
}
