import Glibc

/// A configuration file on disk.
enum ConfigurationFile {
  /// Far more than 255 routers or 20,000 addresses need.
  static let byteCountMax = 4 << 20

  /// Reads a file whole and says of everything that is wrong with it where it stands.
  static func load(_ path: String) throws(Failure) -> FileConfiguration {
    let bytes = try contents(path)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      let place = placeOfBadByte(bytes)
      throw Failure(.file, "\(path):\(place): not UTF-8 text; is this a configuration file?")
    }
    do {
      return try ConfigurationReader.read(text)
    } catch {
      let separator = error.place == nil ? ": " : ":"
      throw Failure(.file, "\(path)\(separator)\(error)")
    }
  }

  private static func contents(_ path: String) throws(Failure) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(path, errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure(path, errno) }
      guard count > 0 else { return bytes }
      bytes += chunk[..<count]
      guard bytes.count <= byteCountMax else {
        throw Failure(
          .file, "\(path): larger than \(byteCountMax >> 20) MiB; is this a configuration file?")
      }
    }
  }

  private static func failure(_ path: String, _ code: Int32) -> Failure {
    switch code {
    case ENOENT: Failure(.file, "\(path): there is no such file")
    case EACCES, EPERM: Failure(.file, "\(path): not allowed to read it; check its permissions")
    case EISDIR: Failure(.file, "\(path): is a directory; give the path of a file")
    default: Failure(.file, "\(path): can't be read: \(String(cString: strerror(code)))")
    }
  }

  private static func placeOfBadByte(_ bytes: [UInt8]) -> Place {
    var place = Place(line: 1, column: 1)
    for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      guard String(validating: line, as: UTF8.self) == nil else {
        place.line += 1
        continue
      }
      // The longest good start of the line: U+FFFD stands where the first bad byte is, unless the
      // line has real ones.
      let repaired = String(decoding: line, as: UTF8.self).unicodeScalars
      place.column = repaired.prefix { $0 != "\u{FFFD}" }.count + 1
      break
    }
    return place
  }
}
