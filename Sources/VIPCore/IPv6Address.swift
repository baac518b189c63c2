/// An IPv6 address, without a zone.
///
/// Text is read in every form of RFC 4291 §2.2 and written in the canonical form of RFC 5952.
public struct IPv6Address: Sendable, Hashable {
  /// The first eight bytes as a number in host order.
  public let high: UInt64
  /// The last eight bytes as a number in host order.
  public let low: UInt64

  /// Makes an address from its two halves in host order.
  @inlinable
  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// `::`, the unspecified address.
  public static let any = IPv6Address(high: 0, low: 0)
  /// `ff02::12`, the group VRRP advertisements are sent to (RFC 9568 §5.1.2.2).
  public static let vrrpGroup = IPv6Address(high: 0xFF02 << 48, low: 0x12)
  /// `ff02::1`, all nodes on the link.
  public static let allNodes = IPv6Address(high: 0xFF02 << 48, low: 1)

  /// Whether this is `::`.
  public var isUnspecified: Bool { high == 0 && low == 0 }
  /// Whether this is `::1`.
  public var isLoopback: Bool { high == 0 && low == 1 }
  /// Whether this lies in ff00::/8.
  public var isMulticast: Bool { high >> 56 == 0xFF }
  /// Whether this lies in fe80::/10.
  public var isLinkLocal: Bool { high >> 54 == 0xFE80 >> 6 }
  /// Whether this is an IPv4 address mapped into IPv6 (::ffff:0:0/96).
  public var isIPv4Mapped: Bool { high == 0 && low >> 32 == 0xFFFF }

  /// The eight 16-bit groups, as written.
  @inlinable
  func group(_ index: Int) -> UInt16 {
    let half = index < 4 ? high : low
    return UInt16(truncatingIfNeeded: half >> UInt64((3 - index % 4) * 16))
  }
}

extension IPv6Address: Comparable {
  /// Orders addresses as unsigned numbers in network order (RFC 9568 §6.4.3).
  @inlinable
  public static func < (left: IPv6Address, right: IPv6Address) -> Bool {
    left.high != right.high ? left.high < right.high : left.low < right.low
  }
}

extension IPv6Address: LosslessStringConvertible {
  /// Reads any form of RFC 4291 §2.2, also with an IPv4 address at the end; `nil` for other text
  /// and for a zone (`fe80::1%eth0`).
  public init?(_ description: String) {
    guard let gap = description.utf8.firstRange(ofDoubleColon: ()) else {
      guard let groups = Self.groups(description[...]), groups.count == 8 else { return nil }
      self.init(groups: groups)
      return
    }
    guard let head = Self.groups(description[..<gap.lowerBound]),
      let tail = Self.groups(description[gap.upperBound...]),
      head.count + tail.count <= 7,
      // IPv4 text may only stand at the very end.
      !description[..<gap.lowerBound].utf8.contains(UInt8(ascii: "."))
    else { return nil }
    let zeros = [UInt16](repeating: 0, count: 8 - head.count - tail.count)
    self.init(groups: head + zeros + tail)
  }

  private init(groups: [UInt16]) {
    var halves: (UInt64, UInt64) = (0, 0)
    for index in 0..<4 {
      halves.0 = halves.0 << 16 | UInt64(groups[index])
      halves.1 = halves.1 << 16 | UInt64(groups[index + 4])
    }
    self.init(high: halves.0, low: halves.1)
  }

  /// The groups of one side of a `::`; empty text is no groups.
  private static func groups(_ text: Substring) -> [UInt16]? {
    guard !text.isEmpty else { return [] }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    var groups: [UInt16] = []
    for (index, part) in parts.enumerated() {
      if part.contains(".") {
        guard index == parts.count - 1, let v4 = IPv4Address(String(part)) else { return nil }
        groups.append(UInt16(v4.rawValue >> 16))
        groups.append(UInt16(v4.rawValue & 0xFFFF))
      } else {
        guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy(\.isHexDigit),
          let value = UInt16(part, radix: 16)
        else { return nil }
        groups.append(value)
      }
    }
    return groups.count <= 8 ? groups : nil
  }

  /// The canonical text of RFC 5952: lower case, no leading zeros, the longest run of zero groups
  /// shortened.
  public var description: String {
    if isIPv4Mapped {
      return "::ffff:\(IPv4Address(rawValue: UInt32(truncatingIfNeeded: low)))"
    }
    let groups = (0..<8).map(group)
    guard let gap = longestZeroRun(groups) else {
      return hexText(groups[...])
    }
    return hexText(groups[..<gap.lowerBound]) + "::" + hexText(groups[gap.upperBound...])
  }

  private func hexText(_ groups: ArraySlice<UInt16>) -> String {
    groups.map { String($0, radix: 16) }.joined(separator: ":")
  }

  /// The first of the longest runs of two or more zero groups (RFC 5952 §4.2.2, §4.2.3).
  private func longestZeroRun(_ groups: [UInt16]) -> Range<Int>? {
    var longest = 0..<0
    var start = 0
    while start < 8 {
      var end = start
      while end < 8, groups[end] == 0 { end += 1 }
      if end - start > longest.count { longest = start..<end }
      start = end + 1
    }
    return longest.count >= 2 ? longest : nil
  }
}

extension IPv6Address: Codable {
  /// Decodes the text form.
  public init(from decoder: any Decoder) throws {
    self = try decodeText(from: decoder, what: "an IPv6 address")
  }

  /// Encodes the text form.
  public func encode(to encoder: any Encoder) throws {
    try encodeText(description, to: encoder)
  }
}

extension UInt8 {
  fileprivate var isHexDigit: Bool {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"):
      true
    default: false
    }
  }
}

extension String.UTF8View {
  /// The place of the first `::`.
  fileprivate func firstRange(ofDoubleColon: Void) -> Range<Index>? {
    var previous: Index?
    for index in indices {
      guard self[index] == UInt8(ascii: ":") else {
        previous = nil
        continue
      }
      if let previous { return previous..<self.index(after: index) }
      previous = index
    }
    return nil
  }
}
