import Netlink
import VIP
import VIPCore
import VRRP
import VRRPSimulation

/// Plays a story, command by command, and writes down what happens.
public final class StoryPlayer {
  /// The result of a command.
  public struct Output: Sendable, Hashable {
    /// Lines for people, not indented.
    public var lines: [String] = []
    /// Whether an expectation failed or a promise was broken.
    public var failed = false
    /// The failures in their order.
    package var failures: [StoryFailure] = []
    /// The lines that tell of these.
    package var failureLines: [String] = []

    mutating func fail(_ failure: StoryFailure, _ line: String) {
      lines.append(line)
      failureLines.append(line)
      failed = true
      failures.append(failure)
    }
  }

  /// The segment as it is now.
  public let simulation: NodeSimulation
  private var machines: [String: Machine] = [:]
  private var text = StoryText()
  private var promisesShown = 0
  private var output = Output()

  /// Prepares a segment for a story, with its seed.
  ///
  /// - Parameters:
  ///   - story: what will be played; only its seed is used here.
  ///   - isSilent: whether nothing is written down but failures, which is faster.
  public init(_ story: Story, isSilent: Bool = false) {
    var seed: UInt64 = 0
    for case .seed(let value) in story.statements.map(\.command) {
      seed = value
      break
    }
    simulation = NodeSimulation(seed: seed)
    guard !isSilent else { return }
    simulation.observer = { [unowned self] in describe($0) }
  }

  /// Plays one command.
  public func play(_ command: StoryCommand) -> Output {
    output = Output()
    perform(command)
    if case .tick = command {} else { simulation.settle() }
    if case .expect(let expectation) = command { expect(expectation) }
    if command == .show { show() }
    if case .rest = command, !simulation.supervisor.isAudited {
      let unrest = simulation.supervisor.unrest
      output.fail(.unrest(unrest.kind), "NOT AT REST: \(unrest.text)")
    }
    for broken in simulation.brokenPromises.dropFirst(promisesShown) {
      let time = TimeText.seconds(broken.time.nanoseconds)
      output.fail(.broken(broken.promise), "\(time) BROKEN PROMISE: \(broken)")
    }
    promisesShown = simulation.brokenPromises.count
    return output
  }

  private func machine(_ name: String) -> Machine {
    guard let machine = machines[name] else { preconditionFailure("no node named \(name)") }
    return machine
  }

  private func perform(_ command: StoryCommand) {
    switch command {
    case .seed, .show, .expect: break
    case .segment(let conditions): simulation.setConditions(conditions)
    case .newNode(let name, let lease, let isGuarded):
      let machine = simulation.addMachine(name)
      machines[name] = machine
      machine.options = NodeOptions(
        lease: lease.flatMap { LeasePolicy($0) } ?? .default, isGuarded: isGuarded)
      simulation.start(machine)
    case .node(let name, let deed): simulation.perform(deed, on: machine(name))
    case .router(let name, let router, let deed):
      simulation.perform(deed, of: router, on: machine(name))
    case .tick(let duration): simulation.run(for: duration)
    case .rest(let duration): simulation.run(for: duration, untilAtRest: true)
    case .setCut(let names, let isCut): simulation.setCut(isCut, names.map(machine))
    case .setBlocked(let from, let to, let isBlocked):
      simulation.setBlocked(isBlocked, from: machine(from), to: machine(to))
    case .partition(let sides): simulation.partition(sides.map { $0.map(machine) })
    case .heal: simulation.heal()
    case .stranger(let deed): simulation.perform(deed)
    case .trace(let isOn): text.showsAll = isOn
    }
  }

  // MARK: Words

  private func describe(_ machines: [Machine]) {
    let time = TimeText.seconds(simulation.now.nanoseconds)
    for machine in machines {
      for line in text.lines(of: machine) { output.lines.append("\(time) \(line)") }
    }
    for remark in simulation.takeRemarks() { output.lines.append("\(time) \(remark)") }
  }

