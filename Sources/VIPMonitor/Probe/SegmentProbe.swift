public import ARP
public import VIP
public import VIPCore
import VRRP

/// What speaks on a segment against routers that are to run there, before they do.
///
/// It probes for their addresses, as a router does before its first use of them, and listens for the
/// advertisements of others. It is told of frames and of time and sends nothing by itself;
/// ``probe(_:ownMACs:)`` plays it on real interfaces.
public struct SegmentProbe {
  /// Something that was learned.
  public struct Finding: Sendable, Hashable {
    /// How bad it is.
    public enum Kind: Sendable, Hashable {
      /// As it should be.
      case good
      /// The group works, but not as it could.
      case warning
      /// Another machine is in the way.
      case conflict
    }

    /// The router it is about, by its place among those that were given.
    public let router: Int
    /// The setting it is about.
    public let field: ConfigurationError.Field
    /// How bad it is.
    public let kind: Kind
    /// What is so, in one sentence.
    public let text: String
  }

  /// A machine that was heard advertising.
  private struct Speaker: Hashable {
    let source: IPAddress
    let mac: MACAddress
    let vrid: VRID
    let version: ProtocolVersion
    let interval: AdvertisementInterval
    let addresses: [IPAddress]
  }

  /// More senders and answers than any sane segment has are not kept.
  private static let kept = 64
  /// Groups of the default interval are heard, whatever the routers here are set to.
  private static let listeningMin = Duration.seconds(1)
  private static let margin = Duration.milliseconds(100)

  private let routers: [RouterConfiguration]
  private let mac: MACAddress
  private let ownMACs: Set<MACAddress>
  private let addresses: [IPAddress]
  private let isProbed: Set<IPAddress>
  private var probe = AddressProbing()
  private var listensUntil = Instant.zero
  private var speakers: [Speaker] = []
  private var holders: [IPAddress: [MACAddress]] = [:]

  /// Prepares the probes.
  ///
  /// - Parameters:
  ///   - routers: the routers of one interface.
  ///   - mac: the interface's Ethernet address.
  ///   - ownMACs: all Ethernet addresses of this machine, whose own frames count for nothing.
  public init(
    _ routers: [RouterConfiguration], from mac: MACAddress, ownMACs: Set<MACAddress>
  ) {
    self.routers = routers
    self.mac = mac
    self.ownMACs = ownMACs.union([mac])
    addresses = routers.flatMap { $0.addresses.map(\.address) }
    isProbed = Set(addresses)
  }

  /// Begins to probe and to listen.
  public mutating func begin(at now: Instant) {
    probe.begin(for: addresses, at: now)
    let interval = routers.map(\.interval.duration).max() ?? .zero
    listensUntil = now + max(interval, Self.listeningMin) + Self.margin
  }

  /// When there is something to send, or enough was waited; `nil` when it is over.
  public var deadline: Instant? {
    probe.deadline ?? (isOver ? nil : listensUntil)
  }

  /// Whether all probes are out and enough was listened.
  public private(set) var isOver = false

  /// The probes that are due.
  public mutating func takeDue(by now: Instant) -> [AddressProbe] {
    let due = probe.takeDue(by: now)
    isOver = probe.isOver && now >= listensUntil
    return due.map { AddressProbe($0, from: mac) }
  }

  /// Takes in a frame that was heard.
  public mutating func observe(_ frame: Span<UInt8>) {
    guard let packet = SegmentPacket(frame), packet.ethernet.visibleVLAN == nil,
      !ownMACs.contains(packet.ethernet.source)
    else { return }
    switch packet.content {
    case .claim(let claim, _):
      guard claim.isInUse, isProbed.contains(claim.address), !ownMACs.contains(claim.mac),
        holders[claim.address]?.contains(claim.mac) != true,
        holders[claim.address]?.count ?? 0 < Self.kept
      else { return }
      holders[claim.address, default: []].append(claim.mac)
    case .vrrp(let message):
      guard case .success(let advertisement) = message.result, message.damage == nil,
        advertisement.priority != .release, speakers.count < Self.kept * routers.count
      else { return }
      let speaker = Speaker(
        source: message.source, mac: packet.ethernet.source, vrid: advertisement.vrid,
        version: advertisement.version, interval: advertisement.interval,
        addresses: message.addresses)
      if !speakers.contains(speaker) { speakers.append(speaker) }
    case .damaged:
      break
    }
  }

