public import VIPCore
public import VIPMonitor
public import VRRP
import VIP

/// The observation of a packet in the form of `vipctl monitor --json`.
public struct PacketRecord: Sendable, Hashable, Codable {
  /// The contents of a sound advertisement.
  public struct Advertisement: Sendable, Hashable, Codable {
    /// The version it is written in.
    public let version: ProtocolVersion
    /// The virtual router it speaks for.
    public let vrid: VRID
    /// The family of its addresses.
    public let family: AddressFamily
    /// The priority; 0 for a farewell.
    public let priority: Int
    /// The time to the next one.
    public let intervalSeconds: Double
    /// The checksum form it is right in.
    public let checksum: ChecksumForm
    /// Whether it carries a password.
    public let hasPassword: Bool
    /// The source of the packet.
    public let source: IPAddress
    /// The destination of the packet.
    public let destination: IPAddress
    /// The addresses it lists.
    public let addresses: [IPAddress]

    init(_ facts: AdvertisementFacts) {
      version = facts.version
      vrid = facts.vrid
      family = facts.family
      priority = Int(facts.priority.rawValue)
      intervalSeconds = facts.interval.duration.inSeconds
      checksum = facts.checksum
      hasPassword = facts.hasPassword
      source = facts.source
      destination = facts.destination
      addresses = facts.addresses
    }
  }

  /// The time, in UTC (ISO 8601 with microseconds).
  public let time: String
  /// The level of the gravest judgement.
  public let verdict: Judgement.Level
  /// The kind of the packet.
  public let kind: Observation.Kind
  /// The Ethernet address that sent it.
  public let sender: MACAddress
  /// The VLAN of its tag; `nil` without one.
  public let vlan: UInt16?
  /// The packet in words.
  public let text: String
  /// The advertisement, if it is a sound one.
  public let advertisement: Advertisement?
  /// The judgements on it; `findings` in JSON.
  public let judgements: [Judgement]

  private enum CodingKeys: String, CodingKey {
    case time, verdict, kind, sender, vlan, text, advertisement
    case judgements = "findings"
  }

  /// Takes an observation down.
  public init(_ observation: Observation) {
    let microseconds = observation.time.nanoseconds / 1000 % 1000
    time = observation.time.milliseconds.dropLast() + "\(microseconds)".zeroPadded(to: 3) + "Z"
    verdict = observation.verdict
    kind = observation.kind
    sender = observation.sender
    vlan = observation.vlan
    text = observation.text
    advertisement = observation.advertisement.map(Advertisement.init)
    judgements = observation.judgements
  }
}

/// The summary of a segment in the form of `vipctl monitor --summary --json`.
public struct SegmentRecord: Sendable, Hashable, Codable {
  /// A virtual router.
  public struct Group: Sendable, Hashable, Codable {
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
    public let warnings: [SegmentSummary.Warning]

    init(_ group: SegmentSummary.Group) {
      vrid = group.vrid
      family = group.family
      vlan = group.vlan
      active = group.active
      routers = group.routers.map(Router.init)
      advertisements = group.advertisements
      warnings = group.warnings
    }
  }

  /// A router of a group.
  public struct Router: Sendable, Hashable, Codable {
    /// The source of its advertisements.
    public let address: IPAddress
    /// The Ethernet address it sends from.
    public let mac: MACAddress
    /// The state in which it was at the end.
    public let condition: SegmentSummary.Router.Condition
    /// The priority it advertised last.
    public let priority: Int
    /// Its version.
    public let version: ProtocolVersion
    /// The time between its advertisements.
    public let intervalSeconds: Double
    /// Its checksum form.
    public let checksum: ChecksumForm
    /// The addresses it lists.
    public let addresses: [IPAddress]
    /// The time since it was heard last.
    public let silentSeconds: Double

    init(_ router: SegmentSummary.Router) {
      address = router.address
      mac = router.mac
      condition = router.condition
      priority = Int(router.priority.rawValue)
      version = router.version
      intervalSeconds = router.interval.duration.inSeconds
      checksum = router.checksum
      addresses = router.addresses
      silentSeconds = router.silence.inSeconds
    }
  }

  /// The time for which the segment was watched.
  public let seconds: Double
  /// Numbers of packets by kind.
  public let counts: SegmentSummary.Counts
  /// The virtual routers, by VRID.
  public let groups: [Group]
  /// Trouble with addresses, each with its last words.
  public let warnings: [SegmentSummary.Warning]
  /// The identifiers that were not heard in use in either family: `1-50`, `52-255`.
  public let freeVRIDs: [String]

  /// Takes a summary down.
  public init(_ summary: SegmentSummary) {
    seconds = summary.duration.inSeconds
    counts = summary.counts
    groups = summary.groups.map(Group.init)
    warnings = summary.warnings
    freeVRIDs = summary.freeVRIDs.map(MonitorText.text)
  }
}
