import VIPCore
import VRRP

/// Telling of problems: once when one begins, once when it is over.
///
/// What is wrong begins in many places, each of which calls ``warn(_:of:_:)``. The end is seen in one:
/// at the end of a turn or command each problem that was told of is looked at again. What is in a
/// status is decided by the same state.
extension Engine {
  /// Tells that something is wrong with a router, unless that has been told in the same words.
  func warn(_ kind: Problem.Kind, of instance: RouterInstance, _ text: String) {
    guard problems.begin(kind, text, of: instance.slot) else { return }
    report(.warning(instance.problem(kind, text)))
  }

  /// Tells of what is over; costs nothing while nothing is wrong.
  func reviewProblems() {
    guard !problems.isClear else { return }
    for slot in problems.slots {
      guard let instance = instances[slot] else { continue }
      endProblems(of: instance) { isThere($0, of: instance) }
    }
  }

  /// Tells that nothing is wrong any more with a router that is gone.
  func endProblems(of instance: RouterInstance) {
    endProblems(of: instance) { _ in false }
  }

  private func endProblems(
    of instance: RouterInstance, unless isThere: (Problem.Kind) -> Bool
  ) {
    for (kind, text) in problems.end(of: instance.slot, unless: isThere) {
      report(.cleared(instance.problem(kind, text)))
    }
  }

  /// Whether a problem that was told of is still there.
  private func isThere(_ kind: Problem.Kind, of instance: RouterInstance) -> Bool {
    switch kind {
    case .advertising:
      // A farewell that failed is told until the addresses have been handed over.
      return instance.attendance.isRunning
        && (instance.isHolding || instance.handover.isUnderWay)
        && segment(of: instance)?.sendFailure(of: instance) ?? 0 != 0
    case .announcing: return failedAnnouncements[instance.slot] != nil
    case .macvlan: return instance.macvlan?.isDisturbed(serves: serves(instance)) ?? false
    case .addressFailure(let address):
      return instance.addresses.position(of: address).map {
        instance.addresses[$0].failure != nil
      } ?? false
    case .addressRemoved(let address):
      return instance.addresses.position(of: address).map {
        instance.addresses[$0].isContested(at: now)
      } ?? false
    case .unguarded: return !isGuarded(instance)
    case .hostAddress(let address): return instance.hostAddresses[address] != nil
    case .undelivered: return instance.sightings.unheard != nil
    case .unheard: return !instance.isHolding && instance.rivalry.isRetrying(at: now)
    case .conflict, .hook, .machine, .priorityLowered, .noPeers, .addressesNotListed: return true
    case .ownAddressHeard, .twoActives, .foreignGroup, .addressListDiffers, .intervalDiffers,
      .versionDiffers, .authenticationDiffers, .checksumFormDiffers, .tooManyPeers, .unlistedPeer,
      .unusableAdvertisement:
      return instance.troubles.contains(kind)
    }
  }

  /// Whether a guard could clean up after all of a router, or there is none.
  func isGuarded(_ instance: RouterInstance) -> Bool {
    safeguard?.covers(instance.slot, serial: instance.serial) ?? true
  }

  /// What a guard can't do for a router.
  static let unguardedText =
    "the guard has no room for all of its addresses; if the node dies they go with their lease"

  // MARK: The node

  /// What is wrong with the node itself, as observers have been told.
  package var nodeProblem: NodeProblem? { problems.node }

  /// Tells that something is wrong with the node.
  func warn(_ kind: NodeProblem.Kind, _ text: String) {
    let problem = NodeProblem(kind, text)
    if problems.begin(problem) { report(.nodeWarning(problem)) }
  }

  /// Tells that nothing is wrong with the node any more.
  func endNodeProblem() {
    if let problem = problems.endNode() { report(.nodeCleared(problem)) }
  }
}
