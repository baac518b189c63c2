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
/// A value without sockets, clock or threads. The program that drives it:
/// - calls ``start(at:from:)`` when the interface can send, ``stop(at:)`` when it no longer can;
/// - hands over each advertisement for this VRID with ``receive(_:from:addresses:at:)``;
/// - calls ``advance(to:postponedTo:)`` once ``deadline`` has come. Calling early or twice does
///   nothing. All advertisements that have arrived are handed over first;
/// - performs the returned ``Actions`` in their order.
///
/// Time never goes back from call to call. No event allocates.
///
/// This file holds what the machine knows; `VirtualRouter+Phase` what it knows in one state only,
/// `VirtualRouter+Events` what happens to it, `VirtualRouter+Commands` what an operator asks of it,
/// `VirtualRouter+Steps` what these share.
public struct VirtualRouter: Sendable {
  /// The states of RFC 9568 §6.2.
  ///
  /// Active is called Master in older texts.
  public enum State: String, Sendable, Hashable, Codable {
    /// Waiting to be started.
    case initialize
    /// Watching the Active.
    case backup
    /// Holding the virtual addresses.
    case active
  }

  /// Another router that acts as Active.
  public struct ActiveRouter: Sendable, Hashable {
    /// Its primary address: the source of its advertisements.
    public let address: IPAddress
    /// The priority it advertises.
    public let priority: Priority

    /// Makes one.
    public init(address: IPAddress, priority: Priority) {
      self.address = address
      self.priority = priority
    }
  }

  /// The settings given by the operator.
  public internal(set) var configuration: Configuration {
    didSet { preemptDelay = configuration.preemptDelay.inNanoseconds }
  }
  /// Counters since this value was made.
  public internal(set) var statistics = Statistics()
  /// Our primary address: the source of our advertisements.
  public internal(set) var primaryAddress: IPAddress
  /// The other routers heard for our VRID, also those whose version is not ours.
  public internal(set) var peers = Peers()
  /// The end of the time in which this router leaves the role to others at an operator's request.
  public internal(set) var resignedUntil: Instant?

  /// Whether another router with which this one moves decides between Actives of equal priority:
  /// this one keeps the role then, and answers.
  package var leavesTiesToGroup = false

  /// The configuration's preemptDelay in nanoseconds: converting it costs more than an event.
  private(set) var preemptDelay: UInt64
  /// The state, with all that is valid in it.
  var phase = Phase.initialize
  /// The checksum forms heard from the peers.
  var heardChecksum = HeardChecksum.none

  /// Makes a virtual router in state Initialize.
  ///
  /// - Parameters:
  ///   - configuration: the operator's settings; ``Configuration/validate()`` accepts them.
  ///   - statistics: counters to go on from, if it replaces another value.
  public init(_ configuration: Configuration, continuing statistics: Statistics = Statistics()) {
    self.configuration = configuration
    self.statistics = statistics
    preemptDelay = configuration.preemptDelay.inNanoseconds
    primaryAddress = .any(configuration.family)
  }
}

// MARK: What it knows

extension VirtualRouter {
  /// The state of RFC 9568 §6.2.
  public var state: State { phase.state }

  /// Whether this router has stopped and still hears, until ``finishLeaving()``.
  public var isLeaving: Bool {
    if case .leaving = phase { true } else { false }
  }

  /// The moment when ``advance(to:postponedTo:)`` is due; `nil` if no timer runs.
  public var deadline: Instant? { phase.timer }

  /// The last other router heard as Active, `nil` while we are Active or none was heard.
  public var activeRouter: ActiveRouter? {
    if case .backup(let backup) = phase { backup.activeRouter } else { nil }
  }

  /// Active_Adver_Interval: learned from the Active; our own while none is heard or we are Active.
  public var activeInterval: AdvertisementInterval {
    if case .backup(let backup) = phase { backup.activeInterval } else { configuration.interval }
  }

  /// The priority this router acts upon and advertises: the configured one, unless an operator
  /// promoted it or asked it to resign.
  public var effectivePriority: Priority {
    if case .active(let active) = phase, let promotion = active.promotion { return promotion }
    return backupPriority
  }

  /// The priority this router has as Backup: a promotion lasts as long as the role.
  var backupPriority: Priority { resignedUntil == nil ? configuration.priority : .lowest }

  /// Whether this node acts as owner of the virtual addresses (priority 255).
  public var isOwner: Bool { effectivePriority == .owner }

  /// Skew_Time, with this node's place among equals.
  public var skewTime: Duration { .nanoseconds(Int64(clamping: skewNanoseconds)) }

  /// Active_Down_Interval, with this node's place among equals.
  public var activeDownInterval: Duration { .nanoseconds(Int64(clamping: activeDownNanoseconds)) }

  package var skewNanoseconds: UInt64 {
    skewNanoseconds(of: effectivePriority, interval: activeInterval)
  }

  package var activeDownNanoseconds: UInt64 {
    activeDownNanoseconds(of: effectivePriority, interval: activeInterval)
  }

  func activeDownNanoseconds(of priority: Priority, interval: AdvertisementInterval) -> UInt64 {
    3 * interval.nanoseconds + skewNanoseconds(of: priority, interval: interval)
  }

  func skewNanoseconds(of priority: Priority, interval: AdvertisementInterval) -> UInt64 {
    configuration.skewNanoseconds(of: priority, interval: interval)
  }

  /// The checksum form heard from the peers.
  public var heardChecksumForm: ChecksumForm? { heardChecksum.form }

  /// The checksum form our advertisements carry now.
  public var checksumFormToSend: ChecksumForm {
    configuration.checksumFormToSend(afterHearing: heardChecksum)
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

// Methods of the settings, since the compiler copies the whole router for one of its own.
extension VirtualRouter.Configuration {
  func checksumFormToSend(afterHearing heard: VirtualRouter.HeardChecksum) -> ChecksumForm {
    guard version == .v3 else { return .message }
    switch checksum {
    case .message where family == .ipv4: return .message
    case .message, .pseudoHeader: return .pseudoHeader
    case .auto: return heard.form ?? .pseudoHeader
    }
  }

  fileprivate func skewNanoseconds(
    of priority: Priority, interval: AdvertisementInterval
  ) -> UInt64 {
    Timing.skewNanoseconds(priority: priority, interval: interval, version: version)
      + Timing.tieBreakNanoseconds(rank: tieBreakRank, interval: interval, version: version)
  }
}
