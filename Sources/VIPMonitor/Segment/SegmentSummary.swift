public import VIPCore
public import VRRP

/// A summary of a segment: the virtual routers on it, and what is wrong with them.
public struct SegmentSummary: Sendable, Hashable {
  /// Numbers of packets by kind.
  public struct Counts: Sendable, Hashable, Codable {
    /// All frames that were looked at.
    public var frames: UInt64 = 0
    /// Sound advertisements.
    public var advertisements: UInt64 = 0
    /// Messages that receivers ignore.
    public var rejected: UInt64 = 0
    /// Announcements of addresses, by ARP or Neighbor Discovery.
    public var announcements: UInt64 = 0
    /// Questions whether an address is free.
    public var probes: UInt64 = 0
    /// Claims that contradict others.
    public var conflicts: UInt64 = 0
  }

  /// A virtual router.
  public struct Group: Sendable, Hashable {
    /// Its identifier.
    public let vrid: VRID
    /// The family of its addresses.
    public let family: AddressFamily
    /// The VLAN it was heard on; `nil` without a tag.
    public let vlan: UInt16?
    /// The address of its Active; `nil` if it has none now.
    public let active: IPAddress?
    /// All routers that were heard, the Active first.
    public let routers: [Router]
    /// Number of its advertisements that were heard.
    public let advertisements: UInt64
    /// The troubles, each kind with its last words.
    public let warnings: [Warning]
  }

  /// A router of a group.
  public struct Router: Sendable, Hashable {
    /// The state in which it was at the end.
    public enum Condition: String, Sendable, Hashable, Codable {
      /// The router is the Active.
      case active
      /// The router acts as Active beside another one.
      case alsoActive = "also-active"
      /// The router said farewell.
      case left
      /// The router was Active and has been silent since.
      case silent
    }

    /// The source of its advertisements.
    public let address: IPAddress
    /// The Ethernet address it sends from.
    public let mac: MACAddress
    /// The state in which it was at the end.
    public let condition: Condition
    /// The priority it advertised last.
    public let priority: Priority
    /// Its version.
    public let version: ProtocolVersion
    /// Its interval.
    public let interval: AdvertisementInterval
    /// Its checksum form.
    public let checksum: ChecksumForm
    /// The addresses it lists.
    public let addresses: [IPAddress]
    /// The time since it was heard last.
    public let silence: Duration
  }

  /// Something that is wrong, and how often it was seen.
  public struct Warning: Sendable, Hashable, Codable {
    /// The kind of the trouble.
    public let code: Judgement.Code
    /// The last of its kind, in words.
    public let text: String
    /// Number of times that it was seen.
    public let count: UInt64
  }

  /// The time for which the segment was watched.
  public let duration: Duration
  /// Numbers of packets by kind.
  public let counts: Counts
  /// The virtual routers, by VRID.
  public let groups: [Group]
  /// Trouble with addresses, each with its last words.
  public let warnings: [Warning]
  /// The identifiers that were not heard in use in either family, as ranges.
  public let freeVRIDs: [ClosedRange<VRID>]
}

extension SegmentMonitor {
  /// Sums up the segment so far.
  ///
  /// - Parameter now: the present in the time of the frames; that of the last frame if left out.
  /// - Returns: a summary of everything that was observed.
  public func summary(at now: Instant? = nil) -> SegmentSummary {
    let now = now.map { max($0, lastFrame) } ?? lastFrame
    let sorted = groups.values.sorted {
      ($0.key.vlan, $0.key.vrid, $0.key.family.rawValue)
        < ($1.key.vlan, $1.key.vrid, $1.key.family.rawValue)
    }
    let claims = claimTallies.sorted {
      ($0.key.vlan, $0.key.address) < ($1.key.vlan, $1.key.address)
    }
    let unheard = unheard.sorted { ($0.key.vlan, $0.key.vrid) < ($1.key.vlan, $1.key.vrid) }
      .filter { groups[$0.key] == nil }
    let used = Set(groups.keys.map(\.vrid) + unheard.map(\.key.vrid))
    return SegmentSummary(
      duration: max(now - (firstFrame ?? now), .zero),
      counts: counts, groups: sorted.map { $0.summary(at: now) },
      warnings: unheard.map { SegmentSummary.Warning($0.value, about: $0.key) }
        + claims.map { SegmentSummary.Warning($0.value) },
      freeVRIDs: Self.ranges(without: used))
  }

  /// The identifiers that are not in a set, as ranges.
  static func ranges(without used: Set<VRID>) -> [ClosedRange<VRID>] {
    let free = (1...255).compactMap(VRID.init(exactly:)).filter { !used.contains($0) }
    return free.reduce(into: []) { ranges, vrid in
      if let last = ranges.last, last.upperBound.rawValue + 1 == vrid.rawValue {
        ranges[ranges.count - 1] = last.lowerBound...vrid
      } else {
        ranges.append(vrid...vrid)
      }
    }
  }
}

extension SegmentSummary.Warning {
  init(_ tally: MonitoredGroup.Tally) {
    self.init(code: tally.judgement.code, text: tally.judgement.text, count: tally.count)
  }

  init(_ tally: MonitoredGroup.Tally, about key: MonitoredGroup.Key) {
    self.init(
      code: tally.judgement.code,
      text: "VRID \(key.vrid) over \(key.family): \(tally.judgement.text)",
      count: tally.count)
  }
}

extension MonitoredGroup {
  func summary(at now: Instant) -> SegmentSummary.Group {
    let isActiveAlive = activeSpeaker?.isAlive(at: now) ?? false
    let order = speakers.indices.sorted { left, right in
      if (left == active) != (right == active) { return left == active }
      return speakers[left].outranks(speakers[right])
    }
    return SegmentSummary.Group(
      vrid: key.vrid, family: key.family, vlan: key.vlan == 0 ? nil : key.vlan,
      active: isActiveAlive ? activeSpeaker?.address : nil,
      routers: order.map { router($0, at: now) }, advertisements: advertisementCount,
      warnings: tallies.map { SegmentSummary.Warning($0) })
  }

  private func router(_ index: Int, at now: Instant) -> SegmentSummary.Router {
    let speaker = speakers[index]
    let condition: SegmentSummary.Router.Condition
    if speaker.hasLeft {
      condition = .left
    } else if !speaker.isAlive(at: now) {
      condition = .silent
    } else {
      condition = index == active ? .active : isSuperseded(index) ? .silent : .alsoActive
    }
    let advertisement = speaker.advertisement
    return SegmentSummary.Router(
      address: speaker.address, mac: speaker.mac, condition: condition,
      priority: advertisement.priority, version: advertisement.version,
      interval: advertisement.interval,
      checksum: advertisement.checksumForm, addresses: speaker.addresses,
      silence: max(now - speaker.lastHeard, .zero))
  }

  /// Whether the Active was heard after a speaker: it has probably yielded.
  private func isSuperseded(_ index: Int) -> Bool {
    guard let active = activeSpeaker else { return false }
    return active.lastHeard > speakers[index].lastHeard
      && active.lastHeard.nanoseconds(since: speakers[index].lastHeard)
        > speakers[index].advertisement.interval.nanoseconds * 3 / 2
  }
}
