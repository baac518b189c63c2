import CLinux
import Glibc

/// A descriptor that one thread waits on and that any thread can make readable.
package struct WakeUp: ~Copyable, Sendable {
  private let event: Descriptor

  /// Makes one that is not readable.
  package init() throws(NodeError) {
    event = try Descriptor(
      eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK)), "make an event descriptor")
  }

  /// The descriptor to wait on.
  package var descriptor: Int32 { event.raw }

  /// Makes the descriptor readable until ``clear()``.
  package func wake() {
    var one: UInt64 = 1
    _ = write(event.raw, &one, 8)
  }

  /// Makes the descriptor not readable again.
  package func clear() {
    var value: UInt64 = 0
    _ = read(event.raw, &value, 8)
  }
}
