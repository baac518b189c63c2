public import VIPCore

/// The election of one virtual router on one node: the state machine of RFC 9568 §6.
///
/// ```
///                 start (owner)                 start
///        +----------------------- Initialize ---------+
///        |                         ^      ^           |
///        |            stop, sends  |      | stop      |
///        v            priority 0   |      |           v
///      Active ---------------------+      +------- Backup
///        ^  |                                       |  ^
///        |  +--- a better router advertises --------|--+
///        +--------- Active_Down_Timer fires --------+
/// ```
///
/// A value without sockets, clock or threads. Whoever drives it:
/// - calls ``start(at:from:)`` when the interface can send, ``stop(at:)`` when it no longer can;
/// - hands over each advertisement for this VRID with ``receive(_:from:addresses:at:)``;
/// - calls ``advance(to:)`` once ``deadline`` has come. Calling early or twice does nothing. All
///   advertisements that have arrived are handed over first;
/// - performs the returned ``Actions`` in their order.
///
/// Time never goes back from call to call. No event allocates.
///
/// This file holds what the machine knows; `VirtualRouter+Events` what happens to it,
/// `VirtualRouter+Commands` what an operator asks of it, `VirtualRouter+Steps` what these share.
public struct VirtualRouter: Sendable {
  /// The states of RFC 9568 §6.2.
  ///
  /// What older texts call Master is Active here.
  public enum State: String, Sendable, Hashable, Codable {
    /// Waiting to be started.
    case initialize
    /// Watching the Active.
    case backup
    /// Holding the virtual addresses.
    case active
  }

  /// A state together with its timer, so that no state can lack one or keep a stale one.
  package enum Phase: Sendable, Hashable {
    case initialize
    case backup(activeDownTimer: Instant)
    case active(adverTimer: Instant)
  }

  /// A priority other than the configured one, at an operator's request.
  enum PriorityOverride: Sendable, Hashable {
    case none
    /// Above the Active that was replaced, while this router is Active.
    case promoted(Priority)
    /// The lowest, until a moment or for ever.
    case resigned(until: Instant)
  }

  /// The Active this router follows.
  public struct ActiveRouter: Sendable, Hashable {
    /// Its primary address: the source of its advertisements.
    public let address: IPAddress
    /// The priority it advertises.
    public let priority: Priority
  }

  /// What this router was told by its operator.
  public internal(set) var configuration: Configuration {
    didSet { preemptDelay = configuration.preemptDelay.inNanoseconds }
  }
  /// Counters since this value was made.
  public internal(set) var statistics = Statistics()
  /// Active_Adver_Interval: learned from the Active; our own until one is heard.
  public package(set) var activeInterval: AdvertisementInterval
  /// The last other router heard as Active, `nil` while we are Active or none was heard.
  public internal(set) var activeRouter: ActiveRouter?
  /// The checksum form heard from the peers.
  public internal(set) var heardChecksumForm: ChecksumForm?
  /// Our primary address: the source of our advertisements.
  public package(set) var primaryAddress: IPAddress
  /// The other routers heard for our VRID, also those whose version is not ours.
  public internal(set) var peers = Peers()

  /// The configuration's preemptDelay in nanoseconds: converting it costs more than an event.
  private(set) var preemptDelay: UInt64
  package var phase = Phase.initialize
  var priorityOverride = PriorityOverride.none
  /// When the last advertisement that counts for the Active_Down_Timer was heard.
  var lastHeard = Instant.zero
  /// Whether the last Active heard announced that it leaves.
  var activeIsLeaving = false
  /// Whether a lower priority was heard since the timer was last set.
  var isPreempting = false
  /// Since when an Active of lower priority has been heard without a break.
  var lowerPrioritySince: Instant?
  /// When this router last became Active.
  var activeSince = Instant.zero
  /// When we last sent an advertisement of any kind.
  package var lastSent = Instant.zero
  /// When we last answered a losing advertisement or a farewell, or will have.
  package var lastAnswer: Instant?
  /// When a checksum with pseudo-header was last heard.
  var lastPseudoHeader = Instant.zero

  /// Makes a virtual router in state Initialize.
  ///
  /// - Parameters:
  ///   - configuration: what its operator says; ``Configuration/validate()`` accepts it.
  ///   - statistics: counters to go on from, if it replaces another value.
  public init(_ configuration: Configuration, continuing statistics: Statistics = Statistics()) {
    self.configuration = configuration
    self.statistics = statistics
    preemptDelay = configuration.preemptDelay.inNanoseconds
    activeInterval = configuration.interval
    primaryAddress = .any(configuration.family)
  }
}

// MARK: What it knows

extension VirtualRouter {
  /// The state of RFC 9568 §6.2.
  public var state: State {
    switch phase {
    case .initialize: .initialize
    case .backup: .backup
    case .active: .active
    }
  }

  /// When ``advance(to:)`` is due; `nil` if no timer runs.
  public var deadline: Instant? {
    switch phase {
    case .initialize: nil
    case .backup(let timer), .active(let timer): timer
    }
  }

  /// The priority this router acts upon and advertises: the configured one, unless an operator
  /// promoted it or asked it to resign.
  public var effectivePriority: Priority {
    switch priorityOverride {
    case .none: configuration.priority
    case .promoted(let priority): priority
    case .resigned: .lowest
    }
  }

  /// Whether this node acts as owner of the virtual addresses (priority 255).
  public var isOwner: Bool { effectivePriority == .owner }

  /// Until when this router leaves the role to others, if an operator asked it to.
  public var resignedUntil: Instant? {
    if case .resigned(let end) = priorityOverride { end } else { nil }
  }

  /// Skew_Time in nanoseconds, with this node's place among equals.
  public var skewTime: UInt64 {
    Timing.skewTime(
      priority: effectivePriority, interval: activeInterval, version: configuration.version)
      + Timing.tieBreakOffset(
        rank: configuration.tieBreakRank, interval: activeInterval, version: configuration.version)
  }

  /// Active_Down_Interval in nanoseconds, with this node's place among equals.
  public var activeDownInterval: UInt64 { 3 * activeInterval.nanoseconds + skewTime }

  /// The checksum form our advertisements carry now.
  public var checksumFormToSend: ChecksumForm {
    guard configuration.version == .v3 else { return .message }
    switch configuration.checksum {
    case .message where configuration.family == .ipv4: return .message
    case .message, .pseudoHeader: return .pseudoHeader
    case .auto: return heardChecksumForm ?? .pseudoHeader
    }
  }

  /// The advertisement to send with a priority now.
  public func advertisement(_ priority: Priority, addressCount: Int) -> Advertisement {
    Advertisement(
      vrid: configuration.vrid, priority: priority, interval: configuration.interval,
      addressCount: addressCount, family: configuration.family,
      checksumForm: checksumFormToSend, version: configuration.version,
      authentication: configuration.authentication)
  }
}
