import VIPCore

/// How long a router's takeovers take.
///
/// A takeover begins when the election was due, which is before this node knew of it if the node was
/// late: the end of the Active_Down_Timer, or the command that decided it. It is over when the last
/// address is on the interface and has been announced.
struct Takeovers {
  /// When the one that is under way was due; `nil` if none is.
  private var dueAt: Instant?
  /// How many of its addresses have not been announced yet.
  private var pendingCount = 0
  private var count: UInt64 = 0
  private var sum: UInt64 = 0
  private var longest: UInt64 = 0
  private var last: UInt64 = 0

  /// Whether one is under way.
  var isUnderWay: Bool { dueAt != nil }

  /// Begins one.
  ///
  /// - Parameters:
  ///   - due: when it had to begin.
  ///   - addressCount: how many addresses are to be announced.
  mutating func begin(due: Instant, addressCount: Int) {
    dueAt = due
    pendingCount = addressCount
  }

  /// Takes in that one of the addresses has been announced for the first time.
  ///
  /// - Parameter now: the time; asked for only if that was the last one.
  /// - Returns: whether the takeover is over.
  mutating func announced(at now: @autoclosure () -> Instant) -> Bool {
    setPending(pendingCount - 1, at: now())
  }

  /// Takes in that so many addresses are still to be announced, after the list has changed.
  ///
  /// - Returns: whether the takeover is over.
  @discardableResult
  mutating func setPending(_ count: Int, at now: @autoclosure () -> Instant) -> Bool {
    guard let dueAt else { return false }
    pendingCount = max(count, 0)
    guard pendingCount == 0 else { return false }
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
    pendingCount = 0
  }

  /// The figures so far.
  var status: TakeoverStatus {
    TakeoverStatus(
      count: count, last: count > 0 ? .nanoseconds(last) : nil,
      max: count > 0 ? .nanoseconds(longest) : nil, sum: .nanoseconds(sum),
      pendingAddresses: pendingCount)
  }
}
