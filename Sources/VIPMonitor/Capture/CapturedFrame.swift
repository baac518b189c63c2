public import VIPCore

/// A frame of a capture.
public struct CapturedFrame: Sendable, Hashable {
  /// The time when it was captured: nanoseconds since 1970, or since whatever the capture counts
  /// from.
  public let time: Instant
  /// Its bytes, from the Ethernet header on.
  public let bytes: [UInt8]
  /// The length that it had on the wire; more than `bytes` if the capture cut it.
  public let originalLength: Int

  /// Makes a frame.
  public init(time: Instant, bytes: [UInt8], originalLength: Int? = nil) {
    self.time = time
    self.bytes = bytes
    self.originalLength = originalLength ?? bytes.count
  }
}

/// A fault of a capture file.
public enum CaptureFileError: Error, Sendable, Hashable {
  /// The file does not begin like a capture.
  case notACapture
  /// The frames are of a link that has no Ethernet addresses; the number is libpcap's LINKTYPE.
  case linkType(UInt32)
  /// A packet, counted from 1, claims an impossible size.
  case oversized(packet: Int, byteCount: UInt32)
  /// A block of a pcapng file is malformed; its offset in the file.
  case malformedBlock(offset: Int)
  /// The file ends within a packet: it is still being written, or was cut.
  case cut(afterPackets: Int)
}

extension CaptureFileError: CustomStringConvertible {
  /// The fault and what to do about it.
  public var description: String {
    switch self {
    case .notACapture:
      "this is no capture file; give one that tcpdump or Wireshark wrote"
    case .linkType(let number):
      "captured on link type \(number), which is no Ethernet; capture on an Ethernet interface"
    case .oversized(let packet, let byteCount):
      "packet \(packet) claims to have \(byteCount) bytes; the file is damaged"
    case .malformedBlock(let offset):
      "the block at byte \(offset) is malformed; the file is damaged"
    case .cut(let count):
      "the file ends within a packet, after \(count) whole ones; it was cut or is still written"
    }
  }
}

/// The kind of link that frames were captured on.
enum LinkType: UInt32, Sendable {
  case ethernet = 1
  /// Linux "cooked" capture, what `tcpdump -i any` writes.
  case linuxCooked = 113
  case linuxCooked2 = 276

  /// The frame in the form of Ethernet; a cooked one has lost its destination.
  func ethernetFrame(_ packet: ArraySlice<UInt8>) -> [UInt8] {
    let (header, type, address) =
      switch self {
      case .ethernet: (0, 0, 0)
      case .linuxCooked: (16, 14, 6)
      case .linuxCooked2: (20, 0, 12)
      }
    guard self != .ethernet else { return Array(packet) }
    // Too short for its header: nothing of it can be told, and a decoder says so.
    guard packet.count >= header else { return [] }
    let start = packet.startIndex
    var frame = [UInt8](repeating: 0, count: 6)
    frame += packet[(start + address)..<(start + address + 6)]
    frame += packet[(start + type)..<(start + type + 2)]
    frame += packet[(start + header)...]
    return frame
  }
}
