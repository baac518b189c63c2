import ARP
import VIPCore
import VRRP

/// An advertisement as a whole Ethernet frame.
///
/// It leaves by the router's own interface with the virtual MAC address as its source (RFC 9568
/// §7.3), also before the macvlan with that address is switched on: this frame is what moves the
/// switch's table.
enum AdvertisementFrame {
  /// Puts the Ethernet and IP headers before a message.
  static func encoded(
    _ message: [UInt8], from source: IPAddress, to group: IPAddress, at mac: MACAddress
  ) -> [UInt8] {
    var packet = FarewellPacket.encoded(message, from: source, to: group)
    let destination: MACAddress
    switch group {
    case .v4(let group):
      // RFC 1112 §6.4: the last 23 bits of the group.
      destination = MACAddress(
        rawValue: 0x0100_5E00_0000 | UInt64(group.rawValue & 0x7F_FFFF))
      // Nothing to put together again, so that the identification means nothing (RFC 6864 §4).
      packet[6] = 0x40
      var checksum = InternetChecksum()
      checksum.add(packet.span.extracting(first: 20))
      let value = checksum.value
      packet[10] = UInt8(value >> 8)
      packet[11] = UInt8(value & 0xFF)
    case .v6(let group):
      destination = .multicast(for: group)
    }
    let header = EthernetFrame(
      destination: destination, source: mac, etherType: source.family == .ipv4 ? .ipv4 : .ipv6)
    return [UInt8](capacity: header.byteCount + packet.count) { output in
      header.encode(into: &output)
      for byte in packet { output.append(byte) }
    }
  }
}
