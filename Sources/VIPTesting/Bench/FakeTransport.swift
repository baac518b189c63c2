package import VIP
package import VIPCore

/// An election socket whose other end is the test.
package final class FakeTransport: AdvertisementTransport {
  package let descriptor: Int32 = -1
  package var source: IPAddress?
  private var batch: [[UInt8]] = []
  /// The sent messages, batch by batch.
  package private(set) var batches: [[[UInt8]]] = []
  /// The messages that are waiting to be received.
  package var inbox: [(PacketHeader, [UInt8])] = []
  /// The error number with which sending fails, and the VRID of which it does; of all if none is
  /// named.
  package var failure: Int32 = 0
  package var failingVRID: UInt8?
  private var vrids: [UInt8] = []
  /// Whether the kernel has it in its group; `nil` if that can't be learned.
  package var isInGroup: Bool?
  /// The error with which joining the group fails.
  package var joinFailure: NodeError?
  /// Number of times that it was asked to see to its group.
  package private(set) var renewalCount = 0
  package var droppedCount: UInt32 = 0

  package func renewMembership() throws(NodeError) {
    renewalCount += 1
    guard isInGroup == false else { return }
    if let joinFailure { throw joinFailure }
    isInGroup = true
  }

  package init() {}

  package func setSource(_ source: IPAddress) { self.source = source }
  package func enqueue(_ message: [UInt8]) {
    batch.append(message)
    vrids.append(message[1])
  }

  /// The messages that went to single machines.
  package private(set) var unicasts:
    [(source: IPAddress, destination: IPAddress, priority: UInt8)] = []

  package func enqueue(_ message: [UInt8], from source: IPAddress, to destination: IPAddress) {
    unicasts.append((source, destination, message[2]))
    vrids.append(message[1])
  }

  package func flush(_ failed: (_ place: Int, _ errorNumber: Int32) -> Void) {
    if !batch.isEmpty { batches.append(batch) }
    for (place, vrid) in vrids.enumerated() where failure != 0 && failingVRID ?? vrid == vrid {
      failed(place, failure)
    }
    batch = []
    vrids = []
  }

  package func drain(limit: Int, _ handler: (PacketHeader, Span<UInt8>) -> Void) -> Bool {
    let taken = inbox.prefix(limit)
    inbox.removeFirst(taken.count)
    for (header, bytes) in taken { handler(header, bytes.span) }
    return !inbox.isEmpty
  }

  /// The priorities of everything sent, in order.
  package var sentPriorities: [UInt8] { batches.flatMap { $0 }.map { $0[2] } }
}
