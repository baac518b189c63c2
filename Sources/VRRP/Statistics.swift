/// Counters of one virtual router, under their names in RFC 8347.
public struct Statistics: Sendable, Hashable, Codable {
  /// Changes of this router to Active (`master-transitions`).
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
  /// Advertisements of the other version for our VRID; part of the segment's `version-errors`.
  public var versionMismatches: UInt64 = 0
  /// Version 2 advertisements with another authentication than ours.
  ///
  /// RFC 8347 has no name for them; RFC 2787 calls them `vrrpStatsAuthFailures`.
  public var authenticationErrors: UInt64 = 0

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
    case versionMismatches = "version-errors"
    case authenticationErrors = "authentication-errors"
  }

  /// Counts a message that named this router but could not be used.
  public mutating func count(_ error: AdvertisementError) {
    switch error {
    case .type: invalidTypeReceived += 1
    case .length: packetLengthErrors += 1
    case .noAddresses: addressListErrors += 1
    case .intervalZero: intervalErrors += 1
    case .authenticationHeader, .authenticationType: authenticationErrors += 1
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
    case .length, .type, .noAddresses, .intervalZero, .authenticationHeader, .authenticationType:
      return false
    }
    return true
  }
}

/// A counter under the names that management systems know it by.
public struct ManagementCounter: Sendable, Hashable {
  /// Its leaf in the YANG model of RFC 8347; `nil` if it has none.
  public let yang: String?
  /// Its object in the MIB of RFC 6527 (RFC 2787 for authentication); `nil` if it has none.
  public let mib: String?
  /// Its value.
  public let value: UInt64
}

extension Statistics {
  /// All counters with both their names.
  public var managementCounters: [ManagementCounter] {
    [
      counter("master-transitions", "MasterTransitions", masterTransitions),
      counter("advertisement-rcvd", "RcvdAdvertisements", advertisementReceived),
      ManagementCounter(yang: "advertisement-sent", mib: nil, value: advertisementSent),
      counter("interval-errors", "AdvIntervalErrors", intervalErrors),
      counter("priority-zero-pkts-rcvd", "RcvdPriZeroPackets", priorityZeroReceived),
      counter("priority-zero-pkts-sent", "SentPriZeroPackets", priorityZeroSent),
      counter("invalid-type-pkts-rcvd", "RcvdInvalidTypePackets", invalidTypeReceived),
      counter("address-list-errors", "AddressListErrors", addressListErrors),
      counter("packet-length-errors", "PacketLengthErrors", packetLengthErrors),
      ManagementCounter(yang: nil, mib: "vrrpStatsAuthFailures", value: authenticationErrors),
    ]
  }

  private func counter(_ yang: String, _ mib: String, _ value: UInt64) -> ManagementCounter {
    ManagementCounter(yang: yang, mib: "vrrpv3Statistics" + mib, value: value)
  }
}

extension SegmentStatistics {
  /// All counters with both their names.
  public var managementCounters: [ManagementCounter] {
    [
      counter("checksum-errors", "RouterChecksumErrors", checksumErrors),
      counter("version-errors", "RouterVersionErrors", versionErrors),
      counter("vrid-errors", "RouterVrIdErrors", vridErrors),
      counter("ip-ttl-errors", "StatisticsIpTtlErrors", ipTTLErrors),
      counter("packet-length-errors", "StatisticsPacketLengthErrors", packetLengthErrors),
    ]
  }

  private func counter(_ yang: String, _ mib: String, _ value: UInt64) -> ManagementCounter {
    ManagementCounter(yang: yang, mib: "vrrpv3" + mib, value: value)
  }
}
