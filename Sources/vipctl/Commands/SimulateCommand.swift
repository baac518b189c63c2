import ArgumentParser
import Glibc
import VIPConfiguration
import VIPCore
import VIPReports
import VIPService
import VRRP
import VRRPSimulation

struct SimulateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Play an election offline, without network or privileges, and show what happens.",
    usage: """
      vipctl simulate <scenario> [--seed <n>] [--json] [--pcap <file>]
      vipctl simulate [--routers <n>] [--crash <time>] [<options>]
      """,
    discussion: """
      Plays a scenario file ('-' is standard input), or routers and faults given by flags, with \
      the same election code that runs in production. Prints the log, which router was Active \
      when, and for how long a client reached none. Equal input gives equal output.

        vipctl simulate Examples/scenarios/failover.txt
        vipctl simulate --routers 5 --loss 2% --seed 7 --crash 10s
        vipctl simulate --interval 100ms --cut 3s --recover 6s --for 10s
        vipctl simulate --crash 10s --print > mine.txt

      A scenario is one command a line, and '#' begins a comment:

        router a priority 200 interval 100ms
        router b priority 100 interval 100ms
        tick 5s
        crash a
        tick 1s
        expect active b

      The commands are router, tick, start, stop, crash, pause, cut, plug, drop, pass, \
      partition, heal, clock, segment, seed, promote, resign, forge, trace, show and expect; \
      --print shows how a scenario made of flags is written.

      Faults given by flags happen to the router with the highest priority; it is Active for the \
      first time after a little more than three intervals. Exit code 1: an expectation was not \
      met; 65: the scenario has a mistake.
      """)

  @Argument(help: ArgumentHelp("A scenario file, or - for standard input.", valueName: "scenario"))
  var scenario: String?

  @OptionGroup(title: "Scenario without a file") var plan: PlanOptions

  @Option(
    help: ArgumentHelp("Choose what chance does. (default: 0, or the file's)", valueName: "n"),
    transform: SettingText.seed)
  var seed: UInt64?

  @Flag(help: "Print everything as JSON; times are in seconds.")
  var json = false

  @Option(
    help: ArgumentHelp("Also write the packets, for tcpdump and Wireshark.", valueName: "file"))
  var pcap: String?

  @Flag(help: "Only print the scenario that the flags make, to save and change it.")
  var print = false

  /// Far more than a scenario written by hand needs.
  private static let byteCountMax = 4 << 20
  /// The columns of output that goes to no screen.
  private static let defaultWidth = 80

  func run() throws {
    let source = try self.source()
    if print {
      TextOutput.write(source, to: STDOUT_FILENO)
      return
    }
    let run: ScenarioRun
    let name = scenario.map(InputFile.name) ?? "scenario"
    do throws(ScenarioError) {
      run = try ScenarioRun(playing: source, seed: seed, capturesPackets: pcap != nil)
    } catch {
      throw Failure(.file, "\(name):\(error)")
    }
    if let pcap, let capture = run.simulation.capture {
      try OutputFile.write(capture.bytes, to: pcap)
    }
    if json {
      Terminal.print(SimulationText.json(ScenarioReport(run)))
    } else {
      Terminal.print(SimulationText.render(run, width: width))
    }
    try judge(run, name: name)
  }

  private var width: Int { Terminal.width(of: STDOUT_FILENO) ?? Self.defaultWidth }

  /// The text to play, from the file or made of the flags; refuses both at once.
  private func source() throws(Failure) -> String {
    guard let scenario else {
      guard plan.isGiven || seed != nil else {
        throw UsageErrors.failure(
          "there is nothing to play; name a scenario file or give --routers N", command: "simulate")
      }
      return try plan.plan(seed: seed ?? 0).scenario.description
    }
    if let flag = plan.firstFlag {
      throw UsageErrors.failure(
        "a scenario file and \(flag) exclude each other; set it in the file", command: "simulate")
    }
    do throws(FileError) {
      return try InputFile.text(scenario, limit: Self.byteCountMax, kind: "a scenario")
    } catch {
      throw Failure(error)
    }
  }

  /// One line for all that was not as it should be; the last one ends the program.
  private func judge(_ run: ScenarioRun, name: String) throws(Failure) {
    var failures: [Failure] = []
    for expectation in run.expectations where !expectation.isMet {
      failures.append(
        Failure(
          .failed,
          "\(name):\(expectation.line): expected '\(expectation.expected)', found "
            + "'\(expectation.actual)'"))
    }
    for broken in run.brokenPromises {
      failures.append(
        Failure(
          .failed,
          "\(name):\(broken.line): broken promise at \(broken.router): \(broken.text)"))
    }
    guard let last = failures.popLast() else { return }
    for failure in failures { Terminal.printError(failure.line) }
    throw last
  }
}

