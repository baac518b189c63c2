/// The reason why a node could not do something: one line that says what, where and what to do.
public struct NodeError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kinds that a caller may want to tell apart.
  public enum Kind: Sendable, Hashable {
    /// A setting is wrong or contradicts what runs.
    case configuration(ConfigurationError)
    /// The interface does not exist on this machine.
    case unknownInterface
    /// No router has the name.
    case unknownRouter
    /// The kernel refuses because a capability is missing.
    case notPermitted
    /// Another node runs on the same runtime directory.
    case alreadyRunning
    /// The router is there but can't take part yet; it goes on waiting.
    case notRunningYet
    /// A virtual address is used by a machine that is not of the group.
    case addressInUse
    /// The protocol or the state of a router does not allow what was asked.
    case refused
    /// The node is shutting down.
    case shuttingDown
    /// The task that waited was cancelled; what had begun goes on.
    case cancelled
    /// A system call failed.
    case system(errno: Int32)
  }

  /// The kind of the error.
  public let kind: Kind
  /// The line for people.
  public let description: String

  /// Makes an error.
  public init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }

  /// The task that waits was cancelled.
  ///
  /// Not a `CancellationError`: what a node throws is a ``NodeError`` and nothing else, so that a
  /// `catch` knows its type.
  static let cancelled = NodeError(
    .cancelled, "the wait was cancelled; what the node has begun goes on")

  /// Wraps what is wrong with a configuration.
  public init(_ error: ConfigurationError) {
    self.init(.configuration(error), "\(error.router): \(error.description)")
  }
}
