import ARP
import Netlink
import VIPCore
import VRRP

/// The question to a segment whether addresses are free that a router is to get which serves already.
///
/// One that is Active would put them up at once, so the segment is asked before anything is changed.
/// A Backup asks too if the Active has the same addresses as it has had so far: then nobody of the
/// group can have the new ones yet.
struct Inquiry {
  let router: String
  let interfaceIndex: Int32
  let addresses: [IPAddress]
  /// The same, for a quick look at each of many frames.
  let asked: Set<IPAddress>
  var probe = Probe()
}

extension Engine {
  /// Begins to ask for the new addresses of routers that run.
  ///
  /// - Returns: what ``isAsking(_:)`` and ``endInquiries(_:)`` take; empty if there is nothing to ask.
  package func inquire(about wanted: [RouterConfiguration]) -> [Int] {
    step { beginInquiries(about: wanted) }
  }

  private func beginInquiries(about wanted: [RouterConfiguration]) -> [Int] {
    var identifiers: [Int] = []
    for settings in wanted where settings.probe && settings.priority != .owner {
      for instance in liveInstances where instance.settings.name == settings.name {
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
        var inquiry = Inquiry(
          router: settings.name, interfaceIndex: link.index, addresses: new,
          asked: Set(new))
        inquiry.probe.begin(at: now)
        lastInquiry += 1
        inquiries[lastInquiry] = inquiry
        identifiers.append(lastInquiry)
        wire.listening.isStale = true
      }
    }
    guard !identifiers.isEmpty else { return [] }
    // An answer that comes at once must be heard.
    updateListening()
    continueProbes()
    return identifiers
  }

  /// Whether no router of the group can have an address that a router does not have.
  private func knowsGroup(_ instance: RouterInstance) -> Bool {
    instance.isHolding
      || (instance.election.state == .backup && instance.probe == nil
        && instance.election.peers.contains { $0.addresses == .same })
  }

  /// Whether answers to some inquiries may still come.
  package func isAsking(_ identifiers: [Int]) -> Bool {
    identifiers.contains { identifier in
      guard let inquiry = inquiries[identifier] else { return false }
      return !inquiry.probe.isOver && wires[inquiry.interfaceIndex] != nil
    }
  }

  /// Ends inquiries.
  ///
  /// - Returns: why an address can't be had; `nil` if all can.
  package func endInquiries(_ identifiers: [Int]) -> String? {
    step { takeAnswers(to: identifiers) }
  }

  private func takeAnswers(to identifiers: [Int]) -> String? {
    var refusal: String?
    for identifier in identifiers {
      guard let inquiry = inquiries.removeValue(forKey: identifier) else { continue }
      wires[inquiry.interfaceIndex]?.listening.isStale = true
      guard refusal == nil, let answer = inquiry.probe.answers.first else { continue }
      refusal =
        "\(inquiry.router): \(answer.address) is used by the machine with Ethernet address "
        + "\(answer.mac); \(wording.newAddressInUse)"
    }
    return refusal
  }

  /// Sends the questions of inquiries that are due.
  ///
  /// - Returns: when the next is due.
  func continueInquiries() -> Instant? {
    var next: Instant?
    for (identifier, var inquiry) in inquiries where !inquiry.probe.isOver {
      guard let wire = wires[inquiry.interfaceIndex] else { continue }
      let due = inquiry.probe.takeDue(of: inquiry.addresses.count, by: now)
      inquiries[identifier] = inquiry
      for index in due {
        try? wire.transport.send(AddressProbe(inquiry.addresses[index], from: wire.macAddress))
      }
      if !inquiry.probe.isOver { next = min(next ?? inquiry.probe.due, inquiry.probe.due) }
    }
    return next
  }

  /// Takes in that somebody on a segment uses an address that may be asked for.
  func noteAnswer(_ claim: AddressClaim, onInterface index: Int32) {
    guard !interfaces.hasMAC(claim.mac) else { return }
    for (identifier, inquiry) in inquiries
    where inquiry.interfaceIndex == index && inquiry.probe.answers.isEmpty
      && inquiry.asked.contains(claim.address)
    {
      inquiries[identifier]?.probe.answers.append(
        Probe.Answer(address: claim.address, mac: claim.mac))
    }
  }
}
