/// The arithmetic of RFC 9568 §6.1 and RFC 3768 §6.1, in nanoseconds.
public enum Timing {
  /// What Skew_Time is a fraction of.
  ///
  /// Version 3 takes the Active's interval. Version 2 takes one second whatever the interval is.
  @inlinable
  public static func skewUnit(
    interval: AdvertisementInterval, version: ProtocolVersion = .v3
  ) -> UInt64 {
    version == .v2 ? 1_000_000_000 : interval.nanoseconds
  }

  /// `Skew_Time = ((256 - Priority) * Active_Adver_Interval) / 256`, of one second in version 2.
  @inlinable
  public static func skewTime(
    priority: Priority, interval: AdvertisementInterval, version: ProtocolVersion = .v3
  ) -> UInt64 {
    (256 - UInt64(priority.rawValue)) * skewUnit(interval: interval, version: version) / 256
  }

  /// `Active_Down_Interval = (3 * Active_Adver_Interval) + Skew_Time`.
  @inlinable
  public static func activeDownInterval(
    priority: Priority, interval: AdvertisementInterval, version: ProtocolVersion = .v3
  ) -> UInt64 {
    3 * interval.nanoseconds + skewTime(priority: priority, interval: interval, version: version)
  }

  /// How many places share one priority step among routers of equal priority.
  public static let tieBreakRankCount: UInt8 = 16

  /// How much longer a router of a rank waits than one of rank 0.
  ///
  /// This keeps backups of equal priority from moving all at once. Always less than the step
  /// itself, so the order by priority is untouched.
  @inlinable
  public static func tieBreakOffset(
    rank: UInt8, interval: AdvertisementInterval, version: ProtocolVersion = .v3
  ) -> UInt64 {
    UInt64(min(rank, tieBreakRankCount - 1)) * skewUnit(interval: interval, version: version)
      / (256 * UInt64(tieBreakRankCount))
  }
}
