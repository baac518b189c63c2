public import VIP
public import VIPControl

/// The reason why a node process could not do something: one line that says what is wrong.
public struct ServiceError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kinds that a caller may want to tell apart, to say what to do about it.
  public enum Kind: Sendable, Hashable {
    /// The request was tried and did not work out.
    case failed
    /// A capability or permission is missing.
    case notPermitted
    /// The configuration file can't be read, or makes no sense.
    case file
    /// Another node runs on the runtime directory.
    case alreadyRunning
    /// The node that runs has another value of a setting that belongs to all its routers.
    case otherNodeSetting(NodeSetting)
    /// The node could not be asked.
    case unreachable(ControlClientError.Kind)
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

  /// Makes the process's form of an error of a node.
  public init(_ error: NodeError) {
    let kind: Kind =
      switch error.kind {
      case .notPermitted: .notPermitted
      case .alreadyRunning: .alreadyRunning
      default: .failed
      }
    self.init(kind, error.description)
  }

  /// Makes the client's form of an error of the control socket.
  public init(_ error: ControlClientError) {
    self.init(.unreachable(error.kind), error.description)
  }
}
