import Glibc

/// A file to read; `-` is standard input.
package enum InputFile {
  /// The name of a file in messages.
  package static func name(_ path: String) -> String { path == "-" ? "standard input" : path }

  /// Reads a file whole.
  ///
  /// - Throws: what is wrong.
  package static func bytes(_ path: String, limit: Int, kind: String) throws(FileError) -> [UInt8] {
    var bytes: [UInt8] = []
    try chunks(path) { chunk throws(FileError) in
      bytes += chunk
      guard bytes.count <= limit else {
        throw FileError(.invalid, "\(name(path)): larger than \(limit >> 20) MiB; is this \(kind)?")
      }
      return true
    }
    return bytes
  }

  /// Reads a text file whole and says where it is no text.
  package static func text(_ path: String, limit: Int, kind: String) throws(FileError) -> String {
    let bytes = try bytes(path, limit: limit, kind: kind)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      let place = placeOfBadByte(bytes)
      throw FileError(.invalid, "\(name(path)):\(place): not UTF-8 text; is this \(kind)?")
    }
    return text
  }

  /// Reads a file piece by piece.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - body: gets the pieces in order; `false` ends the reading.
  ///   - atEnd: is called when the file has come to its end.
  /// - Throws: what is wrong.
  package static func chunks(
    _ path: String, _ body: (ArraySlice<UInt8>) throws(FileError) -> Bool,
    atEnd: () throws(FileError) -> Void = {}
  ) throws(FileError) {
    let isStandardInput = path == "-"
    // The opening of a FIFO without a writer would last as long as there is none.
    let descriptor =
      isStandardInput ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else { throw failure(path, errno) }
    defer { if !isStandardInput { close(descriptor) } }
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      if !isStandardInput { try awaitBytes(path, descriptor) }
      let count = read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR || (errno == EAGAIN && !isStandardInput) { continue }
      guard count >= 0 else { throw failure(path, errno) }
      guard count > 0 else { return try atEnd() }
      guard try body(chunk[..<count]) else { return }
    }
  }

  /// Time for which anything but an ordinary file may have nothing to say, in milliseconds.
  private static let patience: Int32 = 10_000

  /// Waits for a writer, for a time: ordinary files are always ready.
  private static func awaitBytes(_ path: String, _ descriptor: Int32) throws(FileError) {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while true {
      let count = poll(&entry, 1, patience)
      if count < 0, errno == EINTR { continue }
      guard count == 0 else { return }
      throw FileError(
        .invalid,
        "\(name(path)): nothing can be read from it for \(patience / 1000)s; give the path of a file"
      )
    }
  }

  private static func failure(_ path: String, _ code: Int32) -> FileError {
    let name = name(path)
    return switch code {
    case ENOENT: FileError(.invalid, "\(name): there is no such file")
    case EACCES, EPERM:
      FileError(.invalid, "\(name): not allowed to read it; check its permissions")
    case EISDIR: FileError(.invalid, "\(name): is a directory; give the path of a file")
    default: FileError(.invalid, "\(name): can't be read: \(String(cString: strerror(code)))")
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

/// A path that is the same from every working directory.
package func absolutePath(_ path: String) -> String {
  guard !path.hasPrefix("/"), let current = getcwd(nil, 0) else { return path }
  defer { free(current) }
  return String(cString: current) + "/" + path
}
