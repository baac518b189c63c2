import VIPCore

/// The durations of a router's takeovers.
///
/// A takeover begins when the election was due, which is before this node knew of it if the node
/// was late: the end of the Active_Down_Timer, or the command that decided it. It is over when the
/// last address is on the interface and has been announced.
struct Takeovers {
  /// The time when the one that is under way was due; `nil` if none is.
  private var dueAt: Instant?
  private var count: UInt64 = 0
  private var sum: UInt64 = 0
  private var longest: UInt64 = 0
  private var last: UInt64 = 0

  /// Whether one is under way.
  var isUnderWay: Bool { dueAt != nil }

  /// Begins one that had to begin at a moment.
  mutating func begin(due: Instant) { dueAt = due }

  /// Takes in how many of its addresses are still to be announced.
  ///
  /// - Parameters:
  ///   - count: how many those are; with the last one the takeover is over.
  ///   - now: the time; asked for only if it is over.
  /// - Returns: whether it is over.
  @discardableResult
  mutating func setPending(_ count: Int, at now: @autoclosure () -> Instant) -> Bool {
    guard let dueAt, count <= 0 else { return false }
    self.dueAt = nil
    last = now().nanoseconds(since: dueAt)
    self.count &+= 1
    sum &+= last
    longest = max(longest, last)
    return true
  }

  /// Forgets the one that is under way, since the election was lost.
  mutating func abandon() {
    dueAt = nil
  }

  /// The figures so far, with the addresses that are still to be announced.
  func status(pendingAddresses: Int) -> RouterStatus.Takeovers {
    RouterStatus.Takeovers(
      count: count, last: count > 0 ? .nanoseconds(last) : nil,
      max: count > 0 ? .nanoseconds(longest) : nil, sum: .nanoseconds(sum),
      pendingAddresses: pendingAddresses)
  }
}
