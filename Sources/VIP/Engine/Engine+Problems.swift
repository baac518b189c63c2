import Netlink
import VIPCore
import VRRP

/// Telling of problems: once when one begins, once when it is over.
///
/// What is wrong begins in many places, each of which calls ``warn(_:of:_:)``. The end is seen in
/// one: at the end of a turn or command each problem that was told of is looked at again. What is
/// in a status is decided by the same state.
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
      endProblems(of: instance, because: { ending(of: $0, of: instance) }) {
        isThere($0, of: instance)
      }
    }
  }

  /// Tells that what is wrong with a router is not watched any more: the router is gone.
  func endProblems(of instance: RouterInstance) {
    endProblems(of: instance, because: Self.endingWithRouter) { _ in false }
  }

  /// A router is gone when its addresses are.
  private static func endingWithRouter(_ kind: Problem.Kind) -> Problem.Ending {
    if case .addressFailure = kind { .over } else { .unwatched }
  }

  private func endProblems(
    of instance: RouterInstance, because ending: (Problem.Kind) -> Problem.Ending,
    unless isThere: (Problem.Kind) -> Bool
  ) {
    for (kind, text) in problems.end(of: instance.slot, unless: isThere) {
      report(.cleared(instance.problem(kind, text), ending(kind)))
    }
  }

  /// The way in which a problem that is not there any more has ended.
  private func ending(of kind: Problem.Kind, of instance: RouterInstance) -> Problem.Ending {
    if kind.isSeenOnSegment { return instance.troubles.wasMended(kind) ? .over : .unseen }
    return kind == .advertising && !instance.isHolding ? .unwatched : .over
  }

  /// Whether a problem that was told of is still there.
  private func isThere(_ kind: Problem.Kind, of instance: RouterInstance) -> Bool {
    switch kind {
    case .advertising:
      // A farewell that failed is told until the addresses have been handed over.
      return instance.attendance.isRunning
        && (instance.isHolding || instance.handover.isUnderWay)
        && instance.sending.errorNumber != 0
    case .announcing: return failedAnnouncements[instance.slot] != nil
    case .macvlan: return instance.macvlan?.isDisturbed(serves: serves(instance)) ?? false
    case .addressFailure(let address):
      if instance.isHolding, instance.routes.failure(address) != nil { return true }
      if extra(address, of: instance)?.failure != nil { return true }
      return instance.addresses.position(of: address).map {
        instance.addresses[$0].failure != nil
      } ?? false
    case .routing(let text):
      return instance.extras.all.contains {
        $0.extra.description == text && ($0.failure != nil || $0.isContested(at: now))
      }
    case .addressRemoved(let address):
      if extra(address, of: instance)?.isContested(at: now) ?? false { return true }
      return instance.addresses.position(of: address).map {
        instance.addresses[$0].isContested(at: now)
      } ?? false
    case .unguarded: return !isGuarded(instance)
    case .formerGroup: return formerGroupText(of: instance) != nil
    case .hostAddress(let address): return instance.hostAnswers.contains(address)
    case .undelivered: return undeliveredText(of: instance) != nil
    case .outsideGroup: return outsideGroupText(of: instance) != nil
    case .unheard: return isUnheard(instance)
    case .standingRequest: return forgottenText(of: instance) != nil
    case .heldBack: return dampingText(of: instance) != nil
    case .groupWaits: return isKeptBackByGroup(instance)
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

  /// The limit of the guard for a router that has too many addresses.
  static let unguardedText =
    "the guard has no room for all of its addresses; if the node dies they go with their lease"

  // MARK: The node

  /// The problem of the node itself, as observers have been told.
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
