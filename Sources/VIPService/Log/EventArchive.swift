import Glibc
import VIP
public import VIPControl
import VIPCore
import VIPReports

/// The events that a node has kept in its runtime directory, also of earlier lives, whether it runs
/// or not.
public enum EventArchive {
  /// The first words of what a process that has crashed has left.
  static let crashMark = "crashed: "
  /// The length up to which a file is read: a node keeps it below.
  private static let byteCountMax = 4 << 20

  /// What a process has left that was ended by a signal for a fault of its own, see ``CrashNote``.
  private struct Crash: Decodable {
    var crash: Int32
    var pid: Int32
    var seconds: UInt64
  }

  /// Reads the events that were kept, in the order in which they were written.
  ///
  /// - Parameter directory: the runtime directory.
  /// - Returns: the events; none if none were kept.
  /// - Throws: why the files are not believed or can't be read.
  public static func read(_ directory: String) throws(ServiceError) -> [EventRecord] {
    do throws(NodeError) {
      return try records(RuntimeDirectory.eventsPath(in: directory))
    } catch {
      throw ServiceError(error)
    }
  }

  /// The records in a file, behind those in the one that was set aside before it.
  static func records(_ path: String) throws(NodeError) -> [EventRecord] {
    var records: [EventRecord] = []
    for file in [path + ".1", path] {
      for line in try content(file).split(separator: UInt8(ascii: "\n")) {
        let bytes = Array(line)
        if let record = JSONCoding.decode(EventRecord.self, from: bytes) {
          records.append(record)
        } else if let crash = JSONCoding.decode(Crash.self, from: bytes) {
          let (seconds, overflow) = crash.seconds.multipliedReportingOverflow(by: 1_000_000_000)
          let time = Timestamp(nanosecondsSince1970: overflow ? 0 : seconds)
          records.append(
            EventRecord(
              process: "\(crashMark)the process \(crash.pid) was ended by \(name(crash.crash))",
              at: time.milliseconds))
        }
      }
    }
    return records
  }

  /// Events that were kept with those that a running node still knows, each once, in the order of
  /// their times.
  public static func merged(
    _ kept: [EventRecord], with recent: [EventRecord]
  ) -> [EventRecord] {
    let known = Set(kept)
    let all = kept + recent.filter { !known.contains($0) }
    return all.enumerated().sorted {
      ($0.element.time, $0.element.sequence, $0.offset)
        < ($1.element.time, $1.element.sequence, $1.offset)
    }.map(\.element)
  }

  private static func name(_ signal: Int32) -> String {
    let names = [
      SIGILL: "SIGILL", SIGTRAP: "SIGTRAP", SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE",
      SIGSEGV: "SIGSEGV",
    ]
    return names[signal] ?? "signal \(signal)"
  }

  /// The bytes of a regular file that root, this user or the directory's own user has written;
  /// nothing if there is none.
  private static func content(_ path: String) throws(NodeError) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
    guard file >= 0 else {
      if errno == ENOENT || errno == ENOTDIR { return [] }
      throw .system(errno, "open \(path)")
    }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { throw .system(errno, "look at \(path)") }
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    guard status.st_mode & S_IFMT == S_IFREG,
      status.st_uid == 0 || status.st_uid == geteuid()
        || OwnFiles.isGiven(directory: folder, to: status.st_uid)
    else {
      throw NodeError(
        .system(errno: EPERM), "\(path) was not written by a node of this directory; remove it")
    }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while bytes.count < byteCountMax {
      let count = Glibc.read(file, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .system(errno, "read \(path)") }
      if count == 0 { break }
      bytes += buffer[..<count]
    }
    return bytes
  }
}
