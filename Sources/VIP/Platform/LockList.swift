import Glibc

/// The locks of processes on a file, from the kernel's list of all (`/proc/locks`).
///
/// Locks of processes in other PID namespaces are not in it.
enum LockList {
  /// A lock.
  struct Entry: Equatable {
    /// The process.
    var pid: Int32
    /// The bytes.
    var range: Range<Int64>
  }

  /// A longer list is not read to its end: any process may make it long.
  private static let byteCountMax = 1 << 18

  /// Reads the locks on an open file that are other processes'.
  static func others(onFile file: Int32) -> [Entry] {
    var status = stat()
    guard fstat(file, &status) == 0 else { return [] }
    return entries(ofFile: status).filter { $0.pid != getpid() }
  }

  /// Reads the locks of processes on a file; those of descriptors (F_OFD_SETLK), which belong to no
  /// process, are left out.
  static func entries(ofFile status: stat) -> [Entry] { entries(read(), name: name(status)) }

  /// The name of a file in the list: its device and its number there.
  private static func name(_ status: stat) -> String {
    let device = UInt64(status.st_dev)
    func hex(_ number: UInt64) -> String {
      let digits = String(number, radix: 16)
      return digits.count < 2 ? "0" + digits : digits
    }
    let major = device >> 8 & 0xFFF | device >> 32 & ~0xFFF
    let minor = device & 0xFF | device >> 12 & ~0xFF
    return "\(hex(major)):\(hex(minor & 0xFFFF_FFFF)):\(status.st_ino)"
  }

  /// Finds the locks of processes on a file in the text of the list.
  static func entries(_ text: [UInt8], name: String) -> [Entry] {
    let name = Array(name.utf8)
    var entries: [Entry] = []
    for line in text.split(separator: UInt8(ascii: "\n")) {
      // 1: POSIX  ADVISORY  READ  4711 00:04:4026531833 12884901888 12884901890
      let fields = line.split(separator: UInt8(ascii: " "))
      guard fields.count == 8, fields[5].elementsEqual(name),
        fields[1].elementsEqual("POSIX".utf8), let pid = Int32(string(fields[4])),
        let start = Int64(string(fields[6]))
      else { continue }
      // "EOF" is the last byte of all.
      let last = Int64(string(fields[7])) ?? Int64.max - 1
      entries.append(Entry(pid: pid, range: start..<max(min(last, Int64.max - 1), start) + 1))
    }
    return entries
    func string(_ field: ArraySlice<UInt8>) -> String { String(decoding: field, as: UTF8.self) }
  }

  private static func read() -> [UInt8] {
    let file = open("/proc/locks", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return [] }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: byteCountMax)
    var length = 0
    while length < bytes.count {
      let count = bytes.withUnsafeMutableBytes { buffer in
        Glibc.read(file, buffer.baseAddress.map { $0 + length }, buffer.count - length)
      }
      guard count > 0 else { break }
      length += count
    }
    return Array(bytes.prefix(length))
  }
}
