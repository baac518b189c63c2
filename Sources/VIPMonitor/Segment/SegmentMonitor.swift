import ARP
import VIPCore
import VRRP

/// Watches a segment, frame by frame, and says of each what it means.
///
/// It takes part in nothing and trusts no packet: frames come from a live interface or from a
/// capture, and everything it remembers is bounded.
///
/// ```swift
/// var monitor = SegmentMonitor()
/// if let seen = monitor.observe(frame) { print(seen.verdict, seen.text) }
/// print(monitor.summary().freeVRIDs)
/// ```
public struct SegmentMonitor: Sendable {
  /// The most virtual routers and claimed addresses that are remembered.
  static let groupCountMax = 2048, holderCountMax = 16_384

  /// A virtual address or any other that was claimed, on one VLAN.
  struct AddressKey: Sendable, Hashable {
    var vlan: UInt16
    var address: IPAddress
  }

  /// The Ethernet addresses that claimed an address last, and before.
  struct Holder: Sendable {
    var mac: MACAddress
    var lastClaim: Instant
    var previous: MACAddress?
    var previousClaim = Instant.zero
  }

  var groups: [MonitoredGroup.Key: MonitoredGroup] = [:]
  /// The group that lists an address.
  var groupOfAddress: [AddressKey: MonitoredGroup.Key] = [:]
  var holders: [AddressKey: Holder] = [:]
  /// Virtual routers of which only messages came that receivers ignore: their numbers are taken
  /// too.
  var unheard: [MonitoredGroup.Key: MonitoredGroup.Tally] = [:]
  var counts = SegmentSummary.Counts()
  /// Judgements on claims, by address.
  var claimTallies: [AddressKey: MonitoredGroup.Tally] = [:]
  var firstFrame: Instant?
  var lastFrame = Instant.zero

  /// Starts with nothing known.
  public init() {}

  /// Takes in a frame.
  ///
  /// - Parameter frame: any frame; those of no interest cost little.
  /// - Returns: what it means; `nil` if it has nothing to do with addresses and their holders, or
  ///   is an ordinary question or answer about one.
  public mutating func observe(_ frame: CapturedFrame) -> Observation? {
    if firstFrame == nil { firstFrame = frame.time }
    if frame.time > lastFrame { lastFrame = frame.time }
    counts.frames += 1
    guard let packet = SegmentPacket(frame.bytes.span) else { return nil }
    let isCut = frame.originalLength > frame.bytes.count
    switch packet.content {
    case .vrrp(let message):
      return judge(message, packet.ethernet, isCut: isCut, at: frame.time)
    case .claim(let claim, let text):
      return judge(claim, text, packet.ethernet, at: frame.time)
    case .damaged(let what, let error):
      counts.rejected += 1
      let judgement =
        isCut
        ? Judgement(.note, .cut, "the capture holds only \(frame.bytes.count) bytes of it")
        : Judgement(.rejected, .damaged, "receivers ignore it: \(error)")
      return Observation(
        time: Timestamp(nanosecondsSince1970: frame.time.nanoseconds),
        kind: what == "ARP" ? .arp : .neighbor,
        sender: packet.ethernet.source, vlan: packet.ethernet.visibleVLAN, text: what,
        advertisement: nil, judgements: [judgement])
    }
  }

  // MARK: Advertisements

  private mutating func judge(
    _ message: SegmentPacket.Message, _ ethernet: EthernetFrame, isCut: Bool, at now: Instant
  ) -> Observation {
    var facts: AdvertisementFacts?
    var judgements: [Judgement] = []
    let text: String
    switch message.result {
    case .success(let advertisement) where message.damage == nil:
      counts.advertisements += 1
      facts = AdvertisementFacts(advertisement, in: message)
      text = VRRPText.describe(advertisement, message)
      judgements += judgeByItself(advertisement, message, ethernet)
      judgements += judgeInGroup(advertisement, message, ethernet, at: now)
    case .success:
      text = VRRPText.describe(message)
      judgements.append(rejection(message, nil, isCut: isCut))
      counts.rejected += 1
    case .failure(let error):
      text = VRRPText.describe(message)
      judgements.append(rejection(message, error, isCut: isCut))
      counts.rejected += 1
      tallyRejection(message, ethernet, judgements)
    }
    return Observation(
      time: Timestamp(nanosecondsSince1970: now.nanoseconds), kind: .vrrp, sender: ethernet.source,
      vlan: ethernet.visibleVLAN, text: text, advertisement: facts, judgements: judgements)
  }

  /// The judgement on a message that receivers reject.
  private func rejection(
    _ message: SegmentPacket.Message, _ error: AdvertisementError?, isCut: Bool
  ) -> Judgement {
    if isCut, message.damage == .truncated {
      return Judgement(.note, .cut, "the capture holds too little of it to judge")
    }
    switch message.damage {
    case .truncated:
      return Judgement(.rejected, .damaged, "receivers ignore it: the IP packet is incomplete")
    case .headerChecksum:
      return Judgement(
        .rejected, .damaged, "receivers ignore it: the IP header's checksum is wrong")
    case .fragment:
      return Judgement(.note, .damaged, "a fragment of a packet, which says nothing by itself")
    case nil:
      let reason = error.map { "\($0)" } ?? "it is damaged"
      return Judgement(.rejected, .invalid, "receivers ignore it: \(reason)")
    }
  }

