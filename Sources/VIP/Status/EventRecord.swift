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
    /// A virtual router waits for its interface.
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
    time = utcText(stamped.secondsSince1970, withMilliseconds: true)
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
      (self.event, self.router, self.family, text) = (.waiting, router, family, reason)
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
    case .nodeWarning(let text):
      (event, self.text) = (.warning, text)
    }
  }
}

/// An event with its time and its sequence number on its node.
public struct StampedEvent: Sendable, Hashable {
  /// The event.
  public let event: NodeEvent
  /// Its number on this node, from 1.
  public let sequence: UInt64
  /// The wall clock when it happened.
  public let secondsSince1970: Double

  /// The same since 1970 in nanoseconds.
  package var moment: Instant { Instant(nanoseconds: UInt64(max(0, secondsSince1970) * 1e9)) }
}

/// The last events of a node, for those who ask later.
///
/// Kept as they are: many of them may come with a takeover, which no text must hold up.
struct EventHistory {
  private static let capacity = 1000

  private var events: [StampedEvent] = []
  /// The number of the last event; 0 if there was none.
  private(set) var sequence: UInt64 = 0

  /// Takes events down.
  mutating func add(_ new: [NodeEvent], at secondsSince1970: Double) -> ArraySlice<StampedEvent> {
    for event in new {
      sequence += 1
      events.append(
        StampedEvent(event: event, sequence: sequence, secondsSince1970: secondsSince1970))
    }
    // In large steps, so that a flood of events does not move them all each time.
    if events.count > 2 * Self.capacity + new.count {
      events.removeFirst(events.count - Self.capacity - new.count)
    }
    return events.suffix(new.count)
  }

  /// The last ones.
  var last: [StampedEvent] { Array(events.suffix(Self.capacity)) }
}
