import Glibc

/// A file that others read while it is replaced: they see the old text or the new one, whole.
enum ReplacedFile {
  /// Replaces a file, which every user may read.
  static func write(_ path: String, _ text: String) throws(Failure) {
    // In the same directory, where renaming is one step; hidden, so that no collector takes it.
    let name = path.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
    let partial = path.dropLast(name.count) + ".\(name).\(getpid())"
    let file = open(
      String(partial), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o644)
    guard file >= 0, !name.isEmpty else { throw failure(path, name.isEmpty ? EISDIR : errno) }
    var code: Int32 = fchmod(file, 0o644) == 0 ? 0 : errno
    var rest = Array(text.utf8)[...]
    while code == 0, !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      if count >= 0 { rest = rest.dropFirst(count) } else if errno != EINTR { code = errno }
    }
    close(file)
    if code == 0, rename(String(partial), path) != 0 { code = errno }
    guard code != 0 else { return }
    unlink(String(partial))
    throw failure(path, code)
  }

  /// Whether a file begins with some text; what does not belongs to another program.
  static func begins(_ path: String, with text: String) -> Bool {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard file >= 0 else { return false }
    defer { close(file) }
    let expected = Array(text.utf8)
    var bytes = [UInt8](repeating: 0, count: expected.count)
    return read(file, &bytes, bytes.count) == bytes.count && bytes == expected
  }

  private static func failure(_ path: String, _ code: Int32) -> Failure {
    Failure(.failed, "can't write \(path): \(String(cString: strerror(code)))")
  }
}
