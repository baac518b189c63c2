import Glibc

/// A file that somebody names on the command line; `-` is standard input.
enum InputFile {
  /// What messages call a file.
  static func name(_ path: String) -> String { path == "-" ? "standard input" : path }

  /// Reads a file whole.
  ///
  /// - Throws: what is wrong, with exit code 65.
  static func bytes(_ path: String, limit: Int, kind: String) throws(Failure) -> [UInt8] {
    var bytes: [UInt8] = []
    try chunks(path) { chunk throws(Failure) in
      bytes += chunk
      guard bytes.count <= limit else {
        throw Failure(.file, "\(name(path)): larger than \(limit >> 20) MiB; is this \(kind)?")
      }
      return true
    }
    return bytes
  }

  /// Reads a text file whole and says where it is no text.
  static func text(_ path: String, limit: Int, kind: String) throws(Failure) -> String {
    let bytes = try bytes(path, limit: limit, kind: kind)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      let place = placeOfBadByte(bytes)
      throw Failure(.file, "\(name(path)):\(place): not UTF-8 text; is this \(kind)?")
    }
    return text
  }

  /// Reads a file piece by piece.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - body: gets the pieces in order; `false` ends the reading.
  ///   - atEnd: is called when the file has come to its end.
  /// - Throws: what is wrong, with exit code 65.
  static func chunks(
    _ path: String, _ body: (ArraySlice<UInt8>) throws(Failure) -> Bool,
    atEnd: () throws(Failure) -> Void = {}
  ) throws(Failure) {
    let isStandardInput = path == "-"
    let descriptor = isStandardInput ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(path, errno) }
    defer { if !isStandardInput { close(descriptor) } }
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure(path, errno) }
      guard count > 0 else { return try atEnd() }
      guard try body(chunk[..<count]) else { return }
    }
  }

  private static func failure(_ path: String, _ code: Int32) -> Failure {
    let name = name(path)
    return switch code {
    case ENOENT: Failure(.file, "\(name): there is no such file")
    case EACCES, EPERM: Failure(.file, "\(name): not allowed to read it; check its permissions")
    case EISDIR: Failure(.file, "\(name): is a directory; give the path of a file")
    default: Failure(.file, "\(name): can't be read: \(String(cString: strerror(code)))")
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

/// A file that a command writes.
enum OutputFile {
  /// Writes a file whole, over what was there.
  static func write(_ bytes: [UInt8], to path: String) throws(Failure) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failure(path, errno) }
    defer { close(descriptor) }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure(path, errno) }
      rest = rest.dropFirst(count)
    }
  }

  private static func failure(_ path: String, _ code: Int32) -> Failure {
    Failure(.failed, "\(path): can't be written: \(String(cString: strerror(code)))")
  }
}
