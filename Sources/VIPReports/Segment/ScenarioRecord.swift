import VIP
public import VIPCore
public import VRRP
public import VRRPSimulation

/// A played scenario in the form of `vipctl simulate --json`: times are seconds from the beginning.
public struct ScenarioRecord: Sendable, Hashable, Codable {
  /// One virtual router of the segment.
  public struct Group: Sendable, Hashable, Codable {
    /// Its identifier.
    public let vrid: VRID
    /// The family of its addresses.
    public let family: AddressFamily
    /// The members of its election.
    public let routers: [Router]
    /// The service that a client saw.
    public let client: Client
  }

  /// One router and its life.
  public struct Router: Sendable, Hashable, Codable {
    /// Its name.
    public let name: String
    /// The source of its advertisements.
    public let address: IPAddress
    /// Its configured priority.
    public let priority: Priority
    /// Its interval.
    public let interval: Double
    /// The parts of its life, without gaps.
    public let spans: [Span]
  }

  /// A part of a router's life.
  public struct Span: Sendable, Hashable, Codable {
    /// Its beginning.
    public let from: Double
    /// Its end.
    public let to: Double
    /// The state.
    public let state: VirtualRouter.State
    /// Whether the node was on the segment and awake.
    public let reachable: Bool
  }

  /// The service of one virtual router that a client saw.
  public struct Client: Sendable, Hashable, Codable {
    /// The first moment of service; `nil` if there was none.
    public let servedFrom: Double?
    /// The length of all outages after that together.
    public let outageTotal: Double
    /// The outages after that.
    public let outages: [Outage]
  }

  /// A time in which no router served a client.
  public struct Outage: Sendable, Hashable, Codable {
    /// Its beginning.
    public let from: Double
    /// Its end.
    public let to: Double
    /// Its length.
    public let duration: Double
  }

  /// Something that happened.
  public struct Event: Sendable, Hashable, Codable {
    /// The time.
    public let time: Double
    /// The router.
    public let router: String
    /// The kind: `transition`, `noticed`, `sent`, `crashed`, `cut`, `plugged`, `paused`, `resumed`.
    public let event: String
    /// The state before a transition.
    public let from: VirtualRouter.State?
    /// The state after a transition.
    public let to: VirtualRouter.State?
    /// The cause, or the difference that was noticed.
    public let reason: String?
    /// The priority that was sent.
    public let priority: Int?
  }

  /// Whether every expectation was met and every promise kept.
  public let passed: Bool
  /// The seed of all chance.
  public let seed: UInt64
  /// The length of the whole.
  public let duration: Double
  /// The virtual routers.
  public let groups: [Group]
  /// The events, oldest first.
  public let events: [Event]
  /// The expectations of the scenario.
  public let expectations: [ScenarioRun.Expectation]
  /// The promises of the election that did not hold.
  public let brokenPromises: [ScenarioRun.BrokenPromise]
}

extension ScenarioRecord {
  /// Takes a report down.
  public init(_ report: ScenarioReport) {
    passed = report.passed
    seed = report.seed
    duration = report.duration.inSeconds
    groups = report.groups.map(Group.init)
    events = report.events.map(Event.init)
    expectations = report.expectations
    brokenPromises = report.brokenPromises
  }
}

extension ScenarioRecord.Group {
  fileprivate init(_ group: ScenarioReport.Group) {
    self.init(
      vrid: group.vrid, family: group.family,
      routers: group.routers.map { router in
        ScenarioRecord.Router(
          name: router.name, address: router.address, priority: router.priority,
          interval: router.interval.duration.inSeconds,
          spans: router.spans.map {
            ScenarioRecord.Span(
              from: seconds($0.from), to: seconds($0.to), state: $0.state, reachable: $0.reachable)
          })
      },
      client: ScenarioRecord.Client(
        servedFrom: group.client.servedFrom.map(seconds),
        outageTotal: group.client.outageTotal.inSeconds,
        outages: group.client.outages.map {
          ScenarioRecord.Outage(
            from: seconds($0.from), to: seconds($0.to), duration: $0.duration.inSeconds)
        }))
  }
}

extension ScenarioRecord.Event {
  fileprivate init(_ event: ScenarioReport.Event) {
    self.init(
      time: seconds(event.time), router: event.router, event: event.kind.rawValue,
      from: event.from, to: event.to, reason: event.reason,
      priority: event.priority.map { Int($0.rawValue) })
  }
}

/// A moment of a scenario as seconds from its beginning.
private func seconds(_ moment: Instant) -> Double { (moment - .zero).inSeconds }
