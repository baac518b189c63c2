extension NodeStatus {
  /// The lateness of a node's turns, since its start.
  ///
  /// A turn is late by the time from the deadline that it serves (an advertisement, an
  /// Active_Down_Timer, a refresh) to the clock that it reads when it begins.
  public struct WakeUps: Sendable, Hashable {
    /// Turns that served a deadline.
    public var served: UInt64
    /// Those that were late by more than ``lateAfter``.
    public var late: UInt64
    /// The lateness from which on a turn counts as late.
    public var lateAfter: Duration
    /// The lateness of the latest turn.
    public var max: Duration
    /// The lateness of the latest turn of the last minute or two.
    public var recentMax: Duration
    /// All of it together.
    public var sum: Duration
    /// Number of turns that were late by no more than each bound, in rising order.
    public var histogram: [Bucket]

    /// A bound and how many turns kept to it.
    public struct Bucket: Sendable, Hashable {
      /// The bound.
      public var upTo: Duration
      /// The turns that were not later.
      public var count: UInt64

      /// Makes an entry.
      public init(upTo: Duration, count: UInt64) {
        self.upTo = upTo
        self.count = count
      }
    }

    /// Makes a status.
    public init(
      served: UInt64 = 0, late: UInt64 = 0, lateAfter: Duration = .milliseconds(10),
      max: Duration = .zero, recentMax: Duration = .zero, sum: Duration = .zero,
      histogram: [Bucket] = []
    ) {
      self.served = served
      self.late = late
      self.lateAfter = lateAfter
      self.max = max
      self.recentMax = recentMax
      self.sum = sum
      self.histogram = histogram
    }
  }
}

extension RouterStatus {
  /// The durations of a router's takeovers: from the moment the election was due to the
  /// announcement of its last address.
  public struct Takeovers: Sendable, Hashable {
    /// Takeovers that came to their end.
    public var count: UInt64
    /// The last one; `nil` if there was none.
    public var last: Duration?
    /// The longest one; `nil` if there was none.
    public var max: Duration?
    /// All of them together.
    public var sum: Duration
    /// Addresses of the one under way that have not been put up and announced yet.
    public var pendingAddresses: Int

    /// Makes a status.
    public init(
      count: UInt64 = 0, last: Duration? = nil, max: Duration? = nil, sum: Duration = .zero,
      pendingAddresses: Int = 0
    ) {
      self.count = count
      self.last = last
      self.max = max
      self.sum = sum
      self.pendingAddresses = pendingAddresses
    }
  }

  /// The lease of the addresses that a router has on its interface.
  public struct Lease: Sendable, Hashable {
    /// The lifetime that they are refreshed with at the moment.
    public var lifetime: Duration
    /// The time since the one that waits longest was refreshed: well above a third of ``lifetime``
    /// means that the node does not keep up.
    public var age: Duration
    /// The time after the last advertisement after which any Backup of the group has taken over,
    /// whatever its priority: of its Active_Down_Interval the longest.
    public var takeover: Duration

    /// Makes a status.
    public init(lifetime: Duration, age: Duration, takeover: Duration) {
      self.lifetime = lifetime
      self.age = age
      self.takeover = takeover
    }
  }

  /// The results of the programs run for a virtual router.
  public struct Hooks: Sendable, Hashable, Codable {
    /// Number of programs that have ended, well or not.
    public var runs: UInt64 = 0
    /// Number of programs that could not be started, ended with another exit code than 0, by a
    /// signal, or took too long.
    public var failures: UInt64 = 0
    /// Number of states that were over before their program's turn came.
    public var skipped: UInt64 = 0

    /// Makes a status of nothing.
    public init() {}
  }
}
