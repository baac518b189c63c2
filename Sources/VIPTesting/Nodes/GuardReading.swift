import VIP

/// The requests in a guard's area, read again only where they are not those of the last time.
struct GuardReading {
  private var known: [(bytes: [UInt8], requests: [FakeKernel.MessageRequest])] = []

  /// The requests to the kernel in some deeds, by deed.
  mutating func requests(in deeds: [GuardArea.Deed]) -> [[FakeKernel.MessageRequest]] {
    var read: [(bytes: [UInt8], requests: [FakeKernel.MessageRequest])] = []
    for case .requests(let bytes) in deeds {
      let place = read.count
      let isKnown = place < known.count && known[place].bytes == bytes
      read.append(isKnown ? known[place] : (bytes: bytes, requests: FakeKernel.requests(in: bytes)))
    }
    known = read
    return read.map(\.requests)
  }
}
