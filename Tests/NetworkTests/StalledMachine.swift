import Testing
import TestSupport

/// What fails in a test is known not to be the program's fault where the machine stood still,
/// during that test, for longer than an advertisement interval of the tests.
///
/// Peers are taken for dead after three intervals without a word, and a node that wakes up late
/// steps
/// down, as they should. Each process of a test may stand still as long as the thread that measures
/// it did. On a machine that keeps to the interval nothing is excused.
struct StalledMachineTrait: TestTrait, SuiteTrait, TestScoping {
  var isRecursive: Bool { true }

  @concurrent func provideScope(
    for test: Test, testCase: Test.Case?,
    performing function: @concurrent @Sendable () async throws -> Void
  ) async throws {
    // Each case comes through here once, and each test and suite around it.
    guard testCase != nil else { return try await function() }
    Pace.start()
    let started = Moment.now
    try await withKnownIssue(
      "the machine stood still for longer than an interval", isIntermittent: true
    ) {
      try await function()
    } matching: { _ in
      Pace.reading(from: started).stall > Bounds.interval
    }
  }
}

extension Trait where Self == StalledMachineTrait {
  /// Excuses a test while which the machine stood still.
  static var excusedByStalls: Self { Self() }
}
