public import VIPCore
import VRRP

/// A capture file in memory (pcap, nanoseconds, Ethernet): what a simulation sent, for Wireshark.
public struct PacketCapture: Sendable, Hashable {
  /// The whole file.
  public private(set) var bytes: [UInt8]

  /// An empty capture: the file header only.
  public init() {
    bytes = []
    append32(0xA1B2_3C4D)  // nanosecond timestamps, in this byte order
    append32(2 | 4 << 16)  // version 2.4
    append32(0)
    append32(0)
    append32(65535)
    append32(1)  // Ethernet
  }

  /// Adds an advertisement as it looks on the wire, sent from its virtual router MAC address.
  public mutating func append(
    _ message: [UInt8], from source: IPAddress, to destination: IPAddress, at time: Instant
  ) {
    let frame = Self.frame(message, from: source, to: destination)
    append32(UInt32(truncatingIfNeeded: time.nanoseconds / 1_000_000_000))
    append32(UInt32(time.nanoseconds % 1_000_000_000))
    append32(UInt32(frame.count))
    append32(UInt32(frame.count))
    bytes += frame
  }

  /// The Ethernet frame of an advertisement.
  static func frame(
    _ message: [UInt8], from source: IPAddress, to destination: IPAddress
  ) -> [UInt8] {
    let vrid = message.count > 1 ? UInt64(message[1]) : 0
    let isIPv4 = source.family == .ipv4
    let sender = MACAddress(rawValue: (isIPv4 ? 0x5E_0001_00 : 0x5E_0002_00) | vrid)
    let header = IPHeader(
      source: source, destination: destination, protocolNumber: Advertisement.protocolNumber,
      payloadByteCount: message.count, hopLimit: Advertisement.hopLimit,
      trafficClass: IPHeader.networkControl)
    return [UInt8](capacity: 14 + header.totalByteCount) { output in
      output.append(MACAddress(rawValue: isIPv4 ? 0x0100_5E00_0012 : 0x3333_0000_0012))
      output.append(sender)
      output.append(bigEndian: UInt16(isIPv4 ? 0x0800 : 0x86DD))
      header.encode(into: &output)
      for byte in message { output.append(byte) }
    }
  }

  private mutating func append32(_ value: UInt32) {
    for shift in stride(from: UInt32(0), to: 32, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: value >> shift))
    }
  }
}
