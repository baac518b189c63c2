import ARP
import VIPCore

/// The probing for addresses that a router is to get which takes part already.
///
/// One that is Active would put them up at once, so the segment is probed before anything is
/// changed. A Backup probes too if the Active has the same addresses as it has had so far: then no
/// router of the group could have the new ones yet, when the Active last spoke.
///
/// That was before the probe. Where all machines are changed at the same time, the Active may have
/// them by the time of the answer, and answers. So what it lists after the probe is the group's;
/// and an answer by a machine of the group, or by one that is not known to be outside of it,
/// accuses nothing yet: the segment is probed again once the Active has advertised, or after an
/// interval. Only what is still answered for, and still not listed, after as long as a dead peer
/// may answer, is refused. A machine is known as one of the group by the Ethernet address that
/// answers for the address it advertises from; that is probed for along with the new ones.
struct ChangeProbe {
  /// The result of the probing.
  enum Verdict: Equatable {
    /// Not known yet.
    case open
    /// The addresses can be had.
    case free
    /// A machine outside the group has one.
    case taken(by: AddressProbing.Holder)
  }

  let router: String
  let interfaceIndex: Int32
  let family: AddressFamily
  /// The new addresses.
  let addresses: [IPAddress]
  /// The addresses from which machines of the group advertise.
  let members: Set<IPAddress>
  /// The Ethernet address of the group itself.
  private let groupMAC: MACAddress
  /// Whether advertisements can't list all addresses.
  private let listsAreFull: Bool
  private let interval: Duration
  private let patience: Duration
  private let startedAt: Instant
  private var probing = AddressProbing()
  private var memberMACs: [IPAddress: MACAddress] = [:]
  /// The time to probe again at the latest; `nil` while it probes.
  private var nextRound: Instant?
  private(set) var verdict = Verdict.open

  /// Begins to probe.
  ///
  /// - Parameters:
  ///   - router: the router's name.
  ///   - interfaceIndex: its interface.
  ///   - addresses: the new addresses; at least one.
  ///   - members: the addresses from which other machines of the group have advertised lately.
  ///   - groupMAC: the group's virtual MAC address.
  ///   - listsAreFull: whether advertisements can't list all addresses.
  ///   - interval: the group's interval.
  ///   - patience: how long a dead peer may answer.
  ///   - now: the time.
  init(
    router: String, interfaceIndex: Int32, addresses: [IPAddress], members: [IPAddress],
    groupMAC: MACAddress, listsAreFull: Bool, interval: Duration, patience: Duration,
    at now: Instant
  ) {
    self.router = router
    self.interfaceIndex = interfaceIndex
    self.family = addresses.first?.family ?? .ipv4
    self.addresses = addresses
    self.members = Set(members)
    self.groupMAC = groupMAC
    self.listsAreFull = listsAreFull
    self.interval = interval
    self.patience = max(patience, AddressProbing.patienceMin)
    startedAt = now
    begin(at: now)
  }

  private mutating func begin(at now: Instant) {
    nextRound = nil
    let excused = probing.listed
    probing.begin(for: addresses + members.subtracting(addresses), at: now)
    for address in excused { probing.heardGroup(listing: address) }
  }

  /// The time to call ``takeDue(by:)`` next; `nil` once it is over.
  var deadline: Instant? {
    verdict == .open ? earliest(probing.deadline, nextRound) : nil
  }

  // MARK: Events

  /// Takes the addresses to send a probe for now, and judges the answers when all have been waited
  /// for.
  mutating func takeDue(by now: Instant) -> ArraySlice<IPAddress> {
    guard verdict == .open else { return [] }
    if let time = nextRound, time <= now { begin(at: now) }
    let due = probing.takeDue(by: now)
    if probing.isOver, nextRound == nil { judge(at: now) }
    return due
  }

  /// A machine uses an address.
  mutating func heard(_ claim: AddressClaim) {
    guard verdict == .open, claim.isInUse else { return }
    if members.contains(claim.address) { memberMACs[claim.address] = claim.mac }
    if addresses.contains(claim.address) { _ = probing.heard(claim) }
  }

  /// A router of the group has advertised as Active.
  mutating func heardGroup(listing list: [IPAddress], at now: Instant) {
    guard verdict == .open else { return }
    for address in list { probing.heardGroup(listing: address) }
    guard nextRound != nil else { return }
    judge(at: now)
    if verdict == .open { begin(at: now) }
  }

  // MARK: The verdict

  private mutating func judge(at now: Instant) {
    guard let stranger = probing.stranger else {
      verdict = .free
      return
    }
    if listsAreFull, isMember(stranger.mac) {
      // What is not listed may still be the group's.
      verdict = .free
    } else if mayBelong(stranger.mac), now < startedAt + patience {
      nextRound = now + interval
    } else {
      verdict = .taken(by: stranger)
    }
  }

  private func isMember(_ mac: MACAddress) -> Bool {
    mac == groupMAC || memberMACs.values.contains(mac)
  }

  /// The address from which a machine advertises as one of the group; `nil` if it is not known to.
  func member(at mac: MACAddress) -> IPAddress? {
    memberMACs.first { $0.value == mac }?.key
  }

  /// Whether a machine is of the group, or can't be told from one that has not answered for its own
  /// address.
  private func mayBelong(_ mac: MACAddress) -> Bool {
    isMember(mac) || members.contains { memberMACs[$0] == nil }
  }
}