/// A scenario in flags.
struct PlanOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("How many routers, 1 to 26. (default: 3)", valueName: "n"),
    transform: SettingText.routerCount)
  var routers: Int?

  @Option(
    help: ArgumentHelp(
      "Their priorities. (default: 200,150,100 and so on)", valueName: "n,n,…"),
    transform: SettingText.priorities)
  var priorities: [Priority]?

  @Option(
    help: ArgumentHelp("Their interval, 10ms to 40.95s. (default: 1s)", valueName: "time"),
    transform: { try SettingText.interval($0) })
  var interval: AdvertisementInterval?

  @Flag(name: .customLong("no-preempt"), help: "Don't preempt an Active with a lower priority.")
  var noPreempt = false

  @Option(
    help: ArgumentHelp("How many packets get lost. (default: 0%)", valueName: "percent"),
    transform: SettingText.probability)
  var loss: Probability?

  @Option(
    help: ArgumentHelp("How long a packet takes. (default: 100us)", valueName: "time"),
    transform: SettingText.simulatedTime)
  var delay: Duration?

  @Option(
    help: ArgumentHelp("How much longer it may take. (default: 0s)", valueName: "time"),
    transform: SettingText.simulatedTime)
  var jitter: Duration?

  @Option(
    help: ArgumentHelp("Cut the first choice's cable then.", valueName: "time"),
    transform: SettingText.simulatedTime)
  var cut: Duration?

  @Option(
    help: ArgumentHelp("Kill the first choice then.", valueName: "time"),
    transform: SettingText.simulatedTime)
  var crash: Duration?

  @Option(
    help: ArgumentHelp("Stop the first choice in good order then.", valueName: "time"),
    transform: SettingText.simulatedTime)
  var stop: Duration?

  @Option(
    help: ArgumentHelp("Freeze the first choice then.", valueName: "time"),
    transform: SettingText.simulatedTime)
  var freeze: Duration?

  @Option(
    help: ArgumentHelp("Plug it in, wake or start it again then.", valueName: "time"),
    transform: SettingText.simulatedTime)
  var recover: Duration?

  @Option(
    name: .customLong("for"),
    help: ArgumentHelp("How long it all lasts. (default: 60s)", valueName: "time"),
    transform: SettingText.simulatedTime)
  var duration: Duration?

  /// The first flag that was given.
  var firstFlag: String? {
    let flags: [(String, Bool)] = [
      ("--routers", routers != nil), ("--priorities", priorities != nil),
      ("--interval", interval != nil), ("--no-preempt", noPreempt), ("--loss", loss != nil),
      ("--delay", delay != nil), ("--jitter", jitter != nil), ("--cut", cut != nil),
      ("--crash", crash != nil), ("--stop", stop != nil), ("--freeze", freeze != nil),
      ("--recover", recover != nil), ("--for", duration != nil),
    ]
    return flags.first { $0.1 }?.0
  }

  var isGiven: Bool { firstFlag != nil }

  func plan(seed: UInt64) throws(Failure) -> ScenarioPlan {
    if let routers, let priorities, routers != priorities.count {
      throw UsageErrors.failure(
        "--routers says \(routers), but \(priorities.count) priorities are given; leave one out",
        command: "simulate")
    }
    var plan =
      priorities.map { ScenarioPlan(priorities: $0) } ?? ScenarioPlan(routerCount: routers ?? 3)
    plan.seed = seed
    if let interval { plan.interval = interval }
    plan.preempts = !noPreempt
    if let loss { plan.conditions.loss = loss }
    if let delay { plan.conditions.latency = delay }
    if let jitter { plan.conditions.jitter = jitter }
    if let duration { plan.duration = duration }
    let faults: [(ScenarioPlan.Fault.Kind, Duration?)] = [
      (.cut, cut), (.crash, crash), (.stop, stop), (.freeze, freeze), (.recover, recover),
    ]
    for (kind, time) in faults {
      guard let time else { continue }
      guard time < plan.duration else {
        throw UsageErrors.failure(
          "--\(kind.rawValue) \(time.text) is not before the end after \(plan.duration.text); "
            + "lengthen it with --for",
          command: "simulate")
      }
      plan.faults.append(ScenarioPlan.Fault(kind, at: time))
    }
    return plan
  }
}
