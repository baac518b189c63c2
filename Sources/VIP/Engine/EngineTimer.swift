import VIPCore

/// What an engine waits for.
enum EngineTimer: Hashable {
  /// The next round of refreshing leases.
  case lease
  /// The next attempt at an address or macvlan that failed.
  case retry
  /// The next announcement in any queue.
  case announcement
  /// The end of waiting for a new holder.
  case handover
  /// The next attempt to start a guard process.
  case `guard`
  /// The next probes for addresses that running routers are to get.
  case changeProbe
  /// The end of a pause in listening.
  case listening
  /// The next periodic announcements.
  case refresh
  /// The earliest deadline of the router in a slot: of its election and of its parts.
  case router(slot: Int)

  private static let firstRouter = 8

  /// Its identifier in a ``TimerQueue``.
  var index: Int {
    switch self {
    case .lease: 0
    case .retry: 1
    case .announcement: 2
    case .handover: 3
    case .guard: 4
    case .changeProbe: 5
    case .listening: 6
    case .refresh: 7
    case .router(let slot): Self.firstRouter + slot
    }
  }

  /// The timer with an identifier that ``index`` has given.
  init(index: Int) {
    self =
      switch index {
      case 0: .lease
      case 1: .retry
      case 2: .announcement
      case 3: .handover
      case 4: .guard
      case 5: .changeProbe
      case 6: .listening
      case 7: .refresh
      default: .router(slot: index - Self.firstRouter)
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
