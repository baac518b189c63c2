public import VIP
public import VIPControl

/// Why a node process could not do something: one line that says what is wrong.
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

  /// What kind of error it is.
  public let kind: Kind
  /// The line for people.
  public let description: String

  /// Makes an error.
  public init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }

  /// What an error of a node means to its process.
  public init(_ error: NodeError) {
    let kind: Kind =
      switch error.kind {
      case .notPermitted: .notPermitted
      case .alreadyRunning: .alreadyRunning
      default: .failed
      }
    self.init(kind, error.description)
  }

  /// What an error of the control socket means to a client.
  public init(_ error: ControlClientError) {
    self.init(.unreachable(error.kind), error.description)
  }
}
