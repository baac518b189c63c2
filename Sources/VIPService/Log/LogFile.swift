import Glibc

/// A file that something is written to by way of a descriptor, and that is kept small.
struct LogFile {
  let path: String
  /// The descriptor that leads to the file.
  let descriptor: Int32
  /// How long it may become: then it is set aside, in place of the one before.
  var byteCountMax = 1 << 20
  private var byteCount = 0

  init(path: String, descriptor: Int32, byteCountMax: Int = 1 << 20) {
    self.path = path
    self.descriptor = descriptor
    self.byteCountMax = byteCountMax
  }

  /// Lets the descriptor lead to the end of the file.
  ///
  /// - Returns: an error number, or 0.
  mutating func open() -> Int32 {
    let log = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o640)
    guard log >= 0 else { return errno }
    defer { close(log) }
    var status = stat()
    byteCount = fstat(log, &status) == 0 ? Int(status.st_size) : 0
    dup2(log, descriptor)
    return 0
  }

  /// Notes that something has been written.
  mutating func grow(by count: Int) {
    byteCount += count
    guard byteCount >= byteCountMax else { return }
    // If it can't be set aside now, it can be after another such piece.
    byteCount = 0
    guard rename(path, path + ".1") == 0 else { return }
    _ = open()
  }
}
