import VIPCore
import VRRP

/// Telling when programs are to be run.
///
/// A program finds the addresses where the state says: for `active` all of them have been put up as
/// far as the kernel lets them, for the others they have been removed, after a hand-over too. It is
/// started once the turn that saw to that is over.
extension Engine {
  /// A router does something else now.
  func recordHook(_ state: HookState, of instance: RouterInstance, because reason: String) {
    let previous = instance.hookState
    guard state != previous else { return }
    instance.hookState = state
    guard !instance.settings.hooks.isEmpty else { return }
    var occasion = HookOccasion(
      settings: instance.settings, family: instance.family, state: state, previous: previous,
      reason: reason, effectivePriority: instance.election.effectivePriority.rawValue,
      addressInterface: instance.macvlan?.name)
    if let earlier = pendingHooks[instance.slot] { occasion.skipped = earlier.skipped + 1 }
    pendingHooks[instance.slot] = occasion
  }

  /// A router has left and its addresses are gone.
  func recordEnd(of instance: RouterInstance) {
    pendingHooks[instance.slot] = nil
    guard !instance.settings.hooks.isEmpty else { return }
    dueHooks.append(
      HookOccasion(
        settings: instance.settings, family: instance.family, state: .stop,
        previous: instance.hookState, reason: instance.stateReason,
        effectivePriority: instance.election.effectivePriority.rawValue,
        addressInterface: instance.macvlan?.name))
  }

  /// The programs to run now, in order.
  ///
  /// A state for which nothing is run is among them, since it makes older ones obsolete.
  package func takeDueHooks() -> [HookOccasion] {
    if !pendingHooks.isEmpty {
      for (slot, occasion) in pendingHooks.sorted(by: { $0.key < $1.key }) {
        guard let instance = instances[slot], isSettled(instance) else { continue }
        pendingHooks[slot] = nil
        dueHooks.append(occasion)
      }
    }
    guard !dueHooks.isEmpty else { return [] }
    defer { dueHooks.removeAll() }
    return dueHooks
  }

  /// Whether an instance's addresses are where its state wants them, as far as that can be.
  private func isSettled(_ instance: RouterInstance) -> Bool {
    guard !instance.handover.isUnderWay else { return false }
    // On an interface that is down they are as good as gone, whatever is still to be loaded there.
    if instance.settings.virtualMac, !instance.isHolding, instance.hasReleased { return true }
    return !work.isUnfinished(instance.slot)
  }
}
