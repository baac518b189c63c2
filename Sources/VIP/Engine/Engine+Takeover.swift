import VIPCore
import VRRP

/// Measuring takeovers.
extension Engine {
  /// Takes in a change of state as the beginning or the end of a takeover.
  ///
  /// - Parameters:
  ///   - transition: the change.
  ///   - instance: the router.
  ///   - due: when it was due; `nil` if it has just been decided.
  func measure(_ transition: Transition, of instance: RouterInstance, due: Instant?) {
    if transition.to == .active {
      instance.addresses.takeoverBegan()
      instance.takeovers.begin(due: min(due ?? now, now))
    } else {
      instance.addresses.takeoverEnded()
      instance.takeovers.abandon()
    }
  }

  /// Takes in that an address has been announced.
  func handleAnnounced(_ position: Int, of instance: RouterInstance) {
    guard instance.addresses.announced(position) else { return }
    instance.takeovers.setPending(instance.addresses.awaitedCount, at: platform.now())
    if instance.addresses.awaitedCount == 0 { releasePredecessors(of: instance) }
  }

  /// Counts again what a takeover still waits for, after the list of addresses has changed.
  func recountTakeover(of instance: RouterInstance) {
    instance.takeovers.setPending(instance.addresses.awaitedCount, at: now)
  }
}
