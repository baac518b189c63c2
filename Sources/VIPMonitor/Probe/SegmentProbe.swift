public import ARP
public import VIP
public import VIPCore
import VRRP

/// A look for what speaks on a segment against routers that are to run there, before they do.
///
/// It probes for their addresses, as a router does before its first use of them, and listens for
/// the advertisements of others. It is told of frames and of time and sends nothing by itself;
/// ``probe(_:ownMACs:)`` plays it on real interfaces.
public struct SegmentProbe {
  /// Something that was learned.
  public struct Outcome: Sendable, Hashable {
    /// The gravity of an outcome.
    public enum Kind: Sendable, Hashable {
      /// Something that is as it should be.
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
    /// The gravity of the outcome.
    public let kind: Kind
    /// The outcome, in one sentence.
    public let text: String
  }

  /// A machine that was heard advertising.
  private struct Speaker: Hashable {
    let source: IPAddress
    let mac: MACAddress
    let vrid: VRID
    let traits: AdvertisementTraits
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

  /// The time when there is something to send, or enough was waited; `nil` when it is over.
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
        advertisement.priority != .farewell, speakers.count < Self.kept * routers.count
      else { return }
      let speaker = Speaker(
        source: message.source, mac: packet.ethernet.source, vrid: advertisement.vrid,
        traits: AdvertisementTraits(advertisement), addresses: message.addresses)
      if !speakers.contains(speaker) { speakers.append(speaker) }
    case .damaged:
      break
    }
  }

  // MARK: What it means

  /// The results, router by router.
  public var outcomes: [Outcome] {
    routers.indices.flatMap { index in
      routers[index].families.flatMap { outcomes(of: index, $0) }
    }
  }

  private func outcomes(of index: Int, _ family: AddressFamily) -> [Outcome] {
    let settings = routers[index]
    let wanted = Set(settings.addresses(family).map(\.address))
    var outcomes: [Outcome] = []
    func find(_ kind: Outcome.Kind, _ field: ConfigurationError.Field, _ text: String) {
      outcomes.append(Outcome(router: index, field: field, kind: kind, text: text))
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
      for difference in differences(of: speaker, who, from: settings) {
        find(difference.kind, difference.field, difference.text)
      }
      if !shared.isEmpty, speaker.traits.version == settings.version {
        group[speaker.mac] = speaker.source
      }
    }
    let virtual = MACAddress.virtualRouter(settings.vrid, family)
    let answered = wanted.intersection(holders.keys)
    for (place, address) in settings.addresses.enumerated() where address.family == family {
      for mac in holders[address.address] ?? [] {
        if let source = group[mac] ?? (mac == virtual ? group.values.min() : nil) {
          find(
            .good, .address(place),
            "\(address.address) is at \(mac), which is the group's \(source)")
        } else {
          find(
            .conflict, .address(place),
            "\(address.address) is used by the machine with Ethernet address \(mac), from which no "
              + "\(settings.version) for VRID \(settings.vrid) is heard"
              + Self.advice(
                isVirtual: mac == virtual, vrid: settings.vrid,
                hasAll: answered.count > 1 && answered.allSatisfy { holders[$0] == [mac] }))
        }
      }
    }
    return outcomes
  }

  /// The advice about a machine that answers for a virtual address and is not heard: where it is
  /// probably the group's Active, another address would be no remedy.
  private static func advice(isVirtual: Bool, vrid: VRID, hasAll: Bool) -> String {
    let remedy =
      "see whether it advertises, its VRID and its firewall, and multicast (IGMP or MLD snooping) on "
      + "the switch"
    if isVirtual {
      return
        "; this is the virtual MAC address of VRID \(vrid), so a router of the group serves it: "
        + remedy
    }
    if hasAll {
      return
        "; it has all addresses of the router that answer, so it probably is the group's Active: "
        + remedy
    }
    return "; if it belongs to the group, \(remedy); if not, give one of them another address"
  }

  /// The differences between a router and a machine that advertises on its VRID.
  ///
  /// One of another group is told of as such, and nothing else of it matters.
  private func differences(
    of speaker: Speaker, _ who: String, from settings: RouterConfiguration
  ) -> [(kind: Outcome.Kind, field: ConfigurationError.Field, text: String)] {
    let family = speaker.source.family
    // There are two forms only there.
    let hasForms = settings.version == .v3 && family == .ipv4
    let ours = DifferenceText.Side(
      "this machine",
      AdvertisementTraits(
        version: settings.version, interval: settings.interval,
        authentication: settings.authentication,
        checksumForm: hasForms ? settings.checksum.fixedForm : nil),
      addresses: settings.addresses(family).map(\.address))
    let text = DifferenceText(
      DifferenceText.Side(who, speaker.traits, addresses: speaker.addresses), with: ours,
      vrid: settings.vrid)
    var findings = text.findings
    // A packet has room for so many; what it leaves out can't be compared.
    if speaker.addresses.count >= Advertisement.addressCountMax
      || ours.addressCount >= Advertisement.addressCountMax
    {
      findings.remove(.addressListDiffers)
    }
    if findings.contains(.foreignGroup) { findings = .foreignGroup }
    var differences: [(kind: Outcome.Kind, field: ConfigurationError.Field, text: String)] = []
    for difference in DifferenceText.all where findings.contains(difference) {
      guard let gravity = Self.gravity(difference, of: settings),
        let words = text.sentence(difference)
      else { continue }
      differences.append((gravity.kind, gravity.field, words))
    }
    return differences
  }

  /// The gravity of a difference, and the setting that it is about.
  private static func gravity(
    _ difference: Findings, of settings: RouterConfiguration
  ) -> (kind: Outcome.Kind, field: ConfigurationError.Field)? {
    switch difference {
    case .foreignGroup: return (.conflict, .vrid)
    case .versionDiffers: return (.conflict, .version)
    case .authenticationDiffers: return (.conflict, .authentication)
    // Version 2 drops what has another interval.
    case .intervalDiffers: return (settings.version == .v2 ? .conflict : .warning, .interval)
    case .addressListDiffers: return (.warning, .addresses)
    case .checksumFormDiffers: return (.warning, .router)
    default: return nil
    }
  }
}
