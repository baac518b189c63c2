package import VIPCore

/// A VRRP advertisement as it was on the wire, read by code that the product does not share.
package struct Advert: Sendable, CustomStringConvertible {
  /// How the checksum was made (it is right in one way or the other, or wrong).
  package enum ChecksumForm: Sendable {
    /// Over a pseudo-header and the message, as RFC 5798 is read.
    case pseudoHeader
    /// Over the message alone, as RFC 9568 wants for IPv4.
    case message
    /// In no way that fits.
    case wrong
  }

  package let time: Moment
  package let sourceMAC: MACAddress
  package let destinationMAC: MACAddress
  package let source: IPAddress
  package let destination: IPAddress
  /// The TOS octet or the traffic class.
  package let trafficClass: UInt8
  /// The TTL or the hop limit.
  package let ttl: UInt8
  package let version: UInt8
  package let type: UInt8
  package let vrid: UInt8
  package let priority: UInt8
  /// The advertisement interval in centiseconds (version 3) or seconds (version 2).
  package let interval: UInt16
  package let checksum: UInt16
  package let checksumForm: ChecksumForm
  package let addresses: [IPAddress]

  /// Reads a frame; `nil` when it is not VRRP or cut short.
  package init?(_ frame: PcapFile.Frame) {
    let bytes = frame.bytes
    let span = bytes.span
    guard bytes.count >= 14 else { return nil }
    let family: AddressFamily
    let message: Int
    let end: Int
    switch span.uint16(at: 12) {
    case 0x0800:
      guard bytes.count >= 34, bytes[14 + 9] == 112 else { return nil }
      family = .ipv4
      message = 14 + Int(bytes[14] & 0x0F) * 4
      end = 14 + Int(span.uint16(at: 16))
      trafficClass = bytes[15]
      ttl = bytes[14 + 8]
      source = span.ipAddress(.ipv4, at: 26)
      destination = span.ipAddress(.ipv4, at: 30)
    case 0x86DD:
      guard bytes.count >= 54, bytes[14 + 6] == 112 else { return nil }
      family = .ipv6
      message = 54
      end = 54 + Int(span.uint16(at: 18))
      trafficClass = bytes[14] << 4 | bytes[15] >> 4
      ttl = bytes[14 + 7]
      source = span.ipAddress(.ipv6, at: 22)
      destination = span.ipAddress(.ipv6, at: 38)
    default: return nil
    }
    guard end <= bytes.count, end >= message + 8 else { return nil }
    time = frame.time
    destinationMAC = span.macAddress(at: 0)
    sourceMAC = span.macAddress(at: 6)
    version = bytes[message] >> 4
    type = bytes[message] & 0x0F
    vrid = bytes[message + 1]
    priority = bytes[message + 2]
    interval =
      version == 3
      ? span.uint16(at: message + 4) & 0x0FFF : UInt16(bytes[message + 5])
    checksum = span.uint16(at: message + 6)
    checksumForm = Self.form(
      Array(bytes[message..<end]), from: source, to: destination)
    let size = family.addressByteCount
    guard end >= message + 8 + Int(bytes[message + 3]) * size else { return nil }
    addresses = (0..<Int(bytes[message + 3])).map {
      span.ipAddress(family, at: message + 8 + $0 * size)
    }
  }

  package var description: String {
    "v\(version) vrid \(vrid) priority \(priority) from \(source) for \(addresses)"
  }

  /// Sums the slow and plain way, so that a mistake in the product's sum is not repeated here.
  private static func form(
    _ message: [UInt8], from source: IPAddress, to destination: IPAddress
  ) -> ChecksumForm {
    func isRight(_ bytes: [UInt8]) -> Bool {
      let sum = stride(from: 0, to: bytes.count - 1, by: 2).reduce(UInt64(0)) {
        $0 + UInt64(bytes[$1]) << 8 + UInt64(bytes[$1 + 1])
      }
      // A sum of words that is a multiple of 0xFFFF is zero in one's complement.
      return sum % 0xFFFF == 0
    }
    var pseudo = octets(source) + octets(destination)
    if source.family == .ipv4 {
      pseudo += [0, 112, UInt8(message.count >> 8), UInt8(message.count & 0xFF)]
    } else {
      pseudo += [0, 0, UInt8(message.count >> 8), UInt8(message.count & 0xFF), 0, 0, 0, 112]
    }
    if isRight(pseudo + message) { return .pseudoHeader }
    return source.family == .ipv4 && isRight(message) ? .message : .wrong
  }
}

/// The bytes of an address in the order of the wire.
private func octets(_ address: IPAddress) -> [UInt8] {
  func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
    stride(from: value.bitWidth - 8, through: 0, by: -8).map {
      UInt8(truncatingIfNeeded: value >> $0)
    }
  }
  switch address {
  case .v4(let address): return bytes(address.rawValue)
  case .v6(let address): return bytes(address.high) + bytes(address.low)
  }
}

/// A time during which one router kept advertising as Active.
package struct Reign: Sendable, CustomStringConvertible {
  /// The machine that advertised.
  package let source: IPAddress
  /// The first advertisement.
  package let from: Moment
  /// The last advertisement.
  package let to: Moment
  /// How many there were.
  package let count: Int

  package var description: String {
    "\(source): \(count) adverts in \((to - from).report)"
  }
}

extension [Advert] {
  /// The times during which routers of one VRID advertised without a longer pause.
  ///
  /// A reign ends with an advertisement of priority 0, or with a pause longer than `pause`, which
  /// should be well above the interval and below three of them.
  package func reigns(vrid: Int, pause: Duration) -> [Reign] {
    var done: [Reign] = []
    var open: [IPAddress: Reign] = [:]
    for advert in self where Int(advert.vrid) == vrid {
      var reign = open.removeValue(forKey: advert.source)
      if let old = reign, advert.time - old.to > pause {
        done.append(old)
        reign = nil
      }
      if advert.priority == 0 {
        if let reign { done.append(reign) }
      } else {
        open[advert.source] = Reign(
          source: advert.source, from: reign?.from ?? advert.time, to: advert.time,
          count: (reign?.count ?? 0) + 1)
      }
    }
    return (done + open.values).sorted { $0.from < $1.from }
  }

  /// The times during which two routers both advertised as Active for longer than a bound allows,
  /// and why they were too long.
  package func overlaps(vrid: Int, pause: Duration, over bound: Bound) -> [String] {
    let reigns = reigns(vrid: vrid, pause: pause)
    var objections: [String] = []
    for (index, one) in reigns.enumerated() {
      for other in reigns[(index + 1)...] where other.source != one.source {
        // Both families are elected apart: only routers of one family compete.
        guard other.source.family == one.source.family else { continue }
        let (from, to) = (Swift.max(one.from, other.from), Swift.min(one.to, other.to))
        if let objection = bound.objection(from: from, to: to) {
          objections.append("\(one), \(other): \(objection)")
        }
      }
    }
    return objections
  }

  /// The pauses between one advertisement and the next that were longer than a bound allows, and
  /// why they were.
  package func pauses(over bound: Bound) -> [String] {
    zip(self, dropFirst()).compactMap { bound.objection(from: $0.time, to: $1.time) }
  }
}
