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
/// - hands over each advertisement for this VRID with ``receive(_:from:listsOurAddresses:at:)``;
/// - calls ``advance(to:)`` once ``deadline`` has come. Calling early or twice does nothing. All
///   advertisements that have arrived are handed over first;
/// - performs the returned ``Actions`` in their order.
///
/// Time never goes back from call to call. No event allocates.
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

  /// What a virtual router is told by its operator (RFC 9568 §6.1).
  public struct Configuration: Sendable, Hashable {
    /// The virtual router's identifier on its segment.
    public var vrid: VRID
    /// The family of its addresses.
    public var family: AddressFamily
    /// This node's priority; 255 if it owns the addresses.
    public var priority: Priority
    /// Advertisement_Interval.
    public var interval: AdvertisementInterval
    /// Preempt_Mode: whether to replace an Active of lower priority.
    ///
    /// An owner preempts always.
    public var preempts: Bool
    /// Which checksum form to send over IPv4.
    public var checksum: ChecksumPolicy
    /// This node's place among routers of equal priority, `0..<16`; the lowest moves first.
    public var tieBreakRank: UInt8

    /// Makes a configuration; what is left out has the RFC's default.
    public init(
      vrid: VRID, family: AddressFamily, priority: Priority = .default,
      interval: AdvertisementInterval = .default, preempts: Bool = true,
      checksum: ChecksumPolicy = .auto, tieBreakRank: UInt8 = 0
    ) {
      self.vrid = vrid
      self.family = family
      self.priority = priority
      self.interval = interval
      self.preempts = preempts
      self.checksum = checksum
      self.tieBreakRank = tieBreakRank
    }
  }

  /// A state together with its timer, so that no state can lack one or keep a stale one.
  private enum Phase: Sendable {
    case initialize
    case backup(activeDownTimer: Instant)
    case active(adverTimer: Instant)
  }

  /// The Active this router follows.
  public struct ActiveRouter: Sendable, Hashable {
    /// Its primary address: the source of its advertisements.
    public let address: IPAddress
    /// The priority it advertises.
    public let priority: Priority
  }

  /// What this router was told by its operator.
  public let configuration: Configuration
  /// Counters since this value was made.
  public private(set) var statistics = Statistics()
  /// Active_Adver_Interval: learned from the Active; our own until one is heard.
  public private(set) var activeInterval: AdvertisementInterval
  /// The last other router heard as Active, `nil` while we are Active or none was heard.
  public private(set) var activeRouter: ActiveRouter?
  /// The checksum form last heard from a peer.
  public private(set) var heardChecksumForm: ChecksumForm?
  /// Our primary address: the source of our advertisements.
  public private(set) var primaryAddress: IPAddress

  private var phase = Phase.initialize
  /// When the last advertisement that counts for the Active_Down_Timer was heard.
  private var lastHeard = Instant.zero
  /// Whether the last Active heard announced that it leaves.
  private var activeIsLeaving = false
  /// Whether a lower priority was heard since the timer was last set.
  private var isPreempting = false
  /// When we last sent an advertisement of any kind.
  private var lastSent = Instant.zero
  /// When we last answered a losing advertisement.
  private var lastAnswer: Instant?

  /// Makes a virtual router in state Initialize.
  ///
  /// - Parameters:
  ///   - configuration: what its operator says.
  ///   - statistics: counters to go on from, if it replaces another value.
  public init(_ configuration: Configuration, continuing statistics: Statistics = Statistics()) {
    self.configuration = configuration
    self.statistics = statistics
    activeInterval = configuration.interval
    primaryAddress = .any(configuration.family)
  }

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

  /// Whether this node owns the virtual addresses (priority 255).
  public var isOwner: Bool { configuration.priority == .owner }

  /// Skew_Time in nanoseconds, with this node's place among equals.
  public var skewTime: UInt64 {
    Timing.skewTime(priority: configuration.priority, interval: activeInterval)
      + Timing.tieBreakOffset(rank: configuration.tieBreakRank, interval: activeInterval)
  }

  /// Active_Down_Interval in nanoseconds, with this node's place among equals.
  public var activeDownInterval: UInt64 { 3 * activeInterval.nanoseconds + skewTime }

  /// The checksum form our advertisements carry now.
  public var checksumFormToSend: ChecksumForm {
    switch configuration.checksum {
    case .message where configuration.family == .ipv4: .message
    case .message, .pseudoHeader: .pseudoHeader
    case .auto: heardChecksumForm ?? .pseudoHeader
    }
  }

  /// The advertisement to send with a priority now.
  public func advertisement(_ priority: Priority, addressCount: Int) -> Advertisement {
    Advertisement(
      vrid: configuration.vrid, priority: priority, interval: configuration.interval,
      addressCount: addressCount, family: configuration.family,
      checksumForm: checksumFormToSend)
  }
}

