public import VIPCore

/// A Neighbor Solicitation (RFC 4861 §4.3) with its IPv6 header.
///
/// Of interest here is the one that asks whether an address is free (RFC 4862 §5.4): its sender is
/// `::`, so it is to IPv6 what a probe is to ARP.
public struct NeighborSolicitation: Sendable, Hashable {
  static let type: UInt8 = 135
  /// The Source Link-Layer Address option (RFC 4861 §4.6.1).
  private static let sourceLinkLayerAddressOption: UInt8 = 1

  /// The IPv6 source; `::` in a probe.
  public var source: IPv6Address
  /// The IPv6 destination, mostly the target's solicited-node group.
  public var destination: IPv6Address
  /// The address in question.
  public var target: IPv6Address
  /// The link-layer address of the sender; never in a probe.
  public var sourceLinkLayerAddress: MACAddress?

  /// Makes a solicitation from its fields.
  public init(
    source: IPv6Address, destination: IPv6Address, target: IPv6Address,
    sourceLinkLayerAddress: MACAddress?
  ) {
    self.source = source
    self.destination = destination
    self.target = target
    self.sourceLinkLayerAddress = sourceLinkLayerAddress
  }

  /// Asks whether a machine has this address, without claiming any (RFC 4862 §5.4.2).
  public static func probe(for address: IPv6Address) -> NeighborSolicitation {
    NeighborSolicitation(
      source: .any, destination: solicitedNodeGroup(of: address), target: address,
      sourceLinkLayerAddress: nil)
  }

  /// The group that the holder of an address listens to, `ff02::1:ff00:0/104` and the address's
  /// last 24 bits (RFC 4291 §2.7.1).
  public static func solicitedNodeGroup(of address: IPv6Address) -> IPv6Address {
    IPv6Address(high: 0xFF02 << 48, low: 0x1_FF00_0000 | address.low & 0xFF_FFFF)
  }

  /// Whether the sender asks if an address is free.
  public var isProbe: Bool { source.isUnspecified }

  /// Reads an IPv6 packet and makes all checks of RFC 4861 §7.1.1; bytes after it are the frame's
  /// padding.
  public init(parsing packet: Span<UInt8>) throws(WireError) {
    let envelope = try NeighborDiscovery.checkedEnvelope(of: packet, type: Self.type)
    let message = packet.extracting(envelope.message)
    source = envelope.source
    destination = envelope.destination
    target = message.ipv6Address(at: NeighborDiscovery.Offset.target)
    sourceLinkLayerAddress = try NeighborDiscovery.linkLayerAddress(
      option: Self.sourceLinkLayerAddressOption, in: message)
    guard source.isUnspecified else { return }
    // RFC 4861 §7.1.1: from `::` only to a solicited-node group, and without the option.
    guard destination.high == 0xFF02 << 48, destination.low >> 24 == 0x1FF,
      sourceLinkLayerAddress == nil
    else { throw .malformedProbe }
  }

  /// Size of the packet that ``encode(into:)`` writes, in bytes.
  public var byteCount: Int {
    NeighborDiscovery.ipv6HeaderByteCount + NeighborDiscovery.messageByteCount
      + (sourceLinkLayerAddress == nil ? 0 : NeighborDiscovery.addressOptionByteCount)
  }

  /// Writes the IPv6 packet, ``byteCount`` bytes.
  public func encode(into output: inout OutputSpan<UInt8>) {
    NeighborDiscovery.encode(
      type: Self.type, flags: 0, source: source, destination: destination, target: target,
      option: Self.sourceLinkLayerAddressOption, linkLayerAddress: sourceLinkLayerAddress,
      into: &output)
  }
}

extension NeighborSolicitation: CustomStringConvertible {
  /// The target and the sender.
  public var description: String {
    "neighbor solicitation: who has \(target)? " + (isProbe ? "(probe)" : "tell \(source)")
  }
}
