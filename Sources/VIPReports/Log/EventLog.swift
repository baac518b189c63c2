import Synchronization
public import VIP
public import VIPCore

/// The log of what happens on a node, kept readable.
public final class EventLog: Sendable {
  private struct State {
    var throttle = LogThrottle()
    var isWaiting = false
  }

  private let state = Mutex(State())
  private let write: @Sendable (LogLine, Instant) -> Void

  /// Makes a log that hands out each line with its time.
  ///
  /// - Parameter write: takes a line and the time of the wall clock that it tells of.
  public init(write: @escaping @Sendable (LogLine, Instant) -> Void) {
    self.write = write
  }

  /// Writes what happened at a time of the wall clock, or counts it.
  public func add(_ event: NodeEvent, at moment: Instant? = nil) {
    // Follows each transition, which has its line already.
    if case .settled = event { return }
    let line = LogLine(event)
    let source = LogThrottle.Source(router: event.router, family: event.family)
    let (isAdmitted, wait) = state.withLock { state in
      let now = bootTime()
      let isAdmitted = state.throttle.admits(line, from: source, at: now)
      guard !state.isWaiting, let due = state.throttle.deadline else {
        return (isAdmitted, Duration?.none)
      }
      state.isWaiting = true
      return (isAdmitted, max(.zero, due - now))
    }
    if isAdmitted { write(line, moment ?? wallClock()) }
    if let wait { summarize(after: wait) }
  }

  /// Writes what is left to be said.
  public func end() {
    for line in state.withLock({ $0.throttle.end() }) { write(line, wallClock()) }
  }

  private func summarize(after wait: Duration) {
    Task.detached { [self] in
      // A little more, so that clocks that differ don't make it early.
      try? await Task.sleep(for: wait + .milliseconds(50))
      let (lines, next) = state.withLock { state in
        let now = bootTime()
        let lines = state.throttle.summaries(at: now)
        let next = state.throttle.deadline.map { max(.zero, $0 - now) }
        state.isWaiting = next != nil
        return (lines, next)
      }
      for line in lines { write(line, wallClock()) }
      if let next { summarize(after: next) }
    }
  }
}
