import Netlink
import VIPCore
import VRRP

/// Leaving the role to another Active that does not hear this machine, see ``Rivalry``.
extension Engine {
  /// The quarters of its interval for which all that a router sends must have failed: then nothing
  /// got out for three intervals, or a little less, since the last one that did left an interval
  /// before.
  private static let muteQuarters = 7

  /// Takes in that another router of lower rank is Active beside this one.
  func handleRival(
    _ rival: VirtualRouter.ActiveRouter, _ interval: AdvertisementInterval,
    of instance: RouterInstance
  ) {
    instance.rivalry.heard(rival, interval, at: now)
    let own = instance.settings.interval
    if instance.rivalry.isUnheard(at: now, ownInterval: own) || isMute(instance) {
      leaveRole(of: instance)
    }
  }

  /// Whether nothing that a router sends has got out for three intervals.
  private func isMute(_ instance: RouterInstance) -> Bool {
    guard let since = instance.sending.failingSince else { return false }
    return now.nanoseconds(since: since)
      >= instance.settings.interval.nanoseconds / 4 * UInt64(Self.muteQuarters)
  }

  /// Whether a router is to leave the role again, before an address is touched: it takes it from a
  /// living Active and can't send, so that the other would go on.
  ///
  /// Asked of a router whose advertisement has just been sent or has failed.
  func isUnheardTakeover(_ instance: RouterInstance) -> Bool {
    instance.sending.failingSince != nil && instance.isHolding && instance.takeovers.isUnderWay
      && (instance.rivalry.isRetrying(at: now) || instance.rivalry.isRivalled(at: now))
  }

  /// Whether the role was left to another Active, and what is told of that still holds.
  ///
  /// Of a router that could not send it is not known whether it could now, until another one has
  /// sent on the same segment.
  func isUnheard(_ instance: RouterInstance) -> Bool {
    guard !instance.isHolding, instance.rivalry.isRetrying(at: now) else { return false }
    guard let left = instance.rivalry.leftMuteAt, let link = instance.link else { return true }
    return !liveInstances.contains { other in
      other.link?.index == link.index && other.family == instance.family
        && (other.sending.lastSuccess.map { $0 > left } ?? false)
    }
  }

  /// Leaves the role to the other Active.
  func leaveRole(of instance: RouterInstance) {
    guard let rival = instance.rivalry.rival, !instance.election.isOwner else { return }
    let failure = instance.sending.errorNumber
    let pause = instance.rivalry.leave(at: now, isMute: failure != 0)
    let cause =
      failure == 0
      ? "what this machine sends does not reach it: see its firewall (protocol 112), its rp_filter, "
        + "and the switch between them"
      : "advertisements could not be sent here: \(errorText(failure))"
    warn(
      .unheard, of: instance,
      "\(rival.address) goes on as Active and gets the role for \(pause.text), since \(cause)")
    perform(
      instance.election.yield(
        toUnhearing: rival, interval: instance.rivalry.interval, at: now, for: pause),
      for: instance)
    schedule(instance)
  }
}
