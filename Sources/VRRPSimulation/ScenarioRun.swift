import VIPCore
import VRRP

/// A scenario that was played to its end, with everything about it that is worth telling.
///
/// ```swift
/// let run = try ScenarioRun(playing: text)
/// print(run.transcript)
/// for timeline in run.timelines { print(timeline.chart(width: 80).joined(separator: "\n")) }
/// ```
public struct ScenarioRun: Sendable {
  /// An `expect` of the scenario and what became of it.
  public struct Expectation: Sendable, Hashable, Codable {
    /// The line it stands on.
    public let line: Int
    /// The expectation: `active a`.
    public let expected: String
    /// The truth, in the same words.
    public let actual: String

    /// Whether that is what was expected.
    public let isMet: Bool
  }

  /// A promise of the election that did not hold.
  public struct BrokenPromise: Sendable, Hashable, Codable {
    /// The line of the command during which it broke.
    public let line: Int
    /// The router at fault, or the one that showed it.
    public let router: String
    /// The promise, and what was seen instead.
    public let text: String
  }

  /// The scenario with what each command brought about indented below it.
  public let transcript: String
  /// All expectations in order.
  public let expectations: [Expectation]
  /// All broken promises in order.
  public let brokenPromises: [BrokenPromise]
  /// The segment at the end, with its records and, if asked for, its capture.
  public let simulation: Simulation
  /// The seed of all chance.
  public let seed: UInt64

  /// Whether every expectation was met and every promise kept.
  public var passed: Bool { brokenPromises.isEmpty && expectations.allSatisfy(\.isMet) }

  /// Plays the text of a scenario or of an earlier transcript.
  ///
  /// - Parameters:
  ///   - source: the text; see ``Scenario``.
  ///   - seed: chooses what chance does instead of the scenario's own seed.
  ///   - capturesPackets: whether the simulation keeps a ``PacketCapture``.
  /// - Throws: the first mistake in the text.
  public init(
    playing source: String, seed: UInt64? = nil, capturesPackets: Bool = false
  ) throws(ScenarioError) {
    var scenario = try Scenario(parsing: source)
    try Self.refuseEternity(source)
    // The first seed counts.
    if let seed { scenario.statements.insert(Scenario.Statement(.seed(seed)), at: 0) }
    var player = ScenarioPlayer(scenario, capturesPackets: capturesPackets)
    var outputs: [Int: [String]] = [:]
    var expectations: [Expectation] = []
    var broken: [BrokenPromise] = []
    for statement in scenario.statements {
      outputs[statement.line] = player.play(statement.command).lines
      if case .expect(let state, let names) = statement.command {
        expectations.append(
          Self.judge(state, names, line: statement.line, in: player.simulation))
      }
      for violation in player.simulation.violations.dropFirst(broken.count) {
        broken.append(Self.describe(violation, line: statement.line, in: player.simulation))
      }
    }
    transcript = Self.transcript(of: source, outputs)
    self.expectations = expectations
    brokenPromises = broken
    simulation = player.simulation
    self.seed = scenario.seed
  }

  /// The timelines, one for each virtual router of the segment.
  public var timelines: [Timeline] {
    let count = (simulation.stations.map(\.group).max() ?? -1) + 1
    return (0..<count).map { Timeline(of: simulation, group: $0) }
  }

  // MARK: Parts

  private static func judge(
    _ state: VirtualRouter.State, _ names: [String], line: Int, in simulation: Simulation
  ) -> Expectation {
    let actual = simulation.stations
      .filter { $0.router.state == state }
      .map { simulation.nodes[$0.node].name }
    func text(_ names: [String]) -> String {
      "\(state.rawValue) \(names.isEmpty ? "none" : names.joined(separator: " "))"
    }
    return Expectation(
      line: line, expected: text(names), actual: text(actual), isMet: Set(names) == Set(actual))
  }

  private static func describe(
    _ violation: Violation, line: Int, in simulation: Simulation
  ) -> BrokenPromise {
    let detail = violation.detail.isEmpty ? "" : " (\(violation.detail))"
    let node = simulation.stations[violation.station].node
    return BrokenPromise(
      line: line, router: simulation.nodes[node].name,
      text: violation.promise.rawValue + detail)
  }

  /// The lines that people wrote, each followed by what it brought about.
  private static func transcript(of source: String, _ outputs: [Int: [String]]) -> String {
    var lines = source.split(separator: "\n", omittingEmptySubsequences: false)
    if lines.last == "" { lines.removeLast() }
    var text = ""
    for (index, line) in lines.enumerated() where line.first != " " && line.first != "\t" {
      text += line + "\n"
      for line in outputs[index + 1] ?? [] { text += "    \(line)\n" }
    }
    return text
  }

  // MARK: Limits

  /// The longest duration that a scenario may name: a year.
  ///
  /// It keeps sums of times far from the end of their range, where clocks that drift would leave
  /// it.
  public static let durationMax = Duration.seconds(365 * 86_400)
  /// The most commands that a scenario may have, for the same reason.
  public static let commandCountMax = 100_000

  private static func refuseEternity(_ source: String) throws(ScenarioError) {
    let lines = source.split(separator: "\n", omittingEmptySubsequences: false)
    var commands = 0
    for (index, line) in lines.enumerated() where line.first != " " && line.first != "\t" {
      let code = line.prefix { $0 != "#" }
      if !code.isEmpty { commands += 1 }
      guard commands <= commandCountMax else {
        throw ScenarioError(
          line: index + 1, column: 1, message: "more than \(commandCountMax) commands")
      }
      var column = 1
      for word in code.split(separator: " ", omittingEmptySubsequences: false) {
        if let duration = Duration(text: String(word)), duration > durationMax {
          throw ScenarioError(
            line: index + 1, column: column, message: "'\(word)' is longer than a year")
        }
        column += word.count + 1
      }
    }
  }
}

extension Scenario {
  /// The seed of all chance: the first one given, 0 without any.
  public var seed: UInt64 {
    for case .seed(let seed) in statements.map(\.command) { return seed }
    return 0
  }
}
