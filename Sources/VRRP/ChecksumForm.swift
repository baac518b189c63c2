/// The bytes that the checksum of a version 3 advertisement over IPv4 covers.
///
/// RFC 9568 §5.2.8 sums the message only; RFC 5798 was read by keepalived, FRR and others as
/// message plus pseudo-header. Over IPv6 there is one form, with pseudo-header.
public enum ChecksumForm: String, Sendable, Hashable, Codable, CaseIterable {
  /// The VRRP message alone, as RFC 9568 says.
  case message
  /// The VRRP message and an IPv4 pseudo-header, as keepalived and FRR send and demand.
  case pseudoHeader = "pseudo-header"
}

/// The checksum form that a virtual router sends; both are always accepted.
public enum ChecksumPolicy: String, Sendable, Hashable, Codable, CaseIterable {
  /// The form last heard from a peer; with pseudo-header while no peer has been heard.
  case auto
  /// Always the message alone.
  case message
  /// Always with the pseudo-header.
  case pseudoHeader = "pseudo-header"

  /// The form that is always sent; `nil` if it depends on what is heard.
  package var fixedForm: ChecksumForm? {
    switch self {
    case .auto: nil
    case .message: .message
    case .pseudoHeader: .pseudoHeader
    }
  }
}
