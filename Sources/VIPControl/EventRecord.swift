public import VIP
public import VIPCore
public import VRRP

/// An event with the moment it happened, as `vipctl events --json` prints it.
public struct EventRecord: Sendable, Hashable, Codable {
  /// The kind of an event.
  public enum Kind: String, Sendable, Hashable, Codable {
    /// A virtual router changed its state.
    case transition
    /// The addresses of a virtual router are where its state wants them.
    case settled
    /// A virtual router can't take part in the election.
    case fault
    /// Something is wrong.
    case warning
    /// Another machine uses a virtual address that is held here.
    case conflict
    /// The problem that a warning told of has ended.
    case cleared
    /// A router's settings changed while it runs.
    case changed
    /// An address or a route that was missing was put back.
    case repaired
    /// A hook wrote a line or ended well.
    case hook
    /// A health check counts as passing or failing now, or as saying nothing.
    case check
    /// A process asked for a command that moves the role of a router.
    case command
    /// A router is gone.
    case removed
    /// All routers of a group have settled in one state.
    case groupSettled = "group-settled"
    /// The process around the node has begun, ended or left something out; only in the events that
    /// are kept.
    case process
  }

  /// The time when it happened, in UTC (ISO 8601 with milliseconds).
  public var time: String
  /// Its number on this node; a gap means that some were missed.
  public var sequence: UInt64
  /// The kind of the event.
  public var event: Kind
  /// The router it is about; `nil` if it is about the node.
  public var router: String?
  /// The group of routers it is about, if it is about one.
  public var group: String?
  /// The family, if it is about one.
  public var family: AddressFamily?
  /// The state before a transition.
  public var from: VirtualRouter.State?
  /// The state after a transition.
  public var to: VirtualRouter.State?
  /// The state in which a router has settled.
  public var state: Settlement.State?
  /// The address, if it is about one.
  public var address: IPAddress?
  /// The health check, if it is about one.
  public var check: String?
  /// The standing of the check.
  public var standing: CheckStatus.Standing?
  /// The process that asked, if it is about a command.
  public var requester: Requester?
  /// The event and its reason, for people.
  public var text: String

  /// Makes a note about the process around a node, which has no number on it.
  ///
  /// - Parameters:
  ///   - text: the note, for people.
  ///   - time: when it happened, in UTC.
  package init(process text: String, at time: String) {
    (self.time, sequence, event, self.text) = (time, 0, .process, text)
  }

  /// Takes an event down.
  public init(_ stamped: StampedEvent) {
    time = stamped.time.milliseconds
    sequence = stamped.sequence
    event = Kind(stamped.event)
    router = stamped.event.router
    group = stamped.event.group
    family = stamped.event.family
    text = stamped.event.text
    switch stamped.event {
    case .transition(_, _, let change): (from, to) = (change.from, change.to)
    case .settled(_, _, let settlement): state = settlement.state
    case .groupSettled(let settlement): state = settlement.state
    case .conflict(_, let address, _): self.address = address
    case .repaired(_, let address): self.address = address.address
    case .check(let name, let standing, _): (check, self.standing) = (name, standing)
    case .command(_, let command): requester = command.requester
    case .waiting, .warning, .cleared, .changed, .repairedRoute, .hook, .removed, .nodeWarning,
      .nodeCleared:
      break
    }
  }
}

extension EventRecord.Kind {
  fileprivate init(_ event: NodeEvent) {
    self =
      switch event {
      case .transition: .transition
      case .settled: .settled
      case .waiting: .fault
      case .warning, .nodeWarning: .warning
      case .conflict: .conflict
      case .cleared, .nodeCleared: .cleared
      case .changed: .changed
      case .repaired, .repairedRoute: .repaired
      case .hook: .hook
      case .check: .check
      case .command: .command
      case .removed: .removed
      case .groupSettled: .groupSettled
      }
  }
}
