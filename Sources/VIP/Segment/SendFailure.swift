import VIPCore

/// Whether what is sent on one way gets out, and whether that is news.
///
/// Several messages that leave together count as one attempt, which has failed if any of them has.
struct SendFailure {
  /// The error number of the last attempt; 0 if it worked.
  private(set) var errorNumber: Int32 = 0
  /// Since when each attempt has failed; `nil` if the last one worked.
  private(set) var failingSince: Instant?
  private var attempt: Int32?

  /// What an attempt has changed.
  enum News: Hashable {
    /// The attempt has failed, and the one before had not, or for another reason.
    case failed(errno: Int32)
    /// Sending works again.
    case recovered
  }

  /// Records the result of one message of an attempt: 0, or the error number.
  mutating func record(_ result: Int32) {
    attempt = attempt.map { $0 == 0 ? result : $0 } ?? result
  }

  /// Ends an attempt.
  ///
  /// - Parameter now: the time.
  /// - Returns: what has changed by it; `nil` if nothing has, or nothing was sent.
  mutating func conclude(at now: Instant) -> News? {
    guard let attempt else { return nil }
    self.attempt = nil
    failingSince = attempt == 0 ? nil : failingSince ?? now
    guard attempt != errorNumber else { return nil }
    errorNumber = attempt
    return attempt == 0 ? .recovered : .failed(errno: attempt)
  }
}
