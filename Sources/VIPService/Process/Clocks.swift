import Glibc

/// Time, for programs that have one thread and nothing else to do.
package enum Clocks {
  package static func pause(_ duration: Duration) {
    usleep(UInt32(clamping: Int(duration / .microseconds(1))))
  }
}
