import ARP
import Netlink
import VIPCore
import VRRP

/// Probing for addresses that running routers are to get, see ``ChangeProbes``.
extension Engine {
  /// Begins to probe for the new addresses of routers that run.
  ///
  /// - Returns: what ``isProbing(_:)-([Int])`` and ``endProbes(_:)`` take; empty if there is nothing
  ///   to probe for.
  package func startProbes(for wanted: [RouterConfiguration]) -> [Int] {
    step { beginProbes(for: wanted) }
  }

  private func beginProbes(for wanted: [RouterConfiguration]) -> [Int] {
    var identifiers: [Int] = []
    for settings in wanted where settings.probe && settings.priority != .owner {
      for instance in routers.members(named: settings.name) {
        guard knowsGroup(instance), let link = instance.link, let wire = wire(of: instance) else {
          continue
        }
        let present = Set(instance.addresses.map(\.address.address))
        let new = settings.addresses(instance.family).map(\.address).filter { address in
          // What another router of this node has, the segment knows as this machine's.
          !present.contains(address)
            && owners.slot(of: address, on: link.index) == nil
        }
        guard !new.isEmpty else { continue }
        identifiers.append(
          changeProbes.begin(for: new, of: settings.name, onInterface: link.index, at: now))
        wire.listening.interestChanged()
      }
    }
    guard !identifiers.isEmpty else { return [] }
    // An answer that comes at once must be heard.
    updateListening()
    continueChangeProbes()
    return identifiers
  }

  /// Whether no router of the group can have an address that a router does not have.
  private func knowsGroup(_ instance: RouterInstance) -> Bool {
    instance.isHolding
      || (instance.election.state == .backup && instance.probe == nil
        && instance.groupHasSameAddresses)
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
      refusal = "\(end.router): \(holder.text(wording))"
    }
    return refusal
  }

  /// Sends the probes for new addresses that are due.
  func continueChangeProbes() {
    for (index, due) in changeProbes.takeDue(by: now, where: { wires[$0] != nil }) {
      if let wire = wires[index] { send(due, on: wire) }
    }
    if let deadline = changeProbes.deadline(where: { wires[$0] != nil }) {
      timers.schedule(.changeProbe, noLaterThan: deadline)
    }
  }

  /// Takes in that a machine uses an address that may be probed for.
  func handleAnswer(_ claim: AddressClaim, onInterface index: Int32) {
    guard !changeProbes.isEmpty, !interfaces.hasMAC(claim.mac) else { return }
    changeProbes.heard(claim, onInterface: index)
  }
}
