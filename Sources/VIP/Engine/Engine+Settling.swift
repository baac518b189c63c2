import VIPCore
import VRRP

/// Telling when the addresses are where a router's state wants them.
///
/// For `active` all of them have been put up as far as the kernel takes them, for the others they
/// have been removed, after a handover too. Of several changes in a row only the last is told, once
/// the addresses have followed.
extension Engine {
  /// A router does something else now; its addresses are still to follow.
  func beginSettling(
    _ instance: RouterInstance, as state: Settlement.State, because reason: StateReason
  ) {
    guard state != instance.standing else { return }
    var settlement = settlement(of: instance, as: state, because: reason)
    instance.standing = state
    if let earlier = unsettled[instance.slot] { settlement.skipped = earlier.skipped + 1 }
    unsettled[instance.slot] = settlement
  }

  /// A router has left and its addresses are gone.
  func settleForGood(_ instance: RouterInstance) {
    unsettled[instance.slot] = nil
    report(
      .settled(
        router: instance.settings.name, family: instance.family,
        settlement(of: instance, as: .stop, because: instance.stateReason)))
  }

  /// Tells of the routers whose addresses have followed.
  func tellSettled() {
    guard !unsettled.isEmpty else { return }
    for (slot, settlement) in unsettled.sorted(by: { $0.key < $1.key }) {
      guard let instance = instances[slot], isSettled(instance) else { continue }
      unsettled[slot] = nil
      report(
        .settled(router: instance.settings.name, family: instance.family, settlement))
    }
  }

  private func settlement(
    of instance: RouterInstance, as state: Settlement.State, because reason: StateReason
  ) -> Settlement {
    Settlement(
      state, previous: instance.standing, reason: reason, configuration: instance.settings,
      effectivePriority: instance.election.effectivePriority,
      addressInterface: instance.macvlan?.name)
  }

  /// Whether an instance's addresses are where its state wants them, as far as that can be.
  private func isSettled(_ instance: RouterInstance) -> Bool {
    guard !instance.handover.isUnderWay else { return false }
    // On an interface that is down they are as good as gone, whatever is still to be loaded there.
    if instance.settings.virtualMac, !instance.isHolding, instance.hasReleased { return true }
    return !work.isUnfinished(instance.slot)
  }
}
