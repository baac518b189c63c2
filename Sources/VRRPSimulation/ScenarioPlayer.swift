import VIPCore
public import VRRP

/// Plays a scenario, command by command, and writes down what happens.
public struct ScenarioPlayer: Sendable {
  /// The effect of a command.
  public struct Output: Sendable, Hashable {
    /// Lines for people, not indented.
    public var lines: [String] = []
    /// Whether an expectation failed or a promise was broken.
    public var failed = false
  }

  /// The segment as it is now.
  public private(set) var simulation: Simulation
  private var indices: [String: Int] = [:]
  private var recordsShown = 0
  private var violationsShown = 0

  /// Prepares a segment for a scenario, with its seed.
  ///
  /// - Parameters:
  ///   - scenario: what will be played; only its seed is used here.
  ///   - capturesPackets: whether ``Simulation/capture`` collects what is sent.
  public init(_ scenario: Scenario, capturesPackets: Bool = false) {
    var seed: UInt64 = 0
    for case .seed(let value) in scenario.statements.map(\.command) {
      seed = value
      break
    }
    simulation = Simulation(seed: seed)
    if capturesPackets { simulation.capture = PacketCapture() }
  }

  /// Plays one command.
  public mutating func play(_ command: Scenario.Command) -> Output {
    var output = Output()
    switch command {
    case .expect(let state, let names): expect(state, names, &output)
    case .show: show(&output)
    case .promote, .resign: perform(command, &output)
    default: perform(command)
    }
    for record in simulation.records.dropFirst(recordsShown) {
      output.lines.append(describe(record))
    }
    recordsShown = simulation.records.count
    for violation in simulation.violations.dropFirst(violationsShown) {
      output.lines.append(describe(violation))
      output.failed = true
    }
    violationsShown = simulation.violations.count
    return output
  }

  /// Does what a command says, without a word.
  mutating func perform(_ command: Scenario.Command) {
    switch command {
    case .segment(let conditions): simulation.setConditions(conditions)
    case .router(let router): add(router)
    case .tick(let duration): simulation.run(for: duration)
    case .start(let names): for name in names { simulation.start(index(name)) }
    case .stop(let names): for name in names { simulation.stop(index(name)) }
    case .crash(let names): for name in names { simulation.crash(index(name)) }
    case .pause(let name, let duration): simulation.pause(index(name), for: duration)
    case .setCut(let names, let isCut):
      for name in names { simulation.setCut(isCut, node: index(name)) }
    case .setBlocked(let from, let to, let isBlocked):
      simulation.setBlocked(isBlocked, from: index(from), to: index(to))
    case .partition(let sides): partition(sides)
    case .heal: simulation.healAll()
    case .clock(let name, let drift): simulation.setDrift(drift, node: index(name))
    case .forge(let source, let priority, let interval): forge(source, priority, interval)
    case .trace(let isOn): simulation.recordsPackets = isOn
    case .promote(let name): _ = try? simulation.promote(index(name))
    case .resign(let name, let duration): _ = try? simulation.resign(index(name), for: duration)
    case .seed, .show, .expect: break
    }
  }

  /// Does what an operator's command says; a refusal is part of the story.
  private mutating func perform(_ command: Scenario.Command, _ output: inout Output) {
    do throws(CommandError) {
      switch command {
      case .promote(let name): try simulation.promote(index(name))
      case .resign(let name, let duration): try simulation.resign(index(name), for: duration)
      default: break
      }
    } catch {
      output.lines.append("refused: \(error)")
    }
  }

  /// Nodes and stations have one index: each node has one router here.
  private func index(_ name: String) -> Int {
    guard let index = indices[name] else { preconditionFailure("no router named \(name)") }
    return index
  }

  private mutating func add(_ router: Scenario.Router) {
    let index = simulation.addRouter(
      router.name, router.configuration, address: router.address, addresses: router.addresses)
    indices[router.name] = index
    if router.starts { simulation.start(index) }
  }

  private mutating func partition(_ sides: [[String]]) {
    simulation.healAll()
    for (one, side) in sides.enumerated() {
      for other in sides.dropFirst(one + 1) {
        for a in side.map(index) {
          for b in other.map(index) {
            simulation.setBlocked(true, from: a, to: b)
            simulation.setBlocked(true, from: b, to: a)
          }
        }
      }
    }
  }

  /// A stranger's advertisement, valid for every virtual router of the stranger's family.
  private mutating func forge(
    _ source: IPAddress, _ priority: Priority, _ interval: AdvertisementInterval
  ) {
    for group in simulation.groups.indices {
      guard let first = simulation.groups[group].first else { continue }
      let station = simulation.stations[first]
      let configuration = station.router.configuration
      guard configuration.family == source.family else { continue }
      let advertisement = Advertisement(
        vrid: configuration.vrid, priority: priority, interval: interval,
        addressCount: station.addresses.count, family: source.family, checksumForm: .pseudoHeader)
      let message = advertisement.encoded(
        station.addresses, from: source, to: .vrrpGroup(source.family))
      simulation.inject(message, from: source, group: group)
    }
  }
}

