import ARP
import VIPCore
import VRRP

/// A frame that says something about the holder of an address, taken apart but not yet judged.
struct SegmentPacket: Sendable {
  /// A message of VRRP, whatever its state.
  struct Message: Sendable {
    var source: IPAddress
    var destination: IPAddress
    /// The bytes after the IP header.
    var bytes: [UInt8]
    /// The advertisement in it, or the reason why it is none to act upon.
    var result: Result<Advertisement, AdvertisementError>
    /// The addresses it lists, if it is sound.
    var addresses: [IPAddress] = []
    /// The reason why not even VRRP gets to see it.
    var damage: Damage?
    /// Whether an Authentication Header came before it.
    var isBehindAuthenticationHeader = false

    /// Number of bytes after the last address (and version 2's authentication data).
    var trailingByteCount: Int {
      guard case .success(let advertisement) = result else { return 0 }
      let length = Advertisement.byteCount(
        addresses: advertisement.addressCount, family: advertisement.family,
        version: advertisement.version)
      return bytes.count - length
    }
  }

  /// Damage of an IP packet that keeps its content from counting.
  enum Damage: Sendable, Hashable {
    /// The header is shorter or the packet longer than what is there.
    case truncated
    /// The checksum of the IPv4 header is wrong.
    case headerChecksum
    /// A part of a packet only.
    case fragment
  }

  enum Content: Sendable {
    case vrrp(Message)
    /// A statement about an address, and the packet in words.
    case claim(AddressClaim, String)
    /// An ARP or Neighbor Discovery message that can't be believed.
    case damaged(String, WireError)
  }

  var ethernet: EthernetFrame
  var content: Content

  /// Takes a frame apart; `nil` if it has nothing to do with addresses and their holders.
  init?(_ frame: Span<UInt8>) {
    guard let ethernet = try? EthernetFrame(parsing: frame) else { return nil }
    self.ethernet = ethernet
    let payload = frame.extracting(ethernet.byteCount..<frame.count)
    switch ethernet.etherType {
    case .arp:
      guard let content = Self.arp(ethernet, payload) else { return nil }
      self.content = content
    case .ipv4:
      guard let message = Self.ipv4(payload) else { return nil }
      content = .vrrp(message)
    case .ipv6:
      guard let content = Self.ipv6(ethernet, payload) else { return nil }
      self.content = content
    default:
      return nil
    }
  }

  // MARK: Claims

  private static func arp(_ ethernet: EthernetFrame, _ payload: Span<UInt8>) -> Content? {
    do throws(WireError) {
      let packet = try ARPPacket(parsing: payload)
      guard let claim = try claim(ethernet, payload) else { return nil }
      return .claim(claim, "ARP \(packet.description)")
    } catch {
      return .damaged("ARP", error)
    }
  }

  private static func neighbor(
    _ ethernet: EthernetFrame, _ payload: Span<UInt8>, type: UInt8
  ) -> Content? {
    let isAdvertisement = type == 136
    do throws(WireError) {
      guard let claim = try claim(ethernet, payload) else { return nil }
      let text =
        isAdvertisement
        ? try NeighborAdvertisement(parsing: payload).description
        : try NeighborSolicitation(parsing: payload).description
      return .claim(claim, text)
    } catch {
      return .damaged("neighbor \(isAdvertisement ? "advertisement" : "solicitation")", error)
    }
  }

  /// The claim of a payload, whichever VLAN it came from.
  private static func claim(
    _ ethernet: EthernetFrame, _ payload: Span<UInt8>
  ) throws(WireError) -> AddressClaim? {
    var header = ethernet
    header.tag = nil
    let frame = [UInt8](capacity: header.byteCount + payload.count) { output in
      header.encode(into: &output)
      for index in payload.indices { output.append(payload[index]) }
    }
    return try AddressClaim(parsing: frame.span)
  }

  // MARK: VRRP

  /// Whether a header carries VRRP, perhaps behind an Authentication Header.
  private static func mayCarryVRRP(_ header: IPHeader) -> Bool {
    header.protocolNumber == Advertisement.protocolNumber
      || header.protocolNumber == IPProtocolNumber.authenticationHeader
  }

  private static func ipv4(_ packet: Span<UInt8>) -> Message? {
    guard let header = IPHeader(parsing: packet), header.source.family == .ipv4,
      mayCarryVRRP(header)
    else { return nil }
    var damage: Damage?
    if header.payload(in: packet) == nil {
      damage = .truncated
    } else if header.isFragment {
      damage = .fragment
    } else if !header.isChecksumSound(in: packet) {
      damage = .headerChecksum
    }
    // What there is of a damaged packet is shown, too.
    let end = min(max(header.totalByteCount, 20), packet.count)
    let start = min(max(header.byteCount, 20), end)
    return message(packet.extracting(start..<end), header, damage)
  }

  private static func ipv6(_ ethernet: EthernetFrame, _ packet: Span<UInt8>) -> Content? {
    guard let header = IPHeader(parsing: packet), header.source.family == .ipv6 else {
      return nil
    }
    let start = header.byteCount
    if header.protocolNumber == IPProtocolNumber.icmpv6 {
      guard packet.count > start, packet[start] == 135 || packet[start] == 136 else { return nil }
      return neighbor(ethernet, packet, type: packet[start])
    }
    guard mayCarryVRRP(header) else { return nil }
    let damage: Damage? = header.payload(in: packet) == nil ? .truncated : nil
    let end = min(header.totalByteCount, packet.count)
    return message(packet.extracting(start..<end), header, damage).map { .vrrp($0) }
  }

  private static func message(
    _ payload: Span<UInt8>, _ header: IPHeader, _ damage: Damage?
  ) -> Message? {
    let (source, destination) = (header.source, header.destination)
    var start = 0
    if header.protocolNumber == IPProtocolNumber.authenticationHeader {
      // RFC 4302 §2: next header, then the length in words of four bytes, minus two.
      guard payload.count >= 12, payload[0] == Advertisement.protocolNumber else { return nil }
      start = min((Int(payload[1]) + 2) * 4, payload.count)
    }
    let content = payload.extracting(start..<payload.count)
    let bytes = [UInt8](capacity: content.count) { output in
      for index in content.indices { output.append(content[index]) }
    }
    var message = Message(
      source: source, destination: destination, bytes: bytes, result: .failure(.length(0)),
      damage: damage, isBehindAuthenticationHeader: start > 0)
    do throws(AdvertisementError) {
      let advertisement = try Advertisement(
        parsing: content, from: source, to: destination, hopLimit: header.hopLimit)
      message.result = .success(advertisement)
      message.addresses = advertisement.addresses(in: content)
    } catch {
      message.result = .failure(error)
    }
    return message
  }
}
