import CGuard
package import VIPCore

/// A guard's watch on the loop of a living node, without a process.
///
/// The decisions are those of the process; a simulator does what follows.
package struct GuardWatch {
  private var watch = vip_guard_watch()

  /// Makes a watch that has not looked yet.
  package init() {}

  /// Looks whether a node stands still, and puts it to rest if it does.
  ///
  /// - Parameters:
  ///   - area: what the node and its guard share.
  ///   - now: the time, since boot.
  /// - Returns: whether it was put to rest, or else when to look again; `nil` is not before the
  ///   guard is nudged.
  package mutating func look(at area: GuardArea, _ now: Instant) -> (isAtRest: Bool, next: Instant?)
  {
    while true {
      let next = vip_guard_watch_look(&watch, area.base, now.nanoseconds)
      guard next == 0 else { return (false, next == .max ? nil : Instant(nanoseconds: next)) }
      if vip_guard_watch_rest(&watch, area.base, now.nanoseconds) { return (true, nil) }
    }
  }
}
