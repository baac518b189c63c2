public import VIP
public import VIPCore
public import VRRP

/// An event with the moment it happened, as `vipctl events --json` prints it.
public struct EventRecord: Sendable, Hashable, Codable {
  /// What kind of event it is.
  public enum Kind: String, Sendable, Hashable, Codable {
    /// A virtual router changed its state.
    case transition
    /// The addresses of a virtual router are where its state wants them.
    case settled
    /// A virtual router can't take part in the election.
    case waiting
    /// Something is wrong.
    case warning
    /// Another machine uses a virtual address that is held here.
    case conflict
    /// What a warning told of is over.
    case cleared
    /// A router's settings changed while it runs.
    case changed
    /// An address that was missing was put back.
    case repaired
    /// A hook wrote a line or ended well.
    case hook
    /// A router is gone.
    case removed
  }

  /// When it happened, in UTC (ISO 8601 with milliseconds).
  public var time: String
  /// Its number on this node; a gap means that some were missed.
  public var sequence: UInt64
  /// What kind of event it is.
  public var event: Kind
  /// The router it is about; `nil` if it is about the node.
  public var router: String?
  /// The family, if it is about one.
  public var family: AddressFamily?
  /// The state before a transition.
  public var from: VirtualRouter.State?
  /// The state after a transition.
  public var to: VirtualRouter.State?
  /// What a router that has settled does.
  public var state: Settlement.State?
  /// The address, if it is about one.
  public var address: IPAddress?
  /// What happened and why, for people.
  public var text: String

  /// Takes an event down.
  public init(_ stamped: StampedEvent) {
    time = stamped.time.milliseconds
    sequence = stamped.sequence
    switch stamped.event {
    case .transition(let router, let family, let change):
      (self.event, self.router, self.family) = (.transition, router, family)
      (from, to) = (change.from, change.to)
      text = "\(change.from) → \(change.to): \(change.reason)"
    case .settled(let router, let family, let settlement):
      (self.event, self.router, self.family) = (.settled, router, family)
      state = settlement.state
      text = settlement.text
    case .waiting(let router, let family, let reason):
      (self.event, self.router, self.family) = (.waiting, router, family)
      text = reason.description
    case .warning(let problem):
      (event, router, family, text) = (.warning, problem.router, problem.family, problem.text)
    case .conflict(let router, let address, let mac):
      (event, self.router, self.address) = (.conflict, router, address)
      family = address.family
      text = conflictText(address, mac)
    case .cleared(let problem):
      (event, router, family, text) = (.cleared, problem.router, problem.family, problem.text)
    case .changed(let router, let text):
      (self.event, self.router, self.text) = (.changed, router, text)
    case .repaired(let router, let address):
      (self.event, self.router, self.address) = (.repaired, router, address.address)
      family = address.family
      text = "\(address) was missing and has been put back"
    case .hook(let router, let family, let state, let text):
      (self.event, self.router, self.family) = (.hook, router, family)
      self.text = hookText(state, text)
    case .removed(let router):
      (self.event, self.router, text) = (.removed, router, "removed")
    case .nodeWarning(let problem):
      (event, text) = (.warning, problem.text)
    case .nodeCleared(let problem):
      (event, text) = (.cleared, problem.text)
    }
  }
}
