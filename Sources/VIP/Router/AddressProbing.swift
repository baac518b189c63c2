package import ARP
package import VIPCore

/// The probing of a segment for addresses that are about to be used (RFC 5227 §2.1, RFC 4862 §5.4).
///
/// RFC 5227 probes for four to seven seconds, in which no failover would be thinkable. Three probes
/// of each address, 100 ms apart, and a wait of 200 ms for slow machines make 400 ms. More than a
/// thousand addresses are probed for once, at 10,000 a second.
///
/// An answer is not yet an obstacle. The group's own Active answers too; so a router that hears an
/// advertisement which lists the address lets it pass. The kernel of a dead or frozen peer answers
/// until its guard or its lease removes the address; so the segment is probed again until the
/// answers have outlived that. Only then ``Verdict/refused(_:)`` says that a machine outside the
/// group has the address. What is not judged by a router, such as the new addresses of a change,
/// goes by ``outcome`` alone.
///
/// A value without a clock and without a wire: it is told of claims, of advertisements and of time,
/// and says which probes are due.
package struct AddressProbing: Sendable {
  /// A machine that has answered for an address.
  package struct Holder: Sendable, Hashable {
    /// The address.
    package let address: IPAddress
    /// The machine's Ethernet address.
    package let mac: MACAddress
  }

  /// The reason why addresses must not be used.
  package struct Refusal: Sendable, Hashable {
    /// The machine that has one of them.
    package let holder: Holder
    /// Whether the group's Active was heard meanwhile, which does not list that address.
    package let isGroupHeard: Bool
    /// The probable reason why the answer is not taken for the group's, and what to do about it;
    /// `nil` if nothing speaks for that.
    package internal(set) var cause: String?
  }

  /// The meaning of the answers so far.
  package enum Verdict: Sendable, Hashable {
    /// Probes or answers to them are still to come.
    case open
    /// The addresses may be used.
    case free
    /// A machine has answered, which may be one of the group; to be judged again when it matters.
    case taken(by: Holder)
    /// A machine outside the group has an address.
    case refused(Refusal)
  }

  /// The number of addresses up to which each is probed for three times (PROBE_NUM).
  static let repeatedAddressCount = 1000
  static let rounds = 3
  /// The time from one round to the next, and the wait for answers to the last: machines on the
  /// segment answer within milliseconds, sleepy ones within tens.
  static let pause = Duration.milliseconds(100)
  static let lastPause = Duration.milliseconds(200)
  /// The frames of one slice, and the time between two slices: 10,000 a second, the rate of
  /// announcements.
  static let slice = 50
  static let slicePause = Duration.milliseconds(5)
  /// Time that answers must go on at least until a router is refused.
  static let patienceMin = Duration.seconds(5)
  /// Lateness of a probe from which on the process has slept.
  static let sleepMin = Duration.seconds(1)
  /// The first answer is told; more than these are not kept.
  static let answersMax = 16

  private enum Phase {
    /// Not begun, since the interface can't send.
    case idle
    /// The next address of a round is to be probed for.
    case sending(round: Int, next: Int, roundStartedAt: Instant, due: Instant)
    /// Everything has been sent; answers may come until then.
    case waiting(until: Instant)
    /// Long enough waited.
    case over
    /// Known to be free, or to be used without a probe.
    case ended
  }

  private var phase = Phase.idle
  private var addresses: [IPAddress] = []
  private var probed: Set<IPAddress> = []
  private var answers: [Holder] = []
  /// The probed addresses that the group's Active has been heard to list.
  private(set) var listed: Set<IPAddress> = []
  /// The time when the first probe of these addresses was due, or the process has woken up since.
  private var startedAt = Instant.zero
  /// The addresses that need not be probed for: this node had them until now.
  private var known: Set<IPAddress> = []

  /// The reason why the addresses must not be used; kept while they are probed again.
  package private(set) var refusal: Refusal?

  /// Makes a probing that has not begun.
  package init() {}

  // MARK: Events

  /// Does without probing for addresses, since this node had them until now.
  mutating func omit(_ addresses: Set<IPAddress>) {
    if !hasEnded { known.formUnion(addresses) }
  }

  /// A router takes part from now on: begins to probe for its addresses, or ends if there is
  /// nothing to find out.
  ///
  /// - Parameters:
  ///   - addresses: those of the router.
  ///   - isHolding: whether it uses them already.
  ///   - now: the time.
  /// - Returns: whether it probes for some of them.
  mutating func start(for addresses: [IPAddress], isHolding: Bool, at now: Instant) -> Bool {
    guard !hasEnded else { return false }
    let unknown = isHolding ? [] : unknown(among: addresses)
    guard !unknown.isEmpty else {
      end()
      return false
    }
    begin(for: unknown, at: now)
    return true
  }

  private func unknown(among addresses: [IPAddress]) -> [IPAddress] {
    addresses.filter { !known.contains($0) }
  }

  /// Begins to probe, or begins again with no answer known; what was refused stays so until
  /// the verdict is another.
  package mutating func begin(for addresses: [IPAddress], at now: Instant) {
    let (refusal, known) = (refusal, known)
    self = AddressProbing()
    self.refusal = refusal
    self.known = known
    self.addresses = addresses
    probed = Set(addresses)
    startedAt = now
    send(at: now)
  }

  /// Stops, since the interface can't send any more; nothing happens if it has ended.
  package mutating func stop() {
    if !hasEnded { phase = .idle }
  }

  /// Ends for good: the addresses may be used, and what is known of answers is forgotten.
  mutating func end() {
    self = AddressProbing()
    phase = .ended
  }

  /// Goes on with other addresses; begins again if some of them have not been probed for and must
  /// be.
  package mutating func change(to addresses: [IPAddress], at now: Instant) {
    guard isUnderWay else { return }
    let addresses = unknown(among: addresses)
    let isCovered = addresses.allSatisfy(probed.contains)
    self.addresses = addresses
    probed = Set(addresses)
    answers.removeAll { !probed.contains($0.address) }
    listed.formIntersection(probed)
    if !isCovered {
      startedAt = now
      send(at: now)
    } else if case .sending(let round, let next, let roundStartedAt, let due) = phase {
      phase = .sending(
        round: round, next: min(next, addresses.count), roundStartedAt: roundStartedAt, due: due)
    }
  }

  /// Whether a machine's use of an address is an answer that is not known yet.
  package func isNews(_ claim: AddressClaim) -> Bool {
    isUnderWay && claim.isInUse && probed.contains(claim.address)
      && answers.count < Self.answersMax
      && !answers.contains { $0.address == claim.address }
  }

  /// Takes in that a machine uses an address; allocates nothing if it was not probed for.
  ///
  /// - Parameter claim: what it said; not one of this machine's own.
  /// - Returns: whether that is news.
  package mutating func heard(_ claim: AddressClaim) -> Bool {
    guard isNews(claim) else { return false }
    answers.append(Holder(address: claim.address, mac: claim.mac))
    return true
  }

  /// Takes in that the group's Active lists an address; one that was not probed for is not kept.
  mutating func heardGroup(listing address: IPAddress) {
    if probed.contains(address) { listed.insert(address) }
  }

  /// Takes the addresses to send a probe for now.
  package mutating func takeDue(by now: Instant) -> ArraySlice<IPAddress> {
    // A process that has slept hears an answer before it could hear the group: it accuses no
    // machine until it has listened for as long as one that has just begun.
    if let deadline, now >= deadline + Self.sleepMin { startedAt = now }
    switch phase {
    case .idle, .over, .ended:
      return []
    case .waiting(let end):
      if end <= now { phase = .over }
      return []
    case .sending(let round, let next, let roundStartedAt, let due):
      guard due <= now else { return [] }
      let end = min(next + Self.slice, addresses.count)
      if end < addresses.count {
        phase = .sending(
          round: round, next: end, roundStartedAt: roundStartedAt, due: now + Self.slicePause)
      } else if round < (addresses.count > Self.repeatedAddressCount ? 1 : Self.rounds) {
        let start = max(now, roundStartedAt + Self.pause)
        phase = .sending(round: round + 1, next: 0, roundStartedAt: start, due: start)
      } else {
        phase = .waiting(until: now + Self.lastPause)
      }
      return addresses[next..<end]
    }
  }

  private mutating func send(at now: Instant) {
    phase = .sending(round: 1, next: 0, roundStartedAt: now, due: now)
  }

  // MARK: Verdicts

  /// Whether it has begun and was not stopped.
  package var isUnderWay: Bool {
    switch phase {
    case .idle, .ended: false
    case .sending, .waiting, .over: true
    }
  }

  /// Whether nothing is to be probed for any more.
  var hasEnded: Bool {
    if case .ended = phase { true } else { false }
  }

  /// Whether all probes have been sent and answers to them waited for.
  package var isOver: Bool {
    if case .over = phase { true } else { false }
  }

  /// The time to call ``takeDue(by:)`` next; `nil` if nothing is to be sent or waited for.
  package var deadline: Instant? {
    switch phase {
    case .idle, .over, .ended: nil
    case .sending(_, _, _, let due): due
    case .waiting(let end): end
    }
  }

  /// The meaning of the answers if none of them can be the group's.
  package var outcome: Verdict {
    if let refusal { return .refused(refusal) }
    if let holder = answers.first { return .taken(by: holder) }
    return isOver ? .free : .open
  }

  /// Notes why a refusal is probably none of a stranger.
  mutating func explainRefusal(by cause: String?) { refusal?.cause = cause }

  /// Whether a machine has answered for all of several addresses, as far as answers are kept.
  ///
  /// - Parameters:
  ///   - mac: the machine's Ethernet address.
  ///   - count: how many addresses there are.
  /// - Returns: whether it has.
  func answersForAll(_ mac: MACAddress, of count: Int) -> Bool {
    let answered = answers.count { $0.mac == mac }
    return answered > 1 && answered == min(count, Self.answersMax)
  }

  /// The first answer for an address that the group's Active does not list.
  var stranger: Holder? { answers.first { !listed.contains($0.address) } }

  /// Decides for a router that wants to take part, as far as that can be decided now.
  ///
  /// Once the group is heard, and has the same addresses, they are the group's: a router that hands
  /// over to one that has just come up must not have to wait for it. Where a stranger has answered,
  /// the segment is probed again (``Verdict/open``) until its answers have gone on for long enough.
  ///
  /// - Parameters:
  ///   - now: the time.
  ///   - patience: how long a dead peer may answer; asked for only if one may have answered.
  ///   - groupHasSame: whether a router of the group was heard that has the same addresses.
  ///   - mustDecide: whether the router would take over now. Before, an answer is no obstacle as
  ///     long as nothing of the group was heard.
  /// - Returns: the verdict; `refused` is final until it begins again.
  package mutating func judge(
    at now: Instant, patience: @autoclosure () -> Duration, groupHasSame: Bool, mustDecide: Bool
  ) -> Verdict {
    if groupHasSame { return .free }
    guard isOver else { return .open }
    guard let stranger else { return .free }
    guard mustDecide || !listed.isEmpty else { return .taken(by: stranger) }
    if now < startedAt + max(patience(), Self.patienceMin) {
      answers = []
      send(at: now)
      return .open
    }
    let refusal = Refusal(holder: stranger, isGroupHeard: !listed.isEmpty)
    self.refusal = refusal
    stop()
    return .refused(refusal)
  }
}
