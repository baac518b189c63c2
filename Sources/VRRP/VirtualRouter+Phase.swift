package import VIPCore

// What a virtual router knows in one state only, kept in that state: nothing of it can be missing,
// or left over from an earlier one.

extension VirtualRouter {
  /// A state together with all that is valid in it.
  package enum Phase: Sendable, Hashable {
    case initialize
    case backup(Backup)
    case active(Active)
    /// Stopped, but hearing: the addresses may wait here for the router that takes over.
    case leaving
  }

  /// The knowledge of a Backup.
  package struct Backup: Sendable, Hashable {
    /// Active_Down_Timer.
    package var timer: Instant
    /// The event that set the timer, which says for how long.
    var timerCause: TimerCause
    /// The moment of that event: the Active's last advertisement, or the start of the watch.
    var lastHeard: Instant
    /// Active_Adver_Interval.
    var activeInterval: AdvertisementInterval
    /// The last other router heard as Active.
    var activeRouter: ActiveRouter?
    /// Whether a lower priority was heard since the timer was last set.
    var isPreempting = false
    /// The first moment of an unbroken time in which the Active had a lower priority.
    var lowerPrioritySince: Instant?
  }

  /// The events that set the Active_Down_Timer.
  package enum TimerCause: Sendable, Hashable {
    /// An advertisement, or the start of the watch: Active_Down_Interval.
    case advertisement
    /// The Active's farewell: Skew_Time.
    case farewell
    /// Our own resignation: the interval and Skew_Time, in which all others have moved.
    case resignation
    /// A timer that fired much too late, since the process was away: Active_Down_Interval.
    case lateWakeUp
  }

  /// The knowledge of an Active.
  package struct Active: Sendable, Hashable {
    /// Adver_Timer.
    package var timer: Instant
    /// The moment of the takeover.
    var since: Instant
    /// The moment of our last advertisement of any kind.
    var lastSent: Instant
    /// The moment of our last answer to a losing advertisement or a farewell; of the next one, if
    /// it was brought forward.
    var lastAnswer: Instant?
    /// The priority above the Active that was replaced at an operator's request.
    var promotion: Priority?
  }

  /// The checksum forms heard from the peers.
  package enum HeardChecksum: Sendable, Hashable {
    case none
    case message
    /// The IPv6 pseudo-header, with the moment when it was last heard.
    case pseudoHeader(Instant)

    var form: ChecksumForm? {
      switch self {
      case .none: nil
      case .message: .message
      case .pseudoHeader: .pseudoHeader
      }
    }
  }
}

extension VirtualRouter.Phase {
  /// The state of RFC 9568 §6.2.
  package var state: VirtualRouter.State {
    switch self {
    case .initialize, .leaving: .initialize
    case .backup: .backup
    case .active: .active
    }
  }

  /// The deadline of the state's timer.
  package var timer: Instant? {
    switch self {
    case .initialize, .leaving: nil
    case .backup(let backup): backup.timer
    case .active(let active): active.timer
    }
  }
}

// MARK: As a value to compare

extension VirtualRouter {
  /// Everything that decides what a router does next, beside its settings and its address.
  ///
  /// Counters and the table of peers are not part of it: they inform people, and the election does
  /// not look at them (only ``Findings/twoActives`` does).
  package struct Standing: Sendable, Hashable {
    /// The state, with all that is valid in it.
    package private(set) var phase = Phase.initialize
    private var resignedUntil: Instant?
    private var heardChecksum = HeardChecksum.none

    /// Makes the standing of a router that was never started.
    package init() {}

    fileprivate init(of router: VirtualRouter) {
      phase = router.phase
      resignedUntil = router.resignedUntil
      heardChecksum = router.heardChecksum
    }

    fileprivate func restore(_ router: inout VirtualRouter) {
      router.phase = phase
      router.resignedUntil = resignedUntil
      router.heardChecksum = heardChecksum
    }
  }

  /// The router's standing.
  package var standing: Standing {
    get { Standing(of: self) }
    set { newValue.restore(&self) }
  }
}

extension VirtualRouter.Standing {
  /// Moves all times into the past, as if the clock were set back to what it said before a number
  /// of nanoseconds passed.
  package mutating func age(byNanoseconds time: UInt64) {
    func earlier(_ moment: Instant) -> Instant {
      Instant(nanoseconds: moment.nanoseconds - min(time, moment.nanoseconds))
    }
    switch phase {
    case .initialize, .leaving: break
    case .backup(var backup):
      backup.timer = earlier(backup.timer)
      backup.lastHeard = earlier(backup.lastHeard)
      backup.lowerPrioritySince = backup.lowerPrioritySince.map(earlier)
      phase = .backup(backup)
    case .active(var active):
      active.timer = earlier(active.timer)
      active.since = earlier(active.since)
      active.lastSent = earlier(active.lastSent)
      active.lastAnswer = active.lastAnswer.map(earlier)
      phase = .active(active)
    }
    if let end = resignedUntil, end.nanoseconds < .max { resignedUntil = earlier(end) }
    if case .pseudoHeader(let last) = heardChecksum { heardChecksum = .pseudoHeader(earlier(last)) }
  }

  /// Brings the standing into canonical form: two routers of equal settings, address and canonical
  /// standing do the same in every future in which their settings stay.
  ///
  /// Ages are kept only as far as they make a difference.
  ///
  /// - Parameters:
  ///   - now: the current time.
  ///   - configuration: the router's settings.
  package mutating func normalize(
    at now: Instant, for configuration: VirtualRouter.Configuration
  ) {
    func capped(_ moment: Instant, _ age: UInt64) -> Instant {
      now.nanoseconds(since: moment) < age
        ? moment : Instant(nanoseconds: now.nanoseconds - min(age, now.nanoseconds))
    }
    let interval = configuration.interval.nanoseconds
    if let end = resignedUntil, end <= now { resignedUntil = nil }
    switch phase {
    case .initialize, .leaving: break
    case .backup(var backup):
      let delay = configuration.preemptDelay.inNanoseconds
      backup.lowerPrioritySince =
        delay == 0 ? nil : backup.lowerPrioritySince.map { capped($0, delay) }
      phase = .backup(backup)
    case .active(var active):
      // Compared with what the table of peers says only.
      active.since = .zero
      active.lastSent = capped(active.lastSent, VirtualRouter.silenceMax(interval) + 1)
      if let last = active.lastAnswer,
        now.nanoseconds(since: last) >= VirtualRouter.answerPause(interval)
      {
        active.lastAnswer = nil
      }
      phase = .active(active)
    }
    if configuration.checksum != .auto || configuration.version == .v2 { heardChecksum = .none }
  }
}
