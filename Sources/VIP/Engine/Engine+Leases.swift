import Netlink
import VIPCore
import VRRP

/// Tells the rounds apart in which leases are refreshed.
struct LeaseRounds {
  private var count = 0

  /// A round begins.
  ///
  /// - Returns: whether it refreshes also what is refreshed a third as often.
  mutating func begin() -> Bool {
    count &+= 1
    return count % LeasePolicy.ipv6Factor == 0
  }
}

/// Refreshing the lifetimes of held addresses: often enough, and no more often than that.
///
/// Each held address is refreshed three times in its lifetime, at most
/// ``LeasePolicy/refreshesPerSecond`` in total: with more addresses the lifetime grows instead of
/// the rate, since every refresh is a message to all that listen to the kernel's events. IPv6 is
/// refreshed a third as often with a lifetime three times as long, unless the operator has set the
/// lease: each IPv6 request makes the kernel send all its multicast memberships to the segment
/// again, twice.
extension Engine {
  private var heldAddressCount: Int {
    instances.reduce(0) { sum, instance in
      guard let instance, instance.isHolding || instance.handover.hasInherited else { return sum }
      return sum + instance.addresses.count + instance.extras.addressCount
    }
  }

  /// Time between two rounds of refreshing; `nil` if addresses have no lease.
  ///
  /// A third of the lease, so that two refreshes may be missed; longer if there are so many
  /// addresses that the refreshing itself would become a burden.
  var refreshPeriod: Duration? {
    guard let lifetime = lease.lifetime else { return nil }
    return max(lifetime / 3, .seconds(1) * heldAddressCount / LeasePolicy.refreshesPerSecond)
  }

  /// The lifetime that a router's addresses are installed with now; `nil` if they have no end.
  func lifetime(of instance: RouterInstance) -> Duration? {
    guard let period = refreshPeriod else { return nil }
    return lifetime(of: instance, refreshedEvery: period)
  }

  private func lifetime(
    of instance: RouterInstance, refreshedEvery period: Duration
  ) -> Duration? {
    lease.lifetime(interval: instance.settings.interval, instance.family, refreshedEvery: period)
  }

  private func isRefreshedRarely(_ instance: RouterInstance) -> Bool {
    instance.family == .ipv6 && lease.isAutomatic
  }

  /// The longest lifetime that an address has now; `nil` if they have no end.
  var longestLifetime: Duration? {
    // Counting the addresses goes over all routers: once, and not again for each of them.
    guard let period = refreshPeriod else { return nil }
    var longest: Duration?
    for case let instance? in instances {
      guard let lifetime = lifetime(of: instance, refreshedEvery: period) else { continue }
      longest = max(longest ?? lifetime, lifetime)
    }
    return longest ?? period * 3
  }

  /// The state of the lease of a router's addresses; `nil` if it has none on the interface, or they
  /// have no lease.
  func leaseStatus(of instance: RouterInstance, at time: Instant) -> RouterStatus.Lease? {
    guard let lifetime = lifetime(of: instance) else { return nil }
    // Others have no lease: what waits asleep on a macvlan, what an earlier life of this node left.
    guard let oldest = instance.addresses.oldestRefresh else { return nil }
    return RouterStatus.Lease(lifetime: lifetime, age: time - oldest)
  }

  /// Starts to refresh if nothing is refreshed yet.
  func startRefreshing() {
    guard timers.deadline(of: .lease) == nil, let period = refreshPeriod else { return }
    timers.schedule(.lease, at: now + period)
  }

  /// Refreshes the leases of all held addresses that are due, slice by slice.
  func refreshLeases() {
    guard let period = refreshPeriod else { return }
    let isTurnOfAll = leaseRounds.begin()
    var isHoldingAny = false
    for case let instance? in instances
    where instance.isHolding || instance.handover.isUnderWay {
      isHoldingAny = true
      // Linux is still making them usable; their leases follow when it is done.
      if instance.macvlan?.isWaking ?? false { continue }
      if isRefreshedRarely(instance), !isTurnOfAll { continue }
      work.add(.refresh, instance.slot)
    }
    if isHoldingAny { timers.schedule(.lease, at: now + period) }
  }
}
