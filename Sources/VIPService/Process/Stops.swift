/// The reason why a node's process may have to end.
public enum StopCause: Sendable {
  /// The process was sent a signal.
  case signal(Int32)
  /// The process was asked to read the configuration file again.
  case reload
  /// A router has been removed: is one left?
  case routerGone
  /// The process that started this node is done with it.
  case starterGone
}

/// The way on which those reasons reach the process, from any thread.
public struct Stops: Sendable {
  /// The reasons as they come, without end.
  public let causes: AsyncStream<StopCause>
  private let continuation: AsyncStream<StopCause>.Continuation

  /// Makes a way on which nothing has come yet.
  public init() {
    (causes, continuation) = AsyncStream.makeStream()
  }

  /// Tells the process of a reason.
  public func tell(_ cause: StopCause) { continuation.yield(cause) }
}
