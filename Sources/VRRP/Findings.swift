/// Differences that an advertisement shows on the segment.
///
/// A value of bits: recognising trouble allocates nothing.
public struct Findings: OptionSet, Sendable, Hashable {
  /// The bits.
  public let rawValue: UInt16

  /// Makes a set from its bits.
  public init(rawValue: UInt16) {
    self.rawValue = rawValue
  }

  /// The sender has our own address: a looped packet, or two nodes with one address.
  public static let ownAddress = Findings(rawValue: 1 << 0)
  /// Two routers act as Active at the same time.
  public static let twoActives = Findings(rawValue: 1 << 1)
  /// The address list has nothing in common with ours: another group uses our VRID.
  public static let foreignGroup = Findings(rawValue: 1 << 2)
  /// The address list is not ours, but shares addresses with it.
  public static let addressListDiffers = Findings(rawValue: 1 << 3)
  /// The interval is not ours; version 2 drops such an advertisement.
  public static let intervalDiffers = Findings(rawValue: 1 << 4)
  /// The version is not ours; the advertisement is dropped.
  public static let versionDiffers = Findings(rawValue: 1 << 5)
  /// The authentication is not ours; the advertisement is dropped.
  public static let authenticationDiffers = Findings(rawValue: 1 << 6)
  /// The sender uses another checksum form than we send; it may be deaf to us.
  public static let checksumFormDiffers = Findings(rawValue: 1 << 7)
  /// The sender is not in the table of peers, which is full of others that live.
  public static let peerTableFull = Findings(rawValue: 1 << 8)
}

extension Findings {
  /// Each finding that is set, in words for people.
  public var descriptions: [String] {
    let all: [(Findings, String)] = [
      (.ownAddress, "a packet with our own address came in: a loop or a duplicate address"),
      (.twoActives, "two routers act as Active"),
      (.foreignGroup, "another group uses our VRID"),
      (.addressListDiffers, "the address lists differ"),
      (.intervalDiffers, "the intervals differ"),
      (.versionDiffers, "the versions differ"),
      (.authenticationDiffers, "the authentication differs"),
      (.checksumFormDiffers, "the checksum forms differ"),
      (.peerTableFull, "there are more peers than the table holds"),
    ]
    return all.compactMap { contains($0.0) ? $0.1 : nil }
  }
}
