public import VIPCore
public import VRRP

/// An election to play offline: commands in the order in which they happen.
///
/// Text is one command a line, `#` begins a comment, and indented lines are the output of an
/// earlier run, which are skipped: a transcript is a scenario again.
///
/// ```
/// router a priority 200
/// router b priority 100
/// tick 10s
/// expect active a
/// crash a
/// tick 4s
/// expect active b
/// ```
///
/// | Command | Does |
/// |---|---|
/// | `seed N` | chooses what chance does; first of all |
/// | `segment [latency D] [jitter D] [loss P] [duplicate P] [reorder P] [corrupt P]` | treats packets so from now on |
/// | `router NAME [priority N] [interval D] [preempt on\|off\|D] [address A] [vip A]… [vrid N] [family ipv4\|ipv6] [version 2\|3] [password W] [checksum auto\|message\|pseudo-header] [rank N] [off]` | adds a router and starts it, unless it is `off` |
/// | `tick D` | lets time pass |
/// | `start NAME…`, `stop NAME…`, `crash NAME…` | starts; stops gracefully; kills |
/// | `pause NAME D` | freezes a node |
/// | `cut NAME…`, `plug NAME…` | cuts a node's cable; plugs it in again |
/// | `drop A->B`, `pass A->B` | blocks one direction between two nodes; opens it |
/// | `partition A… \| B…` | nodes hear only those of their own side |
/// | `heal` | opens and plugs everything |
/// | `clock NAME ±P` | lets a node's clock run faster or slower |
/// | `promote NAME`, `resign NAME [D]` | moves the Active role by hand |
/// | `forge A priority N [interval D]` | a stranger with address A advertises |
/// | `trace on\|off` | shows packets too |
/// | `show` | prints every router's state |
/// | `expect active\|backup\|initialize NAME…\|none` | fails unless exactly these are in that state |
public struct Scenario: Sendable, Hashable {
  /// A command and the line it stands on.
  public struct Statement: Sendable, Hashable {
    /// The command.
    public var command: Command
    /// The line in the text, counted from 1; 0 if it came from no text.
    public var line: Int

    /// Makes a statement.
    public init(_ command: Command, line: Int = 0) {
      self.command = command
      self.line = line
    }
  }

  /// A router as a scenario describes it.
  public struct Router: Sendable, Hashable {
    /// Its name, and its node's.
    public var name: String
    /// Its settings.
    public var configuration: VirtualRouter.Configuration
    /// The source address of its advertisements.
    public var address: IPAddress
    /// Its virtual addresses.
    public var addresses: [IPAddress]
    /// Whether it is started at once.
    public var starts: Bool
  }

  /// The commands of a scenario.
  public enum Command: Sendable, Hashable {
    /// Chooses what chance does.
    case seed(UInt64)
    /// Changes how the segment treats packets.
    case segment(LinkConditions)
    /// Adds a router.
    case router(Router)
    /// Lets time pass.
    case tick(Duration)
    /// Starts routers.
    case start([String])
    /// Stops routers gracefully.
    case stop([String])
    /// Kills nodes.
    case crash([String])
    /// Freezes a node.
    case pause(String, Duration)
    /// Cuts or plugs in the cables of nodes.
    case setCut([String], Bool)
    /// Blocks or opens one direction between two nodes.
    case setBlocked(from: String, to: String, Bool)
    /// Lets nodes hear only those of their own side.
    case partition([[String]])
    /// Opens and plugs everything.
    case heal
    /// Lets a clock drift, in parts per million.
    case clock(String, Int64)
    /// Asks a router to become Active.
    case promote(String)
    /// Asks a router to leave the role to others, for a while or until it is promoted.
    case resign(String, Duration?)
    /// A stranger advertises.
    case forge(IPAddress, Priority, AdvertisementInterval)
    /// Shows packets or not.
    case trace(Bool)
    /// Prints the states.
    case show
    /// Fails unless exactly these routers are in a state.
    case expect(VirtualRouter.State, [String])
  }

  /// The commands in order.
  public var statements: [Statement]

