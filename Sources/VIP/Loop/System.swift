import CLinux
import Glibc
import Netlink
package import VIPCore

/// A file descriptor that is closed with its owner.
package struct Descriptor: ~Copyable {
  /// The descriptor, for system calls.
  package let raw: Int32

  /// Takes over a descriptor that is open.
  package init(_ raw: Int32) {
    self.raw = raw
  }

  /// Takes over what a system call returned.
  ///
  /// - Throws: the error behind a negative result, naming the operation.
  package init(_ result: Int32, _ operation: @autoclosure () -> String) throws(NodeError) {
    guard result >= 0 else { throw .system(errno, operation()) }
    raw = result
  }

  deinit {
    close(raw)
  }

  /// Sets a socket option to a number.
  package func set(_ level: Int32, _ option: Int32, _ value: Int32) throws(NodeError) {
    var value = value
    guard setsockopt(raw, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0 else {
      throw .system(errno, "set socket option \(level)/\(option)")
    }
  }
}

extension NodeError {
  /// A failed system call.
  package static func system(_ code: Int32, _ operation: String) -> NodeError {
    let kind: Kind = code == EPERM || code == EACCES ? .notPermitted : .system(errno: code)
    return NodeError(kind, "\(operation): \(errorText(code))")
  }
}

extension NodeError {
  /// A request that the kernel has refused.
  init(_ error: NetlinkError) {
    self.init(
      error.isNotPermitted ? .notPermitted : .system(errno: error.code), error.description)
  }
}

/// The C library's text for an error number.
package func errorText(_ code: Int32) -> String {
  var buffer = [CChar](repeating: 0, count: 128)
  guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
  let text = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
  return String(decoding: text, as: UTF8.self)
}

/// The time of day, in nanoseconds since 1970: for reports only.
package func wallClock() -> Instant {
  Instant(nanoseconds: vip_clock_nanoseconds(CLOCK_REALTIME))
}

/// The clock a node lives by: time since boot, suspension included, so that a node that was asleep
/// knows for how long.
package func bootTime() -> Instant {
  Instant(nanoseconds: vip_clock_nanoseconds(CLOCK_BOOTTIME))
}
