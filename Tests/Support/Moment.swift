import Glibc

/// A point of the wall clock, the one clock that packet captures and probes share.
package struct Moment: Sendable, Hashable, Comparable {
  /// Nanoseconds since 1970.
  package let nanoseconds: Int64

  /// Makes the point so many nanoseconds after 1970 began.
  package init(nanoseconds: Int64) {
    self.nanoseconds = nanoseconds
  }

  /// The present.
  package static var now: Moment {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Moment(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  package static func < (left: Moment, right: Moment) -> Bool {
    left.nanoseconds < right.nanoseconds
  }

  package static func - (left: Moment, right: Moment) -> Duration {
    .nanoseconds(left.nanoseconds - right.nanoseconds)
  }

  package static func + (left: Moment, right: Duration) -> Moment {
    let (seconds, attoseconds) = right.components
    return Moment(
      nanoseconds: left.nanoseconds + seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
  }
}

extension Duration {
  /// The duration in milliseconds, for reports.
  package var milliseconds: Double {
    Double(components.seconds) * 1000 + Double(components.attoseconds) / 1e15
  }

  /// The duration as a person would read it in a test report.
  package var report: String {
    let tenths = (milliseconds * 10).rounded() / 10
    return "\(tenths) ms"
  }
}

/// Blocks the calling thread.
package func pause(_ duration: Duration) {
  let (seconds, attoseconds) = duration.components
  var left = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
  var rest = timespec()
  while nanosleep(&left, &rest) == -1 && errno == EINTR { left = rest }
}
