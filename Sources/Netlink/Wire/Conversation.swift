/// The requests of one send that the kernel has not answered yet; at most 64.
///
/// Answers are told apart by sequence number, so one that belongs to an earlier, abandoned
/// conversation does no harm.
struct PendingReplies {
  private let first: UInt32
  private let count: Int
  /// A bit for each request that waits.
  private var waiting: UInt64

  /// Makes the set for requests with ascending sequence numbers; a bit in `unused` for each number
  /// that none has.
  init(first: UInt32, count: Int, without unused: UInt64 = 0) {
    self.first = first
    self.count = count
    waiting = count == 0 ? 0 : (.max >> UInt64(UInt64.bitWidth - count)) & ~unused
  }

  /// Whether every request is answered.
  var isEmpty: Bool { waiting == 0 }

  /// Reads a datagram and tells which requests failed.
  mutating func read(_ bytes: Span<UInt8>, failed: (Int, Reply) -> Void) {
    var position = 0
    while let message = Message.next(in: bytes, from: &position) {
      let index = message.sequence &- first
      guard index < count, waiting & 1 << UInt64(index) != 0,
        let reply = Reply(message, in: bytes)
      else { continue }
      waiting &= ~(1 << UInt64(index))
      if reply.code != 0 { failed(Int(index), reply) }
    }
  }

  /// Gives up: what waits has failed for one reason.
  func abandon(code: Int32, failed: (Int, Reply) -> Void) {
    for index in 0..<count where waiting & 1 << UInt64(index) != 0 {
      failed(index, Reply(code: code))
    }
  }
}

/// A list that arrives in several datagrams.
struct DumpReader<Element> {
  private let sequence: UInt32
  private(set) var list: [Element] = []
  /// Whether all parts were read from the same state.
  ///
  /// Any message may say that they were not, and often it is not the last one.
  private(set) var isConsistent = true

  init(sequence: UInt32) {
    self.sequence = sequence
  }

  /// Reads a datagram; the result is how the list ended, `nil` while it has not.
  mutating func read(
    _ bytes: Span<UInt8>, decode: (Message, Span<UInt8>) -> Element?
  ) -> Reply? {
    var position = 0
    while let message = Message.next(in: bytes, from: &position) {
      guard message.sequence == sequence else { continue }
      if message.flags & MessageFlags.dumpInterrupted != 0 { isConsistent = false }
      if let reply = Reply(message, in: bytes) { return reply }
      if let element = decode(message, bytes) { list.append(element) }
    }
    return nil
  }
}
