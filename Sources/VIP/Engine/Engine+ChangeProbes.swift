import ARP
import Netlink
import VIPCore
import VRRP

/// The probing for addresses that a router is to get which takes part already.
///
/// One that is Active would put them up at once, so the segment is probed before anything is changed.
/// A Backup probes too if the Active has the same addresses as it has had so far: then no router of
/// the group can have the new ones yet.
struct ChangeProbe {
  let router: String
  let interfaceIndex: Int32
  let addresses: [IPAddress]
  var probe = AddressProbing()
}

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
            && owners[OwnerKey(interfaceIndex: link.index, address: address)] == nil
        }
        guard !new.isEmpty else { continue }
        var change = ChangeProbe(
          router: settings.name, interfaceIndex: link.index, addresses: new)
        change.probe.begin(for: new, at: now)
        lastChangeProbe += 1
        changeProbes[lastChangeProbe] = change
        identifiers.append(lastChangeProbe)
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
        && instance.election.peers.contains { $0.addresses == .same })
  }

  /// Whether answers to some probes may still come.
  package func isProbing(_ identifiers: [Int]) -> Bool {
    identifiers.contains { identifier in
      guard let change = changeProbes[identifier] else { return false }
      return !change.probe.isOver && wires[change.interfaceIndex] != nil
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
      guard let change = changeProbes.removeValue(forKey: identifier) else { continue }
      wires[change.interfaceIndex]?.listening.interestChanged()
      guard refusal == nil, case .taken(let holder) = change.probe.outcome else { continue }
      refusal = "\(change.router): \(holder.text)"
    }
    return refusal
  }

  /// Sends the probes for new addresses that are due.
  func continueChangeProbes() {
    for identifier in changeProbes.keys {
      guard let index = changeProbes[identifier]?.interfaceIndex, let wire = wires[index],
        let due = changeProbes[identifier]?.probe.takeDue(by: now)
      else { continue }
      send(due, on: wire)
      guard let deadline = changeProbes[identifier]?.probe.deadline else { continue }
      timers.schedule(.changeProbe, noLaterThan: deadline)
    }
  }

  /// Takes in that a machine uses an address that may be probed for.
  func handleAnswer(_ claim: AddressClaim, onInterface index: Int32) {
    guard !changeProbes.isEmpty, !interfaces.hasMAC(claim.mac) else { return }
    for (identifier, change) in changeProbes
    where change.interfaceIndex == index && change.probe.isNews(claim) {
      _ = changeProbes[identifier]?.probe.heard(claim)
    }
  }
}