  // MARK: What it means

  /// What was learned, router by router.
  public var findings: [Finding] {
    routers.indices.flatMap { index in
      routers[index].families.flatMap { findings(of: index, $0) }
    }
  }

  private func findings(of index: Int, _ family: AddressFamily) -> [Finding] {
    let settings = routers[index]
    let wanted = Set(settings.addresses(family).map(\.address))
    var findings: [Finding] = []
    func find(_ kind: Finding.Kind, _ field: ConfigurationError.Field, _ text: String) {
      findings.append(Finding(router: index, field: field, kind: kind, text: text))
    }
    var group: [MACAddress: IPAddress] = [:]
    for speaker in speakers where speaker.source.family == family {
      let who = "\(speaker.source) (\(speaker.mac))"
      let shared = wanted.intersection(speaker.addresses)
      guard speaker.vrid == settings.vrid else {
        guard let first = shared.min() else { continue }
        find(
          .conflict, .vrid,
          "\(first) is advertised by \(who) with VRID \(speaker.vrid), not \(settings.vrid); give "
            + "the machines of one group the same VRID")
        continue
      }
      if let objection = objection(to: speaker, settings, shared, wanted) {
        find(objection.kind, objection.field, "\(who) \(objection.text)")
      }
      if !shared.isEmpty, speaker.version == settings.version {
        group[speaker.mac] = speaker.source
      }
    }
    let virtual = MACAddress.virtualRouter(settings.vrid, family)
    for (place, address) in settings.addresses.enumerated() where address.family == family {
      for mac in holders[address.address] ?? [] {
        if let source = group[mac] ?? (mac == virtual ? group.values.min() : nil) {
          find(
            .good, .address(place),
            "\(address.address) is at \(mac), which is the group's \(source)")
        } else {
          find(
            .conflict, .address(place),
            "\(address.address) is used by the machine with Ethernet address \(mac), which speaks "
              + "no \(settings.version) for VRID \(settings.vrid); give one of them another address"
          )
        }
      }
    }
    return findings
  }

  /// What is wrong with a machine that advertises on a router's VRID.
  private func objection(
    to speaker: Speaker, _ settings: RouterConfiguration, _ shared: Set<IPAddress>,
    _ wanted: Set<IPAddress>
  ) -> (kind: Finding.Kind, field: ConfigurationError.Field, text: String)? {
    if shared.isEmpty {
      return (
        .conflict, .vrid,
        "uses VRID \(settings.vrid) for other addresses "
          + "(\(speaker.addresses.first.map { "\($0)" } ?? "none")); choose a VRID that is free"
      )
    }
    if speaker.version != settings.version {
      return (
        .conflict, .version,
        "speaks \(speaker.version) on VRID \(settings.vrid), not \(settings.version); they don't "
          + "hear each other, set the same version on all"
      )
    }
    if speaker.interval != settings.interval {
      return (
        .warning, .interval,
        "advertises every \(speaker.interval), not \(settings.interval); set the same interval on "
          + "all"
      )
    }
    // A packet has room for so many; what it leaves out can't be compared.
    guard speaker.addresses.count < 255, Set(speaker.addresses) != wanted else { return nil }
    return (
      .warning, .addresses,
      "advertises \(addressCountText(speaker.addresses.count)), not the \(wanted.count) given here; "
        + "give all machines the same"
    )
  }
}
