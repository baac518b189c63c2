import VIPCore
import VRRP

/// The times that follow from a lease for the addresses of one router.
///
/// Addresses are refreshed right after an advertisement, so that what the kernel counts from and
/// what the Backups count from is the same moment but for a millisecond. Of an automatic lease with
/// `i` for the interval, `n` for the number of intervals between two refreshes and `d` for the
/// longest Active_Down_Interval that a Backup may have:
///
/// - An Active may freeze right before it refreshes, `n - 1` intervals after the last time. For the
///   address to be there until the slowest Backup has taken over, the lifetime is at least
///   `d + (n - 1) i`.
/// - Two refreshes in a row may fail: it is at least `3 n i`.
/// - The kernel counts in seconds, so it is rounded up. What that gives away is used for a larger
///   `n`, since each refresh is a message to all that listen to the kernel's events.
///
/// A frozen Active that advertised and refreshed at one moment has the address for the lifetime
/// from then on, less than a second longer than `d`. See Docs/Leases.md for what the kernel adds.
package struct LeaseTerm: Sendable, Hashable {
  /// The lifetime that the addresses are installed with, in whole seconds.
  package let lifetime: Duration
  /// The time between two refreshes, in whole intervals.
  package let period: Duration
  /// The time after the last advertisement after which any Backup has taken over, whatever its
  /// priority.
  package let takeover: Duration

  /// Computes the times.
  ///
  /// - Parameters:
  ///   - chosen: the lifetime that an operator has chosen; `nil` for the one that follows.
  ///   - interval: the advertisement interval of the router.
  ///   - version: its version of the protocol.
  ///   - load: the time that one refresh of all addresses of the node may not fall short of.
  init(
    lifetime chosen: Duration?, interval: AdvertisementInterval, _ version: ProtocolVersion,
    load: Duration
  ) {
    let unit = Int64(clamping: interval.nanoseconds)
    // A Backup of version 3 counts in the Active's interval. The lowest priority and the last place
    // among those that share it wait for less than a whole unit of skew.
    let down = 3 * unit + Int64(clamping: Timing.skewUnit(interval: interval, version: version))
    let needed = max(1, (Int64(clamping: load.inNanoseconds) + unit - 1) / unit)
    let second: Int64 = 1_000_000_000
    var lifetime = max(down + (needed - 1) * unit, 3 * needed * unit)
    var count = needed
    if let chosen {
      // What is chosen suffices, see ``LeasePolicy/check(_:besides:)``; it is not relied upon.
      lifetime = max(Int64(clamping: chosen.inNanoseconds), 3 * needed * unit)
    }
    lifetime = (lifetime + second - 1) / second * second
    count = max(count, lifetime / (3 * unit))
    if chosen == nil { count = max(needed, min(count, (lifetime - down) / unit + 1)) }
    self.lifetime = .nanoseconds(lifetime)
    period = .nanoseconds(count * unit)
    takeover = .nanoseconds(down)
  }
}
