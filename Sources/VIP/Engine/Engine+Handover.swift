import ARP
import Netlink
import VIPCore
import VRRP

/// Handing addresses over without a gap.
///
/// RFC 9568 has an Active that leaves or is preempted drop its addresses at once; until the next
/// one has put them up and announced them, no machine serves. Here the old holder keeps each
/// address until it sees the new holder's announcement of it. The caches of the segment move with
/// that very frame, so no client is sent to a machine that does not serve. How long that may take
/// is decided by ``Handover``.
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
    guard instance.settings.handover == .seamless,
      !instance.hasReleased, Handover.isDue(reason, isLeaving: instance.attendance.canHandOver)
    else { return false }
    let interval = instance.settings.interval
    if instance.settings.virtualMAC {
      return instance.handover.letGoAtOnce(reason, interval: interval, at: now)
    }
    guard let wire = wire(of: instance), listen(on: wire) else { return false }
    instance.handover.letGo(
      reason, addresses: instance.addresses.count, installed: instance.addresses.installedCount,
      interval: interval, at: now)
    return true
  }

  /// The longest time from now until all routers have handed over and nothing is left of them: if
  /// no router takes over, and if one does at the last moment.
  package var longestHandover: Duration {
    let instances = liveInstances
    let patience = instances.map {
      Handover.longest(addresses: $0.addresses.count, interval: $0.settings.interval)
    }
    // Linux needs up to a millisecond to remove one of many addresses.
    let count = instances.reduce(0) { $0 + $1.addresses.count }
    return (patience.max() ?? .zero) + .milliseconds(1) * count
  }

  /// Takes an instance out of the election, which goes on hearing while the addresses wait here for
  /// a successor.
  func stopElection(of instance: RouterInstance) {
    let reason = instance.attendance.isWaiting ? Transition.Reason.unable : .shutdown
    perform(instance.election.stop(at: now, because: reason), for: instance)
    instance.handover.routerLeft()
    instance.handover.leavesInheritance(instance.settings.interval, at: now)
    loseHeir(instance)
    if !instance.handover.isUnderWay { instance.election.finishLeaving() }
  }

  /// The addresses wait for no successor any more; what happens to them is left to the caller.
  func endHandover(of instance: RouterInstance) {
    instance.handover.end()
    instance.election.finishLeaving()
  }

  /// Another router of the group is Active, which ends or shortens a handover to it: the election
  /// has accepted its advertisement.
  ///
  /// - Parameters:
  ///   - instance: the router.
  ///   - lists: whether the advertisement lists an address.
  func handleSuccessor(
    of instance: RouterInstance, listing lists: (IPAddress) -> Bool = { _ in true }
  ) {
    guard instance.handover.isUnderWay else { return }
    if instance.settings.virtualMAC, instance.handover.hasInherited,
      instance.addresses.current.contains(where: { lists($0.address.address) })
    {
      return release(instance)
    }
    handle(instance.handover.successorAdvertised(at: now, listing: lists), of: instance)
    schedule(instance)
  }

  /// Ends a handover whose time is over.
  ///
  /// A successor that has said nothing about the addresses had them before, on the other side of a
  /// split: it does not know that this machine has moved the caches of the segment to itself. Told
  /// so, it announces them again.
  func reviewHandover(of instance: RouterInstance) {
    let interval = instance.settings.interval
    if instance.handover.isReturnOverdue(interval, at: now), awaitsReturn(instance) {
      instance.handover.awaitReturn(interval, at: now)
    }
    let lacksAnnouncements = instance.handover.lacksAnnouncements
    let deed = instance.handover.advanced(to: now)
    if deed == .release, lacksAnnouncements {
      perform(instance.election.concede(), for: instance)
    }
    handle(deed, of: instance)
  }

  /// Whether a router that has left the role for a while may take it back yet: it hears no Active,
  /// also not in a group that had its addresses before, and its group does not keep it from that.
  ///
  /// A timer that fires late, or a group with a router of a longer interval, takes longer than the
  /// time for which addresses stay by themselves.
  private func awaitsReturn(_ instance: RouterInstance) -> Bool {
    guard instance.attendance.isRunning, instance.election.awaitsSuccessor,
      !instance.formerGroups.holdAny
    else { return false }
    guard let group = instance.router.group else { return true }
    return !members(of: group).contains { $0.election.followsActive }
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
  /// The reason why the state changes, if it does.
  var transitionReason: Transition.Reason? { transition?.reason }
}
