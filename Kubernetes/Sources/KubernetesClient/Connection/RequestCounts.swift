/// How the requests of a client have ended, each attempt by itself.
public struct RequestCounts: Sendable, Hashable {
  /// Those to which the server has said yes; a watch counts when it begins.
  public var succeeded: UInt64 = 0
  /// Those to which it has said no.
  public var refused: UInt64 = 0
  /// Those without an answer.
  public var failed: UInt64 = 0

  /// Makes counts of no request.
  public init() {}
}
