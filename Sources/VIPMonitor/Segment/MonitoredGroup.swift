import VIP
import VIPCore
import VRRP

/// A virtual router as it looks from outside: which machines advertise for it, and which of them is
/// Active.
struct MonitoredGroup: Sendable {
  /// The properties that tell virtual routers apart.
  struct Key: Sendable, Hashable {
    var vlan: UInt16
    var vrid: VRID
    var family: AddressFamily
  }

  /// One router that was heard.
  struct Speaker: Sendable {
    var address: IPAddress
    var mac: MACAddress
    var advertisement: Advertisement
    var addresses: [IPAddress]
    var lastHeard: Instant
    var count: UInt64 = 1
    /// Whether it left with a farewell; ``advertisement`` is then the one before.
    var hasLeft = false

    /// Whether it may still be Active: no farewell, and not silent for as long as the most patient
    /// backup waits.
    func isAlive(at now: Instant) -> Bool {
      !hasLeft && now.nanoseconds(since: lastHeard) <= 4 * advertisement.interval.nanoseconds
    }

    /// Whether no backup may have taken over yet: silent for less than the least of all
    /// Active_Down_Intervals, with room for clocks and timers that are a little off.
    func mustBeHeard(at now: Instant) -> Bool {
      let interval = advertisement.interval.nanoseconds
      return !hasLeft && now.nanoseconds(since: lastHeard) < 3 * interval - interval / 10
    }

    /// Whether it was Active beside another one: it spoke, without a farewell, less than two of its
    /// intervals before the other one did.
    func spoke(beside other: Speaker) -> Bool {
      let gap = other.lastHeard.nanoseconds(since: lastHeard)
      return !hasLeft && gap <= 2 * advertisement.interval.nanoseconds
    }

    /// The order of RFC 9568 §6.4.3.
    func outranks(_ other: Speaker) -> Bool {
      (advertisement.priority, address) > (other.advertisement.priority, other.address)
    }
  }

  /// A judgement and how often it was made.
  struct Tally: Sendable {
    var judgement: Judgement
    var count: UInt64
  }

  /// The most routers that are told apart in one group, and the most judgements kept.
  static let speakerCountMax = 16, tallyCountMax = 64

  let key: Key
  private(set) var speakers: [Speaker] = []
  /// The place among ``speakers`` of the one that is Active.
  private(set) var active: Int?
  private(set) var advertisementCount: UInt64 = 0
  private(set) var tallies: [Tally] = []
  /// Whether it has been told that a list begins with another address than a link-local one.
  private var hasToldOrder = false

  init(_ key: Key) {
    self.key = key
  }

  /// Takes in an advertisement and judges it.
  mutating func judge(
    _ advertisement: Advertisement, from source: IPAddress, at mac: MACAddress,
    addresses: [IPAddress], now: Instant
  ) -> [Judgement] {
    advertisementCount += 1
    let before = speakers.firstIndex { $0.address == source }
    var speaker = Speaker(
      address: source, mac: mac, advertisement: advertisement, addresses: addresses,
      lastHeard: now, count: (before.map { speakers[$0].count } ?? 0) + 1)
    var judgements = differences(of: speaker, known: before, at: now)
    // Most programs send the list as it is configured, so it is no trouble of this segment.
    if key.family == .ipv6, !hasToldOrder, addresses.first?.isLinkLocal == false {
      hasToldOrder = true
      judgements.append(
        Judgement(
          .note, .firstAddress,
          "the first address is not link-local (RFC 9568 §5.2.9), which some receivers mind; "
            + "this is told once"))
    }
    if advertisement.priority == .farewell {
      judgements.append(
        Judgement(.note, .farewell, "leaves; the next one takes over within Skew_Time"))
      if active == before { active = nil }
      speaker.hasLeft = true
      if let before { speaker.advertisement = speakers[before].advertisement }
      store(speaker, at: before, now)
    } else {
      let isForeign = judgements.contains { $0.code == .foreignGroup }
      judgements += role(of: speaker, known: before, isForeign: isForeign, at: now)
    }
    for judgement in judgements { tally(judgement) }
    return judgements
  }

