public import VIPCore

/// The part of an advertisement that is the same on all machines of a group, if all is well.
public struct AdvertisementTraits: Sendable, Hashable {
  /// The version of the protocol.
  public var version: ProtocolVersion
  /// The time between advertisements.
  public var interval: AdvertisementInterval
  /// The proof that the sender belongs to the group.
  public var authentication: Authentication
  /// The coverage of the checksum; `nil` if any form will do.
  public var checksumForm: ChecksumForm?

  /// Names the traits of one machine.
  public init(
    version: ProtocolVersion, interval: AdvertisementInterval, authentication: Authentication,
    checksumForm: ChecksumForm? = nil
  ) {
    self.version = version
    self.interval = interval
    self.authentication = authentication
    self.checksumForm = checksumForm
  }

  /// The traits that an advertisement shows.
  public init(_ advertisement: Advertisement) {
    self.init(
      version: advertisement.version, interval: advertisement.interval,
      authentication: advertisement.authentication, checksumForm: advertisement.checksumForm)
  }

  /// The differences of two machines of one group.
  ///
  /// Another version is told alone of what the versions say differently: authentication and
  /// checksum can't be compared then.
  ///
  /// - Parameters:
  ///   - other: the other machine's.
  ///   - addresses: how the two lists of addresses relate.
  /// - Returns: what differs.
  public func differences(
    from other: AdvertisementTraits, addresses: AddressListMatch
  ) -> Findings {
    var findings: Findings = []
    switch addresses {
    case .same: break
    case .overlapping: findings.insert(.addressListDiffers)
    case .disjoint: findings.insert(.foreignGroup)
    }
    if interval != other.interval { findings.insert(.intervalDiffers) }
    guard version == other.version else { return findings.union(.versionDiffers) }
    if authentication != other.authentication { findings.insert(.authenticationDiffers) }
    if let mine = checksumForm, let theirs = other.checksumForm, mine != theirs {
      findings.insert(.checksumFormDiffers)
    }
    return findings
  }
}

extension AddressListMatch {
  /// Compares two lists of addresses.
  public init(_ addresses: [IPAddress], _ others: [IPAddress]) {
    let (first, second) = (Set(addresses), Set(others))
    // One that names an address twice is not the same, as in a received list.
    if first == second, addresses.count == others.count {
      self = .same
    } else {
      self = first.isDisjoint(with: second) ? .disjoint : .overlapping
    }
  }
}
