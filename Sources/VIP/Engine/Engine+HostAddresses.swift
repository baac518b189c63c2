import Netlink
import VIPCore
import VRRP

/// Noticing that this machine answers for an address that another one of the group holds;
/// ``HostAnswers`` decides.
extension Engine {
  /// Compares the host's own addresses with the virtual ones of routers that don't hold them.
  ///
  /// What is new is told here, what is over by ``reviewProblems()``.
  func reviewHostAddresses() {
    guard dueReviews.takeHostAddresses() else { return }
    var found: [Int: [HostAnswers.Candidate]] = [:]
    interfaces.forEachHostAddress { record in
      for index in wires.keys {
        guard let slot = owners.slot(of: record.address.address, on: index),
          let link = interfaces.link(index)
        else { continue }
        found[slot, default: []].append(
          HostAnswers.Candidate(
            record: record, holder: interfaces.link(record.interfaceIndex)?.name, link: link))
      }
    }
    for case let instance? in instances {
      instance.hostAnswers.review(
        found[instance.slot] ?? [],
        mayAnswer: instance.isHolding || instance.handover.isUnderWay || instance.election.isOwner,
        arpIgnoreOfAll: { platform.setting("ipv4/conf/all/arp_ignore") ?? 0 })
      for (address, text) in instance.hostAnswers.current {
        warn(.hostAddress(address), of: instance, text)
      }
    }
  }
}
