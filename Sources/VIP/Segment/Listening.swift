import ARP
import VIPCore

/// The interests of a node on an interface, and what keeps listening cheap.
///
/// The kernel's filter passes only what is of interest, which is nothing for a Backup. It is
/// changed at the end of a turn, since that takes the kernel tens of microseconds, which a takeover
/// has better use for. A storm of frames is bounded by pauses: what does not fit into the kernel's
/// buffer meanwhile is lost, as if the segment had lost it.
///
/// A value without a clock and without a socket: it is told what has become of interest, what was
/// read and what the kernel said, and returns what to do.
struct Listening {
  /// The number of addresses beyond which the kernel passes on all that is said about any address.
  static let filteredAddressCount = 32
  /// Frames taken in one turn; reading one costs a microsecond or two.
  static let framesPerTurn = 256
  /// Number of full turns in a row that are a flood: from then on there is a pause after each full
  /// turn, which bounds the cost of a storm of broadcasts to 256 frames in 10 ms.
  static let fullTurnsMax = 16
  static let pause = Duration.milliseconds(10)
  /// The time until a filter that the kernel has refused is tried again.
  static let retryPause = Duration.seconds(1)

  /// The deed of the loop for the descriptor.
  enum Deed: Hashable {
    case watch, unwatch
  }

  /// The filter that is in force.
  private var filter = FrameFilter.nothing
  private var isWatched = false
  private var fullTurns = 0
  /// The time to listen again after too much was said.
  private var resumesAt: Instant?
  /// The time to try again to set a filter that was refused.
  private var retriesAt: Instant?

  /// Whether ``filter(for:)`` is to be asked before the turn is over.
  private(set) var isStale = false

  /// Whether frames that are of interest now can get through.
  var isListening: Bool { filter != .nothing }

  /// The time to call ``resume(at:)`` next; `nil` if nothing is put off.
  var deadline: Instant? { earliest(resumesAt, retriesAt) }

  /// Takes in that more or less may be of interest than before.
  mutating func interestChanged() { isStale = true }

  /// Compares what is of interest with the filter in force.
  ///
  /// - Returns: the filter to set now; tell what became of it with ``filterWasSet(_:)`` or
  ///   ``filterWasRefused(at:)``. `nil` if the one in force will do.
  mutating func filter(for needed: FrameFilter) -> FrameFilter? {
    isStale = false
    retriesAt = nil
    return needed == filter ? nil : needed
  }

  /// Takes in that a filter is in force now.
  mutating func filterWasSet(_ filter: FrameFilter) -> Deed? {
    self.filter = filter
    return update()
  }

  /// Takes in that the kernel has refused a filter: the one before stays in force for a while.
  mutating func filterWasRefused(at now: Instant) { retriesAt = now + Self.retryPause }

  /// Takes in what a turn has read.
  ///
  /// - Parameters:
  ///   - count: how many frames; `nil` if reading failed, which it would do again at once.
  ///   - now: the time.
  /// - Returns: what to do about it.
  mutating func drained(_ count: Int?, at now: Instant) -> Deed? {
    guard (count ?? Self.framesPerTurn) == Self.framesPerTurn else {
      fullTurns = 0
      return nil
    }
    fullTurns += 1
    guard count == nil || fullTurns > Self.fullTurnsMax else { return nil }
    resumesAt = now + Self.pause
    return update()
  }

  /// Ends pauses whose time has come.
  mutating func resume(at now: Instant) -> Deed? {
    if let time = retriesAt, time <= now {
      retriesAt = nil
      isStale = true
    }
    guard let end = resumesAt, end <= now else { return nil }
    resumesAt = nil
    return update()
  }

  /// Takes in that the interface is about to be closed.
  mutating func close() -> Deed? {
    filter = .nothing
    return update()
  }

  private mutating func update() -> Deed? {
    let isWanted = isListening && resumesAt == nil
    guard isWanted != isWatched else { return nil }
    isWatched = isWanted
    return isWanted ? .watch : .unwatch
  }
}