// MARK: Events

extension VirtualRouter {
  /// Startup (RFC 9568 §6.4.1): an owner becomes Active, everybody else Backup.
  ///
  /// - Parameters:
  ///   - now: the current time.
  ///   - primaryAddress: the source address of our advertisements, which also decides ties.
  /// - Returns: what to do; nothing if the router runs already.
  public mutating func start(at now: Instant, from primaryAddress: IPAddress) -> Actions {
    var actions = Actions()
    guard case .initialize = phase else { return actions }
    precondition(primaryAddress.family == configuration.family, "address of the other family")
    self.primaryAddress = primaryAddress
    activeInterval = configuration.interval
    activeRouter = nil
    if isOwner {
      becomeActive(at: now, because: .startupAsOwner, &actions)
    } else {
      becomeBackup(at: now, because: .startup, &actions)
    }
    return actions
  }

  /// Shutdown (RFC 9568 §6.4.2, 6.4.3): an Active says so with priority 0.
  public mutating func stop(at now: Instant) -> Actions {
    var actions = Actions()
    let before = state
    guard before != .initialize else { return actions }
    if before == .active {
      advertise(.release, at: now, &actions)
      actions.append(.removeAddresses)
    }
    phase = .initialize
    activeRouter = nil
    actions.append(.transition(Transition(from: before, to: .initialize, reason: .shutdown)))
    return actions
  }

  /// Counts a message that named this router but could not be used.
  public mutating func count(_ error: AdvertisementError) {
    statistics.count(error)
  }

  /// Sends from another address from now on, since the interface lost the one used so far.
  public mutating func changePrimaryAddress(to address: IPAddress) {
    precondition(address.family == configuration.family, "address of the other family")
    primaryAddress = address
  }

  /// Lets the timers fire whose time has come.
  public mutating func advance(to now: Instant) -> Actions {
    var actions = Actions()
    switch phase {
    case .backup(let timer) where timer <= now:
      becomeActive(at: now, because: reasonForTakeover(at: now), &actions)
    case .active(let timer) where timer <= now:
      guard !stepsDownForWakingUpLate(at: now, &actions) else { break }
      advertise(configuration.priority, at: now, &actions)
      // Counted from when the timer was due, so that late calls don't add up.
      let next = timer.advanced(byNanoseconds: configuration.interval.nanoseconds)
      phase = .active(
        adverTimer: next > now
          ? next : now.advanced(byNanoseconds: configuration.interval.nanoseconds))
    default:
      break
    }
    return actions
  }

  /// Takes in an advertisement for this VRID that passed all checks.
  ///
  /// - Parameters:
  ///   - advertisement: the checked message.
  ///   - source: the sender's primary address.
  ///   - listsOurAddresses: whether it lists the addresses configured here; counted only, since
  ///     RFC 9568 §7.1 keeps such advertisements.
  ///   - now: the current time.
  /// - Returns: what to do.
  public mutating func receive(
    _ advertisement: Advertisement, from source: IPAddress, listsOurAddresses: Bool = true,
    at now: Instant
  ) -> Actions {
    var actions = Actions()
    // Our own address as source: a looped packet or a duplicate address. Answering would loop.
    guard source != primaryAddress, state != .initialize else { return actions }
    statistics.advertisementReceived += 1
    if advertisement.priority == .release { statistics.priorityZeroReceived += 1 }
    if advertisement.interval != configuration.interval { statistics.intervalErrors += 1 }
    if !listsOurAddresses { statistics.addressListErrors += 1 }
    heardChecksumForm = advertisement.checksumForm
    if state == .backup || stepsDownForWakingUpLate(at: now, &actions) {
      receiveAsBackup(advertisement, from: source, at: now)
    } else {
      receiveAsActive(advertisement, from: source, at: now, &actions)
    }
    return actions
  }

  /// What a Backup does with an advertisement (RFC 9568 §6.4.2).
  private mutating func receiveAsBackup(
    _ advertisement: Advertisement, from source: IPAddress, at now: Instant
  ) {
    if advertisement.priority == .release {
      activeRouter = ActiveRouter(address: source, priority: .release)
      activeIsLeaving = true
      lastHeard = now
      phase = .backup(activeDownTimer: now.advanced(byNanoseconds: skewTime))
    } else if !(configuration.preempts || isOwner)
      || advertisement.priority >= configuration.priority
    {
      follow(advertisement, from: source, at: now)
    } else {
      // A lower priority is discarded and the timer runs on: that is what preempts.
      activeRouter = ActiveRouter(address: source, priority: advertisement.priority)
      isPreempting = true
    }
  }

