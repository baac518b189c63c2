public import ARP

/// A segment in memory: it records what is sent, hands out what a test delivers and fails on order.
public final class FakeWire: FrameTransport, FrameReceiver {
  /// The frames that were sent, the oldest first.
  public private(set) var frames: [[UInt8]] = []
  /// Errors for the next sends, one each, the first one first.
  public var failures: [FrameError] = []
  /// An error for every send and receive as long as it is set, such as a link that is down.
  public var outage: FrameError?
  /// Nothing to wait for: frames are there once they were delivered.
  public let fileDescriptor: Int32 = -1
  private var inbox: [[UInt8]] = []

  /// Makes a segment without other machines.
  public init() {}

  /// The claims to addresses in the sent frames, the oldest first.
  public var claims: [AddressClaim] {
    frames.compactMap { try? AddressClaim(parsing: $0.span) }
  }

  /// Forgets what was sent.
  public func removeAll() {
    frames.removeAll()
  }

  /// Lets a frame arrive; it waits for the next ``drain(limit:handler:)``.
  public func deliver(_ frame: [UInt8]) {
    inbox.append(frame)
  }

  /// The frames that the test's subject wants to receive.
  public private(set) var filter = FrameFilter.nothing

  /// An error for every filter that is set as long as it is set.
  public var filterFailure: FrameError?

  /// Records the filter; what is delivered is received whatever it says.
  public func setFilter(_ filter: FrameFilter) throws(FrameError) {
    if let filterFailure { throw filterFailure }
    self.filter = filter
  }

  /// Records a frame, or fails if the test said so.
  public func send(_ frame: Span<UInt8>) throws(FrameError) {
    if let outage { throw outage }
    guard failures.isEmpty else { throw failures.removeFirst() }
    frames.append(
      [UInt8](capacity: frame.count) { copy in
        for index in frame.indices { copy.append(frame[index]) }
      })
  }

  /// Hands out delivered frames, the oldest first.
  @discardableResult
  public func drain(limit: Int, handler: (Span<UInt8>) -> Void) throws(FrameError) -> Int {
    if let outage { throw outage }
    let taken = inbox.prefix(max(limit, 0))
    inbox.removeFirst(taken.count)
    for frame in taken { handler(frame.span) }
    return taken.count
  }
}
