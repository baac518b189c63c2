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
  /// How many of its addresses have not been announced yet.
  private(set) var pendingCount = 0
  private var count: UInt64 = 0
  private var sum: UInt64 = 0
  private var longest: UInt64 = 0
  private var last: UInt64 = 0

  mutating func begin(due: Instant, addressCount: Int) {
    dueAt = due
    pendingCount = addressCount
  }

  /// Notes that it goes on with so many addresses less, or with others.
  ///
  /// - Returns: whether it is over.
  mutating func setPending(_ count: Int) -> Bool {
    pendingCount = count
    return dueAt != nil && count == 0
  }

  mutating func end(at now: Instant) {
    guard let dueAt else { return }
    self.dueAt = nil
    last = now.nanoseconds(since: dueAt)
    count &+= 1
    sum &+= last
    longest = max(longest, last)
  }

  mutating func abandon() {
    dueAt = nil
    pendingCount = 0
  }

  var status: TakeoverStatus {
    TakeoverStatus(
      count: count, last: count > 0 ? .nanoseconds(last) : nil,
      max: count > 0 ? .nanoseconds(longest) : nil, sum: .nanoseconds(sum),
      pendingAddresses: pendingCount)
  }
}

/// Measuring takeovers.
extension Engine {
  /// Notes a change of state as the beginning or the end of a takeover.
  ///
  /// - Parameters:
  ///   - transition: the change.
  ///   - instance: the router.
  ///   - due: when it was due; `nil` if it has just been decided.
  func measure(_ transition: Transition, of instance: RouterInstance, due: Instant?) {
    let isTakeover = transition.to == .active
    for index in instance.addresses.indices {
      instance.addresses[index].isAwaited = isTakeover && !instance.addresses[index].isRetired
    }
    if isTakeover {
      instance.takeovers.begin(
        due: min(due ?? now, now), addressCount: instance.currentAddresses.count)
    } else {
      instance.takeovers.abandon()
    }
  }

  /// Notes that an address has been announced.
  func noteAnnounced(_ place: Int, of instance: RouterInstance) {
    // A failure is kept until the next attempt that succeeds.
    guard instance.addresses[place].isAwaited, instance.announceFailure == nil else { return }
    instance.addresses[place].isAwaited = false
    guard instance.takeovers.setPending(instance.takeovers.pendingCount - 1) else { return }
    instance.takeovers.end(at: platform.now())
  }

  /// Counts anew what a takeover still waits for, after the list of addresses has changed.
  func recountTakeover(of instance: RouterInstance) {
    guard instance.takeovers.dueAt != nil else { return }
    let count = instance.currentAddresses.count(where: \.isAwaited)
    if instance.takeovers.setPending(count) { instance.takeovers.end(at: now) }
  }
}
