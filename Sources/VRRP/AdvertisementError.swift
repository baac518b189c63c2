/// A reason not to act upon a received message.
///
/// Each case belongs to one statistics counter of RFC 8347; see ``Statistics`` and
/// ``SegmentStatistics``.
public enum AdvertisementError: Error, Sendable, Hashable {
  /// The TTL or hop limit is not 255: the packet crossed a router (RFC 9568 §7.1).
  case hopLimit(UInt8)
  /// The message is shorter than its header or its address count says.
  case length(Int)
  /// The version is not one that is spoken here.
  case version(UInt8)
  /// The type is not ADVERTISEMENT.
  case type(UInt8)
  /// The checksum is wrong in every accepted form.
  case checksum
  /// The VRID is 0, which no router can have.
  case vridZero
  /// The message lists no address (erratum 8299).
  case noAddresses
  /// The advertised interval is 0 (erratum 8301).
  case intervalZero
  /// The message wants the IP Authentication Header (type 2 of RFC 2338), which is not spoken here.
  case authenticationHeader
  /// The authentication type is none that was ever defined.
  case authenticationType(UInt8)
}

extension AdvertisementError: CustomStringConvertible {
  /// The fault of the message, in a few words.
  public var description: String {
    switch self {
    case .hopLimit(let value): "TTL or hop limit is \(value), not 255"
    case .length(let count): "\(count) bytes are too few"
    case .version(let value): "version \(value) is not spoken here"
    case .type(let value): "type \(value) is not ADVERTISEMENT"
    case .checksum: "checksum is wrong"
    case .vridZero: "VRID is 0"
    case .noAddresses: "no addresses are listed"
    case .intervalZero: "advertisement interval is 0"
    case .authenticationHeader:
      "IP Authentication Header is not supported (RFC 3768 removed it); use a simple password"
    case .authenticationType(let value): "authentication type \(value) is unknown"
    }
  }
}
