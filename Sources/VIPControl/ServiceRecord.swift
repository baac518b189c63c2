import VIP
import VIPCore

/// The lateness of a node's turns, since its start.
///
/// A turn is late by the time from the deadline that it serves (an advertisement, an
/// Active_Down_Timer, a refresh) to the clock that it reads when it begins.
public struct WakeUpRecord: Sendable, Hashable, Codable {
  /// Turns that served a deadline.
  public var served: UInt64
  /// Those that were late by more than ``lateAfterSeconds``.
  public var late: UInt64
  /// The lateness from which on a turn counts as late.
  public var lateAfterSeconds: Double
  /// The lateness of the latest turn.
  public var maxSeconds: Double
  /// The lateness of the latest turn of the last minute or two.
  public var recentMaxSeconds: Double
  /// All of it together.
  public var sumSeconds: Double
  /// Number of turns that were late by no more than each bound, in rising order.
  public var histogram: [Bucket]

  /// A bound and how many turns kept to it.
  public struct Bucket: Sendable, Hashable, Codable {
    /// The bound.
    public var upToSeconds: Double
    /// The turns that were not later.
    public var count: UInt64
  }

  /// Takes a status down.
  init(_ status: NodeStatus.WakeUps) {
    served = status.served
    late = status.late
    lateAfterSeconds = status.lateAfter.inSeconds
    maxSeconds = status.max.inSeconds
    recentMaxSeconds = status.recentMax.inSeconds
    sumSeconds = status.sum.inSeconds
    histogram = status.histogram.map { Bucket(upToSeconds: $0.upTo.inSeconds, count: $0.count) }
  }
}

/// The durations of a router's takeovers: from the moment the election was due to the announcement
/// of its last address.
public struct TakeoverRecord: Sendable, Hashable, Codable {
  /// Takeovers that came to their end.
  public var count: UInt64
  /// The last one; `nil` if there was none.
  public var lastSeconds: Double?
  /// The longest one; `nil` if there was none.
  public var maxSeconds: Double?
  /// All of them together.
  public var sumSeconds: Double
  /// Addresses of the one under way that have not been put up and announced yet.
  public var pendingAddresses: Int

  /// Takes a status down.
  init(_ status: RouterStatus.Takeovers) {
    count = status.count
    lastSeconds = status.last?.inSeconds
    maxSeconds = status.max?.inSeconds
    sumSeconds = status.sum.inSeconds
    pendingAddresses = status.pendingAddresses
  }
}

/// The lease of the addresses that a router has on its interface.
public struct LeaseRecord: Sendable, Hashable, Codable {
  /// The lifetime that they are refreshed with at the moment.
  public var seconds: Double
  /// The time since the one that waits longest was refreshed: well above a third of ``seconds``
  /// means that the node does not keep up.
  public var ageSeconds: Double
  /// The time after the last advertisement after which any Backup of the group has taken over,
  /// whatever its priority; `nil` if the node does not tell.
  public var takeoverSeconds: Double?

  /// Takes a status down.
  init(_ status: RouterStatus.Lease) {
    seconds = status.lifetime.inSeconds
    ageSeconds = status.age.inSeconds
    takeoverSeconds = status.takeover.inSeconds
  }
}
