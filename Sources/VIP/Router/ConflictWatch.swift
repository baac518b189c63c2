import ARP
import VIPCore

/// A router's watch over the addresses it holds: other machines that use them are noticed, fended
/// off and told of (RFC 5227 §2.4).
///
/// A claim is not yet a conflict. Another router of the group that becomes Active, or that was
/// until a moment ago, claims the addresses with every right; which of the two shall have them is
/// for the election to decide. Such a router advertises: at the moment it takes over, and every
/// interval from then on, while no election forgives more than three silent intervals. So a claim
/// is kept for three intervals. If the election is lost in that time, or if any router of the group
/// was heard within three intervals of the claim on either side, it was a takeover. If not, the
/// claimant does not speak VRRP, and that is reported.
///
/// Clients can't wait that long. A router that takes over advertises before it claims, so its
/// advertisement is here when its claim is, or an instant later; if none is, the address is
/// defended by rule (c) of RFC 5227: announced again, and for further claims at most every ten
/// seconds; one that comes sooner is answered when these are over, since it has moved the clients
/// as the first one did. The address is never given up: the election says that it is ours.
///
/// ```
///           heard              20 ms               3 intervals            60 s of silence
///   (none) ───────▶ fresh ──────────────▶ pending ─────────────▶ certain ────────────────▶ (none)
///                            defend,                  report        │ ▲      probe, then end
///                            unless excused             └─▶ (none)   └─┘ heard: defend
///                                                   excused
/// ```
///
/// A value without a clock: it is told of claims and of time and returns what is to be done.
struct ConflictWatch {
  /// Number of addresses that are looked after one by one; claims of further ones are only counted,
  /// so that no sender can make a router remember, or send, without end.
  static let capacity = 64
  /// RFC 5227's DEFEND_INTERVAL.
  static let defendInterval = Duration.seconds(10)
  /// Time by which a new Active's advertisement may come later than its announcement.
  static let advertisementDelay = Duration.milliseconds(20)
  /// Time without a claim until a conflict is over.
  static let memory = Duration.seconds(60)
  /// Time before that at which the address is probed for: a machine that is silent may only not
  /// have been asked for it.
  static let probedBefore = Duration.seconds(10)

  /// The deed that a claimed address calls for.
  enum Deed: Hashable {
    /// Announce it again.
    case defend(IPAddress)
    /// Tell that a machine outside the group uses it; done once per conflict.
    case report(IPAddress, MACAddress)
    /// Probe for it.
    case probe(IPAddress)
    /// Tell that a reported conflict is over.
    case end(IPAddress, MACAddress)
  }

  private struct Claim {
    enum Stage { case fresh, pending, certain }

    let address: IPAddress
    /// The claimant; the last one if there are several.
    var mac: MACAddress
    let firstHeard: Instant
    var lastHeard: Instant
    var count: UInt64 = 1
    var lastDefense: Instant?
    /// Whether a further claim has still to be answered.
    var isUnanswered = false
    /// Whether the address has been probed for since it was last heard.
    var isProbedFor = false
    var stage = Stage.fresh
    /// The time when the stage is over.
    var due: Instant

    /// The time when a further claim is to be answered; `nil` if none is.
    var answerDue: Instant? {
      isUnanswered ? lastDefense.map { $0 + ConflictWatch.defendInterval } : nil
    }

    /// The time to look at it again.
    var deadline: Instant { min(due, answerDue ?? due) }
  }

  private var claims: [Claim] = []
  private var claimCount: UInt64 = 0
  private var defenseCount: UInt64 = 0

  /// The time to call ``review(at:grace:groupHeardAt:)`` next; `nil` if nothing is claimed.
  ///
  /// May be early: a review that comes too early does nothing.
  private(set) var deadline: Instant?

  /// Takes in that another machine uses an address that the router holds.
  ///
  /// - Parameters:
  ///   - claim: what it said; not one of this machine's own.
  ///   - now: the time.
  /// - Returns: what to do at once, if anything.
  mutating func heard(_ claim: AddressClaim, at now: Instant) -> Deed? {
    guard let place = claims.firstIndex(where: { $0.address == claim.address }) else {
      guard claims.count < Self.capacity else {
        claimCount += 1
        return nil
      }
      let due = now + Self.advertisementDelay
      claims.append(
        Claim(address: claim.address, mac: claim.mac, firstHeard: now, lastHeard: now, due: due))
      deadline = min(deadline ?? due, due)
      return nil
    }
    claims[place].mac = claim.mac
    claims[place].lastHeard = now
    claims[place].count += 1
    if claims[place].stage == .certain {
      claimCount += 1
      keep(place, since: now)
    }
    // Before the first answer it is part of the claim that is judged.
    guard let lastDefense = claims[place].lastDefense else { return nil }
    if now - lastDefense >= Self.defendInterval { return defend(place, at: now) }
    claims[place].isUnanswered = true
    deadline = min(deadline ?? claims[place].deadline, claims[place].deadline)
    return nil
  }

