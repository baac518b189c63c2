/// A moment on a clock that never goes back, in nanoseconds since that clock's start.
///
/// The modules below `VIP` read no clock: the program that drives them says what time it is. A node
/// uses the time since boot including suspension (CLOCK_BOOTTIME); a simulation counts from zero.
/// Arithmetic stops at the ends of the range instead of trapping or wrapping.
public struct Instant: Sendable, Hashable {
  /// Nanoseconds since the clock's start.
  public let nanoseconds: UInt64

  /// Makes a moment from nanoseconds since the clock's start.
  @inlinable
  public init(nanoseconds: UInt64) {
    self.nanoseconds = nanoseconds
  }

  /// The clock's start.
  public static let zero = Instant(nanoseconds: 0)

  /// The moment a number of nanoseconds later.
  @inlinable
  public func advanced(byNanoseconds interval: UInt64) -> Instant {
    let (sum, overflow) = nanoseconds.addingReportingOverflow(interval)
    return Instant(nanoseconds: overflow ? .max : sum)
  }

  /// Nanoseconds from another moment to this one; zero if that one is later.
  @inlinable
  public func nanoseconds(since other: Instant) -> UInt64 {
    nanoseconds > other.nanoseconds ? nanoseconds - other.nanoseconds : 0
  }

  /// The moment a duration later (or earlier, if it is negative).
  public static func + (left: Instant, right: Duration) -> Instant {
    if right >= .zero { return left.advanced(byNanoseconds: right.inNanoseconds) }
    let back = UInt64(clamping: right.attoseconds.magnitude / 1_000_000_000)
    return Instant(nanoseconds: left.nanoseconds > back ? left.nanoseconds - back : 0)
  }

  /// The time from one moment to a later one; negative if it is earlier.
  public static func - (left: Instant, right: Instant) -> Duration {
    left >= right
      ? .nanoseconds(Int64(clamping: left.nanoseconds - right.nanoseconds))
      : .zero - .nanoseconds(Int64(clamping: right.nanoseconds - left.nanoseconds))
  }
}

extension Instant: Comparable {
  /// Orders moments by time.
  @inlinable
  public static func < (left: Instant, right: Instant) -> Bool {
    left.nanoseconds < right.nanoseconds
  }
}
