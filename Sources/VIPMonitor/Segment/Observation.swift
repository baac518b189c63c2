public import VIPCore
public import VRRP

/// The contents of a packet, as far as they concern a segment, and a verdict on them.
public struct Observation: Sendable, Hashable {
  /// The kinds of packets that are of interest.
  public enum Kind: String, Sendable, Hashable, Codable {
    /// A message of VRRP.
    case vrrp
    /// A message of ARP.
    case arp
    /// A message of Neighbor Discovery.
    case neighbor
  }

  /// The time, by the capture's clock, which mostly counts from 1970.
  public let time: Timestamp
  /// The kind of the packet.
  public let kind: Kind
  /// The Ethernet address that sent it.
  public let sender: MACAddress
  /// The VLAN of its tag; `nil` without one.
  public let vlan: UInt16?
  /// The packet in words.
  public let text: String
  /// The advertisement, if it is a sound one.
  public let advertisement: AdvertisementFacts?
  /// The judgements on it; none if nothing about it is remarkable.
  public let judgements: [Judgement]

  /// The verdict on the packet: the level of the gravest judgement.
  public var verdict: Judgement.Level { judgements.map(\.level).max() ?? .fine }
}

/// One thing that is to be said of a packet: how grave it is, its kind, and words for it.
public struct Judgement: Sendable, Hashable, Codable {
  /// The gravity of a judgement.
  public enum Level: String, Sendable, Hashable, Codable, CaseIterable {
    /// Something that is as it should be.
    case fine = "ok"
    /// Worth knowing.
    case note
    /// Something is wrong on the segment.
    case warning
    /// Receivers ignore the packet.
    case rejected
  }

  /// The kinds of judgements.
  public enum Code: String, Sendable, Hashable, Codable, CaseIterable {
    /// The first advertisement of a virtual router.
    case firstHeard = "first-heard"
    /// Another router is Active from now on.
    case takeover
    /// The Active leaves, with priority 0.
    case farewell
    /// An advertisement came much later than its interval.
    case late
    /// Sent to one machine, not to the group.
    case unicast
    /// Bytes follow the message.
    case trailingBytes = "trailing-bytes"
    /// A password, which is readable on the segment.
    case password
    /// Two routers act as Active.
    case twoActives = "two-actives"
    /// Two groups with one VRID.
    case foreignGroup = "foreign-group"
    /// The routers of a group list different addresses.
    case addressListDiffers = "address-list-differs"
    /// The routers of a group have different intervals.
    case intervalDiffers = "interval-differs"
    /// The routers of a group speak different versions.
    case versionDiffers = "version-differs"
    /// The routers of a group use different checksum forms.
    case checksumFormDiffers = "checksum-form-differs"
    /// The routers of a group authenticate themselves differently.
    case authenticationDiffers = "authentication-differs"
    /// Over IPv6, the first address is not link-local.
    case firstAddress = "first-address"
    /// Sent from the virtual MAC address of another virtual router.
    case virtualMAC = "virtual-mac"
    /// Receivers reject the advertisement.
    case invalid
    /// The IP packet itself is damaged or incomplete.
    case damaged
    /// The capture holds too little of the packet to judge it.
    case cut
    /// An address moved from one Ethernet address to another.
    case moved
    /// A virtual address is announced by its Active.
    case announced
    /// Two machines claim one address.
    case conflict
    /// A machine that does not belong to the group claims a virtual address.
    case stranger
    /// A machine asks whether an address is free that is not.
    case probe
  }

  /// The gravity of the judgement.
  public let level: Level
  /// The kind of the judgement.
  public let code: Code
  /// The same in words.
  public let text: String

  /// Makes a judgement.
  public init(_ level: Level, _ code: Code, _ text: String) {
    self.level = level
    self.code = code
    self.text = text
  }
}

extension Judgement.Level: Comparable {
  private var rank: Int {
    switch self {
    case .fine: 0
    case .note: 1
    case .warning: 2
    case .rejected: 3
    }
  }

  /// Orders levels by gravity.
  public static func < (left: Judgement.Level, right: Judgement.Level) -> Bool {
    left.rank < right.rank
  }
}

/// The contents of a sound advertisement.
public struct AdvertisementFacts: Sendable, Hashable {
  /// The version it is written in.
  public let version: ProtocolVersion
  /// The virtual router it speaks for.
  public let vrid: VRID
  /// The family of its addresses.
  public let family: AddressFamily
  /// The priority; 0 for a farewell.
  public let priority: Priority
  /// The time to the next one.
  public let interval: AdvertisementInterval
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

  init(_ advertisement: Advertisement, in message: SegmentPacket.Message) {
    version = advertisement.version
    vrid = advertisement.vrid
    family = advertisement.family
    priority = advertisement.priority
    interval = advertisement.interval
    checksum = advertisement.checksumForm
    hasPassword = advertisement.authentication != .none
    source = message.source
    destination = message.destination
    addresses = message.addresses
  }
}
