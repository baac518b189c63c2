import Glibc
import NIOPosix
import VIPKubernetes

/// What a speaker needs to start without an API server.
struct SpeakerMemory: Sendable, Hashable {
  /// The node.
  var node: String
  /// Whether it was to hand everything over.
  var isInMaintenance: Bool
  /// The routers in which it has a part, with its own entry in their status and no other.
  var routers: [RouterObject]

  /// Makes a memory.
  init(node: String, isInMaintenance: Bool = false, routers: [RouterObject] = []) {
    self.node = node
    self.isInMaintenance = isInMaintenance
    self.routers = routers
  }
}

extension SpeakerMemory: Codable {
  private static let version = 1
  private static let routerCountMax = 10_000

  private enum CodingKeys: String, CodingKey { case version, node, isInMaintenance, routers }

  /// Reads what ``encode(to:)`` writes, of this version and no other.
  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let version = try container.decode(Int.self, forKey: .version)
    guard version == Self.version else {
      throw DecodingError.dataCorruptedError(
        forKey: .version, in: container, debugDescription: "version \(version) is not known")
    }
    node = try container.decode(String.self, forKey: .node)
    isInMaintenance = try container.decode(Bool.self, forKey: .isInMaintenance)
    routers = try container.decode([RouterObject].self, forKey: .routers)
    guard routers.count <= Self.routerCountMax else {
      throw DecodingError.dataCorruptedError(
        forKey: .routers, in: container, debugDescription: "\(routers.count) routers are too many")
    }
  }

  /// Writes it with the version of its form.
  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(Self.version, forKey: .version)
    try container.encode(node, forKey: .node)
    try container.encode(isInMaintenance, forKey: .isInMaintenance)
    try container.encode(routers, forKey: .routers)
  }
}

/// The reason why a speaker's memory can't be read or written.
public struct SpeakerFileError: Error, Sendable, Hashable, CustomStringConvertible {
  /// One sentence.
  public let description: String

  init(_ description: String) { self.description = description }

  /// Makes an error of the system call that has just failed.
  static func system(_ what: String) -> SpeakerFileError {
    let code = errno
    return SpeakerFileError("can't \(what): \(String(cString: strerror(code)))")
  }
}

/// The file in which a speaker keeps its ``SpeakerMemory``.
///
/// It is replaced as a whole, readable by its user alone, and not believed if another user could have
/// written it or if it is another node's.
public struct SpeakerFile: Sendable {
  /// Its path.
  public let path: String
  private let directory: String

  /// Makes a file in a directory, which is made with the file if only that is missing.
  public init(in directory: String) {
    self.directory = directory
    path = "\(directory)/speaker.json"
  }

  /// Reads it; `nil` if there is none.
  func read(for node: String) async throws(SpeakerFileError) -> SpeakerMemory? {
    try await onThread { () throws(SpeakerFileError) in try readNow(for: node) }
  }

  /// Replaces it.
  func write(_ memory: SpeakerMemory) async throws(SpeakerFileError) {
    try await onThread { () throws(SpeakerFileError) in try writeNow(memory) }
  }

  /// Removes it, so that nothing begins with what is outdated.
  func remove() async throws(SpeakerFileError) {
    try await onThread { () throws(SpeakerFileError) in
      guard unlink(path) != 0, errno != ENOENT else { return }
      throw .system("remove \(path)")
    }
  }

  /// Does something that may wait for a disk.
  private func onThread<Value: Sendable>(
    _ body: @escaping @Sendable () throws(SpeakerFileError) -> Value
  ) async throws(SpeakerFileError) -> Value {
    do throws(any Error) {
      return try await NIOThreadPool.singleton.runIfActive { try body() }
    } catch {
      throw error as? SpeakerFileError ?? SpeakerFileError("can't use \(path): \(error)")
    }
  }

  private func readNow(for node: String) throws(SpeakerFileError) -> SpeakerMemory? {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard file >= 0 else {
      if errno == ENOENT { return nil }
      throw .system("open \(path)")
    }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw SpeakerFileError("\(path) is no file")
    }
    guard status.st_uid == geteuid(), status.st_mode & 0o022 == 0 else {
      throw SpeakerFileError("others may have written \(path); remove it")
    }
    guard status.st_size <= ObjectReader.byteCountMax else {
      throw SpeakerFileError("\(path) has \(status.st_size) bytes, which are too many; remove it")
    }
    let bytes = try Self.bytes(of: file, path)
    let memory: SpeakerMemory
    do throws(ObjectError) {
      memory = try ObjectReader.read(from: bytes)
    } catch {
      throw SpeakerFileError("\(path) can't be used: \(error)")
    }
    guard memory.node == node else {
      throw SpeakerFileError("\(path) is that of node \(memory.node), not of \(node); remove it")
    }
    return memory
  }

  private static func bytes(of file: Int32, _ path: String) throws(SpeakerFileError) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while bytes.count <= ObjectReader.byteCountMax {
      let count = Glibc.read(file, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .system("read \(path)") }
      guard count > 0 else { break }
      bytes += buffer[..<count]
    }
    return bytes
  }

  private func writeNow(_ memory: SpeakerMemory) throws(SpeakerFileError) {
    let bytes: [UInt8]
    do throws(ObjectError) {
      bytes = try ObjectReader.write(memory)
    } catch {
      throw SpeakerFileError("\(error)")
    }
    guard bytes.count <= ObjectReader.byteCountMax else {
      throw SpeakerFileError("\(path) would have \(bytes.count) bytes, which are too many")
    }
    // If it can't be made, the file can't either.
    mkdir(directory, 0o700)
    let partial = path + ".new"
    unlink(partial)
    let file = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw .system("write \(partial)") }
    do throws(SpeakerFileError) {
      defer { close(file) }
      try Self.write(bytes, to: file, partial)
    } catch {
      unlink(partial)
      throw error
    }
    guard rename(partial, path) == 0 else {
      let error = SpeakerFileError.system("replace \(path)")
      unlink(partial)
      throw error
    }
  }

  private static func write(
    _ bytes: [UInt8], to file: Int32, _ path: String
  ) throws(SpeakerFileError) {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { bytes in
        Glibc.write(file, bytes.baseAddress?.advanced(by: written), bytes.count - written)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .system("write \(path)") }
      written += count
    }
    // The name must not lead to an empty file after a power failure.
    guard fsync(file) == 0 else { throw .system("write \(path)") }
  }
}
