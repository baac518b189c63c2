/// An IP address of either family.
public enum IPAddress: Sendable, Hashable {
  /// An IPv4 address.
  case v4(IPv4Address)
  /// An IPv6 address.
  case v6(IPv6Address)

  /// The family this address belongs to.
  public var family: AddressFamily {
    switch self {
    case .v4: .ipv4
    case .v6: .ipv6
    }
  }

  /// Whether this is `0.0.0.0` or `::`.
  public var isUnspecified: Bool {
    switch self {
    case .v4(let address): address.isUnspecified
    case .v6(let address): address.isUnspecified
    }
  }

  /// Whether this is a loopback address.
  public var isLoopback: Bool {
    switch self {
    case .v4(let address): address.isLoopback
    case .v6(let address): address.isLoopback
    }
  }

  /// Whether this names a group of machines rather than one.
  public var isMulticast: Bool {
    switch self {
    case .v4(let address): address.isMulticast
    case .v6(let address): address.isMulticast
    }
  }

  /// Whether this is only valid on one link.
  public var isLinkLocal: Bool {
    switch self {
    case .v4(let address): address.isLinkLocal
    case .v6(let address): address.isLinkLocal
    }
  }

  /// The unspecified address of a family.
  public static func any(_ family: AddressFamily) -> IPAddress {
    family == .ipv4 ? .v4(.any) : .v6(.any)
  }

  /// The group that VRRP advertisements of a family are sent to.
  public static func vrrpGroup(_ family: AddressFamily) -> IPAddress {
    family == .ipv4 ? .v4(.vrrpGroup) : .v6(.vrrpGroup)
  }
}

extension IPAddress: Comparable {
  /// Orders addresses as unsigned numbers in network order; IPv4 stands before IPv6.
  @inlinable
  public static func < (left: IPAddress, right: IPAddress) -> Bool {
    switch (left, right) {
    case (.v4(let left), .v4(let right)): left < right
    case (.v6(let left), .v6(let right)): left < right
    case (.v4, .v6): true
    case (.v6, .v4): false
    }
  }
}

extension IPAddress: LosslessStringConvertible {
  /// Reads an IPv4 or IPv6 address; `nil` if the text is neither.
  public init?(_ description: String) {
    if let address = IPv4Address(description) {
      self = .v4(address)
    } else if let address = IPv6Address(description) {
      self = .v6(address)
    } else {
      return nil
    }
  }

  /// The address in its usual text form.
  public var description: String {
    switch self {
    case .v4(let address): address.description
    case .v6(let address): address.description
    }
  }
}

extension IPAddress: Codable {
  /// Decodes the text form.
  public init(from decoder: any Decoder) throws {
    self = try decodeText(from: decoder, what: "an IP address")
  }

  /// Encodes the text form.
  public func encode(to encoder: any Encoder) throws {
    try encodeText(description, to: encoder)
  }
}