  /// What an Active does with an advertisement (RFC 9568 §6.4.3).
  private mutating func receiveAsActive(
    _ advertisement: Advertisement, from source: IPAddress, at now: Instant,
    _ actions: inout Actions
  ) {
    if advertisement.priority == .release {
      advertise(configuration.priority, at: now, &actions)
      phase = .active(adverTimer: now.advanced(byNanoseconds: configuration.interval.nanoseconds))
    } else if advertisement.priority > configuration.priority {
      yield(to: advertisement, from: source, at: now, &actions)
    } else if advertisement.priority == configuration.priority, source > primaryAddress {
      yield(to: advertisement, from: source, at: now, &actions)
    } else {
      answerLoser(at: now, &actions)
    }
  }

  /// Answers a losing advertisement at once, to assert the role (RFC 9568 §6.4.3).
  ///
  /// The announcements repair the caches that the other one has just changed. The Adver_Timer
  /// runs on.
  ///
  /// At most four answers in an interval: one answer reaches every loser on the segment, and
  /// nobody may use us to multiply packets.
  private mutating func answerLoser(at now: Instant, _ actions: inout Actions) {
    let pause = configuration.interval.nanoseconds / 4
    if let lastAnswer, now.nanoseconds(since: lastAnswer) < pause { return }
    lastAnswer = now
    advertise(configuration.priority, at: now, &actions)
    actions.append(.announceAddresses)
  }

  private mutating func yield(
    to advertisement: Advertisement, from source: IPAddress, at now: Instant,
    _ actions: inout Actions
  ) {
    let reason: Transition.Reason =
      advertisement.priority > configuration.priority
      ? .higherPriority(source, advertisement.priority)
      : .higherAddress(source, advertisement.priority)
    follow(advertisement, from: source, at: now)
    actions.append(.removeAddresses)
    actions.append(.transition(Transition(from: .active, to: .backup, reason: reason)))
  }
}

// MARK: Steps shared by the events

extension VirtualRouter {
  private mutating func becomeActive(
    at now: Instant, because reason: Transition.Reason, _ actions: inout Actions
  ) {
    let before = state
    statistics.masterTransitions += 1
    activeRouter = nil
    lastAnswer = nil
    phase = .active(adverTimer: now.advanced(byNanoseconds: configuration.interval.nanoseconds))
    advertise(configuration.priority, at: now, &actions)
    actions.append(.installAddresses)
    actions.append(.announceAddresses)
    actions.append(.transition(Transition(from: before, to: .active, reason: reason)))
  }

  /// Makes an Active that was suspended, frozen or starved listen before it speaks.
  ///
  /// Not in the RFC: after three silent intervals the others may have taken over
  /// (Active_Down_Interval is longer than that for everyone). Speaking now, be it only to answer,
  /// would disturb them; listening first costs nothing. An owner holds its addresses anyway.
  ///
  /// - Returns: whether the router is Backup now.
  private mutating func stepsDownForWakingUpLate(
    at now: Instant, _ actions: inout Actions
  ) -> Bool {
    let silence = now.nanoseconds(since: lastSent)
    guard silence > 3 * configuration.interval.nanoseconds, !isOwner else { return false }
    becomeBackup(at: now, because: .lateWakeUp(nanoseconds: silence), &actions)
    return true
  }

  /// Becomes Backup without having heard of an Active.
  private mutating func becomeBackup(
    at now: Instant, because reason: Transition.Reason, _ actions: inout Actions
  ) {
    let before = state
    activeInterval = configuration.interval
    watch(from: now)
    if before == .active { actions.append(.removeAddresses) }
    actions.append(.transition(Transition(from: before, to: .backup, reason: reason)))
  }

  /// Accepts a router as Active, learning its interval.
  private mutating func follow(
    _ advertisement: Advertisement, from source: IPAddress, at now: Instant
  ) {
    activeInterval = advertisement.interval
    activeRouter = ActiveRouter(address: source, priority: advertisement.priority)
    watch(from: now)
  }

  /// Sets the Active_Down_Timer to Active_Down_Interval.
  private mutating func watch(from now: Instant) {
    lastHeard = now
    activeIsLeaving = false
    isPreempting = false
    phase = .backup(activeDownTimer: now.advanced(byNanoseconds: activeDownInterval))
  }

  private mutating func advertise(
    _ priority: Priority, at now: Instant, _ actions: inout Actions
  ) {
    lastSent = now
    statistics.advertisementSent += 1
    if priority == .release { statistics.priorityZeroSent += 1 }
    actions.append(.advertise(priority))
  }

  private func reasonForTakeover(at now: Instant) -> Transition.Reason {
    if let activeRouter {
      if activeIsLeaving { return .activeReleased(activeRouter.address) }
      if isPreempting { return .preempting(activeRouter.address, activeRouter.priority) }
    }
    return .activeDown(
      lastHeard: activeRouter?.address, silentForNanoseconds: now.nanoseconds(since: lastHeard))
  }
}
