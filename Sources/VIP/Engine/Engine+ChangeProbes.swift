import ARP
import Netlink
import VIPCore
import VRRP

/// Probing for addresses that running routers are to get, before they get them; ``ChangeProbe``
/// decides.
extension Engine {
  /// Begins to probe for the new addresses of routers that run.
  ///
  /// - Returns: what ``isProbing(_:)-([Int])`` and ``endProbes(_:)`` take; empty if there is
  ///   nothing to probe for.
  package func startProbes(for wanted: [RouterConfiguration]) -> [Int] {
    step { beginProbes(for: wanted) }
  }

  private func beginProbes(for wanted: [RouterConfiguration]) -> [Int] {
    var identifiers: [Int] = []
    for settings in wanted where settings.probes && settings.priority != .owner {
      for instance in routers.members(named: settings.name)
      where instance.settings.interface == settings.interface {
        guard let probe = probe(for: settings, of: instance) else { continue }
        identifiers.append(changeProbes.begin(probe))
        wire(of: instance)?.listening.interestChanged()
      }
    }
    guard !identifiers.isEmpty else { return [] }
    // An answer that comes at once must be heard.
    updateListening()
    continueChangeProbes()
    return identifiers
  }

  private func probe(
    for settings: RouterConfiguration, of instance: RouterInstance
  ) -> ChangeProbe? {
    guard knowsGroup(instance), let link = instance.link, wires[link.index] != nil else {
      return nil
    }
    let present = Set(instance.addresses.map(\.address.address))
    let all = settings.addresses(instance.family)
    let new = all.map(\.address).filter { address in
      // What another router of this node has, the segment knows as this machine's.
      !present.contains(address) && !settings.unadvertised.contains(address)
        && owners.slot(of: address, on: link.index) == nil
    }
    guard !new.isEmpty else { return nil }
    let members = instance.election.peers.filter { peer in
      peer.version == settings.version && peer.addresses != .disjoint
        && peer.address != instance.election.primaryAddress
        && now.nanoseconds(since: peer.lastHeard) <= 4 * peer.interval.nanoseconds
    }
    let capacity = Advertisement.addressCountMax(
      mtu: link.mtu, family: instance.family, version: settings.version)
    return ChangeProbe(
      router: settings.name, interfaceIndex: link.index, addresses: new,
      members: members.map(\.address),
      groupMAC: .virtualRouter(instance.settings.vrid, instance.family),
      listsAreFull: all.count > capacity,
      interval: instance.longestInterval(at: now),
      patience: deadPeerPatience(of: instance), at: now)
  }

  /// Whether no router of the group can have an address that a router does not have.
  private func knowsGroup(_ instance: RouterInstance) -> Bool {
    instance.isHolding
      || (instance.election.state == .backup && instance.probing.hasEnded
        && instance.groupHasSameAddresses
        && instance.election.peers.contains { $0.addresses == .same && $0.actsAsActive(at: now) })
  }

  /// Whether answers to some probes may still come.
  package func isProbing(_ identifiers: [Int]) -> Bool {
    identifiers.contains { identifier in
      changeProbes.interfaceWaitedFor(identifier).map { wires[$0] != nil } ?? false
    }
  }

  /// Ends the probing for new addresses.
  ///
  /// - Returns: why an address can't be had; `nil` if all can.
  package func endProbes(_ identifiers: [Int]) -> String? {
    step { takeAnswers(to: identifiers) }
  }

  private func takeAnswers(to identifiers: [Int]) -> String? {
    var refusal: String?
    for identifier in identifiers {
      guard let end = changeProbes.end(identifier) else { continue }
      wires[end.interfaceIndex]?.listening.interestChanged()
      guard refusal == nil, let holder = end.holder else { continue }
      let cause = routers.members(named: end.router).first { $0.family == end.family }
        .flatMap { likelyCause(of: holder, member: end.member, $0) }
      refusal = "\(end.router): \(holder.text(cause, wording))"
    }
    return refusal
  }

  /// Sends the probes for new addresses that are due.
  func continueChangeProbes() {
    for (index, due) in changeProbes.takeDue(by: now, where: { wires[$0] != nil }) {
      if let wire = wires[index] { send(due, on: wire) }
    }
    armChangeProbes()
  }

  private func armChangeProbes() {
    if let deadline = changeProbes.deadline(where: { wires[$0] != nil }) {
      timers.schedule(.changeProbe, noLaterThan: deadline)
    }
  }

  /// Takes in that a machine uses an address that may be probed for.
  func handleAnswer(_ claim: AddressClaim, onInterface index: Int32) {
    guard !changeProbes.isEmpty, !interfaces.hasMAC(claim.mac, seenOn: index) else { return }
    changeProbes.heard(claim, onInterface: index)
  }

  /// Takes in which addresses the Active of a group lists while a router of it is to get some.
  func hearGroupOfChange(
    _ advertisement: Advertisement, _ message: Span<UInt8>, for instance: RouterInstance
  ) {
    changeProbes.heardGroup(
      of: instance.settings.name, instance.family, listing: advertisement.addresses(in: message),
      at: now)
    noteChange()
    armChangeProbes()
  }
}
