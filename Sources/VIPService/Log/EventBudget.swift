import VIPControl
import VIPCore

/// The room that events may take in a file that is kept, so that a flood of one kind does not drive
/// out what explains a failover.
///
/// Changes of state and warnings have a budget of their own, which what hooks write and other
/// chatter can't use up. What was left out is told, by kind and count, before the next that is kept.
struct EventBudget {
  /// Number of events that are kept at once, and the time it takes to earn another.
  private struct Allowance {
    let burst: Int
    let earning: Duration
    private var credit: Int
    private var creditedAt: Instant?

    init(burst: Int, earning: Duration) {
      (self.burst, self.earning, credit) = (burst, earning, burst)
    }

    mutating func take(at now: Instant) -> Bool {
      let since = creditedAt ?? now
      let period = earning.inNanoseconds
      let earned = now.nanoseconds(since: since) / period
      credit = min(burst, credit + Int(clamping: earned))
      creditedAt = credit == burst ? now : since.advanced(byNanoseconds: earned * period)
      guard credit > 0 else { return false }
      credit -= 1
      return true
    }
  }

  private var vital = Allowance(burst: 1000, earning: .seconds(5))
  private var chatter = Allowance(burst: 200, earning: .seconds(15))
  private var omitted: [EventRecord.Kind: Int] = [:]

  /// Takes an event.
  ///
  /// - Returns: the records to keep: what was left out before, and the event; none if there is no
  ///   room for it.
  mutating func admit(_ record: EventRecord, at now: Instant) -> [EventRecord] {
    let isKept =
      switch record.event {
      // Programs follow these as they come; people see the transition.
      case .settled: Bool?.none
      case .process: true
      case .transition, .fault, .warning, .conflict, .cleared, .command, .removed, .groupSettled:
        vital.take(at: now)
      case .changed, .repaired, .hook, .check: chatter.take(at: now)
      }
    guard let isKept else { return [] }
    guard isKept else {
      omitted[record.event, default: 0] += 1
      return []
    }
    return [omission(at: record.time)].compactMap(\.self) + [record]
  }

  /// The record that tells what was left out; `nil` if nothing was.
  mutating func omission(at time: String) -> EventRecord? {
    guard !omitted.isEmpty else { return nil }
    let counts = omitted.sorted { $0.key.rawValue < $1.key.rawValue }
      .map { "\($0.value) \($0.key.rawValue)" }
    omitted = [:]
    return EventRecord(process: "left out here: \(counts.joined(separator: ", "))", at: time)
  }
}
