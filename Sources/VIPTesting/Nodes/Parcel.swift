import VIP
import VIPCore

/// Bytes on their way across a segment.
struct Parcel {
  enum Content {
    /// A VRRP message whose IP header has been taken off.
    case message(PacketHeader, [UInt8])
    /// A whole Ethernet frame.
    case frame([UInt8])
  }

  enum Receiver: Hashable {
    case machine(Int, interfaceIndex: Int32)
    case client
    case stranger
  }

  /// The time when it arrives.
  let time: Instant
  /// The time when it was sent.
  let sent: Instant
  let segment: Int
  let receiver: Receiver
  let content: Content
}

/// Parcels on their way, the next one to arrive first; those of one moment in the order in which
/// they were sent.
struct ParcelQueue {
  /// The last one to arrive first.
  private var parcels: [Parcel] = []

  var isEmpty: Bool { parcels.isEmpty }
  var first: Parcel? { parcels.last }
  /// The time when the last one arrives.
  var lastTime: Instant? { parcels.first?.time }

  mutating func insert(_ parcel: Parcel) {
    var low = 0
    var high = parcels.count
    while low < high {
      let middle = (low + high) / 2
      if parcels[middle].time > parcel.time { low = middle + 1 } else { high = middle }
    }
    parcels.insert(parcel, at: low)
  }

  mutating func removeFirst() -> Parcel? { parcels.popLast() }
}
