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
    let ethernet = EthernetFrame(
      destination: destination(of: group), source: mac,
      etherType: source.family == .ipv4 ? .ipv4 : .ipv6)
    let header = IPHeader(
      ofAdvertisement: message, from: source, to: group, isFragmentable: false)
    return [UInt8](capacity: ethernet.byteCount + header.totalByteCount) { output in
      ethernet.encode(into: &output)
      header.encode(into: &output)
      for byte in message { output.append(byte) }
    }
  }

  /// The Ethernet address to which a packet goes without a neighbour entry being asked for: the
  /// group's, and for a single machine the one of all machines, which take in what is for them.
  static func destination(of address: IPAddress) -> MACAddress {
    switch address {
    // RFC 1112 §6.4: the last 23 bits of the group.
    case .v4(let group) where address.isMulticast:
      MACAddress(rawValue: 0x0100_5E00_0000 | UInt64(group.rawValue & 0x7F_FFFF))
    case .v4: .broadcast
    case .v6(let group) where address.isMulticast: .multicast(for: group)
    case .v6: MACAddress(rawValue: 0x3333_0000_0001)
    }
  }
}
