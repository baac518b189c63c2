import Synchronization
import TestSupport
import Testing

@testable import VIPService

/// A process that is told to stop ends, whatever hangs.
@Suite struct StopLimitTests {
  private final class Ending: Sendable {
    let moment = Mutex<ContinuousClock.Instant?>(nil)
  }

  private func start(_ initial: Duration) -> (StopLimit, Ending) {
    let ending = Ending()
    let limit = StopLimit(initially: initial) { ending.moment.withLock { $0 = .now } }
    return (limit, ending)
  }

  @Test func `without an answer of the node it ends after the first limit`() async throws {
    let (limit, ending) = start(.milliseconds(300))
    let begin = ContinuousClock.now
    limit.begin()
    // A second signal does not make it longer.
    limit.begin()
    try await onThread {
      try eventually("it ends") { ending.moment.withLock { $0 } != nil }
    }
    let end = try #require(ending.moment.withLock { $0 })
    #expect(begin.duration(to: end) >= .milliseconds(300))
  }

  @Test func `a handover that is known to take longer is waited for`() async throws {
    // Once more where the machine lets the first limit pass before the second is told.
    for _ in 0..<100 {
      let (limit, ending) = start(.seconds(2))
      let begin = ContinuousClock.now
      limit.begin()
      limit.allow(.seconds(3600))
      guard begin.duration(to: .now) < .seconds(1) else { continue }
      try await onThread { pause(.seconds(3)) }
      #expect(ending.moment.withLock { $0 } == nil)
      return
    }
    Issue.record("the machine never gave it a second")
  }
}
