package import VIPCore
import VRRP

extension IPHeader {
  /// The header of an advertisement (RFC 9568 §5.1).
  init(
    ofAdvertisement message: [UInt8], from source: IPAddress, to destination: IPAddress,
    isFragmentable: Bool = true
  ) {
    self.init(
      source: source, destination: destination, protocolNumber: Advertisement.protocolNumber,
      payloadByteCount: message.count, hopLimit: Advertisement.hopLimit,
      trafficClass: Self.networkControl, isFragmentable: isFragmentable)
  }
}

/// An advertisement as a whole IP packet, for a socket that adds nothing to what it sends.
package enum AdvertisementPacket {
  /// Puts the IP header of an advertisement before it.
  package static func encoded(
    _ message: [UInt8], from source: IPAddress, to destination: IPAddress
  ) -> [UInt8] {
    let header = IPHeader(ofAdvertisement: message, from: source, to: destination)
    return [UInt8](capacity: header.totalByteCount) { output in
      header.encode(into: &output)
      for byte in message { output.append(byte) }
    }
  }
}
