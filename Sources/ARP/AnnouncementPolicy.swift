/// Number and pace of the announcements of an address after it moved, and the pace of those of many
/// addresses.
public struct AnnouncementPolicy: Sendable, Hashable {
  /// The pauses between an address's announcements: one fewer than there are announcements.
  public var pauses: [Duration]
  /// The most announcements per second in the long run, at least 1.
  public var maximumRate: Int
  /// The most announcements that may follow one another without a pause, at least 1.
  public var burst: Int
  /// The time after which held addresses are announced once more, again and again; `nil` for never.
  ///
  /// Needed only where something forgets addresses without asking; caches ask.
  public var refresh: Duration?

  /// Makes a policy.
  ///
  /// Without other values an address is announced at 0 s, 1 s and 3 s. The first follows from
  /// RFC 9568 §6.4.2, which has it sent at once. One lost frame would leave neighbours with the old
  /// place for minutes, hence repeats. The first comes after the least pause that RFC 4861 §7.2.6
  /// allows (RETRANS_TIMER, 1 s), the second after RFC 5227's ANNOUNCE_INTERVAL (2 s). That is
  /// three altogether, no more than RFC 4861 allows (MAX_NEIGHBOR_ADVERTISEMENT), and the last two
  /// are the pair that RFC 5227 §2.3 asks for.
  ///
  /// The rate and the burst keep thousands of addresses from overrunning the receive queues of the
  /// machines on the segment, which hold 1,000 packets by default (`net.core.netdev_max_backlog`).
  ///
  /// - Parameters:
  ///   - pauses: the time from each announcement of an address to its next one.
  ///   - maximumRate: announcements per second.
  ///   - burst: announcements without a pause.
  ///   - refresh: the time between periodic announcements; none if left out.
  public init(
    pauses: [Duration] = [.seconds(1), .seconds(2)], maximumRate: Int = 10_000, burst: Int = 500,
    refresh: Duration? = nil
  ) {
    self.pauses = pauses
    self.maximumRate = maximumRate
    self.burst = burst
    self.refresh = refresh
  }
}
