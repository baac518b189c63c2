import Netlink
import VIPCore
import VRRP

/// Refreshing the lifetimes of held addresses: often enough, and no more often than that.
///
/// A router's addresses are refreshed right after one of its advertisements, at least three times in
/// their lifetime, see ``LeaseTerm``. Of all together at most ``LeasePolicy/refreshesPerSecond`` are:
/// with more addresses the lifetime grows instead of the rate, since every refresh is a message to
/// all that listen to the kernel's events, and one of IPv6 makes the kernel send all its multicast
/// memberships to the segment again, twice.
///
/// What is handed over is refreshed by a timer, since its router does not advertise.
extension Engine {
  /// The time that one refresh of all held addresses may not fall short of.
  private var leaseLoad: Duration {
    // Counting the addresses goes over all routers: once in a turn.
    if let known = knownLoad, known.time == now { return known.load }
    var counts: [AddressFamily: Int] = [:]
    for case let instance? in instances
    where instance.isHolding || instance.handover.hasInherited {
      counts[instance.family, default: 0] += instance.addresses.count + instance.extras.addressCount
    }
    let load = lease.load(ipv4: counts[.ipv4] ?? 0, ipv6: counts[.ipv6] ?? 0)
    knownLoad = (now, load)
    return load
  }

  /// The times of a router's addresses as they are now; `nil` if these have no end.
  private func term(of instance: RouterInstance) -> LeaseTerm? {
    lease.term(interval: instance.settings.interval, instance.settings.version, load: leaseLoad)
  }

  /// The lifetime that a router's addresses are installed with now; `nil` if they have no end.
  func lifetime(of instance: RouterInstance) -> Duration? { term(of: instance)?.lifetime }

  /// The time for which the kernel of a dead peer may answer for an address: the lease, taken to be
  /// like that of this node, though no shorter than one of usual intervals, and the second by which
  /// a kernel may be late.
  func deadPeerPatience(of instance: RouterInstance) -> Duration {
    (lifetime(of: instance).map { max($0, .seconds(3)) } ?? .zero) + .seconds(2)
  }

  /// The longest lifetime that an address has now; `nil` if they have no end.
  var longestLifetime: Duration? {
    guard let idle = lease.term(interval: .default, .v3, load: leaseLoad) else { return nil }
    var longest: Duration?
    for case let instance? in instances {
      guard let own = lifetime(of: instance) else { continue }
      longest = max(longest ?? own, own)
    }
    return longest ?? idle.lifetime
  }

  /// The state of the lease of a router's addresses; `nil` if it has none on the interface, or they
  /// have no lease.
  func leaseStatus(of instance: RouterInstance, at time: Instant) -> RouterStatus.Lease? {
    guard let term = term(of: instance) else { return nil }
    // Others have no lease: what waits asleep on a macvlan, what an earlier life of this node left.
    guard let oldest = instance.addresses.oldestRefresh else { return nil }
    return RouterStatus.Lease(
      lifetime: term.lifetime, age: time - oldest, takeover: term.takeover)
  }

  /// Notes that a router's addresses are put up from now on, with a lease.
  func beginLease(of instance: RouterInstance) {
    knownLoad = nil
    beginRound(of: instance)
    startRefreshing()
  }

  /// Starts to see to it that addresses are refreshed, if nothing does yet.
  func startRefreshing() {
    knownLoad = nil
    guard timers.deadline(of: .lease) == nil else { return }
    scheduleRefresh()
  }

  private func scheduleRefresh() {
    var period: Duration?
    for case let instance? in instances
    where instance.isHolding || instance.handover.isUnderWay {
      guard let own = term(of: instance)?.period else { return }
      period = min(period ?? own, own)
    }
    if let period { timers.schedule(.lease, at: now + period) }
  }

  private func beginRound(of instance: RouterInstance) {
    guard let term = term(of: instance) else { return }
    instance.leaseRound.begin(at: now, term, interval: instance.settings.interval.duration)
  }

  /// Refreshes a router's addresses if that is due, since it advertises now.
  func refreshLease(with instance: RouterInstance) {
    guard instance.isHolding, instance.leaseRound.isDue(at: now) else { return }
    refreshLease(of: instance)
  }

  private func refreshLease(of instance: RouterInstance) {
    guard !lease.isOff else { return }
    // Linux is still making them usable; their leases follow when it is done.
    if instance.macvlan?.isWaking ?? false { return }
    work.add(.refresh, instance.slot)
    beginRound(of: instance)
  }

  /// Refreshes the addresses whose routers have not advertised when it was time.
  func refreshLeases() {
    for case let instance? in instances
    where instance.isHolding || instance.handover.isUnderWay {
      if instance.leaseRound.isOverdue(at: now) { refreshLease(of: instance) }
    }
    scheduleRefresh()
  }

  /// Another lease applies from now on: all addresses are given it.
  func renewLeases() {
    knownLoad = nil
    timers.cancel(.lease)
    for case let instance? in instances
    where instance.isHolding || instance.handover.isUnderWay {
      work.add(.refresh, instance.slot)
      beginRound(of: instance)
    }
    scheduleRefresh()
  }
}
