public import VIP
public import VIPCore

/// A request of a client to a running node over its control socket.
public indirect enum ControlRequest: Sendable, Hashable, Codable {
  /// Add routers or give present ones these settings, all or none; answer once each is Backup or
  /// Active, or when the time is over. Those that the machine can't serve yet are refused unless
  /// the request says otherwise. Groups that are given are new or other than before.
  case up(
    [RouterConfiguration], timeout: RequestTime, unready: UnreadyPolicy? = nil,
    groups: [RouterGroup]? = nil)
  /// Hand over and remove the routers with these names or addresses; answer once they are gone.
  case down([String])
  /// Hand over and remove every router; answer once they are gone.
  case downAll
  /// Tell what the node is doing; one router's part if a name is given.
  case status(String?)
  /// Add addresses to a running router.
  case add(router: String, addresses: [InterfaceAddress])
  /// Take addresses from a running router.
  case remove(router: String, addresses: [IPAddress])
  /// Apply the node's configuration file again.
  case reload
  /// Leave the Active role to others, for a while if a time is given; answer once it is decided.
  ///
  /// A router that a request names may be named by one of its addresses, here as in all others.
  case resign(router: String, for: RequestTime? = nil)
  /// Leave the Active role of all routers that take part to others; answer once it is decided.
  case resignAll(for: RequestTime? = nil)
  /// End the resignation or promotion of a router; no role is taken by that.
  case resume(router: String)
  /// End all resignations and promotions.
  case resumeAll
  /// Tell the settings as they are; those of one router if a name is given.
  case configuration(router: String? = nil)
  /// Tell what happened last; with `follow` instead an ``EventRecord`` in a line for each event
  /// from now on, until the client has enough.
  case events(follow: Bool)
  /// Take the Active role; answer once the addresses are held.
  case promote(router: String)
  /// Say what an `up`, `down`, `downAll` or `reload` would change, and change nothing.
  case dryRun(ControlRequest)

  enum UpCodingKeys: String, CodingKey {
    case _0
    case timeout = "timeoutSeconds"
    case unready, groups
  }

  enum ResignCodingKeys: String, CodingKey {
    case router
    case `for` = "seconds"
  }

  enum ResignAllCodingKeys: String, CodingKey {
    case `for` = "seconds"
  }
}

/// The answer of a node.
public enum ControlReply: Sendable, Hashable, Codable {
  /// The request is done; the state of the routers concerned.
  case done(NodeRecord)
  /// The request is done; what has changed, and the state of the routers concerned.
  case changed(ChangeRecord, NodeRecord)
  /// The request is done, but not all routers concerned take part yet.
  case waiting(NodeRecord, ControlFailure)
  /// The settings.
  case configuration(ConfigurationRecord)
  /// The events, in order.
  case events([EventRecord])
  /// The request was not done.
  case failed(ControlFailure)
}

/// The reason why a node did not do what it was asked.
public struct ControlFailure: Error, Sendable, Hashable, Codable, CustomStringConvertible {
  /// The kinds that a client may want to tell apart.
  public enum Kind: String, Sendable, Hashable, Codable {
    /// The request makes no sense or contradicts what runs.
    case invalid
    /// No router has the name or address.
    case unknownRouter
    /// The router is there but can't take part yet; it goes on waiting.
    case waiting
    /// The node's configuration file makes no sense or can't be read.
    case file
    /// The protocol or the state of the router does not allow it.
    case refused
    /// The node is ending; another one may be started.
    case shuttingDown
    /// The request was tried and did not work out.
    case failed
  }

  /// The kind of the failure.
  public let kind: Kind
  /// One sentence for people.
  public let description: String

  /// Makes a failure.
  public init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }
}
