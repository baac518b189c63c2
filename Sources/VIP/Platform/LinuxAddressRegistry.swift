import VIPCore

/// Addresses that nodes of one network namespace claim for as long as they live, each a place in
/// the file of the namespace.
final class LinuxAddressRegistry {
  /// Addresses next to one another.
  struct Range: Equatable {
    var start: Int64
    var addresses: [IPAddress]
    var end: Int64 { start + Int64(addresses.count) }
    var places: Swift.Range<Int64> { start..<end }
  }

  private let places: NamespacePlaces

  init(_ places: NamespacePlaces) { self.places = places }

  /// Claims addresses of an interface that this node has not claimed.
  ///
  /// - Returns: one that another node has, and its process if it can be learned: none is claimed
  ///   then; `nil` if this node has all.
  func claim(
    _ addresses: [IPAddress], onInterface index: Int32
  ) -> (address: IPAddress, holder: NameHolder?)? {
    let ranges = Self.ranges(of: addresses, onInterface: index)
    return places.claim(ranges.map(\.places)).flatMap { Self.found($0, ranges) }
  }

  /// One of some addresses of an interface that another process has, and that process; claims none.
  func foreign(
    _ addresses: [IPAddress], onInterface index: Int32
  ) -> (address: IPAddress, holder: NameHolder?)? {
    let ranges = Self.ranges(of: addresses, onInterface: index)
    return places.foreign(ranges.map(\.places)).flatMap { Self.found($0, ranges) }
  }

  /// Gives addresses of an interface up.
  func release(_ addresses: [IPAddress], onInterface index: Int32) {
    places.release(Self.ranges(of: addresses, onInterface: index).map(\.places))
  }

  private static func found(
    _ conflict: NamespacePlaces.Conflict, _ ranges: [Range]
  ) -> (address: IPAddress, holder: NameHolder?)? {
    ranges.first { $0.places.contains(conflict.place) }.map { range in
      (range.addresses[Int(conflict.place - range.start)], conflict.holder)
    }
  }

  // MARK: Places

  /// The places of addresses in the file: next to one another if they are neighbours.
  static func ranges(of addresses: [IPAddress], onInterface index: Int32) -> [Range] {
    var ranges: [Range] = []
    let places = addresses.map { (place(of: $0, onInterface: index), $0) }
    for (place, address) in places.sorted(by: { $0.0 < $1.0 }) {
      if let last = ranges.last, last.end == place {
        ranges[ranges.count - 1].addresses.append(address)
      } else if ranges.last.map({ place >= $0.end }) ?? true {
        ranges.append(Range(start: place, addresses: [address]))
      }
    }
    return ranges
  }

  /// The place of an address: a number of 63 bits, below that of every name.
  static func place(of address: IPAddress, onInterface index: Int32) -> Int64 {
    let index = UInt64(UInt32(bitPattern: index))
    switch address {
    case .v4(let address): return Int64((index << 32) & (1 << 62 - 1) | UInt64(address.rawValue))
    case .v6(let address):
      // No number of that length has room for all: that two of a machine meet is out of the
      // question.
      var mixed = (address.high ^ index &* 0x9E37_79B9_7F4A_7C15) &* 0xBF58_476D_1CE4_E5B9
      mixed ^= mixed >> 31
      return Int64((mixed &+ address.low) & (1 << 61 - 1) | 1 << 62)
    }
  }
}
