import ARP
import Netlink
import VIP
import VIPCore
import VRRP
import VRRPSimulation

/// Time limits: computed from the settings, as Docs/Guarantees.md and RFC 9568 §6.1 have it.
extension NodeSimulation {
  /// Whether a kind of trouble was there within a time before now.
  func hasTrouble(_ trouble: NodeSupervisor.Trouble, within time: Duration) -> Bool {
    supervisor.troubles[trouble].map { now - $0 < time } ?? false
  }

  /// The longest interval by which a group for an address may count.
  func interval(_ watch: WatchedAddress) -> Duration {
    let own = watch.members.map(\.settings.interval.nanoseconds).max() ?? 0
    let seen = watch.members.compactMap { supervisor.longestIntervals[$0.settings.vrid] }.max() ?? 0
    return .nanoseconds(Int64(clamping: max(own, seen)))
  }

  /// Clocks that run up to 2 % off stretch what they measure.
  private func stretched(_ duration: Duration) -> Duration {
    let drift = machines.map(\.clock.drift.magnitude).max() ?? 0
    return duration + duration / 1_000_000 * Int(2 * drift)
  }

  private var delivery: Duration { conditions.deliveryTimeMax }

  /// 3 × interval + skew.
  private func downInterval(_ watch: WatchedAddress) -> Duration {
    let isOld = watch.members.contains { $0.settings.version == .v2 }
    return downInterval(isOld ? .v2 : .v3, interval(watch))
  }

  /// 3 × interval + skew, whatever the priority.
  func downInterval(_ version: ProtocolVersion, _ interval: Duration) -> Duration {
    // The skew of version 2 is counted in seconds.
    interval * 3 + (version == .v2 ? .seconds(1) : interval)
  }

  /// Time that repairs and retries may take beyond that.
  private var repairTime: Duration {
    var time = Duration.milliseconds(50)
    // Put back at once, then after 200 ms, … 6.4 s; a macvlan at most once a second.
    if hasTrouble(.meddling, within: .seconds(45)) { time += .milliseconds(7_500) }
    // What was refused is tried again every second.
    if hasTrouble(.refusal, within: .seconds(5)) { time += .milliseconds(2_100) }
    return time
  }

  /// Time that an address may be without service in a whole segment.
  func outageBound(_ watch: WatchedAddress) -> Duration {
    var bound = downInterval(watch) + repairTime
    // A router that has just been added asks first whether its addresses are free.
    // The kernel of a dead peer answers until its lease ends, and is not told from a stranger.
    if watch.members.contains(where: { $0.settings.probes }) {
      bound += .milliseconds(600) + longestLease(watch)
    }
    // A refusal after a stranger's answer lasts half a minute.
    if hasTrouble(.stranger, within: .seconds(60)) { bound += .seconds(45) }
    return stretched(bound) + delivery * 3
  }

  /// The time until an address is announced once more that was announced by two machines, and whose
  /// client has heard the announcements in another order than that in which they were sent.
  ///
  /// Two routers whose timers end at nearly the same moment both take over, and both announce. The
  /// one that loses lets go when it has heard the winner's advertisement and announcement; the
  /// winner announces again when it hears the loser's advertisement. Where one packet may take
  /// longer than another, what the loser has announced before may arrive at a client after that. No
  /// node can know: the next announcement comes after a pause of the policy. To announce sooner
  /// would make that time shorter and not end it.
  var nextAnnouncementTime: Duration {
    stretched(AnnouncementPolicy().pauses.first ?? .zero) + .milliseconds(50)
  }

  /// Time for which two machines may have an address in a whole segment.
  func doubleBound(_ watch: WatchedAddress) -> Duration {
    let count = watch.members.map(\.settings.addresses.count).max() ?? 0
    // The old holder waits for the new one: for its advertisement, then for its announcements.
    var bound =
      max(downInterval(watch), interval(watch) + .milliseconds(300))
      + .microseconds(1_000) * count + repairTime
    bound += longestLease(watch)
    return stretched(bound) + delivery * 3
  }

  /// Time that the addresses of a dead process may stay, or of a frozen one.
  private func longestLease(_ watch: WatchedAddress) -> Duration {
    // Any address of the group: a router that asks for its addresses waits for all of them.
    let isLeft = machines.contains { machine in
      guard machine.process == nil || machine.standstill?.kind == .frozen,
        machine.holdsAny(onSegment: watch.segment)
      else { return false }
      return machine.holdsCached(watch.address, onSegment: watch.segment)
        || watch.members.contains { member in
          member.settings.addresses.contains {
            machine.holdsCached($0.address, onSegment: watch.segment)
          }
        }
    }
    guard isLeft else { return .zero }
    let count =
      machines.map { machine in
        machine.process?.settings.reduce(0) { $0 + $1.addresses.count } ?? 0
      }.max() ?? 0
    // At most a thousand refreshes a second, of which one of IPv6 counts for three, and three in a
    // lease, each with an advertisement.
    let load = Duration.milliseconds(3 * count) + interval(watch)
    let own = machines.compactMap { $0.options.lease.lifetime }.max() ?? .zero
    // The kernel counts whole seconds, and may be one late.
    return max(own, load * 3, downInterval(watch) + load) + .seconds(2)
  }

  /// Time after the last disturbance until everything must have come to rest.
  var settlingTime: Duration {
    var longest = Duration.seconds(1)
    var before: WatchedAddress?
    for watch in supervisor.watched {
      // All addresses of a group have the same bounds.
      if let before, before.isAlike(watch) { continue }
      before = watch
      let delay = watch.members.map(\.settings.preemptDelay).max() ?? .zero
      longest = max(
        longest, outageBound(watch) * 2 + doubleBound(watch) + delay)
    }
    // What a dead process has left goes when its lease ends.
    for machine in machines where machine.process == nil {
      for entry in machine.kernel.entries where entry.record.isOurs {
        guard let end = entry.validUntil else { continue }
        longest = max(longest, end - machine.kernel.now + .seconds(1))
      }
    }
    // The announcements of the last takeover go out for three seconds.
    return longest + .seconds(4)
  }
}
