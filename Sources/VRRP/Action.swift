public import VIPCore

/// A deed that a virtual router asks of its node.
public enum Action: Sendable, Hashable {
  /// Send an advertisement with this priority at once.
  case advertise(Priority)
  /// Put the virtual addresses on the interface.
  case installAddresses
  /// Tell the segment where the virtual addresses are now (gratuitous ARP, unsolicited NA).
  case announceAddresses
  /// Take the virtual addresses off the interface.
  case removeAddresses
  /// The state has changed. For observers; always the last action of an event.
  case transition(Transition)
}

/// A change of state and its cause.
public struct Transition: Sendable, Hashable {
  /// The state before.
  public let from: VirtualRouter.State
  /// The state after.
  public let to: VirtualRouter.State
  /// The cause.
  public let reason: Reason

  /// Makes a transition.
  public init(from: VirtualRouter.State, to: VirtualRouter.State, reason: Reason) {
    self.from = from
    self.to = to
    self.reason = reason
  }

  /// A cause of a change of state.
  public enum Reason: Sendable, Hashable {
    /// The router was started.
    case startup
    /// The router was started and owns the addresses.
    case startupAsOwner
    /// The router was stopped.
    case shutdown
    /// Something that the router needs is not there, so that it was taken out of the election.
    case unable
    /// The last Active heard has been silent for Active_Down_Interval (RFC 9568 §6.4.2).
    case activeDown(lastHeard: IPAddress?, silentFor: Duration)
    /// The Active announced that it leaves, and Skew_Time has passed since.
    case activeReleased(IPAddress)
    /// A router with a lower priority was Active and this one preempts.
    case preempting(IPAddress, Priority)
    /// Another router with a higher priority is Active.
    case higherPriority(IPAddress, Priority)
    /// Another router with the same priority and a higher address is Active.
    case higherAddress(IPAddress, Priority)
    /// Another router with a lower priority goes on as Active: it does not hear this one.
    case unheard(by: IPAddress, Priority)
    /// The operator asked for it.
    case promoted
    /// The operator asked it to let others be Active.
    case resigned
    /// The router has resigned, and no other one took over.
    case noSuccessor
    /// The node woke up so late that others must have taken over (suspended, frozen, starved).
    case lateWakeUp(silentFor: Duration)
    /// The node stood still, and its guard has given the role up for it.
    case stoodStill(for: Duration)
    /// The routers of its group did the same.
    case withGroup
  }
}

extension Transition.Reason: CustomStringConvertible {
  /// The reason as a sentence fragment for people.
  public var description: String {
    switch self {
    case .startup: "started"
    case .startupAsOwner: "started as address owner"
    case .shutdown: "stopped"
    case .unable: "it can't take part"
    case .activeDown(let router?, let silence):
      "no advertisement from \(router) for \(Self.seconds(silence))"
    case .activeDown(nil, let silence): "no advertisement from anyone for \(Self.seconds(silence))"
    case .activeReleased(let router): "\(router) released its role"
    case .preempting(let router, let priority):
      "preempting \(router), which has lower priority \(priority)"
    case .higherPriority(let router, let priority): "\(router) has higher priority \(priority)"
    case .higherAddress(let router, let priority):
      "\(router) has equal priority \(priority) and the higher address"
    case .unheard(let router, let priority):
      "\(router), which has priority \(priority), goes on as Active and does not hear this machine"
    case .promoted: "promoted by the operator"
    case .resigned: "resigned at the operator's request"
    case .noSuccessor: "no other router took over"
    case .lateWakeUp(let late): "woke up \(Self.seconds(late)) after the last advertisement"
    case .stoodStill(let duration):
      "stood still for \(Self.seconds(duration)), and the guard gave up the role"
    case .withGroup: "moves with its group"
    }
  }

  private static func seconds(_ duration: Duration) -> String {
    let nanoseconds = duration.inNanoseconds
    let milliseconds = String(nanoseconds / 1_000_000 % 1000 + 1000).dropFirst()
    return "\(nanoseconds / 1_000_000_000).\(milliseconds)s"
  }
}

/// The actions of one event, in the order in which they must happen.
///
/// A value of fixed capacity: no event of a virtual router allocates.
public struct Actions: Sendable, RandomAccessCollection {
  /// An action without what comes once at most: small, since every event hands over four of them.
  @usableFromInline
  enum Step: Sendable {
    case advertise(Priority)
    case installAddresses, announceAddresses, removeAddresses, transition
  }

  @usableFromInline var steps: InlineArray<4, Step>
  @usableFromInline var used: UInt8
  /// The faults of the segment that the event showed, for warnings.
  public internal(set) var findings: Findings = []
  /// The change of state, if there is one; also the last action then.
  public internal(set) var transition: Transition?
  /// The sender of the advertisement that was handed over, if it was accepted and is no farewell:
  /// it acts as Active.
  ///
  /// Also while the router is leaving, see ``VirtualRouter/stop(at:)``.
  public internal(set) var heardActive: VirtualRouter.ActiveRouter?

  init() {
    steps = InlineArray(repeating: .removeAddresses)
    used = 0
  }

  mutating func append(_ action: Action) {
    steps[Int(used)] =
      switch action {
      case .advertise(let priority): .advertise(priority)
      case .installAddresses: .installAddresses
      case .announceAddresses: .announceAddresses
      case .removeAddresses: .removeAddresses
      case .transition: .transition
      }
    if case .transition(let change) = action { transition = change }
    used += 1
  }

  /// Always 0.
  @inlinable public var startIndex: Int { 0 }
  /// The number of actions.
  @inlinable public var endIndex: Int { Int(used) }
  /// The action at a position.
  @inlinable
  public subscript(position: Int) -> Action {
    precondition(position < Int(used))
    switch steps[position] {
    case .advertise(let priority): return .advertise(priority)
    case .installAddresses: return .installAddresses
    case .announceAddresses: return .announceAddresses
    case .removeAddresses: return .removeAddresses
    case .transition:
      guard let transition else { preconditionFailure("a transition is kept with its step") }
      return .transition(transition)
    }
  }
}
