package import Netlink
package import VIPCore
import VRRP

/// Noticing that this machine answers for an address that another one of the group holds: it has the
/// address as its own.
extension Engine {
  /// Compares the host's own addresses with the virtual ones of routers that don't hold them.
  ///
  /// What is new is told here, what is over by ``reviewProblems()``.
  func reviewHostAddresses() {
    guard takeHostReviewDue() else { return }
    var found: [Int: [IPAddress: String]] = [:]
    interfaces.forEachHostAddress { record in
      for index in wires.keys {
        guard let slot = owners.slot(of: record.address.address, on: index),
          let instance = instances[slot], let link = interfaces.link(index),
          let text = hostAnswers(with: record, on: link, for: instance)
        else { continue }
        found[slot, default: [:]][record.address.address] = text
      }
    }
    for case let instance? in instances {
      instance.setHostAddresses(found[instance.slot] ?? [:])
      for (address, text) in instance.hostAddresses.sorted(by: { $0.value < $1.value }) {
        warn(.hostAddress(address), of: instance, text)
      }
    }
  }

  /// The fault that the host answers for a virtual address by one of its own; `nil` if it does not,
  /// or has every right to.
  private func hostAnswers(
    with record: AddressRecord, on link: Link, for instance: RouterInstance
  ) -> String? {
    // A holder answers anyway, and an owner has the addresses as its own.
    guard !instance.isHolding, !instance.handover.isUnderWay, !instance.election.isOwner else {
      return nil
    }
    let isElsewhere = record.interfaceIndex != link.index
    if isElsewhere, !answersForOtherInterfaces(link, record.address.family) { return nil }
    return HostAnswer.text(
      record, on: interfaces.link(record.interfaceIndex)?.name,
      besides: isElsewhere ? link.name : nil)
  }

  /// Whether the kernel answers on an interface for addresses of others.
  private func answersForOtherInterfaces(_ link: Link, _ family: AddressFamily) -> Bool {
    HostAnswer.isGivenForOtherInterfaces(
      family, arpIgnore: Int(link.ipv4[.arpIgnore] ?? 0),
      ofAll: platform.setting("ipv4/conf/all/arp_ignore") ?? 0)
  }
}

/// The answers of a host for addresses of its own that are virtual ones too.
package enum HostAnswer {
  /// The fault in words.
  ///
  /// - Parameters:
  ///   - record: the host's address.
  ///   - name: the interface that has it.
  ///   - other: the router's interface if that is another one.
  /// - Returns: what is wrong and what to do.
  package static func text(
    _ record: AddressRecord, on name: String?, besides other: String?
  ) -> String {
    let address = record.address.address
    let name = name ?? "interface \(record.interfaceIndex)"
    let start =
      "\(address) is this machine's own address on \(name) too, so it answers for it beside the "
      + "Active; remove it with 'ip address delete \(record.address) dev \(name)'"
    return other.map { start + ", or set net.ipv4.conf.\($0).arp_ignore to 1" }
      ?? start + ", or make this machine the owner (priority 255)"
  }

  /// Whether the kernel answers on an interface for addresses of others: in IPv4 unless it is told not
  /// to, there or for all, in IPv6 never.
  package static func isGivenForOtherInterfaces(
    _ family: AddressFamily, arpIgnore: Int, ofAll: Int
  ) -> Bool {
    family == .ipv4 && max(arpIgnore, ofAll) == 0
  }
}
