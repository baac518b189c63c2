import ARP
import Netlink
import VIPCore
import VRRP

/// Probing for a router's addresses before its first use of them; ``AddressProbing`` decides.
///
/// A router that has just come up is Backup for more than three intervals anyway: the probes go out
/// in that time and cost none. No timer waits for them but the router's own, should its interval be
/// shorter than that.
extension Engine {
  /// The time after a refusal until the next probe.
  private static let refusalPause = Duration.seconds(30)

  /// Begins to probe for a router that takes part from now on.
  func startProbing(of instance: RouterInstance) {
    guard !instance.probing.hasEnded else { return }
    let addresses = instance.addresses.current.map(\.address.address)
    guard instance.probing.start(for: addresses, isHolding: instance.isHolding, at: now) else {
      return
    }
    changeListening(for: instance)
    // An answer that comes at once must be heard.
    updateListening()
    continueProbe(of: instance)
  }

  /// Goes on with the addresses that a router has now.
  func changeProbe(of instance: RouterInstance) {
    guard instance.probing.isUnderWay else { return }
    instance.probing.change(to: instance.addresses.current.map(\.address.address), at: now)
    continueProbe(of: instance)
  }

  /// Stops when the router no longer takes part; the probing begins again when it does.
  func stopProbing(of instance: RouterInstance) {
    instance.probing.stop()
    changeListening(for: instance)
  }

  /// Sends the probes of a router that are due, and settles its probing when the waiting is over.
  func continueProbe(of instance: RouterInstance) {
    guard let deadline = instance.probing.deadline else { return }
    guard let wire = wire(of: instance) else { return stopProbing(of: instance) }
    if deadline <= now {
      noteChange()
      send(instance.probing.takeDue(by: now), on: wire)
      if instance.probing.isOver { settleProbe(of: instance) }
    }
    arm(instance, by: instance.probing.deadline)
  }

  func send(_ probes: ArraySlice<IPAddress>, on wire: Wire) {
    for address in probes {
      // A frame that is lost here may as well have been lost on the way.
      try? wire.transport.send(AddressProbe(address, from: wire.macAddress))
    }
  }

  /// Takes in that a machine uses an address that a router probes for.
  func handleAnswer(_ claim: AddressClaim, to instance: RouterInstance) {
    guard let link = instance.link, !interfaces.hasMAC(claim.mac, seenOn: link.index) else {
      return
    }
    _ = instance.probing.heard(claim)
  }

  /// Takes in, for a router that probes, which addresses the group's Active has.
  func hearGroup(
    _ advertisement: Advertisement, _ message: Span<UInt8>, for instance: RouterInstance
  ) {
    for address in advertisement.addresses(in: message) {
      instance.probing.heardGroup(listing: address)
    }
    settleProbe(of: instance)
  }

  /// Ends the probing if nothing speaks against the router, or tells what does.
  ///
  /// - Parameters:
  ///   - instance: the router.
  ///   - mustDecide: whether it would take over now.
  func settleProbe(of instance: RouterInstance, mustDecide: Bool = false) {
    guard instance.attendance.isRunning, instance.probing.isUnderWay else { return }
    let wasOver = instance.probing.isOver
    let groupHasSame = instance.groupHasSameAddresses
    let verdict = instance.probing.judge(
      at: now, patience: deadPeerPatience(of: instance),
      groupHasSame: groupHasSame, mustDecide: mustDecide)
    if wasOver || groupHasSame { noteChange() }
    switch verdict {
    case .free:
      instance.probing.end()
      changeListening(for: instance)
    case .refused(var refusal):
      refusal.cause = likelyCause(of: refusal, instance)
      instance.probing.explainRefusal(by: refusal.cause)
      wait(
        instance,
        for: .addressInUse(
          refusal.holder.address, refusal.holder.mac,
          text: refusal.text(instance.settings.vrid, wording)),
        .address(instance.family))
      instance.attendance.retry(at: now + Self.refusalPause)
      schedule(instance)
    case .open:
      // The segment is probed again, from now on.
      if wasOver { continueProbe(of: instance) }
    case .taken: break
    }
  }

  /// Keeps a Backup from taking over before the answers are in, and one that must not from doing so
  /// at all.
  ///
  /// - Returns: when to look again; `nil` if nothing is in the way.
  func delayByProbe(_ instance: RouterInstance) -> Instant? {
    guard !instance.probing.hasEnded, instance.election.state == .backup else { return nil }
    if instance.probing.isOver { settleProbe(of: instance, mustDecide: true) }
    guard !instance.probing.hasEnded else { return nil }
    return instance.probing.deadline.map { max($0, now + .milliseconds(1)) }
      ?? instance.attendance.retryAt
  }

  /// The reason why a router may not take part; `nil` if it may or if that is still open.
  package func refusal(of name: String) -> String? {
    for instance in routers.members(named: name) {
      if let refusal = instance.probing.refusal {
        return refusal.text(instance.settings.vrid, wording)
      }
    }
    return nil
  }

  /// Whether it is still open if a router that takes part may have its addresses.
  package func isProbing(_ name: String) -> Bool {
    routers.members(named: name).contains { instance in
      instance.probing.isUnderWay && instance.probing.refusal == nil
    }
  }
}