// MARK: Words

extension ScenarioPlayer {
  private func name(_ station: Int) -> String {
    simulation.nodes[simulation.stations[station].node].name
  }

  private mutating func expect(
    _ state: VirtualRouter.State, _ names: [String], _ output: inout Output
  ) {
    let actual = simulation.stations.indices.filter {
      simulation.stations[$0].router.state == state
    }
    guard Set(actual) != Set(names.map(index)) else { return }
    let list = actual.isEmpty ? "none" : actual.map { name($0) }.joined(separator: " ")
    output.lines.append("EXPECTATION FAILED: \(state.rawValue) \(list)")
    output.failed = true
  }

  private func show(_ output: inout Output) {
    for (index, station) in simulation.stations.enumerated() {
      let router = station.router
      var line = "\(name(index)) \(router.state.word) priority \(router.effectivePriority)"
      if let active = router.activeRouter {
        line += ", follows \(active.address) (priority \(active.priority))"
      }
      if let deadline = router.deadline {
        let clock = simulation.nodes[station.node].clock
        let due = clock.trueTime(of: deadline).nanoseconds(since: simulation.now)
        line += ", timer in \(TimeText.seconds(due))"
      }
      output.lines.append(line)
    }
  }

  private func describe(_ record: Simulation.Record) -> String {
    let time = TimeText.seconds(record.time.nanoseconds)
    switch record.event {
    case .transition(let change):
      let states = "\(change.from.word) → \(change.to.word)"
      return "\(time) \(name(record.station)): \(states), \(change.reason)"
    case .noticed(let findings):
      let words = findings.descriptions.joined(separator: "; ")
      return "\(time) \(name(record.station)) notices: \(words)"
    case .sent(let priority):
      return "\(time) \(name(record.station)) advertises priority \(priority)"
    case .crashed: return "\(time) \(name(record.station)) crashed"
    case .cut: return "\(time) \(name(record.station)) is cut off"
    case .plugged: return "\(time) \(name(record.station)) is plugged in"
    case .paused: return "\(time) \(name(record.station)) freezes"
    case .resumed: return "\(time) \(name(record.station)) wakes up"
    }
  }

  private func describe(_ violation: Violation) -> String {
    let time = TimeText.seconds(violation.time.nanoseconds)
    return
      "\(time) BROKEN PROMISE at \(name(violation.station)): \(violation.promise.rawValue)"
      + (violation.detail.isEmpty ? "" : " (\(violation.detail))")
  }
}

extension VirtualRouter.State {
  /// The state as RFC 9568 writes it.
  public var word: String {
    switch self {
    case .initialize: "Initialize"
    case .backup: "Backup"
    case .active: "Active"
    }
  }
}

/// Times in logs: seconds with six decimals, so that columns align and nothing is hidden.
package enum TimeText {
  static func seconds(_ moment: Instant) -> String { seconds(moment.nanoseconds) }
  static func seconds(_ duration: Duration) -> String { seconds(duration.inNanoseconds) }

  package static func seconds(_ nanoseconds: UInt64) -> String {
    let micro = String(nanoseconds / 1000 % 1_000_000 + 1_000_000).dropFirst()
    return "\(nanoseconds / 1_000_000_000).\(micro)s"
  }
}

// MARK: Transcripts

/// A scenario's text with the output of each command indented below it.
///
/// Printing it prints ``text``.
public struct Transcript: Sendable, Hashable, CustomStringConvertible {
  /// The text; playing it again as a scenario gives the same text.
  public let text: String
  /// Whether an expectation failed or a promise was broken.
  public let failed: Bool

  /// The text.
  public var description: String { text }

  /// Plays the text of a scenario or of an earlier transcript.
  ///
  /// - Throws: the first mistake in the text.
  public init(playing source: String) throws(ScenarioError) {
    let scenario = try Scenario(parsing: source)
    var player = ScenarioPlayer(scenario)
    var outputs: [Int: ScenarioPlayer.Output] = [:]
    for statement in scenario.statements {
      outputs[statement.line] = player.play(statement.command)
    }
    var text = ""
    var lines = source.split(separator: "\n", omittingEmptySubsequences: false)
    if lines.last == "" { lines.removeLast() }
    for (index, line) in lines.enumerated() where line.first != " " && line.first != "\t" {
      text += line + "\n"
      for line in outputs[index + 1]?.lines ?? [] { text += "    \(line)\n" }
    }
    self.text = text
    failed = outputs.values.contains(where: \.failed)
  }
}
