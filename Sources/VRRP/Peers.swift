public import VIPCore

/// The relation of the addresses that an advertisement lists to ours.
public enum AddressListMatch: String, Sendable, Hashable, Codable {
  /// The same addresses, in any order.
  case same
  /// Not the same, but some in common.
  case overlapping
  /// None in common.
  case disjoint
}

/// Another router that was heard speaking for our VRID.
public struct Peer: Sendable, Hashable {
  /// The source address of its advertisements.
  public let address: IPAddress
  /// The version it speaks.
  public internal(set) var version: ProtocolVersion
  /// The priority it last advertised; ``Priority/farewell`` if it said farewell.
  public internal(set) var priority: Priority
  /// The interval it last advertised.
  public internal(set) var interval: AdvertisementInterval
  /// The checksum form it uses.
  public internal(set) var checksumForm: ChecksumForm
  /// The number of addresses that it lists.
  public var addressCount: Int { Int(addressCountOnWire) }
  var addressCountOnWire: UInt8
  /// Their relation to ours.
  public internal(set) var addresses: AddressListMatch
  /// The moment of its last advertisement.
  public internal(set) var lastHeard: Instant
  /// The number of its advertisements since it entered the table.
  public var advertisementCount: UInt64 { UInt64(heardCount) }
  var heardCount: UInt32
  /// Whether another peer spoke between its last two advertisements.
  var wasInterrupted = false

  /// Whether it acts as Active as far as can be told: heard within three of its intervals, and no
  /// farewell.
  public func actsAsActive(at now: Instant) -> Bool {
    priority != .farewell && now.nanoseconds(since: lastHeard) <= 3 * interval.nanoseconds
  }
}

/// The other routers heard, in a table of fixed size: hostile senders can't make it grow.
///
/// Only routers that are or were Active speak, so few places are enough. A newcomer takes a free
/// place, or that of the peer silent the longest if that one has fallen silent; a flood of invented
/// senders therefore can't push out those who live.
public struct Peers: Sendable, RandomAccessCollection {
  /// The number of peers that are remembered.
  public static let capacity = 8

  private var storage: InlineArray<8, Peer>
  private var used = 0

  init() {
    storage = InlineArray(
      repeating: Peer(
        address: .any(.ipv4), version: .v3, priority: .farewell, interval: .default,
        checksumForm: .message, addressCountOnWire: 0, addresses: .same, lastHeard: .zero,
        heardCount: 0))
  }

  /// Always 0.
  public var startIndex: Int { 0 }
  /// The number of peers in the table.
  public var endIndex: Int { used }
  /// The peer at a position; positions stay the same until a peer is replaced.
  public subscript(position: Int) -> Peer {
    precondition(position < used)
    return storage[position]
  }

  /// The result of noting an advertisement.
  struct Note {
    /// Whether the sender is in the table now.
    var isKnown: Bool
    /// The moment of the sender's advertisement before, if it acts as Active and did so then.
    var previous: Instant?
    /// Whether another peer has spoken between the sender's advertisements, twice in a row.
    ///
    /// Both can't be the only Active then. Once is the end of a split, see
    /// ``VirtualRouter/concede()``.
    var competes = false
  }

  /// Notes an advertisement.
  mutating func note(
    _ advertisement: Advertisement, from source: IPAddress, addresses: AddressListMatch,
    at now: Instant
  ) -> Note {
    for index in 0..<used where storage[index].address == source {
      var note = Note(isKnown: true)
      if advertisement.priority != .farewell, storage[index].actsAsActive(at: now) {
        note.previous = storage[index].lastHeard
        let isInterrupted = hasOther(than: index, heardAfter: storage[index].lastHeard)
        note.competes = isInterrupted && storage[index].wasInterrupted
        storage[index].wasInterrupted = isInterrupted
      } else {
        storage[index].wasInterrupted = false
      }
      storage[index].version = advertisement.version
      storage[index].priority = advertisement.priority
      storage[index].interval = advertisement.interval
      storage[index].checksumForm = advertisement.checksumForm
      storage[index].addressCountOnWire = UInt8(truncatingIfNeeded: advertisement.addressCount)
      storage[index].addresses = addresses
      storage[index].lastHeard = now
      storage[index].heardCount &+= 1
      return note
    }
    guard let place = placeForNewcomer(at: now) else { return Note(isKnown: false) }
    storage[place] = Peer(
      address: source, version: advertisement.version, priority: advertisement.priority,
      interval: advertisement.interval, checksumForm: advertisement.checksumForm,
      addressCountOnWire: UInt8(truncatingIfNeeded: advertisement.addressCount),
      addresses: addresses, lastHeard: now,
      heardCount: 1)
    return Note(isKnown: true)
  }

  /// Whether another peer has spoken since a moment.
  ///
  /// Mutating, although it changes nothing: the compiler copies the whole table otherwise.
  private mutating func hasOther(than index: Int, heardAfter moment: Instant) -> Bool {
    for other in 0..<used
    where other != index && storage[other].lastHeard > moment
      && storage[other].priority != .farewell
    {
      return true
    }
    return false
  }

  private mutating func placeForNewcomer(at now: Instant) -> Int? {
    if used < Self.capacity {
      used += 1
      return used - 1
    }
    var oldest = 0
    for index in 1..<used where storage[index].lastHeard < storage[oldest].lastHeard {
      oldest = index
    }
    return storage[oldest].actsAsActive(at: now) ? nil : oldest
  }
}