  /// The Active: the speaker, or another one that it contradicts.
  private mutating func role(
    of speaker: Speaker, known: Int?, isForeign: Bool, at now: Instant
  ) -> [Judgement] {
    let previous = active.map { speakers[$0] }
    let before = known.map { speakers[$0] }
    let index = store(speaker, at: known, now)
    guard let previous else {
      active = index
      guard known == nil, speakers.count == 1 else {
        return [Judgement(.note, .takeover, "Active from now on; the one before had left")]
      }
      return [Judgement(.note, .firstHeard, "first heard of VRID \(key.vrid) over \(key.family)")]
    }
    guard previous.address != speaker.address else { return lateness(of: speaker, after: previous) }
    let silence = now.nanoseconds(since: previous.lastHeard)
    guard previous.mustBeHeard(at: now) else {
      active = index
      return [
        Judgement(
          .note, .takeover,
          "takes over from \(previous.address), silent for \(Self.seconds(silence))")
      ]
    }
    // Two groups with one VRID are another trouble than two Actives of one group.
    if isForeign { return [] }
    let priority = previous.advertisement.priority
    if speaker.outranks(previous), before.map({ !$0.spoke(beside: previous) }) ?? true {
      active = index
      let rank = speaker.advertisement.priority > priority ? "lower priority" : "equal priority"
      return [
        Judgement(.note, .takeover, "preempts \(previous.address), which has \(rank) \(priority)")
      ]
    }
    if speaker.outranks(previous) { active = index }
    return [
      Judgement(
        .warning, .twoActives,
        "a second Active: \(previous.address) with priority \(priority) spoke "
          + "\(Self.seconds(silence)) ago; they don't hear each other")
    ]
  }

  private func lateness(of speaker: Speaker, after previous: Speaker) -> [Judgement] {
    let gap = speaker.lastHeard.nanoseconds(since: previous.lastHeard)
    let interval = previous.advertisement.interval
    guard gap > 2 * interval.nanoseconds else { return [] }
    return [
      Judgement(
        .note, .late,
        "\(Self.seconds(gap)) after the one before; its interval is \(interval)")
    ]
  }

  @discardableResult
  private mutating func store(_ speaker: Speaker, at known: Int?, _ now: Instant) -> Int {
    if let known {
      speakers[known] = speaker
      return known
    }
    if speakers.count < Self.speakerCountMax {
      speakers.append(speaker)
      return speakers.count - 1
    }
    // The one silent the longest makes room; never the Active.
    let places = speakers.indices.filter { $0 != active }
    let oldest = places.min { speakers[$0].lastHeard < speakers[$1].lastHeard } ?? 0
    speakers[oldest] = speaker
    return oldest
  }

  mutating func tally(_ judgement: Judgement) {
    guard judgement.level >= .warning else { return }
    // Its words have times in them: the kind counts, and the last words are kept.
    if let index = tallies.firstIndex(where: { $0.judgement.code == judgement.code }) {
      tallies[index].judgement = judgement
      tallies[index].count += 1
    } else if tallies.count < Self.tallyCountMax {
      tallies.append(Tally(judgement: judgement, count: 1))
    }
  }

  static func seconds(_ nanoseconds: UInt64) -> String {
    let milliseconds = String(nanoseconds / 1_000_000 % 1000 + 1000).dropFirst()
    return "\(nanoseconds / 1_000_000_000).\(milliseconds)s"
  }
}

// MARK: Differences

extension MonitoredGroup {
  /// The differences between a speaker and the others of its group.
  ///
  /// Told when the speaker is new or has changed, and as long as another one is alive.
  private func differences(of speaker: Speaker, known: Int?, at now: Instant) -> [Judgement] {
    var hasChanged = true
    if let known {
      let before = speakers[known]
      hasChanged =
        before.addresses != speaker.addresses
        || before.advertisement.interval != speaker.advertisement.interval
        || before.advertisement.version != speaker.advertisement.version
        || before.advertisement.checksumForm != speaker.advertisement.checksumForm
        || before.advertisement.authentication != speaker.advertisement.authentication
    }
    var judgements: [Judgement] = []
    for (index, other) in speakers.enumerated() where index != known {
      guard hasChanged || other.mustBeHeard(at: now) else { continue }
      let text = DifferenceText(speaker.side, with: other.side, vrid: key.vrid)
      for judgement in Self.warnings(text)
      where !judgements.contains(where: { $0.code == judgement.code }) {
        judgements.append(judgement)
      }
    }
    return judgements
  }

  private static func warnings(_ text: DifferenceText) -> [Judgement] {
    let findings = text.findings
    return DifferenceText.all.filter(findings.contains).compactMap { difference -> Judgement? in
      guard let code = Judgement.Code(difference), let words = text.sentence(difference) else {
        return nil
      }
      return Judgement(.warning, code, words)
    }
  }
}

extension MonitoredGroup.Speaker {
  fileprivate var side: DifferenceText.Side {
    DifferenceText.Side(
      "\(address)", AdvertisementTraits(advertisement), addresses: addresses)
  }
}

extension Judgement.Code {
  /// The kind of judgement on a difference between two machines; `nil` if it is none.
  fileprivate init?(_ difference: Findings) {
    switch difference {
    case .foreignGroup: self = .foreignGroup
    case .addressListDiffers: self = .addressListDiffers
    case .versionDiffers: self = .versionDiffers
    case .authenticationDiffers: self = .authenticationDiffers
    case .intervalDiffers: self = .intervalDiffers
    case .checksumFormDiffers: self = .checksumFormDiffers
    default: return nil
    }
  }
}
