import ARP
import Netlink
import VIPCore
import VRRP

/// Doing what a router's ``ConflictWatch`` decides about machines that use its addresses.
extension Engine {
  /// Takes in that another machine uses an address that is held here.
  func handleForeignClaim(_ claim: AddressClaim, of instance: RouterInstance) {
    // Another interface of this machine on the same segment may answer for all of its addresses.
    guard let link = instance.link, !interfaces.hasMAC(claim.mac, seenOn: link.index) else {
      return
    }
    if let deed = instance.conflicts.heard(claim, at: now) { perform(deed, for: instance) }
    arm(instance, by: instance.conflicts.deadline)
  }

  /// Lets a router judge the claims whose time has come.
  func reviewConflicts(of instance: RouterInstance) {
    guard let deadline = instance.conflicts.deadline, deadline <= now else { return }
    // An advertisement that shows another group on the VRID excuses nothing.
    let group = instance.group.lazy.filter { $0.addresses != .disjoint }
    let deeds = instance.conflicts.review(
      at: now, grace: instance.longestInterval(at: now) * 3,
      groupHeardAt: group.map(\.lastHeard).max())
    for deed in deeds { perform(deed, for: instance) }
  }

  /// Forgets the claims of addresses that a router no longer has.
  func endConflicts(of instance: RouterInstance, exceptAbout kept: Set<IPAddress>) {
    for deed in instance.conflicts.keepOnly(kept.contains) { perform(deed, for: instance) }
  }

  /// Forgets the claims of a router that no longer holds its addresses.
  func endConflicts(of instance: RouterInstance) {
    for deed in instance.conflicts.end() { perform(deed, for: instance) }
  }

  /// Probes for an address that is held here, when that is due: another machine may have it too.
  func probeAsHolder(of instance: RouterInstance) {
    let count = instance.addresses.current.count
    guard let position = instance.holderProbing.takeDue(by: now, count: count) else { return }
    let address = instance.addresses.current[position]
    if address.isPresent { sendProbe(for: address.address.address, of: instance) }
  }

  private func sendProbe(for address: IPAddress, of instance: RouterInstance) {
    guard let wire = wire(of: instance) else { return }
    var source: IPv6Address?
    if case .v6(let primary) = instance.election.primaryAddress { source = primary }
    // A frame that is lost here may as well have been lost on the way.
    try? wire.transport.send(AddressProbe(address, from: wire.macAddress, at: source))
  }

  private func perform(_ deed: ConflictWatch.Deed, for instance: RouterInstance) {
    switch deed {
    case .defend(let address):
      if let wire = wire(of: instance) { announce(address, on: wire, for: instance) }
    case .probe(let address): sendProbe(for: address, of: instance)
    case .report(let address, let mac):
      report(.conflict(router: instance.settings.name, address: address, mac: mac))
    case .end(let address, let mac):
      report(
        .cleared(instance.problem(.conflict(address), conflictText(address, mac)), .unseen))
    }
  }
}
