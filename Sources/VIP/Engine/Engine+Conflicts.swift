import ARP
import Netlink
import VIPCore
import VRRP

/// Noticing and fending off machines that use the addresses held here (RFC 5227 §2.4).
///
/// A claim is not yet a conflict. Another router of the group that becomes Active, or that was until
/// a moment ago, claims the addresses with every right; which of the two shall have them is for the
/// election to decide. Such a router advertises: at the moment it takes over, and every interval from
/// then on, while no election forgives more than three silent intervals. So a claim is kept for three
/// intervals. If the election is lost in that time, or if any router of the group was heard within
/// three intervals of the claim on either side, it was a takeover. If not, the claimant does not
/// speak VRRP, and that is reported.
///
/// Clients can't wait that long. A router that takes over advertises before it claims, so its
/// advertisement is here when its claim is, or an instant later; if none is, the address is defended
/// by rule (c) of RFC 5227: announced again, and for each further claim at most every ten seconds. It
/// is never given up: the election says that it is ours.
extension Engine {
  /// RFC 5227's DEFEND_INTERVAL.
  private static let defendInterval = Duration.seconds(10)
  /// How long a new Active's advertisement may take longer than its announcement.
  private static let advertisementDelay = Duration.milliseconds(20)
  /// How long nothing must have been heard until a conflict is over.
  private static let memory = Duration.seconds(60)

  /// Takes in that another machine uses an address that is held here.
  func noteForeignClaim(_ claim: AddressClaim, of instance: RouterInstance) {
    // Another interface of this machine on the same segment may answer for all of its addresses.
    guard !interfaces.hasMAC(claim.mac) else { return }
    guard let place = instance.conflicts.list.firstIndex(where: { $0.address == claim.address })
    else {
      guard instance.conflicts.list.count < Conflicts.capacity else {
        instance.conflicts.claimCount += 1
        return
      }
      instance.conflicts.list.append(
        Conflict(address: claim.address, mac: claim.mac, firstHeard: now, lastHeard: now))
      return armConflicts(at: now + Self.advertisementDelay)
    }
    instance.conflicts.list[place].mac = claim.mac
    instance.conflicts.list[place].lastHeard = now
    instance.conflicts.list[place].count += 1
    if instance.conflicts.list[place].isCertain { instance.conflicts.claimCount += 1 }
    guard let lastDefense = instance.conflicts.list[place].lastDefense else { return }
    if now - lastDefense >= Self.defendInterval { defend(place, of: instance) }
  }

  /// How long a claim may be the sign of a takeover.
  private func grace(of instance: RouterInstance) -> Duration {
    let interval = max(
      instance.election.activeInterval.nanoseconds, instance.settings.interval.nanoseconds)
    return .nanoseconds(Int64(clamping: 3 * interval))
  }

  /// Judges claims whose time has come, and ends conflicts of which nothing was heard for long.
  func reviewConflicts() {
    for case let instance? in instances where !instance.conflicts.list.isEmpty {
      review(instance)
    }
  }

  private func review(_ instance: RouterInstance) {
    let grace = grace(of: instance)
    var over: [Int] = []
    for place in instance.conflicts.list.indices {
      let conflict = instance.conflicts.list[place]
      if owner(of: conflict.address, near: instance)?.slot != instance.slot {
        // The address was taken from the router meanwhile.
        if conflict.isCertain { reportEnd(of: conflict, instance) }
        over.append(place)
      } else if conflict.isCertain {
        let end = conflict.lastHeard + Self.memory
        guard end <= now else {
          armConflicts(at: end)
          continue
        }
        reportEnd(of: conflict, instance)
        over.append(place)
      } else if conflict.firstHeard + grace > now {
        if conflict.lastDefense == nil, !isExcused(conflict, instance, grace) {
          defend(place, of: instance)
        }
        armConflicts(at: conflict.firstHeard + grace)
      } else if isExcused(conflict, instance, grace) {
        over.append(place)
      } else {
        confirm(place, of: instance)
      }
    }
    for place in over.reversed() { instance.conflicts.list.remove(at: place) }
  }

  /// Whether a router of the group was heard around the time of a claim.
  private func isExcused(
    _ conflict: Conflict, _ instance: RouterInstance, _ grace: Duration
  ) -> Bool {
    instance.election.peers.contains { peer in
      peer.addresses != .disjoint && peer.lastHeard + grace >= conflict.firstHeard
    }
  }

  private func confirm(_ place: Int, of instance: RouterInstance) {
    let conflict = instance.conflicts.list[place]
    instance.conflicts.list[place].isCertain = true
    instance.conflicts.claimCount += conflict.count
    if conflict.lastDefense == nil { defend(place, of: instance) }
    report(
      .conflict(
        router: instance.settings.name, address: conflict.address, mac: conflict.mac))
    armConflicts(at: conflict.lastHeard + Self.memory)
  }

  /// Tells the segment once more where the address is.
  private func defend(_ place: Int, of instance: RouterInstance) {
    instance.conflicts.list[place].lastDefense = now
    guard let wire = wire(of: instance) else { return }
    instance.conflicts.defenseCount += 1
    announce(instance.conflicts.list[place].address, on: wire, for: instance)
  }

  /// Forgets the conflicts of a router that no longer holds its addresses.
  func endConflicts(of instance: RouterInstance) {
    for conflict in instance.conflicts.list where conflict.isCertain {
      reportEnd(of: conflict, instance)
    }
    instance.conflicts.list.removeAll()
  }

  private func reportEnd(of conflict: Conflict, _ instance: RouterInstance) {
    let text = conflictText(conflict.address, conflict.mac)
    report(.cleared(instance.problem(.conflict(conflict.address), text)))
  }

  private func armConflicts(at moment: Instant) {
    timers.schedule(.conflict, noLaterThan: moment)
  }
}
