/// Counters of one virtual router, under their names in RFC 8347.
public struct Statistics: Sendable, Hashable, Codable {
  /// How often this router became Active (`master-transitions`).
  public var masterTransitions: UInt64 = 0
  /// Valid advertisements received (`advertisement-rcvd`).
  public var advertisementReceived: UInt64 = 0
  /// Advertisements sent (`advertisement-sent`).
  public var advertisementSent: UInt64 = 0
  /// Advertisements with an interval unlike ours, or zero (`interval-errors`).
  public var intervalErrors: UInt64 = 0
  /// Advertisements of a leaving Active received (`priority-zero-pkts-rcvd`).
  public var priorityZeroReceived: UInt64 = 0
  /// Advertisements of a leaving Active sent (`priority-zero-pkts-sent`).
  public var priorityZeroSent: UInt64 = 0
  /// Messages of an unknown type (`invalid-type-pkts-rcvd`).
  public var invalidTypeReceived: UInt64 = 0
  /// Advertisements whose address list is not ours (`address-list-errors`).
  public var addressListErrors: UInt64 = 0
  /// Messages too short for what they say (`packet-length-errors`).
  public var packetLengthErrors: UInt64 = 0

  /// Starts at zero.
  public init() {}

  private enum CodingKeys: String, CodingKey {
    case masterTransitions = "master-transitions"
    case advertisementReceived = "advertisement-rcvd"
    case advertisementSent = "advertisement-sent"
    case intervalErrors = "interval-errors"
    case priorityZeroReceived = "priority-zero-pkts-rcvd"
    case priorityZeroSent = "priority-zero-pkts-sent"
    case invalidTypeReceived = "invalid-type-pkts-rcvd"
    case addressListErrors = "address-list-errors"
    case packetLengthErrors = "packet-length-errors"
  }

  /// Counts a message that named this router but could not be used.
  public mutating func count(_ error: AdvertisementError) {
    switch error {
    case .type: invalidTypeReceived += 1
    case .length: packetLengthErrors += 1
    case .noAddresses: addressListErrors += 1
    case .intervalZero: intervalErrors += 1
    case .hopLimit, .version, .checksum, .vridZero: break
    }
  }
}

/// Counters of one segment that belong to no virtual router, under their names in RFC 8347.
public struct SegmentStatistics: Sendable, Hashable, Codable {
  /// Messages with a wrong checksum (`checksum-errors`).
  public var checksumErrors: UInt64 = 0
  /// Messages of another version (`version-errors`).
  public var versionErrors: UInt64 = 0
  /// Messages for a VRID that is not configured here (`vrid-errors`).
  public var vridErrors: UInt64 = 0
  /// Messages whose TTL or hop limit was not 255 (`ip-ttl-errors`).
  public var ipTTLErrors: UInt64 = 0
  /// Messages too short to name a virtual router (`packet-length-errors`).
  public var packetLengthErrors: UInt64 = 0

  /// Starts at zero.
  public init() {}

  private enum CodingKeys: String, CodingKey {
    case checksumErrors = "checksum-errors"
    case versionErrors = "version-errors"
    case vridErrors = "vrid-errors"
    case ipTTLErrors = "ip-ttl-errors"
    case packetLengthErrors = "packet-length-errors"
  }

  /// Counts a message that could not be used.
  ///
  /// - Returns: whether the error is one of the segment's; the others belong to the router that
  ///   the message names, if it names one (``Statistics/count(_:)``).
  public mutating func count(_ error: AdvertisementError) -> Bool {
    switch error {
    case .checksum: checksumErrors += 1
    case .version: versionErrors += 1
    case .vridZero: vridErrors += 1
    case .hopLimit: ipTTLErrors += 1
    case .length, .type, .noAddresses, .intervalZero: return false
    }
    return true
  }
}
