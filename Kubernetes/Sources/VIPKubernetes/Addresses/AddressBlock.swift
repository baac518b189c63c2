public import VIPCore

/// Addresses of one family without a gap.
public struct AddressBlock: Sendable, Hashable {
  /// The family.
  public let family: AddressFamily
  /// The first address, as a number.
  package let first: UInt128
  /// The last address, as a number.
  package let last: UInt128

  /// Makes a block from its ends, which are in order.
  package init(_ family: AddressFamily, _ first: UInt128, _ last: UInt128) {
    self.family = family
    self.first = first
    self.last = last
  }

  /// Whether an address is one of them.
  public func contains(_ address: IPAddress) -> Bool {
    address.family == family && (first...last).contains(address.number)
  }

  /// Whether another block has some of the same addresses.
  public func overlaps(_ other: AddressBlock) -> Bool {
    family == other.family && first <= other.last && other.first <= last
  }

  /// How many addresses there are, or the largest number if they are more.
  public var count: UInt128 {
    let (count, isMore) = (last - first).addingReportingOverflow(1)
    return isMore ? .max : count
  }
}

extension AddressBlock: CustomStringConvertible {
  /// The first and the last address, or the only one.
  public var description: String {
    let ends = (IPAddress(family, first), IPAddress(family, last))
    return first == last ? "\(ends.0)" : "\(ends.0)-\(ends.1)"
  }
}

extension AddressBlock {
  /// Reads an address, a range (`192.0.2.10-192.0.2.20`) or a network (`192.0.2.0/24`).
  ///
  /// Of a network, the address of IPv4 that names it and its broadcast address are left out, and
  /// the address of IPv6 that all its routers have (RFC 4291 §2.6.1). A range has what it says.
  ///
  /// - Throws: what is wrong and what would be right, without the text itself.
  public init(parsing text: String) throws(AddressBlockError) {
    let text = text.filter { $0 != " " }
    guard text.utf8.count <= 100 else { throw AddressBlockError("it is too long") }
    let block: AddressBlock
    if text.contains("/") {
      block = try Self.network(text)
    } else {
      block = try Self.range(text)
    }
    for (bad, what) in Self.unusable where bad.overlaps(block) {
      throw AddressBlockError("\(what) can't be virtual addresses; leave \(bad) out")
    }
    self = block
  }

  private static func range(_ text: String) throws(AddressBlockError) -> AddressBlock {
    let ends = text.split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count <= 2, let first = IPAddress(String(ends[0])),
      let last = IPAddress(String(ends[ends.count - 1]))
    else {
      throw AddressBlockError(
        "it is neither an address, nor a range as 192.0.2.10-192.0.2.20, nor a network as "
          + "192.0.2.0/24")
    }
    guard first.family == last.family else {
      throw AddressBlockError("its ends are of two families; make it two ranges")
    }
    guard first <= last else {
      throw AddressBlockError("its end lies before its beginning; write \(last)-\(first)")
    }
    return AddressBlock(first.family, first.number, last.number)
  }

  private static func network(_ text: String) throws(AddressBlockError) -> AddressBlock {
    guard let network = InterfaceAddress(text) else {
      throw AddressBlockError("it is no network; write it as 192.0.2.0/24")
    }
    let bits = network.family.addressBitCount - network.prefixLength
    let hostMask: UInt128 = bits == 128 ? .max : (1 << UInt128(bits)) - 1
    let base = network.address.number & ~hostMask
    guard base == network.address.number else {
      let right = IPAddress(network.family, base)
      throw AddressBlockError(
        "the address has bits behind its prefix; write \(right)/\(network.prefixLength)")
    }
    let end = base | hostMask
    return switch (network.family, bits) {
    case (.ipv4, 2...): AddressBlock(.ipv4, base + 1, end - 1)
    case (.ipv6, 2...): AddressBlock(.ipv6, base + 1, end)
    default: AddressBlock(network.family, base, end)
    }
  }

  /// What no machine can have as its address on a segment.
  private static let unusable: [(AddressBlock, String)] = [
    (v4(0, 0x00FF_FFFF), "addresses of 0.0.0.0/8"),
    (v4(0x7F00_0000, 0x7FFF_FFFF), "loopback addresses"),
    (v4(0xE000_0000, 0xEFFF_FFFF), "multicast addresses"),
    (v4(0xF000_0000, 0xFFFF_FFFF), "reserved addresses"),
    (AddressBlock(.ipv6, 0, 1), "the unspecified and the loopback address"),
    (AddressBlock(.ipv6, 0xFFFF_0000_0000, 0xFFFF_FFFF_FFFF), "IPv4-mapped addresses"),
    (AddressBlock(.ipv6, 0xFE80 << 112, 0xFEC0 << 112 - 1), "link-local addresses"),
    (AddressBlock(.ipv6, 0xFF << 120, .max), "multicast addresses"),
  ]

  private static func v4(_ first: UInt128, _ last: UInt128) -> AddressBlock {
    AddressBlock(.ipv4, first, last)
  }
}

/// Why a text names no addresses.
public struct AddressBlockError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What is wrong and what would be right.
  public let description: String

  init(_ description: String) { self.description = description }
}

extension IPAddress {
  /// The address as a number in host order.
  package var number: UInt128 {
    switch self {
    case .v4(let address): UInt128(address.rawValue)
    case .v6(let address): UInt128(address.high) << 64 | UInt128(address.low)
    }
  }

  /// The address of a number; of IPv4 its lower 32 bits.
  package init(_ family: AddressFamily, _ number: UInt128) {
    switch family {
    case .ipv4: self = .v4(IPv4Address(rawValue: UInt32(truncatingIfNeeded: number)))
    case .ipv6:
      self = .v6(
        IPv6Address(
          high: UInt64(truncatingIfNeeded: number >> 64),
          low: UInt64(truncatingIfNeeded: number)))
    }
  }
}
