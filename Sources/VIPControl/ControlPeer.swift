import Glibc
package import VIP
import VIPCore

/// The process on the other end of a connection, as the kernel knows it.
package struct ControlPeer: Sendable, Hashable {
  /// Its user.
  package let uid: UInt32
  /// Its number; 0 if it has none in this process's namespace.
  package let pid: Int32

  /// Asks the kernel for the process on the other end of a connection; `nil` if it does not say.
  init?(_ descriptor: Int32) {
    guard let (uid, pid) = UnixSocket.peerProcess(descriptor) else { return nil }
    self.uid = uid
    self.pid = pid
  }

  /// The process with its command line, which is read now: while it waits for an answer, its number
  /// belongs to no other process.
  package var requester: Requester {
    Requester(uid: uid, pid: pid, command: pid > 0 ? Self.commandLine(of: pid) : "")
  }

  /// Number of bytes of a command line that are told.
  private static let byteCountMax = 120

  private static func commandLine(of pid: Int32) -> String {
    let file = open("/proc/\(pid)/cmdline", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: byteCountMax)
    let count = read(file, &bytes, bytes.count)
    return count > 0 ? text(of: bytes[..<count]) : ""
  }

  /// The words of a command line as one line for people: no byte of it does anything to a terminal.
  static func text(of bytes: some Sequence<UInt8>) -> String {
    // Words end with a zero byte.
    let printable = bytes.map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: " ") : $0 }
    let end = printable.lastIndex { $0 != UInt8(ascii: " ") }.map { $0 + 1 } ?? 0
    return String(decoding: printable[..<end], as: UTF8.self).onOneLine
  }
}
