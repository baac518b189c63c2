import Glibc

/// A file itself, whatever its name: a name may come to lead to another one.
///
/// No other file gets the same numbers as long as the file is open.
struct FileIdentity: Equatable {
  private let device: UInt64
  private let inode: UInt64

  /// The file that a path leads to now; `nil` if there is none.
  init?(path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  /// The file that a descriptor leads to.
  init?(descriptor: Int32) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }

  private init(_ status: stat) {
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
  }
}
