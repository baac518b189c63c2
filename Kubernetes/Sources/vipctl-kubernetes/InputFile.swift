import Glibc
import VIPKubernetesImport

/// A file to read; `-` is standard input.
enum InputFile {
  /// Time for which anything but an ordinary file may have nothing to say, in milliseconds.
  private static let patience: Int32 = 10_000

  /// Reads a file whole.
  ///
  /// - Throws: why it can't be read.
  static func bytes(_ path: String, named name: String) throws(PoolImportError) -> [UInt8] {
    let isStandardInput = path == "-"
    // The opening of a FIFO without a writer would last as long as there is none.
    let descriptor =
      isStandardInput ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else { throw failure(name, errno) }
    defer { if !isStandardInput { close(descriptor) } }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      if !isStandardInput { try awaitBytes(name, descriptor) }
      let count = read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR || (errno == EAGAIN && !isStandardInput) { continue }
      guard count >= 0 else { throw failure(name, errno) }
      guard count > 0 else { return bytes }
      bytes += chunk[..<count]
      // What is longer is refused by the import.
      guard bytes.count <= ImportSource.byteCountMax else { return bytes }
    }
  }

  /// Waits for a writer, for a time: ordinary files are always ready.
  private static func awaitBytes(
    _ name: String, _ descriptor: Int32
  ) throws(PoolImportError) {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while true {
      let count = poll(&entry, 1, patience)
      if count < 0, errno == EINTR { continue }
      guard count == 0 else { return }
      throw PoolImportError(
        "\(name): nothing can be read from it for \(patience / 1000)s; give the path of a file")
    }
  }

  private static func failure(_ name: String, _ code: Int32) -> PoolImportError {
    switch code {
    case ENOENT: PoolImportError("\(name): there is no such file")
    case EACCES, EPERM:
      PoolImportError("\(name): not allowed to read it; check its permissions")
    case EISDIR: PoolImportError("\(name): is a directory; give the path of a file")
    default: PoolImportError("\(name): can't be read: \(String(cString: strerror(code)))")
    }
  }
}
