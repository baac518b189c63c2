public import VIPCore

/// A Neighbor Advertisement (RFC 4861 §4.4) with its IPv6 header, the payload of a frame of type
/// 0x86dd.
public struct NeighborAdvertisement: Sendable, Hashable {
  private enum Flag {
    static let router: UInt32 = 0x8000_0000
    static let solicited: UInt32 = 0x4000_0000
    static let override: UInt32 = 0x2000_0000
  }
  static let type: UInt8 = 136
  /// The Target Link-Layer Address option (RFC 4861 §4.6.1).
  private static let targetLinkLayerAddressOption: UInt8 = 2

  /// The IPv6 source, an address of the sender's interface.
  public var source: IPv6Address
  /// The IPv6 destination; all nodes if it is no answer.
  public var destination: IPv6Address
  /// The sender forwards packets.
  ///
  /// Hosts drop a default router that says it no longer does.
  public var isRouter: Bool
  /// An answer to a solicitation: it confirms that the target can be reached.
  public var isSolicited: Bool
  /// The link-layer address replaces the one a receiver knows.
  public var isOverride: Bool
  /// The address this is about.
  public var target: IPv6Address
  /// The link-layer address of the target; may be left out of an answer to a unicast solicitation.
  public var targetLinkLayerAddress: MACAddress?

  /// Makes an advertisement from its fields.
  public init(
    source: IPv6Address, destination: IPv6Address, isRouter: Bool, isSolicited: Bool,
    isOverride: Bool, target: IPv6Address, targetLinkLayerAddress: MACAddress?
  ) {
    self.source = source
    self.destination = destination
    self.isRouter = isRouter
    self.isSolicited = isSolicited
    self.isOverride = isOverride
    self.target = target
    self.targetLinkLayerAddress = targetLinkLayerAddress
  }

  /// "This address is mine, at this Ethernet address", said unasked to all nodes on the link
  /// (RFC 4861 §7.2.6).
  ///
  /// Sent from the address itself and with the override flag: without it, receivers keep the
  /// Ethernet address they know.
  public static func announcement(
    of address: IPv6Address, from mac: MACAddress, isRouter: Bool = false
  ) -> NeighborAdvertisement {
    NeighborAdvertisement(
      source: address, destination: .allNodes, isRouter: isRouter, isSolicited: false,
      isOverride: true, target: address, targetLinkLayerAddress: mac)
  }

  /// Whether the sender tells all nodes where the target is now.
  public var isAnnouncement: Bool { !isSolicited && isOverride && targetLinkLayerAddress != nil }

  /// Reads an IPv6 packet and makes all checks of RFC 4861 §7.1.2; bytes after it are the frame's
  /// padding.
  public init(parsing packet: Span<UInt8>) throws(WireError) {
    let envelope = try NeighborDiscovery.checkedEnvelope(of: packet, type: Self.type)
    let message = packet.extracting(envelope.message)
    source = envelope.source
    destination = envelope.destination
    let flags = message.uint32(at: NeighborDiscovery.Offset.flags)
    isRouter = flags & Flag.router != 0
    isSolicited = flags & Flag.solicited != 0
    isOverride = flags & Flag.override != 0
    target = message.ipv6Address(at: NeighborDiscovery.Offset.target)
    guard !(isSolicited && destination.isMulticast) else {
      throw .invalid(.solicitedFlag, found: 1)
    }
    targetLinkLayerAddress = try NeighborDiscovery.linkLayerAddress(
      option: Self.targetLinkLayerAddressOption, in: message)
  }

  /// Size of the packet that ``encode(into:)`` writes, in bytes.
  public var byteCount: Int {
    NeighborDiscovery.ipv6HeaderByteCount + NeighborDiscovery.messageByteCount
      + (targetLinkLayerAddress == nil ? 0 : NeighborDiscovery.addressOptionByteCount)
  }

  /// Writes the IPv6 packet, ``byteCount`` bytes.
  public func encode(into output: inout OutputSpan<UInt8>) {
    let flags =
      (isRouter ? Flag.router : 0) | (isSolicited ? Flag.solicited : 0)
      | (isOverride ? Flag.override : 0)
    NeighborDiscovery.encode(
      type: Self.type, flags: flags, source: source, destination: destination, target: target,
      option: Self.targetLinkLayerAddressOption, linkLayerAddress: targetLinkLayerAddress,
      into: &output)
  }
}

extension NeighborAdvertisement: CustomStringConvertible {
  /// Target, place and flags.
  public var description: String {
    let flags = [(isRouter, "router"), (isSolicited, "solicited"), (isOverride, "override")]
      .filter(\.0).map(\.1).joined(separator: ", ")
    let place = targetLinkLayerAddress.map { " is at \($0)" } ?? " is here"
    return "neighbor advertisement: \(target)\(place)" + (flags.isEmpty ? "" : " (\(flags))")
  }
}
