import ARP
import Netlink
import VIPCore
import VRRP

/// Handing addresses over without a gap.
///
/// RFC 9568 has an Active that leaves or is preempted drop its addresses at once; until the next one
/// has put them up and announced them, no machine serves. Here the old holder keeps each address
/// until it sees the new holder's announcement of it. The caches of the segment move with that very
/// frame, so no client is sent to a machine that does not serve. How long that may take is decided by
/// ``Handover``.
extension Engine {
  /// An election has decided that the addresses no longer belong here.
  func letGo(_ instance: RouterInstance, because reason: Transition.Reason?) {
    silence(instance)
    endConflicts(of: instance)
    guard startsHandover(of: instance, because: reason) else { return release(instance) }
    schedule(instance)
  }

  /// Lets the addresses stay for a successor, if that is wanted and there is something to wait for.
  private func startsHandover(
    of instance: RouterInstance, because reason: Transition.Reason?
  ) -> Bool {
    let isLeaving = instance.activity == .leaving || instance.isUnfit
    guard instance.settings.handover == .seamless,
      !instance.hasReleased, Handover.isDue(reason, isLeaving: isLeaving)
    else { return false }
    let interval = instance.settings.interval
    if instance.settings.virtualMac {
      return instance.handover.letGoAtOnce(reason, interval: interval, at: now)
    }
    guard let wire = wire(of: instance), listen(on: wire) else { return false }
    instance.handover.letGo(
      reason, addresses: instance.addresses.count, installed: instance.addresses.installedCount,
      interval: interval, at: now)
    return true
  }

  /// How long it may take, from now, until all routers have handed over and nothing is left of them:
  /// if no router takes over, and if one does at the last moment.
  package var longestHandover: Duration {
    let instances = liveInstances
    let patience = instances.map {
      Handover.longest(addresses: $0.addresses.count, interval: $0.settings.interval)
    }
    // Linux needs up to a millisecond to remove one of many addresses.
    let count = instances.reduce(0) { $0 + $1.addresses.count }
    return (patience.max() ?? .zero) + .milliseconds(1) * count
  }

  /// Another router of the group is Active, which ends or shortens a handover to it.
  func handleSuccessor(
    of instance: RouterInstance, _ advertisement: Advertisement, from source: IPAddress
  ) {
    guard instance.handover.isUnderWay, advertisement.priority != .release,
      source != instance.election.primaryAddress
    else { return }
    handle(instance.handover.successorAdvertised(at: now), of: instance)
    schedule(instance)
  }

  /// Does what a handover asks for after an event.
  func handle(_ deed: Handover.Deed, of instance: RouterInstance) {
    switch deed {
    case .nothing: break
    case .removeSome: work.add(.remove, instance.slot)
    case .release: release(instance)
    }
  }

}

extension Actions {
  /// Why the state changes, if it does.
  var transitionReason: Transition.Reason? {
    for case .transition(let transition) in self { return transition.reason }
    return nil
  }
}
