import VIPCore

/// A packet on its way to one station.
struct Delivery: Sendable {
  var station: Int
  /// The slot of its bytes in the ``PacketPool``.
  var packet: Int
}

/// Packets on their way, the next one to arrive first; those of one moment in the order in which
/// they were sent.
struct DeliveryQueue: Sendable {
  private var arrivals = TimerQueue()
  private var deliveries: [Delivery] = []
  private var free: [Int] = []

  /// The arrival of the next packet.
  var earliest: Instant? { arrivals.earliest }

  mutating func insert(_ delivery: Delivery, arrivingAt time: Instant) {
    let slot: Int
    if let known = free.popLast() {
      slot = known
      deliveries[slot] = delivery
    } else {
      slot = deliveries.count
      deliveries.append(delivery)
    }
    arrivals.schedule(slot, at: time)
  }

  mutating func removeFirst(by now: Instant) -> Delivery? {
    guard let (slot, _) = arrivals.popDue(by: now) else { return nil }
    free.append(slot)
    return deliveries[slot]
  }
}

/// The bytes of packets on their way; slots are used again, so that long runs allocate little.
struct PacketPool: Sendable {
  struct Packet: Sendable {
    var bytes: [UInt8] = []
    var source: IPAddress = .any(.ipv4)
    var users = 0
  }
  private(set) var packets: [Packet] = []
  private var free: [Int] = []

  mutating func store(_ bytes: [UInt8], from source: IPAddress) -> Int {
    if let slot = free.popLast() {
      packets[slot] = Packet(bytes: bytes, source: source, users: 1)
      return slot
    }
    packets.append(Packet(bytes: bytes, source: source, users: 1))
    return packets.count - 1
  }

  mutating func retain(_ slot: Int) { packets[slot].users += 1 }

  mutating func release(_ slot: Int) {
    packets[slot].users -= 1
    if packets[slot].users == 0 { free.append(slot) }
  }
}
