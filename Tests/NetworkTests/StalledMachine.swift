import Synchronization
import Testing
import TestSupport

/// A test that fails while the machine stood still for longer than an advertisement interval of the
/// tests is run again: it has shown nothing.
///
/// A peer is taken for dead after three intervals without a word, and a node that wakes up late
/// steps down, as they should. Each process of a test may stand still as long as the thread that
/// measures it did. The last run counts whatever the machine did, so that what fails always is
/// reported; on a machine that keeps to the interval the first run counts.
struct StalledMachineTrait: TestTrait, SuiteTrait, TestScoping {
  private static let runMax = 3

  var isRecursive: Bool { true }

  @concurrent func provideScope(
    for test: Test, testCase: Test.Case?,
    performing function: @concurrent @Sendable () async throws -> Void
  ) async throws {
    // Each case comes through here once, and each test and suite around it.
    guard testCase != nil else { return try await function() }
    Pace.start()
    for _ in 1..<Self.runMax {
      let attempt = Attempt()
      try await withKnownIssue(
        "the machine stood still for longer than an interval; the test is run again",
        isIntermittent: true
      ) {
        try await function()
      } matching: { _ in
        attempt.isVoid()
      }
      guard attempt.hasFailed else { return }
    }
    try await function()
  }

  /// One run of a test.
  private final class Attempt: Sendable {
    private let started = Moment.now
    private let failed = Atomic<Bool>(false)

    /// Whether it has failed while the machine stood still.
    var hasFailed: Bool { failed.load(ordering: .relaxed) }

    /// Whether what fails now shows nothing.
    func isVoid() -> Bool {
      guard Pace.reading(from: started).stall > Bounds.interval else { return false }
      failed.store(true, ordering: .relaxed)
      return true
    }
  }
}

extension Trait where Self == StalledMachineTrait {
  /// Runs a test again if it fails while the machine stood still.
  static var repeatedAfterStalls: Self { Self() }
}
