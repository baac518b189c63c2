public import VIPCore

/// The Ethernet frame that asks a segment whether a machine has an address, without claiming it.
///
/// For IPv4 an ARP probe (RFC 5227 §2.1.1), for IPv6 a Neighbor Solicitation from `::` as in
/// duplicate address detection (RFC 4862 §5.4.2). The holder answers an ARP probe to the frame's
/// source and a solicitation from `::` to all nodes, whose caches then name it. A solicitation from
/// an address of the asking machine is answered to that alone.
public struct AddressProbe: Sendable, Hashable {
  private static let ipv4ByteCount = EthernetFrame.headerByteCount + ARPPacket.byteCount

  /// The address in question.
  public let address: IPAddress
  /// The Ethernet address that asks.
  public let mac: MACAddress
  /// IPv6: the address that asks; `nil` is `::`.
  public let source: IPv6Address?

  /// Makes a probe.
  ///
  /// - Parameters:
  ///   - address: the address in question.
  ///   - mac: the Ethernet address that asks.
  ///   - source: IPv6: the address that asks, to which alone the answer then goes; `::` if left
  ///     out.
  public init(_ address: IPAddress, from mac: MACAddress, at source: IPv6Address? = nil) {
    self.address = address
    self.mac = mac
    self.source = source
  }

  /// Size of the frame, in bytes, without the padding that the device adds.
  public var byteCount: Int {
    switch address {
    case .v4: Self.ipv4ByteCount
    case .v6(let address): EthernetFrame.headerByteCount + solicitation(for: address).byteCount
    }
  }

  private func solicitation(for address: IPv6Address) -> NeighborSolicitation {
    var solicitation = NeighborSolicitation.probe(for: address)
    if let source {
      solicitation.source = source
      solicitation.sourceLinkLayerAddress = mac
    }
    return solicitation
  }

  /// Writes the frame, ``byteCount`` bytes.
  public func encode(into output: inout OutputSpan<UInt8>) {
    switch address {
    case .v4(let address):
      EthernetFrame(destination: .broadcast, source: mac, etherType: .arp).encode(into: &output)
      ARPPacket.probe(for: address, from: mac).encode(into: &output)
    case .v6(let address):
      let solicitation = solicitation(for: address)
      EthernetFrame(
        destination: .multicast(for: solicitation.destination), source: mac, etherType: .ipv6
      ).encode(into: &output)
      solicitation.encode(into: &output)
    }
  }

  /// The frame as an array.
  public func encodeFrame() -> [UInt8] {
    [UInt8](capacity: byteCount) { encode(into: &$0) }
  }
}

extension FrameTransport {
  /// Sends a probe.
  ///
  /// Equivalent to: `arping -D -c 1 -I IF ADDRESS`, `ndisc6 -1 -r 1 ADDRESS IF`.
  public func send(_ probe: AddressProbe) throws(FrameError) {
    try send(probe.encodeFrame().span)
  }
}
