import VIPCore
import VRRP

/// The advertisements of a virtual router as they go out, encoded only when something in them has
/// changed.
struct OutgoingMessages {
  /// A message and where it goes.
  typealias Message = (destination: IPAddress, bytes: [UInt8])

  /// The addresses that advertisements list: as many as fit into one packet.
  private(set) var listedAddresses: [IPAddress] = []
  private var messages: [Message] = []
  private var frame: [UInt8] = []
  /// The sources from which they were encoded; `nil` if they are to be encoded again.
  private var encoded: (advertisement: Advertisement, source: IPAddress)?

  /// Lists other addresses from now on.
  mutating func list(_ addresses: [IPAddress]) {
    listedAddresses = addresses
    encoded = nil
  }

  /// Encodes the next messages again, whatever is in them.
  mutating func forget() { encoded = nil }

  /// The messages to send, one for each destination.
  ///
  /// - Parameters:
  ///   - advertisement: what they say.
  ///   - source: the address they are sent from.
  ///   - destinations: where they go; after a change of these ``forget()`` comes first.
  /// - Returns: the same as before if nothing has changed.
  mutating func messages(
    _ advertisement: Advertisement, from source: IPAddress,
    to destinations: @autoclosure () -> [IPAddress]
  ) -> [Message] {
    if let encoded, encoded.advertisement == advertisement, encoded.source == source {
      return messages
    }
    messages = destinations().map { destination in
      (destination, advertisement.encoded(listedAddresses, from: source, to: destination))
    }
    encoded = (advertisement, source)
    frame = []
    return messages
  }

  /// The first message as a frame with a virtual MAC address.
  mutating func frame(
    _ advertisement: Advertisement, from source: IPAddress,
    to destinations: @autoclosure () -> [IPAddress], at mac: MACAddress
  ) -> [UInt8] {
    let messages = messages(advertisement, from: source, to: destinations())
    if frame.isEmpty, let (group, message) = messages.first {
      frame = AdvertisementFrame.encoded(message, from: source, to: group, at: mac)
    }
    return frame
  }
}
