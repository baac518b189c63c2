import VIPCore

/// The link of a router's own interface as the router goes by it: a change counts once it has
/// lasted for some time.
struct LinkDamping {
  /// The fault that the router goes by.
  private var fault: InterfaceFault?
  /// Whether the interface was looked at before.
  private var isKnown = false
  /// The time since which the interface is otherwise than the router goes by.
  private var changedAt: Instant?
  /// The time when that counts; `nil` if there is no such difference.
  private(set) var deadline: Instant?

  /// Takes in what the interface is like.
  ///
  /// - Parameters:
  ///   - present: its fault now; `nil` if it is usable.
  ///   - delay: for how long a change must last.
  ///   - now: the time.
  /// - Returns: the fault to go by.
  mutating func judge(
    _ present: InterfaceFault?, _ delay: LinkDelay, at now: Instant
  ) -> InterfaceFault? {
    let isFirst = !isKnown
    isKnown = true
    guard (present == nil) != (fault == nil), !isFirst else { return accept(present) }
    let since = changedAt ?? now
    changedAt = since
    if let present {
      // What is missing or another one can't come back as if nothing had been.
      guard present.kind == .down || present.kind == .noCarrier, since + delay.down > now else {
        return accept(present)
      }
      deadline = since + delay.down
      return nil
    }
    guard since + delay.up > now, let before = fault else { return accept(nil) }
    deadline = since + delay.up
    return InterfaceFault(.settling(delay.up), of: before.interface)
  }

  private mutating func accept(_ present: InterfaceFault?) -> InterfaceFault? {
    fault = present
    changedAt = nil
    deadline = nil
    return present
  }
}
