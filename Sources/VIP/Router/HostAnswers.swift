package import Netlink
package import VIPCore

/// The addresses of a router that its machine answers for without holding them, as the host has
/// them as its own: beside the Active a second machine answers.
///
/// A value: it is told which of the host's own addresses are the router's too, and says which of
/// them are a fault, in words.
struct HostAnswers {
  /// An address of the host that is one of the router's.
  struct Candidate {
    /// The host's address.
    let record: AddressRecord
    /// The name of the interface that has it, if it is known.
    let holder: String?
    /// The router's interface.
    let link: Link

    /// Whether another interface than the router's has it.
    fileprivate var isElsewhere: Bool { record.interfaceIndex != link.index }
  }

  private var texts: [IPAddress: String] = [:]

  /// The fault of each address, in the order of the words.
  var current: [(address: IPAddress, text: String)] {
    texts.sorted { $0.value < $1.value }.map { ($0.key, $0.value) }
  }

  /// Whether the machine answers for an address.
  func contains(_ address: IPAddress) -> Bool { texts[address] != nil }

  /// Compares the host's addresses with the router's.
  ///
  /// - Parameters:
  ///   - candidates: those that are both; the last of several for one address counts.
  ///   - mayAnswer: whether the router holds its addresses, hands them over, or is their owner.
  ///   - arpIgnore: `arp_ignore` of all interfaces; asked for only where it matters.
  mutating func review(
    _ candidates: [Candidate], mayAnswer: Bool, arpIgnoreOfAll arpIgnore: () -> Int
  ) {
    texts = [:]
    // A holder answers anyway, and an owner has the addresses as its own.
    guard !mayAnswer else { return }
    for candidate in candidates {
      if candidate.isElsewhere, !Self.isGiven(for: candidate, ofAll: arpIgnore()) { continue }
      texts[candidate.record.address.address] = HostAnswer.text(
        candidate.record, on: candidate.holder,
        besides: candidate.isElsewhere ? candidate.link.name : nil)
    }
  }

  /// Whether the kernel answers on the router's interface for the address of another one.
  private static func isGiven(for candidate: Candidate, ofAll arpIgnore: Int) -> Bool {
    HostAnswer.isGivenForOtherInterfaces(
      candidate.record.address.family, arpIgnore: Int(candidate.link.ipv4[.arpIgnore] ?? 0),
      ofAll: arpIgnore)
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
    // Only a name can be said to ip(8).
    let place = name ?? "interface \(record.interfaceIndex)"
    let removal = name.map { "with 'ip address delete \(record.address) dev \($0)'" } ?? "there"
    let start =
      "\(address) is this machine's own address on \(place) too, so it answers for it beside the "
      + "Active; remove it \(removal)"
    return other.map { start + ", or set \(SettingName.of("arp_ignore", .ipv4, on: $0)) to 1" }
      ?? start + ", or make this machine the owner (priority 255)"
  }

  /// Whether the kernel answers on an interface for addresses of others: in IPv4 unless it is told
  /// not to, there or for all, in IPv6 never.
  package static func isGivenForOtherInterfaces(
    _ family: AddressFamily, arpIgnore: Int, ofAll: Int
  ) -> Bool {
    family == .ipv4 && max(arpIgnore, ofAll) == 0
  }
}
