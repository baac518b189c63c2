import ARP
import Netlink
import VIPCore
import VRRP

/// Asking the segment, before a router's first use, whether its addresses are free.
///
/// RFC 5227 §2.1 probes for four to seven seconds, in which no failover would be thinkable. But a
/// router that has just come up is Backup for more than three intervals anyway: the probes go out
/// in that time and cost none. Three of each, 100 ms apart, and a wait of 200 ms for slow machines
/// make 400 ms; nobody's timer waits for them but the asking router's own, should its interval be
/// shorter than that. More than a thousand addresses are asked for once, at 10,000 a second.
///
/// An answer is no obstacle if a router of the group is heard that lists the address: then it is the
/// group's Active. If none is heard by the time this router would take over, and the answers go on for longer than a dead
/// peer's lease, the addresses belong to somebody else, and it does not.
extension Engine {
  /// How long after a refusal to ask again.
  private static let refusalPause = Duration.seconds(30)

  /// Begins to ask for a router that takes part from now on.
  func startProbe(of instance: RouterInstance) {
    guard instance.probe != nil else { return }
    guard !instance.isHolding else {
      instance.probe = nil
      return
    }
    instance.probe?.begin(at: now)
    changeListening(for: instance)
    updateListening()
    continueProbes()
  }

  /// Stops asking when the interface is gone; it begins anew when it is back.
  func stopProbe(of instance: RouterInstance) {
    instance.probe?.startedAt = nil
    changeListening(for: instance)
  }

  /// Sends the probes that are due and notes whose waiting is over.
  func continueProbes() {
    var next: Instant?
    for case let instance? in instances {
      guard var probe = instance.probe, probe.startedAt != nil, !probe.isOver,
        let wire = wire(of: instance)
      else { continue }
      let due = probe.takeDue(of: instance.addresses.count, by: now)
      instance.probe = probe
      for index in due {
        // A frame that is lost here may as well have been lost on the way.
        let address = instance.addresses[index].address.address
        try? wire.transport.send(AddressProbe(address, from: wire.macAddress))
      }
      if probe.isOver {
        settleProbe(of: instance)
      } else {
        next = min(next ?? probe.due, probe.due)
      }
    }
    if let later = continueInquiries() { next = min(next ?? later, later) }
    if let next { timers.schedule(.probe, noLaterThan: next) }
  }

  /// Takes in that somebody has an address that was asked for.
  func noteAnswer(_ claim: AddressClaim, to instance: RouterInstance) {
    guard let probe = instance.probe, probe.answers.count < Probe.answersMax,
      !interfaces.hasMAC(claim.mac),
      !probe.answers.contains(where: { $0.address == claim.address })
    else { return }
    instance.probe?.answers.append(Probe.Answer(address: claim.address, mac: claim.mac))
  }

  /// Takes in, for a router that asks, which addresses the group's Active has.
  func hearGroup(
    _ advertisement: Advertisement, _ message: Span<UInt8>, for instance: RouterInstance
  ) {
    // Only what is asked for: whoever forges lists must not make this one grow.
    for address in advertisement.addresses(in: message)
    where owner(of: address, near: instance)?.slot == instance.slot {
      instance.probe?.listed.insert(address)
    }
    settleProbe(of: instance)
  }

  /// Ends the asking if nothing speaks against the router, or says what does.
  ///
  /// Once the group is heard, and has the same addresses, there is nothing left to ask: they are the
  /// group's. Whoever hands over to a router that has just come up must not have to wait for it.
  func settleProbe(of instance: RouterInstance) {
    guard let probe = instance.probe else { return }
    let isSame = instance.election.peers.contains { $0.addresses == .same }
    guard probe.isOver || isSame else { return }
    hasChanged = true
    guard !isSame, let stranger = probe.stranger else {
      instance.probe = nil
      return changeListening(for: instance)
    }
    // If nobody of the group is heard, that is decided when this router would take over.
    guard !probe.listed.isEmpty, instance.activity == .running else { return }
    if now < endOfDoubt(of: instance, probe) {
      instance.probe?.askAgain(at: now)
      timers.schedule(.probe, at: now)
    } else {
      refuse(instance, stranger)
      schedule(instance)
    }
  }

  /// How long an answer may be that of a peer that is dead or frozen.
  private func endOfDoubt(of instance: RouterInstance, _ probe: Probe) -> Instant {
    // The kernel removes what has expired within a second.
    let lease = (lifetime(of: instance) ?? .zero) + .seconds(2)
    return probe.askedSince + max(lease, Probe.shortestDoubt)
  }

  /// Keeps a Backup from taking over before the answers are in, and one that must not from doing so
  /// at all.
  ///
  /// - Returns: when to look again; `nil` if nothing is in the way.
  func delayByProbe(_ instance: RouterInstance) -> Instant? {
    guard let probe = instance.probe, instance.election.state == .backup else { return nil }
    guard probe.isOver else { return max(probe.due, now + .milliseconds(1)) }
    settleProbe(of: instance)
    guard let answer = instance.probe?.stranger else { return instance.probe?.due }
    if now < endOfDoubt(of: instance, probe) {
      instance.probe?.askAgain(at: now)
      continueProbes()
      return instance.probe?.due
    }
    refuse(instance, answer)
    return instance.attachRetryAt
  }

  private func refuse(_ instance: RouterInstance, _ answer: Probe.Answer) {
    let isGroupHeard = !(instance.probe?.listed.isEmpty ?? true)
    let stranger =
      isGroupHeard
      ? "is not the Active of VRID \(instance.settings.vrid)"
      : "speaks no VRRP for VRID \(instance.settings.vrid)"
    let text =
      "\(answer.address) is used by the machine with Ethernet address \(answer.mac), which "
      + "\(stranger); \(wording.addressInUse)"
    instance.probe?.refusal = text
    pause(instance, text)
    instance.attachRetryAt = now + Self.refusalPause
    schedule(instance)
  }

  /// Why a router may not take part; `nil` if it may or if that is still open.
  package func refusal(of name: String) -> String? {
    for case let instance? in instances where instance.settings.name == name {
      if let refusal = instance.probe?.refusal { return refusal }
    }
    return nil
  }

  /// Whether it is still open if a router that takes part may have its addresses.
  package func isProbing(_ name: String) -> Bool {
    instances.contains { instance in
      guard let instance, instance.settings.name == name, let probe = instance.probe else {
        return false
      }
      return probe.startedAt != nil && probe.refusal == nil
    }
  }
}