  /// Judges the claims whose time has come, and ends conflicts of which nothing was heard for long.
  ///
  /// - Parameters:
  ///   - now: the time.
  ///   - grace: how long a claim may be the sign of a takeover: three advertisement intervals.
  ///   - groupHeardAt: when a router with at least one address in common last advertised; `nil` if
  ///     none has.
  /// - Returns: what to do, in this order.
  mutating func review(at now: Instant, grace: Duration, groupHeardAt: Instant?) -> [Deed] {
    guard let deadline, deadline <= now else { return [] }
    var deeds: [Deed] = []
    var dropped: [Int] = []
    for place in claims.indices {
      let isExcused = groupHeardAt.map { $0 + grace >= claims[place].firstHeard } ?? false
      if let due = claims[place].answerDue, due <= now {
        claims[place].isUnanswered = false
        if claims[place].stage == .certain || !isExcused {
          deeds.append(defend(place, at: now))
        }
      }
      let claim = claims[place]
      guard claim.due <= now else { continue }
      if claim.stage == .certain, !claim.isProbedFor {
        deeds.append(.probe(claim.address))
        claims[place].isProbedFor = true
        claims[place].due = claim.lastHeard + Self.memory
      } else if claim.stage == .certain {
        deeds.append(.end(claim.address, claim.mac))
        dropped.append(place)
      } else if claim.firstHeard + grace > now {
        if claim.lastDefense == nil, !isExcused { deeds.append(defend(place, at: now)) }
        claims[place].stage = .pending
        claims[place].due = claim.firstHeard + grace
      } else if isExcused {
        let isLastExcused = groupHeardAt.map { $0 + grace >= claim.lastHeard } ?? false
        if isLastExcused {
          dropped.append(place)
        } else {
          deeds.append(renew(place, grace, at: now))
        }
      } else {
        deeds += confirm(place, at: now)
      }
    }
    for place in dropped.reversed() { claims.remove(at: place) }
    self.deadline = claims.lazy.map(\.deadline).min()
    return deeds
  }

  /// Forgets the claims of addresses that the router no longer has.
  ///
  /// - Parameter isOwned: whether an address is still the router's.
  /// - Returns: what to do: the end of each reported conflict about the others.
  mutating func keepOnly(_ isOwned: (IPAddress) -> Bool) -> [Deed] {
    guard !claims.isEmpty else { return [] }
    let gone = claims.filter { $0.stage == .certain && !isOwned($0.address) }
    claims.removeAll { !isOwned($0.address) }
    deadline = claims.lazy.map(\.deadline).min()
    return gone.map { .end($0.address, $0.mac) }
  }

  /// Forgets all claims, since the router no longer holds its addresses.
  ///
  /// - Returns: what to do: the end of each reported conflict.
  mutating func end() -> [Deed] { keepOnly { _ in false } }

  private mutating func confirm(_ place: Int, at now: Instant) -> [Deed] {
    let claim = claims[place]
    claims[place].stage = .certain
    keep(place, since: claim.lastHeard)
    claimCount += claim.count
    let report = Deed.report(claim.address, claim.mac)
    return claim.lastDefense == nil ? [defend(place, at: now), report] : [report]
  }

  /// A conflict goes on.
  private mutating func keep(_ place: Int, since lastHeard: Instant) {
    claims[place].isProbedFor = false
    claims[place].due = lastHeard + (Self.memory - Self.probedBefore)
  }

  /// The claim was excused, and a further one came so late that it is not: it is judged by itself.
  private mutating func renew(_ place: Int, _ grace: Duration, at now: Instant) -> Deed {
    let claim = claims[place]
    claims[place] = Claim(
      address: claim.address, mac: claim.mac, firstHeard: claim.lastHeard,
      lastHeard: claim.lastHeard, stage: .pending, due: claim.lastHeard + grace)
    return defend(place, at: now)
  }

  private mutating func defend(_ place: Int, at now: Instant) -> Deed {
    claims[place].lastDefense = now
    claims[place].isUnanswered = false
    defenseCount += 1
    return .defend(claims[place].address)
  }
}

extension ConflictWatch {
  /// Whether a machine is known to use all of a router's addresses, as far as they are looked
  /// after.
  func names(_ mac: MACAddress, for addresses: some Collection<IPAddress>) -> Bool {
    let used = claims.count { claim in
      claim.stage == .certain && claim.mac == mac && addresses.contains(claim.address)
    }
    return used > 0 && used == min(addresses.count, Self.capacity)
  }

  /// The counters, and the machines that use addresses of the router now.
  var status: RouterStatus.Conflicts {
    RouterStatus.Conflicts(
      claims: claimCount, defenses: defenseCount,
      current: claims.filter { $0.stage == .certain }.map {
        RouterStatus.Conflicts.Rival(address: $0.address, mac: $0.mac, claims: $0.count)
      })
  }
}
