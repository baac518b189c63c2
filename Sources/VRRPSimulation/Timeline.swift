public import VIPCore
public import VRRP

/// The states of all routers over a simulation, and the times in which a client was served.
///
/// ``chart(width:)`` draws it, ``clientReport(listing:)`` says it in words.
public struct Timeline: Sendable {
  /// A part of a router's life.
  public struct Span: Sendable, Hashable {
    /// Its beginning, in true time.
    public let start: Instant
    /// Its end.
    public let end: Instant
    /// The state.
    public let state: VirtualRouter.State
    /// Whether the node was on the segment and awake.
    public let isReachable: Bool

    /// Whether a client was served by it.
    var serves: Bool { state == .active && isReachable }
  }

  /// One router's life.
  public struct Row: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// Its parts, without gaps.
    public let spans: [Span]
  }

  /// A time in which a client reached no router.
  public struct Outage: Sendable, Hashable {
    /// Its beginning, in true time.
    public let start: Instant
    /// Its end; the end of the simulation if it lasted.
    public let end: Instant

    /// Makes an outage.
    public init(start: Instant, end: Instant) {
      self.start = start
      self.end = end
    }

    /// Its length.
    public var duration: Duration { end - start }
  }

  /// The routers, in the order in which they were added.
  public let rows: [Row]
  /// The end of the simulation, which began at zero.
  public let end: Instant
  /// The first moment in which a client was served; `nil` if there was none.
  public let firstServed: Instant?
  /// The outages after that, oldest first.
  public let outages: [Outage]

  /// Reads the records of a simulation.
  ///
  /// - Parameters:
  ///   - simulation: one that recorded from its beginning.
  ///   - group: which of its virtual routers to look at, counted in the order of their appearance.
  public init(of simulation: Simulation, group: Int = 0) {
    let stations = simulation.stations.indices.filter { simulation.stations[$0].group == group }
    end = simulation.now
    rows = stations.map { station in
      Row(
        name: simulation.nodes[simulation.stations[station].node].name,
        spans: Self.spans(of: station, in: simulation))
    }
    (firstServed, outages) = Self.outages(rows, end: end)
  }

  private static func spans(of station: Int, in simulation: Simulation) -> [Span] {
    var spans: [Span] = []
    var start = Instant.zero
    var state = VirtualRouter.State.initialize
    var isCut = false
    var isPaused = false
    func close(_ end: Instant) {
      guard end > start else { return }
      spans.append(Span(start: start, end: end, state: state, isReachable: !isCut && !isPaused))
      start = end
    }
    for record in simulation.records where record.station == station {
      close(record.time)
      switch record.event {
      case .transition(let transition): state = transition.to
      case .crashed: (state, isPaused) = (.initialize, false)
      case .cut: isCut = true
      case .plugged: isCut = false
      case .paused: isPaused = true
      case .resumed: isPaused = false
      case .sent, .noticed: break
      }
    }
    close(simulation.now)
    return spans
  }

  private static func outages(_ rows: [Row], end: Instant) -> (first: Instant?, [Outage]) {
    let served = rows.flatMap { $0.spans.filter(\.serves) }.sorted { $0.start < $1.start }
    guard let first = served.first else { return (nil, []) }
    var outages: [Outage] = []
    var until = first.end
    for span in served.dropFirst() {
      if span.start > until { outages.append(Outage(start: until, end: span.start)) }
      until = max(until, span.end)
    }
    if until < end { outages.append(Outage(start: until, end: end)) }
    return (first.start, outages)
  }
}
