import Synchronization
import VIP
import VIPCore
import VIPReports

/// The log of a node process: what happens on the node, and lines of the process in their places
/// among it.
///
/// What happens is written by a task of its own, later than it happened. A line of the process
/// waits until all is written that was before it.
final class NodeLog: Sendable {
  private struct Waiting {
    /// The number of the last event before the line.
    let sequence: UInt64
    let moment: Instant
    let line: LogLine
  }

  private struct State {
    var written: UInt64 = 0
    var waiting: [Waiting] = []
    var isFollowing = false
  }

  private let state = Mutex(State())
  private let write: @Sendable (LogLine, Instant) -> Void

  /// Makes a log that hands out each line with its time.
  init(write: @escaping @Sendable (LogLine, Instant) -> Void = { LogOutput.write($0, at: $1) }) {
    self.write = write
  }

  /// Writes the first line, with the time that it tells of; nothing is followed yet.
  func begin(_ line: LogLine, at moment: Instant) { write(line, moment) }

  /// Writes what happens on a node until the node ends.
  ///
  /// - Parameters:
  ///   - events: what happens.
  ///   - alsoTell: is called with each event once it is written.
  /// - Returns: what writes; it ends with the node.
  func follow(
    _ events: AsyncStream<StampedEvent>,
    alsoTell: @escaping @Sendable (NodeEvent) -> Void = { _ in }
  ) -> Task<Void, Never> {
    state.withLock { $0.isFollowing = true }
    return Task.detached { [self] in
      let log = EventLog(write: write)
      for await stamped in events {
        // Those between may have been lost; what waits for them has waited long enough.
        release(upTo: stamped.sequence - 1)
        log.add(stamped.event, at: Instant(nanoseconds: stamped.time.nanoseconds))
        release(upTo: stamped.sequence)
        alsoTell(stamped.event)
      }
      log.end()
      state.withLock { $0.isFollowing = false }
      release(upTo: .max)
    }
  }

  /// Writes a line once the event with a number is written, and all before it.
  func add(_ line: LogLine, after sequence: UInt64) {
    let moment = wallClock()
    let isDue = state.withLock { state in
      guard state.isFollowing, state.written < sequence else { return true }
      state.waiting.append(Waiting(sequence: sequence, moment: moment, line: line))
      return false
    }
    if isDue { write(line, moment) }
  }

  private func release(upTo sequence: UInt64) {
    let due = state.withLock { state in
      state.written = max(state.written, sequence)
      let due = state.waiting.filter { $0.sequence <= sequence }
      state.waiting.removeAll { $0.sequence <= sequence }
      return due
    }
    for waiting in due { write(waiting.line, waiting.moment) }
  }
}
