import VIPCore
import VRRP

/// Telling when the addresses are where a router's state wants them, see ``Settlements``.
///
/// For `active` all of them have been put up as far as the kernel takes them, for the others they
/// have been removed, after a handover too.
extension Engine {
  /// A router does something else now; its addresses are still to follow.
  func beginSettling(
    _ instance: RouterInstance, as state: Settlement.State, because reason: StateReason
  ) {
    guard state != settlements.state(of: instance.slot) else { return }
    settlements.begin(
      settlement(of: instance, as: state, because: reason), of: instance.slot)
  }

  /// A router has left and its addresses are gone.
  func settleForGood(_ instance: RouterInstance) {
    let settlement = settlement(of: instance, as: .stop, because: instance.attendance.reason)
    settlements.forget(instance.slot)
    // The router goes on under other settings, which tell of themselves.
    guard !instance.succession.isReplaced else { return }
    report(
      .settled(router: instance.settings.name, family: instance.family, settlement))
  }

  /// Tells of the routers whose addresses have followed.
  func tellSettled() {
    guard !settlements.areTold else { return }
    let settled = settlements.takeSettled { slot in instances[slot].map(isSettled) ?? false }
    for (slot, settlement) in settled {
      guard let instance = instances[slot] else { continue }
      report(
        .settled(router: instance.settings.name, family: instance.family, settlement))
      // One whose interface has another name now has handed over there, and is done with it.
      if settlement.state == .fault { reconsider(instance) }
    }
  }

  private func settlement(
    of instance: RouterInstance, as state: Settlement.State, because reason: StateReason
  ) -> Settlement {
    Settlement(
      state, previous: settlements.state(of: instance.slot), reason: reason,
      configuration: instance.settings,
      effectivePriority: instance.election.effectivePriority,
      addressInterface: instance.macvlan?.name)
  }

  /// Whether an instance's addresses are where its state wants them, as far as that can be.
  private func isSettled(_ instance: RouterInstance) -> Bool {
    guard !instance.handover.isUnderWay, !isPreceded(instance) else { return false }
    if instance.isHolding, instance.heededGroups.holdAny { return false }
    // On an interface that is down they are as good as gone, whatever is still to be loaded there.
    if instance.settings.virtualMAC, !instance.isHolding, instance.hasReleased { return true }
    return !work.isUnfinished(instance.slot)
  }
}
