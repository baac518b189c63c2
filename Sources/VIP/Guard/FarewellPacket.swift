import VIPCore
import VRRP

/// An advertisement as a whole IP packet, for a socket that adds nothing to what it sends.
enum FarewellPacket {
  /// Puts the IP header of an advertisement before it (RFC 9568 §5.1).
  ///
  /// The kernel fills in the checksum of an IPv4 header.
  static func encoded(
    _ message: [UInt8], from source: IPAddress, to destination: IPAddress
  ) -> [UInt8] {
    let headerByteCount = source.family == .ipv4 ? 20 : 40
    return [UInt8](capacity: headerByteCount + message.count) { output in
      switch source {
      case .v4:
        output.append(0x45)
        output.append(0xC0)  // network control
        output.append(bigEndian: UInt16(truncatingIfNeeded: headerByteCount + message.count))
        output.append(bigEndian: UInt32(0))  // identification and fragment: the kernel's business
        output.append(Advertisement.hopLimit)
        output.append(Advertisement.protocolNumber)
        output.append(bigEndian: UInt16(0))
      case .v6:
        output.append(bigEndian: UInt32(0x6C00_0000))  // version and network control
        output.append(bigEndian: UInt16(truncatingIfNeeded: message.count))
        output.append(Advertisement.protocolNumber)
        output.append(Advertisement.hopLimit)
      }
      output.append(source)
      output.append(destination)
      for byte in message { output.append(byte) }
    }
  }
}
