import VIPCore

/// A packet on its way to one station.
struct Delivery: Sendable {
  var time: Instant
  /// Packets due at one moment arrive in the order in which they were sent.
  var sequence: UInt64
  var station: Int
  /// Where its bytes are, see ``PacketPool``.
  var packet: Int

  func comes(before other: Delivery) -> Bool {
    time < other.time || (time == other.time && sequence < other.sequence)
  }
}

/// Packets on their way, the next one to arrive first: a binary heap.
struct DeliveryQueue: Sendable {
  private var heap: [Delivery] = []

  var first: Delivery? { heap.first }
  var isEmpty: Bool { heap.isEmpty }

  mutating func insert(_ delivery: Delivery) {
    heap.append(delivery)
    var index = heap.count - 1
    while index > 0 {
      let parent = (index - 1) / 2
      guard delivery.comes(before: heap[parent]) else { break }
      heap[index] = heap[parent]
      index = parent
    }
    heap[index] = delivery
  }

  mutating func removeFirst() -> Delivery? {
    guard let first = heap.first else { return nil }
    let moved = heap.removeLast()
    guard !heap.isEmpty else { return first }
    var index = 0
    while true {
      var child = 2 * index + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count, heap[child + 1].comes(before: heap[child]) { child += 1 }
      guard heap[child].comes(before: moved) else { break }
      heap[index] = heap[child]
      index = child
    }
    heap[index] = moved
    return first
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
