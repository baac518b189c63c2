import Foundation
import Glibc
import Synchronization

/// How much the machine kept an ordinary thread waiting, measured all the time.
///
/// A thread of its own does the same small piece of work again and again. How long each takes from
/// the moment when it is due tells what other processes, a hypervisor or a slow processor cost: the
/// tests and the programs under test wait in the same queues.
package enum Pace {
  /// What was measured in a time.
  package struct Reading: Sendable, Hashable, CustomStringConvertible {
    /// How many times as long as on an idle machine a piece of work took; never below 1.
    package let slowdown: Double
    /// The longest time that passed without this thread.
    package let stall: Duration

    /// Makes a reading.
    package init(slowdown: Double = 1, stall: Duration = .zero) {
      self.slowdown = slowdown
      self.stall = stall
    }

    /// How long something may take here that may take so long on an idle machine.
    package func allowance(for time: Duration) -> Duration { time * slowdown + stall }

    package var description: String {
      "\((slowdown * 10).rounded() / 10) times as slow, stalled for \(stall.report)"
    }
  }

  /// Starts to measure, if nothing else has.
  package static func start() { _ = isStarted }

  /// What the machine was like in a time, and just before and after it.
  ///
  /// - Parameters:
  ///   - start: when it began
  ///   - end: when it ended
  /// - Returns: the slowdown that three of four pieces of work did not exceed, and the longest
  ///   stall
  package static func reading(from start: Moment, to end: Moment = .now) -> Reading {
    self.start()
    return samples.withLock { $0.reading(from: start, to: end) }
  }

  private static let samples = Mutex(PaceSamples())

  private static let isStarted: Bool = {
    let thread = Thread {
      while true {
        let due = Moment.now
        samples.withLock { $0.begin(at: due + PaceSamples.pause) }
        pause(PaceSamples.pause)
        work()
        samples.withLock { $0.end(at: .now) }
      }
    }
    thread.name = "pace"
    thread.start()
    return true
  }()

  /// A piece of work: about ``PaceSamples/work`` on the machine that the bounds were made for.
  @inline(never) private static func work() {
    var value = UInt64(truncatingIfNeeded: getpid()) | 1
    for _ in 0..<PaceSamples.rounds {
      value ^= value &<< 13
      value ^= value &>> 7
      value ^= value &<< 17
    }
    sink.store(value, ordering: .relaxed)
  }

  private static let sink = Atomic<UInt64>(0)
}

/// The pieces of work that a ``Pace`` has done, as values.
package struct PaceSamples: Sendable {
  /// How long the thread rests between two pieces of work.
  static let pause = Duration.milliseconds(20)
  /// How long a piece of work takes on an idle machine.
  static let work = Duration.milliseconds(2)
  /// How many rounds of the loop a piece of work has.
  static let rounds = 600_000
  /// Before and after a time, what is looked at too: a short time has few pieces of work.
  static let around = Duration.milliseconds(50)
  /// More than an hour's.
  private static let countMax = 200_000

  /// When a piece of work was due, and when it was done.
  private var done: [(due: Moment, end: Moment)] = []
  private var due: Moment?

  /// Makes one without any.
  package init() {}

  /// Notes when the next piece of work is due.
  package mutating func begin(at moment: Moment) { due = moment }

  /// Notes that it is done.
  package mutating func end(at moment: Moment) {
    guard let due else { return }
    if done.count >= Self.countMax { done.removeFirst(Self.countMax / 2) }
    done.append((due, max(due, moment)))
    self.due = nil
  }

  /// What they tell of a time, see ``Pace/reading(from:to:)``.
  package func reading(from start: Moment, to end: Moment) -> Pace.Reading {
    let (first, last) = (start + (.zero - Self.around), end + Self.around)
    var all = done.reversed().prefix { $0.end >= first }.filter { $0.due <= last }
    // One that is not done yet has taken at least so long.
    if let due, due < min(last, .now) { all.append((due, .now)) }
    let times = all.map { $0.end - $0.due }.sorted()
    guard let longest = times.last else { return Pace.Reading() }
    let slow = times[(times.count - 1) * 3 / 4]
    return Pace.Reading(
      slowdown: max(1, slow / Self.work), stall: max(.zero, longest - Self.work))
  }
}
