public import VIP
public import VIPCore
public import VRRP

/// An event with the moment it happened, as `vipctl events --json` prints it.
public struct EventRecord: Sendable, Hashable, Codable {
  /// What kind of event it is.
  public enum Kind: String, Sendable, Hashable, Codable {
    /// A virtual router changed its state.
    case transition
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
  /// The address, if it is about one.
  public var address: IPAddress?
  /// What happened and why, for people.
  public var text: String

  /// Takes an event down.
  public init(_ stamped: StampedEvent) {
    time = utcText(stamped.secondsSince1970, withMilliseconds: true)
    sequence = stamped.sequence
    switch stamped.event {
    case .transition(let router, let family, let change):
      (self.event, self.router, self.family) = (.transition, router, family)
      (from, to) = (change.from, change.to)
      text = "\(change.from) → \(change.to): \(change.reason)"
    case .waiting(let router, let family, let reason):
      (self.event, self.router, self.family) = (.waiting, router, family)
      text = reason.description
    case .warning(let router, let family, let text):
      (self.event, self.router, self.family, self.text) = (.warning, router, family, text)
    case .conflict(let router, let address, let mac):
      (event, self.router, self.address) = (.conflict, router, address)
      family = address.family
      text = conflictText(address, mac)
    case .cleared(let router, let family, let text):
      (self.event, self.router, self.family, self.text) = (.cleared, router, family, text)
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
    case .nodeWarning(let text):
      (event, self.text) = (.warning, text)
    }
  }
}