  private func expect(_ expectation: StoryCommand.Expectation) {
    var actual: String
    var isMet: Bool
    switch expectation {
    case .holder(let address, let names):
      let holders = simulation.holders(of: address)
      isMet = Set(holders) == Set(names)
      actual = holders.isEmpty ? "none" : holders.joined(separator: " ")
    case .served(let address, let name):
      let server = simulation.server(of: address)
      isMet = server == name
      actual = server ?? "none"
    case .state(let state, let router, let names):
      let found = simulation.machines.filter { machine in
        guard let process = machine.process else { return false }
        let states = process.engine.status().filter { $0.name == router }.map(\.state)
        return !states.isEmpty && states.allSatisfy { $0 == state }
      }.map(\.name)
      isMet = Set(found) == Set(names)
      actual = found.isEmpty ? "none" : found.joined(separator: " ")
    case .untouched(let name):
      let differences = simulation.differences(machine(name).kernel, of: machine(name))
      isMet = differences.isEmpty
      actual = differences.map(\.description).joined(separator: "; ")
    case .overlap(let address, let bound):
      let longest = simulation.longestOverlap(of: address)
      isMet = longest <= bound
      actual = longest.text
    case .outage(let address, let bound):
      let longest = simulation.longestOutage(of: address)
      isMet = longest.map { $0 <= bound } ?? false
      actual = longest?.text ?? "never served"
    }
    guard !isMet else { return }
    output.fail(.unmet(expectation), "EXPECTATION FAILED: \(actual)")
  }

  private func show() {
    for machine in simulation.machines {
      guard let process = machine.process else {
        output.lines.append("\(machine.name): no node is running")
        continue
      }
      for status in process.engine.status() {
        let installed = status.addresses.filter(\.installed).map(\.address.description)
        let held = installed.isEmpty ? "none" : installed.joined(separator: " ")
        output.lines.append(
          "\(machine.name): \(status.name) \(status.family) \(status.state.rawValue), priority "
            + "\(status.effectivePriority), holds \(held)")
        for warning in status.warnings { output.lines.append("\(machine.name): ! \(warning)") }
      }
    }
  }
}

/// A story's text with the output of each command indented below it.
public struct StoryTranscript: Sendable, Hashable, CustomStringConvertible {
  /// The text; playing it again as a story gives the same text.
  public let text: String
  /// Whether an expectation failed or a promise was broken.
  public let failed: Bool
  /// The lines that tell of that, each with the number of the command's line.
  package let failureLines: [String]

  /// The text.
  public var description: String { text }

  /// Plays the text of a story or of an earlier transcript.
  ///
  /// - Throws: the first mistake in the text.
  public init(playing source: String) throws(StoryError) {
    let story = try Story(parsing: source)
    let player = StoryPlayer(story)
    var outputs: [Int: StoryPlayer.Output] = [:]
    var failureLines: [String] = []
    for statement in story.statements {
      let output = player.play(statement.command)
      outputs[statement.line] = output
      failureLines += output.failureLines.map { "line \(statement.line): \($0)" }
    }
    var text = ""
    var lines = source.split(separator: "\n", omittingEmptySubsequences: false)
    if lines.last == "" { lines.removeLast() }
    for (index, line) in lines.enumerated() where line.first != " " && line.first != "\t" {
      text += line + "\n"
      for line in outputs[index + 1]?.lines ?? [] { text += "    \(line)\n" }
    }
    self.text = text
    self.failureLines = failureLines
    failed = outputs.values.contains(where: \.failed)
  }
}

/// A story played to its end, for what was broken in it.
public struct StoryRun: Sendable, Hashable {
  /// The promises that were broken, the first one first.
  public let brokenPromises: [BrokenPromise]
  /// Number of times that everything was looked at when it had come to rest.
  public let auditCount: Int
  /// Whether an expectation of the story itself failed.
  public let hasFailed: Bool
  /// The reason why not everything has come to rest and was looked at in the end; `nil` if it has.
  package let unrest: Unrest?
  /// Changes of routers that nodes have refused, with the reasons.
  package let refusals: [String]
  /// The texts of failures.
  package let failures: [String]
  /// The first failure.
  package let firstFailure: StoryFailure?

  /// Plays a story without writing anything down.
  public init(_ story: Story) {
    let player = StoryPlayer(story, isSilent: true)
    var failures: [String] = []
    var firstFailure: StoryFailure?
    var hasFailed = false
    for statement in story.statements {
      let output = player.play(statement.command)
      guard output.failed else { continue }
      hasFailed = true
      failures += output.lines
      firstFailure = firstFailure ?? output.failures.first
    }
    self.failures = failures
    self.firstFailure = firstFailure
    brokenPromises = player.simulation.brokenPromises
    let supervisor = player.simulation.supervisor
    auditCount = supervisor.auditCount
    unrest = supervisor.isAudited ? nil : supervisor.unrest.kind
    self.hasFailed = hasFailed
    refusals = player.simulation.machines.flatMap(\.refusals)
  }
}
