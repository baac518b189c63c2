import VIPCore
import VRRP

/// Another Active of lower rank that goes on while a router is Active: it does not hear this
/// router, because that can't send, or because what it sends is lost or dropped on its way.
///
/// By the RFC both would hold the addresses as long as that lasts. Only the one that hears can end
/// it: it leaves the role to the other after three intervals, and at once if it knows that nothing
/// of what it sends gets out. It tries again after a minute, and later and later if that is in
/// vain.
struct Rivalry {
  /// The shortest time for which the role is left to the other, at first, and the longest.
  private static let shortestPause = Duration.seconds(60)
  private static let longestPause = Duration.seconds(3600)
  /// The number of intervals without an advertisement after which the other is Active no longer.
  private static let silenceMax = 3

  /// The other router.
  private(set) var rival: VirtualRouter.ActiveRouter?
  /// The interval that it advertises.
  private(set) var interval = AdvertisementInterval.default
  private var since = Instant(nanoseconds: 0)
  private var lastHeard = Instant(nanoseconds: 0)
  private var pause = shortestPause
  /// The time when the role was last left, and for how long.
  private var left: (at: Instant, pause: Duration)?
  /// The time when the role was last left, if that was because nothing got out.
  private(set) var leftMuteAt: Instant?

  /// Takes in that another router of lower rank is Active.
  mutating func heard(
    _ router: VirtualRouter.ActiveRouter, _ interval: AdvertisementInterval, at now: Instant
  ) {
    if rival?.address != router.address || now > lastHeard + interval.duration * Self.silenceMax {
      since = now
    }
    rival = router
    self.interval = interval
    lastHeard = now
  }

  /// Whether the other is Active as far as can be told.
  func isRivalled(at now: Instant) -> Bool {
    rival != nil && now <= lastHeard + interval.duration * Self.silenceMax
  }

  /// Whether the other has gone on for so long that it does not hear this router: three intervals,
  /// or a little less, so that what is due then counts.
  ///
  /// Counted is the longer of both intervals: one that advertises fast, by mistake or on purpose,
  /// has to go on as long as any other.
  func isUnheard(at now: Instant, ownInterval: AdvertisementInterval) -> Bool {
    guard isRivalled(at: now) else { return false }
    let longer = max(interval.nanoseconds, ownInterval.nanoseconds)
    return now.nanoseconds(since: since) >= longer / 4 * 11
  }

  /// Whether the role has been left to the other, which goes on or has gone on until lately.
  func isRetrying(at now: Instant) -> Bool {
    guard let left, rival != nil else { return false }
    return now <= left.at + left.pause * 2
  }

  /// The role is left to the other.
  ///
  /// - Parameters:
  ///   - now: the time.
  ///   - isMute: whether that is because nothing gets out.
  /// - Returns: for how long.
  mutating func leave(at now: Instant, isMute: Bool = false) -> Duration {
    leftMuteAt = isMute ? now : nil
    pause = isRetrying(at: now) ? min(pause * 2, Self.longestPause) : Self.shortestPause
    left = (now, pause)
    since = now
    return pause
  }
}
