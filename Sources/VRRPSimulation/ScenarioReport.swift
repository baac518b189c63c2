public import VIPCore
public import VRRP

/// A played scenario as data for other programs; the clock starts with the scenario.
public struct ScenarioReport: Sendable, Hashable {
  /// One virtual router of the segment.
  public struct Group: Sendable, Hashable {
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
  public struct Router: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// The source of its advertisements.
    public let address: IPAddress
    /// Its configured priority.
    public let priority: Priority
    /// Its interval.
    public let interval: AdvertisementInterval
    /// The parts of its life, without gaps.
    public let spans: [Span]
  }

  /// A part of a router's life.
  public struct Span: Sendable, Hashable {
    /// Its beginning.
    public let from: Instant
    /// Its end.
    public let to: Instant
    /// The state.
    public let state: VirtualRouter.State
    /// Whether the node was on the segment and awake.
    public let reachable: Bool
  }

  /// The service of one virtual router that a client saw.
  public struct Client: Sendable, Hashable {
    /// The first moment of service; `nil` if there was none.
    public let servedFrom: Instant?
    /// The length of all outages after that together.
    public let outageTotal: Duration
    /// The outages after that.
    public let outages: [Outage]
  }

  /// A time in which no router served a client.
  public struct Outage: Sendable, Hashable {
    /// Its beginning.
    public let from: Instant
    /// Its end.
    public let to: Instant
    /// Its length.
    public var duration: Duration { to - from }
  }

  /// Something that happened.
  public struct Event: Sendable, Hashable {
    /// The kinds of events.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
      /// A router's state changed.
      case transition
      /// A router noticed a difference in what another one advertises.
      case noticed
      /// A router sent an advertisement.
      case sent
      /// A node stopped without a word.
      case crashed
      /// A node was cut off from the segment.
      case cut
      /// A node is on the segment again.
      case plugged
      /// A node was frozen.
      case paused
      /// A node goes on.
      case resumed
    }

    /// The time.
    public let time: Instant
    /// The router.
    public let router: String
    /// The kind of the event.
    public let kind: Kind
    /// The state before a transition.
    public var from: VirtualRouter.State?
    /// The state after a transition.
    public var to: VirtualRouter.State?
    /// The cause, or the difference that was noticed.
    public var reason: String?
    /// The priority that was sent.
    public var priority: Priority?
  }

  /// Whether every expectation was met and every promise kept.
  public let passed: Bool
  /// The seed of all chance.
  public let seed: UInt64
  /// The length of the whole.
  public let duration: Duration
  /// The virtual routers.
  public let groups: [Group]
  /// The events, oldest first.
  public let events: [Event]
  /// The expectations of the scenario.
  public let expectations: [ScenarioRun.Expectation]
  /// The promises of the election that did not hold.
  public let brokenPromises: [ScenarioRun.BrokenPromise]
}

extension ScenarioReport {
  /// Makes the report of a run.
  public init(_ run: ScenarioRun) {
    let simulation = run.simulation
    passed = run.passed
    seed = run.seed
    duration = simulation.now - .zero
    expectations = run.expectations
    brokenPromises = run.brokenPromises
    events = simulation.records.map { Self.event($0, in: simulation) }
    groups = run.timelines.enumerated().compactMap { group, timeline in
      let stations = simulation.stations.filter { $0.group == group }
      guard let first = stations.first?.router.configuration else { return nil }
      return Group(
        vrid: first.vrid, family: first.family,
        routers: zip(stations, timeline.rows).map(Self.router),
        client: Client(
          servedFrom: timeline.firstServed,
          outageTotal: timeline.outageTotal,
          outages: timeline.outages.map { Outage(from: $0.start, to: $0.end) }))
    }
  }

  private static func router(_ station: Simulation.Station, _ row: Timeline.Row) -> Router {
    let configuration = station.router.configuration
    return Router(
      name: row.name, address: station.address, priority: configuration.priority,
      interval: configuration.interval,
      spans: row.spans.map {
        Span(from: $0.start, to: $0.end, state: $0.state, reachable: $0.isReachable)
      })
  }

  private static func event(_ record: Simulation.Record, in simulation: Simulation) -> Event {
    let router = simulation.nodes[simulation.stations[record.station].node].name
    func made(_ kind: Event.Kind) -> Event {
      Event(time: record.time, router: router, kind: kind)
    }
    switch record.event {
    case .transition(let change):
      var event = made(.transition)
      (event.from, event.to, event.reason) = (change.from, change.to, change.reason.description)
      return event
    case .noticed(let findings):
      var event = made(.noticed)
      event.reason = findings.descriptions.joined(separator: "; ")
      return event
    case .sent(let priority):
      var event = made(.sent)
      event.priority = priority
      return event
    case .crashed: return made(.crashed)
    case .cut: return made(.cut)
    case .plugged: return made(.plugged)
    case .paused: return made(.paused)
    case .resumed: return made(.resumed)
    }
  }
}
