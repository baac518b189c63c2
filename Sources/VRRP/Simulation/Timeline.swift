import VIPCore

/// Who was what when in a simulation, and when a client was served.
///
/// ```
///       0s        2s        4s        6s        8s        10s
/// a     ................#################!!!!!!!!!!!!!!!!!!!
/// b     ..................................................##
/// serve                 ################                  ##
/// ```
public struct Timeline: Sendable {
  /// A part of a router's life.
  public struct Span: Sendable, Hashable, Codable {
    /// When it began, in nanoseconds of true time.
    public let start: UInt64
    /// When it ended.
    public let end: UInt64
    /// The state.
    public let state: VirtualRouter.State
    /// Whether the node was on the segment and awake.
    public let isReachable: Bool

    /// Whether a client was served by it.
    var serves: Bool { state == .active && isReachable }
  }

  /// One router's life.
  public struct Row: Sendable, Hashable, Codable {
    /// Its name.
    public let name: String
    /// Its parts, without gaps.
    public let spans: [Span]
  }

  /// A time in which a client reached nobody.
  public struct Outage: Sendable, Hashable, Codable {
    /// When it began, in nanoseconds of true time.
    public let start: UInt64
    /// When it ended; the end of the simulation if it lasted.
    public let end: UInt64

    /// Makes an outage.
    public init(start: UInt64, end: UInt64) {
      self.start = start
      self.end = end
    }

    /// How long it was, in nanoseconds.
    public var duration: UInt64 { end - start }
  }

  /// The routers, in the order in which they were added.
  public let rows: [Row]
  /// How long the simulation was, in nanoseconds.
  public let end: UInt64
  /// When a client was served first; `nil` if never.
  public let firstServed: UInt64?
  /// The outages after that, oldest first.
  public let outages: [Outage]

  /// Reads the records of a simulation.
  ///
  /// - Parameters:
  ///   - simulation: one that recorded from its beginning.
  ///   - group: which of its virtual routers to look at, counted in the order of their appearance.
  public init(of simulation: Simulation, group: Int = 0) {
    let stations = simulation.stations.indices.filter { simulation.stations[$0].group == group }
    end = simulation.now.nanoseconds
    rows = stations.map { station in
      Row(
        name: simulation.nodes[simulation.stations[station].node].name,
        spans: Self.spans(of: station, in: simulation))
    }
    (firstServed, outages) = Self.outages(rows, end: end)
  }

