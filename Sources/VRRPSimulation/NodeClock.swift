public import VIPCore

/// A simulated node's own clock: it starts anywhere and may run too fast or too slow.
///
/// Routers only ever see their node's clock; the simulation has a true one.
public struct NodeClock: Sendable, Hashable {
  private var trueBase: Instant
  private var localBase: Instant
  /// The deviation from true time, in parts per million; negative if slower.
  public private(set) var drift: Int64 = 0

  /// A clock that shows `local` at the true time zero.
  public init(startingAt local: Instant) {
    trueBase = .zero
    localBase = local
  }

  private var rate: UInt64 { UInt64(1_000_000 + drift) }

  /// The clock's reading at a true time.
  public func localTime(at time: Instant) -> Instant {
    let elapsed = time.nanoseconds(since: trueBase)
    guard drift != 0 else { return localBase.advanced(byNanoseconds: elapsed) }
    let product = elapsed.multipliedFullWidth(by: rate)
    let scaled = UInt64(1_000_000).dividingFullWidth(product).quotient
    return localBase.advanced(byNanoseconds: scaled)
  }

  /// The first true time at which the clock shows `local` or more.
  public func trueTime(of local: Instant) -> Instant {
    let elapsed = local.nanoseconds(since: localBase)
    guard drift != 0 else { return trueBase.advanced(byNanoseconds: elapsed) }
    let product = elapsed.multipliedFullWidth(by: 1_000_000)
    let (quotient, remainder) = rate.dividingFullWidth(product)
    return trueBase.advanced(byNanoseconds: quotient + (remainder > 0 ? 1 : 0))
  }

  /// Changes the speed from a true time on; what it shows then does not jump.
  ///
  /// - Parameters:
  ///   - drift: parts per million, within ±500,000.
  ///   - time: the true time of the change.
  public mutating func setDrift(_ drift: Int64, at time: Instant) {
    localBase = localTime(at: time)
    trueBase = time
    self.drift = min(max(drift, -500_000), 500_000)
  }
}
