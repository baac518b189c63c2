import Netlink
package import VIPCore
package import VRRP

/// Refreshing the lifetimes of held addresses: often enough, and no more often than that.
///
/// Each held address is refreshed three times in its lifetime, at most ``refreshesPerSecond`` in
/// total: with more addresses the lifetime grows instead of the rate, since every refresh is a
/// message to all that listen to the kernel's events. IPv6 is refreshed a third as often with a
/// lifetime three times as long, unless the operator has set the lease: each IPv6 request makes the
/// kernel send all its multicast memberships to the segment again, twice.
extension Engine {
  /// What the refreshing may cost: requests to the kernel per second.
  fileprivate static let refreshesPerSecond = 1000
  /// How much longer an IPv6 address lives and waits for a refresh.
  fileprivate static let ipv6Factor = 3

  private var heldAddressCount: Int {
    instances.reduce(0) { $0 + ($1.map { $0.isHolding ? $0.addresses.count : 0 } ?? 0) }
  }

  /// Time between two rounds of refreshing; `nil` if addresses have no lease.
  ///
  /// A third of the lease, so that two refreshes may be missed; longer if there are so many
  /// addresses that the refreshing itself would become a burden.
  var refreshPeriod: Duration? {
    guard let lifetime = lease.lifetime else { return nil }
    return max(lifetime / 3, .seconds(1) * heldAddressCount / Self.refreshesPerSecond)
  }

  /// The lifetime that a router's addresses are installed with now; `nil` if for ever.
  func lifetime(of instance: RouterInstance) -> Duration? {
    guard let period = refreshPeriod else { return nil }
    return lease.lifetime(
      interval: instance.settings.interval, instance.family, refreshedEvery: period)
  }

  private func isRefreshedRarely(_ instance: RouterInstance) -> Bool {
    instance.family == .ipv6 && lease.isAutomatic
  }

  /// The longest lifetime that an address has now; `nil` if for ever.
  var longestLifetime: Duration? {
    guard let period = refreshPeriod else { return nil }
    return instances.lazy.compactMap { $0 }.compactMap(lifetime).max() ?? period * 3
  }

  /// How it stands with the lease of a router's addresses; `nil` if it has none on the interface, or
  /// they have no lease.
  func leaseStatus(of instance: RouterInstance, at time: Instant) -> LeaseStatus? {
    guard let lifetime = lifetime(of: instance) else { return nil }
    // Others have no lease: what waits asleep on a macvlan, what an earlier life of this node left.
    let oldest = instance.addresses.lazy
      .filter { $0.isInstalled && $0.isLeased }.map(\.refreshedAt).min()
    guard let oldest else { return nil }
    return LeaseStatus(lifetime: lifetime, age: time - oldest)
  }

  /// Starts to refresh if nothing is refreshed yet.
  func startRefreshing() {
    guard let period = refreshPeriod, timers.deadline(of: .lease) == nil else { return }
    timers.schedule(.lease, at: now + period)
  }

  /// Refreshes the leases of all held addresses that are due, slice by slice.
  func refreshLeases() {
    guard let period = refreshPeriod else { return }
    // With the number of addresses their lifetime may have changed.
    isSafeguardStale = true
    refreshRound &+= 1
    var isHoldingAny = false
    for case let instance? in instances
    where instance.isHolding || instance.handoverDeadline != nil {
      isHoldingAny = true
      // Linux is still waking them; theirs follow when it is done.
      if instance.virtual?.leasesAt != nil { continue }
      if isRefreshedRarely(instance), refreshRound % Self.ipv6Factor != 0 { continue }
      work.add(.refresh, instance)
    }
    if isHoldingAny { timers.schedule(.lease, at: now + period) }
  }
}

extension LeasePolicy {
  /// The shortest lease that does no harm at an advertisement interval, in whole seconds.
  ///
  /// An election forgives an Active three intervals of silence (Active_Down_Interval is longer than
  /// that for all Backups). A lease that ends earlier would take the addresses from a node that is
  /// slow for a moment, and nobody would have them until it is back.
  package static func shortest(for interval: AdvertisementInterval) -> Duration {
    let nanoseconds = 3 * interval.nanoseconds
    let seconds = (nanoseconds + 999_999_999) / 1_000_000_000
    return .seconds(max(2, Int64(clamping: seconds)))
  }

  /// The lifetime that addresses are installed with; `nil` if for ever.
  ///
  /// - Parameters:
  ///   - interval: the advertisement interval of their router.
  ///   - family: their family.
  ///   - period: how often they are refreshed; a third of the lease if they are few.
  /// - Returns: the lifetime; `nil` for ever.
  package func lifetime(
    interval: AdvertisementInterval, _ family: AddressFamily,
    refreshedEvery period: Duration = .zero
  ) -> Duration? {
    guard let lifetime else { return nil }
    let sufficient = max(lifetime, period * 3, Self.shortest(for: interval))
    return isAutomatic && family == .ipv6 ? sufficient * Engine.ipv6Factor : sufficient
  }

  /// Refuses routers for which a lease that the operator has set is too short.
  ///
  /// - Parameters:
  ///   - routers: the routers.
  ///   - besides: how many addresses the node has beside theirs.
  /// - Throws: which router's interval or number of addresses needs a longer one.
  package func check(
    _ routers: [RouterConfiguration], besides: Int = 0
  ) throws(ConfigurationError) {
    guard let lifetime, !isAutomatic else { return }
    var count = besides
    for settings in routers {
      let shortest = Self.shortest(for: settings.interval)
      guard lifetime >= shortest else {
        throw ConfigurationError(
          .interval, router: settings.name,
          "a lease of \(lifetime.text) is too short for an interval of \(settings.interval): the "
            + "others wait three intervals before they take over, and the addresses must not go "
            + "earlier; take at least \(shortest.text), or leave the lease out")
      }
      count += settings.addresses.count
      let needed = Duration.seconds(
        (3 * count + Engine.refreshesPerSecond - 1) / Engine.refreshesPerSecond)
      guard lifetime >= needed else {
        throw ConfigurationError(
          .addresses, router: settings.name,
          "a lease of \(lifetime.text) is too short for \(count) addresses on this node: each is "
            + "refreshed three times in it, and at most \(Engine.refreshesPerSecond) a second are; "
            + "take at least \(needed.text), or leave the lease out")
      }
    }
  }
}