  private static func spans(of station: Int, in simulation: Simulation) -> [Span] {
    var spans: [Span] = []
    var start: UInt64 = 0
    var state = VirtualRouter.State.initialize
    var isCut = false
    var isPaused = false
    func close(_ end: UInt64) {
      guard end > start else { return }
      spans.append(Span(start: start, end: end, state: state, isReachable: !isCut && !isPaused))
      start = end
    }
    for record in simulation.records where record.station == station {
      close(record.time.nanoseconds)
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
    close(simulation.now.nanoseconds)
    return spans
  }

  private static func outages(_ rows: [Row], end: UInt64) -> (first: UInt64?, [Outage]) {
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

// MARK: Text

extension Timeline {
  /// What the signs of ``text(columns:)`` mean.
  public static let legend =
    "# Active   ! Active but cut off or frozen   . Backup   x Backup, cut off or frozen"

  /// The timeline as aligned rows of ASCII.
  ///
  /// Each column stands for an equal part of the time and shows what lasted longest in it.
  ///
  /// - Parameter columns: how many columns of time there are.
  /// - Returns: lines that end with a newline: a scale, the routers, and whether a client is served.
  public func text(columns: Int = 64) -> String {
    guard end > 0, columns > 0 else { return "" }
    let label = max(rows.map(\.name.count).max() ?? 0, 5) + 1
    var text = Self.padded("", label) + scale(columns) + "\n"
    for row in rows {
      text += Self.padded(row.name, label)
      text += Self.trimmed((0..<columns).map { sign(of: row, column: $0, of: columns) }) + "\n"
    }
    text += Self.padded("serve", label)
    text += Self.trimmed((0..<columns).map { isServed(column: $0, of: columns) ? "#" : " " }) + "\n"
    return text
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(width - text.count, 0))
  }

  private static func trimmed(_ signs: [Character]) -> String {
    var signs = signs
    while signs.last == " " { signs.removeLast() }
    return String(signs)
  }

  private func bounds(_ column: Int, of columns: Int) -> (start: UInt64, end: UInt64) {
    let width = end / UInt64(columns)
    let start = UInt64(column) * width
    return (start, column == columns - 1 ? end : start + width)
  }

  private static func overlap(_ span: Span, _ start: UInt64, _ end: UInt64) -> UInt64 {
    let from = max(span.start, start)
    let to = min(span.end, end)
    return to > from ? to - from : 0
  }

  private func sign(of row: Row, column: Int, of columns: Int) -> Character {
    let (start, end) = bounds(column, of: columns)
    var longest: (time: UInt64, span: Span)?
    for span in row.spans {
      let time = Self.overlap(span, start, end)
      if time > longest?.time ?? 0 { longest = (time, span) }
    }
    guard let span = longest?.span else { return " " }
    return switch span.state {
    case .initialize: " "
    case .backup: span.isReachable ? "." : "x"
    case .active: span.isReachable ? "#" : "!"
    }
  }

  private func isServed(column: Int, of columns: Int) -> Bool {
    let (start, end) = bounds(column, of: columns)
    let spans = rows.flatMap { $0.spans.filter(\.serves) }
    let longest = spans.map { Self.overlap($0, start, end) }.reduce(0, +)
    return longest * 2 > end - start
  }

  /// Marks with a time every ten columns.
  private func scale(_ columns: Int) -> String {
    var line = ""
    for column in stride(from: 0, to: columns, by: 10) {
      let milliseconds = bounds(column, of: columns).start / 1_000_000
      line = Self.padded(line, column)
      line += Decimal.text(Int64(milliseconds), per: 1000) + "s "
    }
    while line.last == " " { line.removeLast() }
    return line
  }

  /// The outages in words, a line each.
  public var outageText: String {
    guard let firstServed else { return "nobody ever served\n" }
    var text = "served first after \(TimeText.seconds(firstServed))\n"
    for outage in outages {
      text +=
        "outage of \(TimeText.seconds(outage.duration)) from \(TimeText.seconds(outage.start))\n"
    }
    return text
  }
}

// MARK: A scenario from a few numbers

extension Scenario {
  /// Routers of descending priority, of which the first has its cable cut.
  ///
  /// - Parameters:
  ///   - routers: how many, `1...26`.
  ///   - interval: their Advertisement_Interval.
  ///   - conditions: how the segment treats packets.
  ///   - seed: what chance does.
  ///   - cut: when the first router's cable is cut; `nil` for never.
  ///   - duration: how long it all lasts.
  /// - Returns: a scenario of the language described at ``Scenario``.
  public static func failover(
    routers: Int, interval: AdvertisementInterval = .default,
    conditions: LinkConditions = LinkConditions(), seed: UInt64 = 0, cut: Duration?,
    duration: Duration
  ) -> Scenario {
    guard let vrid = VRID(exactly: 1) else { preconditionFailure("1 is a VRID") }
    var commands: [Command] = [.seed(seed), .segment(conditions)]
    for index in 0..<min(max(routers, 1), 26) {
      let name = String(UnicodeScalar(UInt8(ascii: "a") + UInt8(index)))
      let configuration = VirtualRouter.Configuration(
        vrid: vrid, family: .ipv4, priority: Priority(rawValue: UInt8(200 - 7 * index)),
        interval: interval)
      commands.append(
        .router(
          Router(
            name: name, configuration: configuration,
            address: .v4(IPv4Address(192, 0, 2, UInt8(index + 1))),
            addresses: [.v4(IPv4Address(192, 0, 2, 100))], starts: true)))
    }
    if let cut, cut < duration {
      commands += [.tick(cut), .setCut(["a"], true), .tick(duration - cut)]
    } else {
      commands.append(.tick(duration))
    }
    return Scenario(commands)
  }
}
