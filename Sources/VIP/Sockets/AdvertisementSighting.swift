import ARP
import VIPCore

/// An advertisement as it is seen on the interface, before the kernel decides whether to deliver
/// it.
///
/// Only what tells which machine advertises for which group is read; whether the message is sound
/// is for the socket's side to judge.
struct AdvertisementSighting {
  let source: IPAddress
  let destination: IPAddress
  let mac: MACAddress
  /// The VRID as the message says it.
  let vrid: UInt8

  /// Reads an Ethernet frame; `nil` if it carries no advertisement.
  init?(parsing frame: Span<UInt8>) {
    guard let ethernet = try? EthernetFrame(parsing: frame), ethernet.vlanID == 0,
      ethernet.etherType == .ipv4 || ethernet.etherType == .ipv6
    else { return nil }
    let packet = frame.extracting(ethernet.byteCount..<frame.count)
    guard let header = IPHeader(parsing: packet), header.protocolNumber == IPProtocolNumber.vrrp,
      !header.isFragment, header.byteCount >= IPHeader.byteCount(header.source.family),
      packet.count > header.byteCount + 1
    else { return nil }
    source = header.source
    destination = header.destination
    mac = ethernet.source
    vrid = packet[header.byteCount + 1]
  }
}
