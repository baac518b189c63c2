/// The arithmetic of RFC 9568 §6.1, in nanoseconds.
public enum Timing {
  /// `Skew_Time = ((256 - Priority) * Active_Adver_Interval) / 256`.
  @inlinable
  public static func skewTime(priority: Priority, interval: AdvertisementInterval) -> UInt64 {
    (256 - UInt64(priority.rawValue)) * interval.nanoseconds / 256
  }

  /// `Active_Down_Interval = (3 * Active_Adver_Interval) + Skew_Time`.
  @inlinable
  public static func activeDownInterval(
    priority: Priority, interval: AdvertisementInterval
  ) -> UInt64 {
    3 * interval.nanoseconds + skewTime(priority: priority, interval: interval)
  }

  /// How many places share one priority step among routers of equal priority.
  public static let tieBreakRankCount: UInt8 = 16

  /// How much longer a router of a rank waits than one of rank 0.
  ///
  /// This keeps backups of equal priority from moving all at once. Always less than the step itself, so
  /// the order by priority is untouched.
  @inlinable
  public static func tieBreakOffset(rank: UInt8, interval: AdvertisementInterval) -> UInt64 {
    UInt64(min(rank, tieBreakRankCount - 1)) * interval.nanoseconds
      / (256 * UInt64(tieBreakRankCount))
  }
}
