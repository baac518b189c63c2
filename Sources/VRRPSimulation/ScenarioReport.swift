public import VIPCore
public import VRRP

/// A played scenario as data for other programs; times are in seconds from the beginning.
public struct ScenarioReport: Sendable, Hashable, Codable {
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
    /// Its interval in seconds.
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
    public var from: VirtualRouter.State?
    /// The state after a transition.
    public var to: VirtualRouter.State?
    /// The cause, or the difference that was noticed.
    public var reason: String?
    /// The priority that was sent.
    public var priority: Int?
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

extension ScenarioReport {
  /// Makes the report of a run.
  public init(_ run: ScenarioRun) {
    let simulation = run.simulation
    passed = run.passed
    seed = run.seed
    duration = Self.seconds(simulation.now)
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
          servedFrom: timeline.firstServed.map(Self.seconds),
          outageTotal: Self.seconds(timeline.outageTotal),
          outages: timeline.outages.map {
            Outage(
              from: Self.seconds($0.start), to: Self.seconds($0.end),
              duration: Self.seconds($0.duration))
          }))
    }
  }

  private static func router(_ station: Simulation.Station, _ row: Timeline.Row) -> Router {
    let configuration = station.router.configuration
    return Router(
      name: row.name, address: station.address, priority: configuration.priority,
      interval: seconds(configuration.interval.duration),
      spans: row.spans.map {
        Span(
          from: seconds($0.start), to: seconds($0.end), state: $0.state, reachable: $0.isReachable)
      })
  }

  private static func event(_ record: Simulation.Record, in simulation: Simulation) -> Event {
    let router = simulation.nodes[simulation.stations[record.station].node].name
    func made(_ name: String) -> Event {
      Event(time: seconds(record.time), router: router, event: name)
    }
    switch record.event {
    case .transition(let change):
      var event = made("transition")
      (event.from, event.to, event.reason) = (change.from, change.to, change.reason.description)
      return event
    case .noticed(let findings):
      var event = made("noticed")
      event.reason = findings.descriptions.joined(separator: "; ")
      return event
    case .sent(let priority):
      var event = made("sent")
      event.priority = Int(priority.rawValue)
      return event
    case .crashed: return made("crashed")
    case .cut: return made("cut")
    case .plugged: return made("plugged")
    case .paused: return made("paused")
    case .resumed: return made("resumed")
    }
  }

  private static func seconds(_ moment: Instant) -> Double { seconds(moment - .zero) }

  private static func seconds(_ duration: Duration) -> Double {
    Double(duration.inNanoseconds) / 1e9
  }
}
