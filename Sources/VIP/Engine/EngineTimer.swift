import VIPCore

/// The purpose of a timer of an engine.
enum EngineTimer: Hashable {
  /// One of those of which there is one each.
  case common(Common)
  /// The earliest deadline of the router in a slot: of its election and of its parts.
  case router(slot: Int)

  enum Common: Int, CaseIterable {
    /// The next round of refreshing leases.
    case lease
    /// The next announcement in any queue.
    case announcement
    /// The next attempt to start a guard process.
    case `guard`
    /// The next probes for addresses that running routers are to get.
    case changeProbe
    /// The end of a pause in listening.
    case listening
    /// The next periodic announcements.
    case refresh
    /// The next look at the routes to the subnets of addresses.
    case routes
    /// The next attempt to join multicast groups.
    case membership
    /// The next look at settings that Linux does not report.
    case settings
    /// The end of the wait for routers that go on with what an earlier life has left.
    case leftovers
  }

  static let lease = common(.lease)
  static let announcement = common(.announcement)
  static let `guard` = common(.guard)
  static let changeProbe = common(.changeProbe)
  static let listening = common(.listening)
  static let refresh = common(.refresh)
  static let routes = common(.routes)
  static let membership = common(.membership)
  static let settings = common(.settings)
  static let leftovers = common(.leftovers)

  /// Its identifier in a ``TimerQueue``.
  var index: Int {
    switch self {
    case .common(let timer): timer.rawValue
    case .router(let slot): Common.allCases.count + slot
    }
  }

  /// The timer with an identifier that ``index`` has given.
  init(index: Int) {
    self =
      if let timer = Common(rawValue: index) {
        .common(timer)
      } else {
        .router(slot: index - Common.allCases.count)
      }
  }
}

/// The deadlines of an engine: at most one for each timer.
struct EngineTimers {
  private var queue = TimerQueue()

  /// The next deadline.
  var earliest: Instant? { queue.earliest }

  /// The deadline of a timer; `nil` if it is not armed.
  func deadline(of timer: EngineTimer) -> Instant? { queue.deadline(of: timer.index) }

  /// Arms a timer, whatever its deadline was before.
  mutating func schedule(_ timer: EngineTimer, at deadline: Instant) {
    queue.schedule(timer.index, at: deadline)
  }

  /// Arms a timer, unless it is due earlier anyway.
  mutating func schedule(_ timer: EngineTimer, noLaterThan deadline: Instant) {
    queue.schedule(timer.index, noLaterThan: deadline)
  }

  mutating func cancel(_ timer: EngineTimer) { queue.cancel(timer.index) }

  /// Removes and returns the earliest timer if its deadline has come.
  mutating func popDue(by now: Instant) -> (timer: EngineTimer, deadline: Instant)? {
    queue.popDue(by: now).map { (EngineTimer(index: $0.id), $0.deadline) }
  }
}