  /// Counts a rejected message for the virtual router that it names, if that is known.
  private mutating func tallyRejection(
    _ message: SegmentPacket.Message, _ ethernet: EthernetFrame, _ judgements: [Judgement]
  ) {
    guard message.bytes.count > 1, let vrid = VRID(exactly: message.bytes[1]) else { return }
    let key = MonitoredGroup.Key(
      vlan: ethernet.vlanID, vrid: vrid, family: message.source.family)
    for judgement in judgements where judgement.level == .rejected {
      if groups[key] != nil {
        groups[key]?.tally(judgement)
      } else if unheard[key] != nil || unheard.count < Self.groupCountMax {
        unheard[key] = MonitoredGroup.Tally(
          judgement: judgement, count: (unheard[key]?.count ?? 0) + 1)
      }
    }
  }

  /// Judges an advertisement without regard to others.
  private func judgeByItself(
    _ advertisement: Advertisement, _ message: SegmentPacket.Message, _ ethernet: EthernetFrame
  ) -> [Judgement] {
    var judgements: [Judgement] = []
    if message.destination != .vrrpGroup(advertisement.family) {
      judgements.append(
        Judgement(
          .note, .unicast,
          message.destination.isMulticast
            ? "sent to the group \(message.destination), not to that of VRRP"
            : "sent to \(message.destination) alone"))
    }
    if message.trailingByteCount > 0 {
      judgements.append(
        Judgement(
          .note, .trailingBytes,
          "\(message.trailingByteCount) bytes follow it, as with keepalived's HMAC; others ignore "
            + "them"))
    }
    if case .simpleText = advertisement.authentication {
      judgements.append(
        Judgement(.note, .password, "its password is readable by each machine on the segment"))
    }
    let expected = MACAddress.virtualRouter(advertisement.vrid, advertisement.family)
    if ethernet.source.isVirtualRouter, ethernet.source != expected {
      judgements.append(
        Judgement(
          .warning, .virtualMAC,
          "sent from \(ethernet.source), which is not this virtual router's \(expected)"))
    }
    return judgements
  }

  /// Judges an advertisement by what was heard of its group.
  private mutating func judgeInGroup(
    _ advertisement: Advertisement, _ message: SegmentPacket.Message, _ ethernet: EthernetFrame,
    at now: Instant
  ) -> [Judgement] {
    let key = MonitoredGroup.Key(
      vlan: ethernet.vlanID, vrid: advertisement.vrid, family: advertisement.family)
    guard groups[key] != nil || groups.count < Self.groupCountMax else { return [] }
    for address in message.addresses {
      let place = AddressKey(vlan: key.vlan, address: address)
      if groupOfAddress[place] == nil, groupOfAddress.count < Self.holderCountMax {
        groupOfAddress[place] = key
      }
    }
    return groups[key, default: MonitoredGroup(key)].judge(
      advertisement, from: message.source, at: ethernet.source, addresses: message.addresses,
      now: now)
  }
}

extension MACAddress {
  /// Whether this is the virtual MAC address of some virtual router (RFC 9568 §7.3).
  var isVirtualRouter: Bool {
    let prefix = rawValue >> 8
    return prefix == 0x5E_0001 || prefix == 0x5E_0002
  }
}

extension EthernetFrame {
  /// The VLAN, for people: `nil` without a tag that names one.
  var visibleVLAN: UInt16? { vlanID == 0 ? nil : vlanID }
}

/// Messages of VRRP in words.
enum VRRPText {
  /// Number of addresses that are written out.
  private static let addressesShown = 3

  static func describe(
    _ advertisement: Advertisement, _ message: SegmentPacket.Message
  ) -> String {
    var text = "\(advertisement.version) \(message.source) VRID \(advertisement.vrid)"
    text += " priority \(advertisement.priority) every \(advertisement.interval)"
    if advertisement.version == .v3, advertisement.family == .ipv4 {
      text += " checksum \(advertisement.checksumForm.rawValue)"
    }
    let shown = message.addresses.prefix(addressesShown).map { "\($0)" }
    text += " for \(shown.joined(separator: " "))"
    let more = message.addresses.count - shown.count
    return more > 0 ? text + " and \(more) more" : text
  }

  /// Describes a message that is not sound.
  static func describe(_ message: SegmentPacket.Message) -> String {
    let bytes = message.bytes
    guard bytes.count >= 4, message.damage != .fragment else {
      return "VRRP \(message.source) \(bytes.count) bytes"
    }
    return "VRRPv\(bytes[0] >> 4) \(message.source) VRID \(bytes[1]) priority \(bytes[2]) "
      + "\(bytes[3]) addresses, \(bytes.count) bytes"
  }
}
