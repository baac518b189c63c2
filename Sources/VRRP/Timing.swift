/// The arithmetic of RFC 9568 §6.1 and RFC 3768 §6.1.
public enum Timing {
  /// `Skew_Time = ((256 - Priority) * Active_Adver_Interval) / 256`, of one second in version 2.
  public static func skewTime(
    priority: Priority, interval: AdvertisementInterval, version: ProtocolVersion = .v3
  ) -> Duration {
    .nanoseconds(
      Int64(skewNanoseconds(priority: priority, interval: interval, version: version)))
  }

  /// `Active_Down_Interval = (3 * Active_Adver_Interval) + Skew_Time`.
  public static func activeDownInterval(
    priority: Priority, interval: AdvertisementInterval, version: ProtocolVersion = .v3
  ) -> Duration {
    interval.duration * 3 + skewTime(priority: priority, interval: interval, version: version)
  }

  /// The number of places that share one priority step among routers of equal priority.
  public static let tieBreakRankCount: UInt8 = 16

  /// The time that a router of a rank waits longer than one of rank 0.
  ///
  /// This keeps backups of equal priority from moving all at once. Always less than the step
  /// itself, so the order by priority is untouched.
  public static func tieBreakOffset(
    rank: UInt8, interval: AdvertisementInterval, version: ProtocolVersion = .v3
  ) -> Duration {
    .nanoseconds(Int64(tieBreakNanoseconds(rank: rank, interval: interval, version: version)))
  }

  // Nanoseconds inside: an event has no time for 128-bit durations.

  /// The time of which Skew_Time is a fraction.
  ///
  /// Version 3 takes the Active's interval. Version 2 takes one second whatever the interval is.
  package static func skewUnit(
    interval: AdvertisementInterval, version: ProtocolVersion
  ) -> UInt64 {
    version == .v2 ? 1_000_000_000 : interval.nanoseconds
  }

  static func skewNanoseconds(
    priority: Priority, interval: AdvertisementInterval, version: ProtocolVersion
  ) -> UInt64 {
    (256 - UInt64(priority.rawValue)) * skewUnit(interval: interval, version: version) / 256
  }

  static func tieBreakNanoseconds(
    rank: UInt8, interval: AdvertisementInterval, version: ProtocolVersion
  ) -> UInt64 {
    UInt64(min(rank, tieBreakRankCount - 1)) * skewUnit(interval: interval, version: version)
      / (256 * UInt64(tieBreakRankCount))
  }
}
