import VIPCore

/// The times at which the holder of addresses probes for other machines that have them too.
///
/// A machine that has one of the addresses as its own says so only when it is asked. Clients that
/// ask get two answers then, and the Active would not know. So it probes for one address after the
/// other: at most one a second, and for each at most every ten seconds.
struct HolderProbing {
  static let pause = Duration.seconds(1)
  static let period = Duration.seconds(10)

  private var next = 0
  /// The time to probe next; `nil` while the router does not hold its addresses.
  private(set) var deadline: Instant?

  /// The router holds its addresses from now on.
  mutating func begin(at now: Instant) { deadline = now + Self.period }

  /// The router holds its addresses no longer.
  mutating func end() { self = HolderProbing() }

  /// Takes the position of the address to probe for now.
  ///
  /// - Parameters:
  ///   - now: the time.
  ///   - count: how many addresses there are.
  /// - Returns: the position; `nil` if it is too early.
  mutating func takeDue(by now: Instant, count: Int) -> Int? {
    guard let due = deadline, due <= now, count > 0 else { return nil }
    deadline = now + max(Self.pause, Self.period / count)
    defer { next += 1 }
    if next >= count { next = 0 }
    return next
  }
}