  /// Makes a scenario of commands.
  public init(_ commands: [Command]) {
    statements = commands.map { Statement($0) }
  }
}

/// A mistake in the text of a scenario, with its place.
public struct ScenarioError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The line, counted from 1.
  public let line: Int
  /// The column, counted from 1 in characters.
  public let column: Int
  /// The mistake and the remedy.
  public let message: String

  /// Line, column and message as `3:7: message`.
  public var description: String { "\(line):\(column): \(message)" }
}

// MARK: Text

extension Scenario.Command: CustomStringConvertible {
  /// The command as a line of a scenario.
  public var description: String {
    switch self {
    case .seed(let seed): "seed \(seed)"
    case .segment(let conditions): "segment\(conditions.scenarioText)"
    case .router(let router): router.description
    case .tick(let duration): "tick \(duration.text)"
    case .start(let names): "start \(names.joined(separator: " "))"
    case .stop(let names): "stop \(names.joined(separator: " "))"
    case .crash(let names): "crash \(names.joined(separator: " "))"
    case .pause(let name, let duration): "pause \(name) \(duration.text)"
    case .setCut(let names, let isCut):
      "\(isCut ? "cut" : "plug") \(names.joined(separator: " "))"
    case .setBlocked(let from, let to, let isBlocked):
      "\(isBlocked ? "drop" : "pass") \(from)->\(to)"
    case .partition(let sides):
      "partition \(sides.map { $0.joined(separator: " ") }.joined(separator: " | "))"
    case .heal: "heal"
    case .clock(let name, let drift):
      "clock \(name) \(drift < 0 ? "" : "+")\(Decimal.text(drift, per: 10_000))%"
    case .promote(let name): "promote \(name)"
    case .resign(let name, let duration):
      "resign \(name)" + (duration.map { " \($0.text)" } ?? "")
    case .forge(let address, let priority, let interval):
      "forge \(address) priority \(priority) interval \(interval)"
    case .trace(let isOn): "trace \(isOn ? "on" : "off")"
    case .show: "show"
    case .expect(let state, let names):
      "expect \(state.rawValue) \(names.isEmpty ? "none" : names.joined(separator: " "))"
    }
  }
}

extension Scenario.Router: CustomStringConvertible {
  /// The router as a line of a scenario; defaults are left out.
  public var description: String {
    let fallback = VirtualRouter.Configuration(
      vrid: configuration.vrid, family: configuration.family)
    var text = "router \(name) priority \(configuration.priority)"
    if configuration.family == .ipv6 { text += " family ipv6" }
    if configuration.vrid.rawValue != 1 { text += " vrid \(configuration.vrid)" }
    if configuration.interval != fallback.interval { text += " interval \(configuration.interval)" }
    if configuration.version == .v2 { text += " version 2" }
    if case .simpleText(let password) = configuration.authentication {
      text += " password \(password.clearText)"
    }
    if !configuration.preempts { text += " preempt off" }
    if configuration.preempts, configuration.preemptDelay > .zero {
      text += " preempt \(configuration.preemptDelay.text)"
    }
    if configuration.checksum != .auto { text += " checksum \(configuration.checksum.rawValue)" }
    if configuration.tieBreakRank > 0 { text += " rank \(configuration.tieBreakRank)" }
    text += " address \(address)"
    for vip in addresses { text += " vip \(vip)" }
    return starts ? text : text + " off"
  }
}

extension LinkConditions {
  /// The words behind `segment`; defaults are left out.
  package var scenarioText: String {
    let fallback = LinkConditions()
    var text = ""
    if latency != fallback.latency { text += " latency \(latency.text)" }
    if jitter != .zero { text += " jitter \(jitter.text)" }
    if loss != .never { text += " loss \(loss)" }
    if duplication != .never { text += " duplicate \(duplication)" }
    if reordering != .never { text += " reorder \(reordering)" }
    if corruption != .never { text += " corrupt \(corruption)" }
    return text
  }
}

extension Scenario: CustomStringConvertible {
  /// The scenario as text that ``init(parsing:)`` reads.
  public var description: String {
    statements.map { "\($0.command)\n" }.joined()
  }
}
