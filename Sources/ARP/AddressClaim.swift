public import VIPCore

/// A frame's claim to an address: that a machine holds it, or wants it.
///
/// This is all that a node needs from the segment: the new holder's announcement lets the old one
/// release the address, and a stranger's claim is a conflict (RFC 5227 §2.4, RFC 4862 §5.4).
/// The caller leaves out its own claims by comparing ``mac`` with its interface's and its virtual
/// routers' addresses.
public struct AddressClaim: Sendable, Hashable {
  /// The way in which a claim is made.
  public enum Form: String, Sendable, Hashable {
    /// An unasked ARP message, or an unsolicited Neighbor Advertisement with the override flag:
    /// "from now on the address is here".
    case announcement
    /// An ordinary ARP request that names its sender.
    case request
    /// An answer: an ARP reply, or any other Neighbor Advertisement.
    case reply
    /// A question whether the address is free; the sender wants it but doesn't use it yet.
    case probe
  }

  /// The address that is claimed.
  public let address: IPAddress
  /// The Ethernet address that claims it.
  public let mac: MACAddress
  /// The way in which it was made.
  public let form: Form

  /// Makes a claim.
  public init(address: IPAddress, mac: MACAddress, form: Form) {
    self.address = address
    self.mac = mac
    self.form = form
  }

  /// Whether the sender says that it uses the address now.
  public var isInUse: Bool { form != .probe }

  /// Reads an Ethernet frame; `nil` if it is sound but claims nothing.
  ///
  /// That is the case for other protocols, other VLANs, solicitations that are no probes, and
  /// senders that can't be one machine (zero or group addresses). ARP's own fields count, not the
  /// frame's addresses (RFC 5227 §1.1); only a message without a link-layer address is taken to be
  /// from the frame's source.
  public init?(parsing frame: Span<UInt8>) throws(WireError) {
    let ethernet = try EthernetFrame(parsing: frame)
    guard ethernet.vlanID == 0 else { return nil }
    let payload = frame.extracting(ethernet.byteCount..<frame.count)
    switch ethernet.etherType {
    case .arp:
      guard let claim = AddressClaim(try ARPPacket(parsing: payload)) else { return nil }
      self = claim
    case .ipv6:
      guard let claim = try Self.claim(inIPv6: payload, from: ethernet.source) else { return nil }
      self = claim
    default:
      return nil
    }
    guard mac.rawValue != 0, !mac.isMulticast else { return nil }
  }

  private init?(_ packet: ARPPacket) {
    mac = packet.senderMAC
    switch packet.kind {
    case .announcement: form = .announcement
    case .request: form = .request
    case .reply: form = .reply
    case .probe: form = .probe
    case .other: return nil
    }
    let claimed = form == .probe ? packet.targetAddress : packet.senderAddress
    guard !claimed.isUnspecified else { return nil }
    address = .v4(claimed)
  }

  private static func claim(
    inIPv6 packet: Span<UInt8>, from sender: MACAddress
  ) throws(WireError) -> AddressClaim? {
    guard let header = IPHeader(parsing: packet), packet.count > header.byteCount,
      header.protocolNumber == IPProtocolNumber.icmpv6
    else { return nil }
    switch packet[header.byteCount + NeighborDiscovery.Offset.type] {
    case NeighborAdvertisement.type:
      let message = try NeighborAdvertisement(parsing: packet)
      return AddressClaim(
        address: .v6(message.target), mac: message.targetLinkLayerAddress ?? sender,
        form: message.isAnnouncement ? .announcement : .reply)
    case NeighborSolicitation.type:
      let message = try NeighborSolicitation(parsing: packet)
      guard message.isProbe else { return nil }
      return AddressClaim(address: .v6(message.target), mac: sender, form: .probe)
    default:
      return nil
    }
  }
}
