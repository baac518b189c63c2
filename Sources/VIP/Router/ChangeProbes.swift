import ARP
import VIPCore

/// The probings for addresses that routers are to get which take part already; each is a
/// ``ChangeProbe``.
struct ChangeProbes {
  /// The number by which a probing is asked about, and which no other has had.
  typealias Identifier = Int

  /// The end of a probing.
  struct End {
    /// The interface that was probed on.
    let interfaceIndex: Int32
    /// The router that was to get the addresses.
    let router: String
    let family: AddressFamily
    /// The machine that has one of the addresses; `nil` if none has.
    let holder: AddressProbing.Holder?
    /// The address from which that machine advertises as one of the group; `nil` if it is not known
    /// to.
    let member: IPAddress?
  }

  private var entries: [Identifier: ChangeProbe] = [:]
  private var last = 0

  /// Whether nothing is probed for.
  var isEmpty: Bool { entries.isEmpty }

  /// Begins to probe.
  ///
  /// - Returns: what the probing is asked about by.
  mutating func begin(_ probe: ChangeProbe) -> Identifier {
    last += 1
    entries[last] = probe
    return last
  }

  /// The interface on which answers to a probing may still come; `nil` if none can.
  func interfaceWaitedFor(_ identifier: Identifier) -> Int32? {
    guard let entry = entries[identifier], entry.verdict == .open else { return nil }
    return entry.interfaceIndex
  }

  /// The addresses that are probed for on an interface.
  func addresses(onInterface index: Int32) -> [IPAddress] {
    entries.values.filter { $0.interfaceIndex == index }.flatMap { $0.addresses + $0.members }
  }

  /// The time when the next probes are due on the interfaces that are there.
  func deadline(where canSend: (Int32) -> Bool) -> Instant? {
    entries.values.reduce(nil) { canSend($1.interfaceIndex) ? earliest($0, $1.deadline) : $0 }
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
        let due = entries[identifier]?.takeDue(by: now)
      else { return nil }
      return (index, due)
    }
  }

  /// A machine uses an address that may be probed for.
  mutating func heard(_ claim: AddressClaim, onInterface index: Int32) {
    for (identifier, entry) in entries where entry.interfaceIndex == index {
      entries[identifier]?.heard(claim)
    }
  }

  /// A router of a group has advertised as Active.
  ///
  /// - Parameters:
  ///   - router: the router of the group that is here.
  ///   - family: its family.
  ///   - list: the addresses that the other one lists.
  ///   - now: the time.
  mutating func heardGroup(
    of router: String, _ family: AddressFamily, listing list: [IPAddress], at now: Instant
  ) {
    for (identifier, entry) in entries where entry.router == router && entry.family == family {
      entries[identifier]?.heardGroup(listing: list, at: now)
    }
  }

  /// Ends a probing.
  ///
  /// - Returns: what it has found; `nil` if it has ended before.
  mutating func end(_ identifier: Identifier) -> End? {
    guard let entry = entries.removeValue(forKey: identifier) else { return nil }
    var taker: AddressProbing.Holder?
    if case .taken(let holder) = entry.verdict { taker = holder }
    return End(
      interfaceIndex: entry.interfaceIndex, router: entry.router, family: entry.family,
      holder: taker, member: taker.flatMap { entry.member(at: $0.mac) })
  }
}
