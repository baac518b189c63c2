import Glibc
import VIP

/// A file that something is written to by way of a descriptor, and that is kept small.
struct LogFile {
  let path: String
  /// The descriptor that leads to the file.
  let descriptor: Int32
  /// The greatest length of the file: at that it is set aside, in place of the one before.
  var byteCountMax = 1 << 20
  private var byteCount = 0

  init(path: String, descriptor: Int32, byteCountMax: Int = 1 << 20) {
    self.path = path
    self.descriptor = descriptor
    self.byteCountMax = byteCountMax
  }

  /// Lets the descriptor lead to the end of the file, which must be this user's alone.
  mutating func open() throws(NodeError) {
    guard let log = try OwnFiles.open(path, O_WRONLY | O_CREAT | O_APPEND) else { return }
    defer { close(log) }
    var status = stat()
    let isSeen = fstat(log, &status) == 0
    byteCount = isSeen ? Int(status.st_size) : 0
    guard dup2(log, descriptor) >= 0 else {
      let code = errno
      // One without content may have been made here just now.
      if isSeen, status.st_size == 0 { unlink(path) }
      throw .system(code, "open \(path)")
    }
  }

  /// Opens it again if it has been deleted, since what is written to it then is lost.
  mutating func reopenIfDeleted() {
    var status = stat()
    if fstat(descriptor, &status) == 0, status.st_nlink == 0 { try? open() }
  }

  /// Notes that something has been written.
  mutating func grow(by count: Int) {
    byteCount += count
    guard byteCount >= byteCountMax else { return }
    if rename(path, path + ".1") == 0 || errno == ENOENT {
      if (try? open()) != nil { return }
      // The descriptor still leads to the old file, which may have no name any more; the new one is
      // opened after another line, or once the old one is full again.
    }
    // It can't be set aside (a directory is in the way, or its own is gone): what is new counts for
    // more.
    if ftruncate(descriptor, 0) == 0 { byteCount = 0 }
  }
}
