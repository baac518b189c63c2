import VIPCore
import VRRP

/// How long a takeover takes, and what is known of past ones.
///
/// It begins when the election was due, which is before this node knew of it if the node was late:
/// the end of the Active_Down_Timer, or the command that decided it. It is over when the last
/// address is on the interface and has been announced.
struct Takeovers {
  /// When the one that is under way was due; `nil` if none is.
  private(set) var dueAt: Instant?
  private var count: UInt64 = 0
  private var sum: UInt64 = 0
  private var longest: UInt64 = 0
  private var last: UInt64 = 0

  /// A takeover begins that was due at a time.
  mutating func begin(due: Instant) { dueAt = due }

  /// The last address has been announced; nothing happens if no takeover is under way.
  mutating func end(at now: Instant) {
    guard let dueAt else { return }
    self.dueAt = nil
    last = now.nanoseconds(since: dueAt)
    count &+= 1
    sum &+= last
    longest = max(longest, last)
  }

  /// The takeover under way is not finished: the election was lost or left.
  mutating func abandon() { dueAt = nil }

  /// The figures of all takeovers, and how many addresses the present one still waits for.
  func status(pendingAddresses: Int) -> TakeoverStatus {
    TakeoverStatus(
      count: count, lastSeconds: count > 0 ? Double(last) / 1e9 : nil,
      maxSeconds: count > 0 ? Double(longest) / 1e9 : nil, sumSeconds: Double(sum) / 1e9,
      pendingAddresses: pendingAddresses)
  }
}

/// Measuring takeovers.
extension Engine {
  /// Records a change of state as the beginning or the end of a takeover.
  ///
  /// - Parameters:
  ///   - transition: the change.
  ///   - instance: the router.
  ///   - due: when it was due; `nil` if it has just been decided.
  func measure(_ transition: Transition, of instance: RouterInstance, due: Instant?) {
    if transition.to == .active {
      instance.addresses.takeoverBegan()
      instance.takeovers.begin(due: min(due ?? now, now))
    } else {
      instance.addresses.takeoverEnded()
      instance.takeovers.abandon()
    }
  }

  /// Records that an address has been announced.
  func recordAnnouncement(_ position: Int, of instance: RouterInstance) {
    // A failure is kept until the next attempt that succeeds.
    guard instance.announceFailure == nil, instance.addresses.announced(position) else { return }
    guard instance.addresses.awaitedCount == 0 else { return }
    instance.takeovers.end(at: platform.now())
  }

  /// Ends a takeover that waits for nothing more after the list of addresses has changed.
  func reviewTakeover(of instance: RouterInstance) {
    if instance.addresses.awaitedCount == 0 { instance.takeovers.end(at: now) }
  }
}
