import ARP
import VIPCore
import VRRP

/// A frame that says something about who holds an address, taken apart but not yet judged.
struct SegmentPacket: Sendable {
  /// A message of VRRP, whatever its state.
  struct Message: Sendable {
    var source: IPAddress
    var destination: IPAddress
    /// What followed the IP header.
    var bytes: [UInt8]
    /// What it says, or why it is none to act upon.
    var result: Result<Advertisement, AdvertisementError>
    /// The addresses it lists, if it is sound.
    var addresses: [IPAddress] = []
    /// Why not even VRRP gets to see it.
    var damage: Damage?
    /// Whether an Authentication Header came before it.
    var isBehindAuthenticationHeader = false

    /// How many bytes follow the last address (and version 2's authentication data).
    var trailingByteCount: Int {
      guard case .success(let advertisement) = result else { return 0 }
      let length = Advertisement.byteCount(
        addresses: advertisement.addressCount, family: advertisement.family,
        version: advertisement.version)
      return bytes.count - length
    }
  }

  /// What is wrong with an IP packet before its content counts.
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

  private static let authenticationHeader: UInt8 = 51

  private static func ipv4(_ packet: Span<UInt8>) -> Message? {
    guard packet.count >= 20, packet[0] >> 4 == 4 else { return nil }
    let type = packet[9]
    guard type == Advertisement.protocolNumber || type == authenticationHeader else { return nil }
    let headerLength = Int(packet[0] & 0x0F) * 4
    let total = Int(packet.uint16(at: 2))
    var damage: Damage?
    if headerLength < 20 || total < headerLength || total > packet.count {
      damage = .truncated
    } else if packet.uint16(at: 6) & 0x3FFF != 0 {
      damage = .fragment
    } else {
      var sum = InternetChecksum()
      sum.add(packet.extracting(..<headerLength))
      if !sum.isZero { damage = .headerChecksum }
    }
    let end = min(max(total, 20), packet.count)
    return message(
      packet.extracting(min(max(headerLength, 20), end)..<end), type: type, damage: damage,
      from: .v4(packet.ipv4Address(at: 12)), to: .v4(packet.ipv4Address(at: 16)),
      hopLimit: packet[8])
  }

  private static func ipv6(_ ethernet: EthernetFrame, _ packet: Span<UInt8>) -> Content? {
    guard packet.count >= 40, packet[0] >> 4 == 6 else { return nil }
    let type = packet[6]
    if type == 58 {
      guard packet.count > 40, packet[40] == 135 || packet[40] == 136 else { return nil }
      return neighbor(ethernet, packet, type: packet[40])
    }
    guard type == Advertisement.protocolNumber || type == authenticationHeader else { return nil }
    let end = 40 + Int(packet.uint16(at: 4))
    return message(
      packet.extracting(40..<min(end, packet.count)), type: type,
      damage: end > packet.count ? .truncated : nil, from: .v6(packet.ipv6Address(at: 8)),
      to: .v6(packet.ipv6Address(at: 24)), hopLimit: packet[7]
    ).map { .vrrp($0) }
  }

  private static func message(
    _ payload: Span<UInt8>, type: UInt8, damage: Damage?, from source: IPAddress,
    to destination: IPAddress, hopLimit: UInt8
  ) -> Message? {
    var start = 0
    if type == authenticationHeader {
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
        parsing: content, from: source, to: destination, hopLimit: hopLimit)
      message.result = .success(advertisement)
      message.addresses = advertisement.addresses(in: content)
    } catch {
      message.result = .failure(error)
    }
    return message
  }
}
