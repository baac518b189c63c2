/// Where waiting and measuring get their time from: the machine's, or a test's.
public protocol ClientClock: Sendable {
  /// The time since some moment that is the same for all uses of this clock. It never goes back,
  /// and it goes on while the machine is suspended.
  var now: Duration { get }

  /// Waits until a time at which there is something to do.
  func sleep(until deadline: Duration) async throws(CancellationError)

  /// Waits until a time at which something is given up that has not come by then.
  ///
  /// As a rule it is cancelled before. A clock for tests may tell the two apart.
  func expire(at deadline: Duration) async throws(CancellationError)
}

extension ClientClock {
  /// Waits until a time.
  public func expire(at deadline: Duration) async throws(CancellationError) {
    try await sleep(until: deadline)
  }
}

/// The machine's clock, which counts time in suspension, too.
public struct SystemClock: ClientClock {
  private static let start = ContinuousClock.now

  /// Makes a clock; all of them show the same.
  public init() {}

  /// The time since the first use of any such clock.
  public var now: Duration { ContinuousClock.now - Self.start }

  /// Waits until a time.
  public func sleep(until deadline: Duration) async throws(CancellationError) {
    do throws(any Error) {
      try await Task.sleep(until: Self.start + deadline, clock: .continuous)
    } catch {
      throw CancellationError()
    }
  }
}
