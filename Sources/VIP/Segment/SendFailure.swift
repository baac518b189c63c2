import VIPCore

/// Whether what a router sends gets out.
///
/// Several messages that leave together count as one attempt. It tells of a failure if any of them
/// has failed, and nothing has got out if all have.
struct SendFailure {
  /// The error number of the last attempt; 0 if it worked.
  private(set) var errorNumber: Int32 = 0
  /// The time since which nothing has got out; `nil` if something of the last attempt has.
  private(set) var failingSince: Instant?
  /// The time of the last attempt of which everything got out; `nil` if there was none.
  private(set) var lastSuccess: Instant?
  private var messageCount = 0
  private var failedCount = 0
  private var failure: Int32 = 0

  /// A message is part of the attempt.
  mutating func add() { messageCount += 1 }

  /// A message of the attempt could not be sent.
  mutating func fail(_ errorNumber: Int32) {
    if failedCount == 0 { failure = errorNumber }
    failedCount += 1
  }

  /// Ends an attempt; nothing happens if nothing was sent.
  ///
  /// - Parameter now: the time.
  mutating func conclude(at now: Instant) {
    guard messageCount > 0 else { return }
    failingSince = failedCount < messageCount ? nil : failingSince ?? now
    errorNumber = failure
    if failedCount == 0 { lastSuccess = now }
    (messageCount, failedCount, failure) = (0, 0, 0)
  }
}
