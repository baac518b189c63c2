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
    let isTakeover = transition.to == .active
    for index in instance.addresses.indices {
      instance.addresses[index].isAwaited = isTakeover && !instance.addresses[index].isRetired
    }
    if isTakeover {
      instance.takeovers.begin(
        due: min(due ?? now, now), addressCount: instance.currentAddresses.count)
    } else {
      instance.takeovers.abandon()
    }
  }

  /// Takes in that an address has been announced.
  func handleAnnounced(_ place: Int, of instance: RouterInstance) {
    guard instance.addresses[place].isAwaited else { return }
    instance.addresses[place].isAwaited = false
    _ = instance.takeovers.announced(at: platform.now())
  }

  /// Counts again what a takeover still waits for, after the list of addresses has changed.
  func recountTakeover(of instance: RouterInstance) {
    guard instance.takeovers.isUnderWay else { return }
    instance.takeovers.setPending(instance.currentAddresses.count(where: \.isAwaited), at: now)
  }
}
