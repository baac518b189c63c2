import ARP
import VIPCore

/// The probings for addresses that routers are to get which take part already.
///
/// One that is Active would put them up at once, so the segment is probed before anything is changed.
/// A Backup probes too if the Active has the same addresses as it has had so far: then no router of
/// the group can have the new ones yet.
struct ChangeProbes {
  /// What a probing is asked about by: a number that no other has had.
  typealias Identifier = Int

  private struct Entry {
    let router: String
    let interfaceIndex: Int32
    let addresses: [IPAddress]
    var probing = AddressProbing()
  }

  private var entries: [Identifier: Entry] = [:]
  private var last = 0

  /// Whether nothing is probed for.
  var isEmpty: Bool { entries.isEmpty }

  /// Begins to probe for addresses on an interface.
  ///
  /// - Parameters:
  ///   - addresses: the addresses.
  ///   - router: the router that is to get them.
  ///   - index: the interface.
  ///   - now: the time.
  /// - Returns: what the probing is asked about by.
  mutating func begin(
    for addresses: [IPAddress], of router: String, onInterface index: Int32, at now: Instant
  ) -> Identifier {
    var entry = Entry(router: router, interfaceIndex: index, addresses: addresses)
    entry.probing.begin(for: addresses, at: now)
    last += 1
    entries[last] = entry
    return last
  }

  /// The interface on which answers to a probing may still come; `nil` if none can.
  func interfaceWaitedFor(_ identifier: Identifier) -> Int32? {
    guard let entry = entries[identifier], !entry.probing.isOver else { return nil }
    return entry.interfaceIndex
  }

  /// The addresses that are probed for on an interface.
  func addresses(onInterface index: Int32) -> [IPAddress] {
    entries.values.filter { $0.interfaceIndex == index }.flatMap(\.addresses)
  }

  /// When the next probes are due on the interfaces that are there.
  func deadline(where canSend: (Int32) -> Bool) -> Instant? {
    entries.values.reduce(nil) {
      canSend($1.interfaceIndex) ? earliest($0, $1.probing.deadline) : $0
    }
  }

  /// Takes the probes that are due.
  ///
  /// - Parameters:
  ///   - now: the time.
  ///   - canSend: whether an interface is there; what can't be sent stays due.
  /// - Returns: the addresses to probe for, by the interface on which.
  mutating func takeDue(
    by now: Instant, where canSend: (Int32) -> Bool
  ) -> [(interfaceIndex: Int32, addresses: ArraySlice<IPAddress>)] {
    entries.keys.sorted().compactMap { identifier in
      guard let index = entries[identifier]?.interfaceIndex, canSend(index),
        let due = entries[identifier]?.probing.takeDue(by: now)
      else { return nil }
      return (index, due)
    }
  }

  /// A machine uses an address that may be probed for.
  mutating func heard(_ claim: AddressClaim, onInterface index: Int32) {
    for (identifier, entry) in entries
    where entry.interfaceIndex == index && entry.probing.isNews(claim) {
      _ = entries[identifier]?.probing.heard(claim)
    }
  }

  /// Ends a probing.
  ///
  /// - Returns: its interface, its router, and the machine that has one of the addresses if there is
  ///   one; `nil` if it has ended before.
  mutating func end(
    _ identifier: Identifier
  ) -> (interfaceIndex: Int32, router: String, holder: AddressProbing.Holder?)? {
    guard let entry = entries.removeValue(forKey: identifier) else { return nil }
    guard case .taken(let holder) = entry.probing.outcome else {
      return (entry.interfaceIndex, entry.router, nil)
    }
    return (entry.interfaceIndex, entry.router, holder)
  }
}
