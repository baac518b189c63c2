public import VIPCore

/// The Ethernet frame that tells a segment where an address is from now on.
///
/// For IPv4 an ARP announcement (RFC 5227 §2.3), for IPv6 an unsolicited Neighbor Advertisement to
/// all nodes (RFC 4861 §7.2.6). The frame's source is the announced Ethernet address too, so that
/// the switches on the way learn its new port from the same frame.
public struct Announcement: Sendable, Hashable {
  /// Size of the longest frame, in bytes.
  public static let maximumByteCount = ipv6ByteCount
  private static let ipv4ByteCount = EthernetFrame.headerByteCount + ARPPacket.byteCount
  private static let ipv6ByteCount = 86

  /// The address that is announced.
  public let address: IPAddress
  /// The link-layer address that it is announced at.
  public let mac: MACAddress
  /// Whether its holder forwards packets; only IPv6 says so.
  public let isRouter: Bool

  /// Makes an announcement.
  ///
  /// - Parameters:
  ///   - address: the address that moved.
  ///   - mac: where it is now: the virtual router's Ethernet address, or the interface's.
  ///   - isRouter: set it on a node that forwards IPv6. Hosts that have the address as their
  ///     default router drop it when its holder says that it is none (RFC 4861 §7.2.5).
  public init(_ address: IPAddress, at mac: MACAddress, isRouter: Bool = false) {
    self.address = address
    self.mac = mac
    self.isRouter = isRouter
  }

  /// Size of the frame, in bytes, without the padding that the device adds.
  public var byteCount: Int {
    address.family == .ipv4 ? Self.ipv4ByteCount : Self.ipv6ByteCount
  }

  /// Writes the frame, ``byteCount`` bytes.
  public func encode(into output: inout OutputSpan<UInt8>) {
    switch address {
    case .v4(let address):
      EthernetFrame(destination: .broadcast, source: mac, etherType: .arp).encode(into: &output)
      ARPPacket.announcement(of: address, from: mac).encode(into: &output)
    case .v6(let address):
      EthernetFrame(
        destination: .multicast(for: .allNodes), source: mac, etherType: .ipv6
      ).encode(into: &output)
      NeighborAdvertisement.announcement(of: address, from: mac, isRouter: isRouter)
        .encode(into: &output)
    }
  }

  /// The frame as an array.
  public func encodeFrame() -> [UInt8] {
    [UInt8](capacity: byteCount) { encode(into: &$0) }
  }
}

extension FrameTransport {
  /// Sends an announcement, without allocating memory.
  ///
  /// Equivalent to: `arping -U -c 1 -I IF ADDRESS`, `ndsend ADDRESS IF`.
  public func send(_ announcement: Announcement) throws(FrameError) {
    switch announcement.address {
    case .v4:
      let frame = InlineArray<42, UInt8> { announcement.encode(into: &$0) }
      try send(frame.span)
    case .v6:
      let frame = InlineArray<86, UInt8> { announcement.encode(into: &$0) }
      try send(frame.span)
    }
  }
}
