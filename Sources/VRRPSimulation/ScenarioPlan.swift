import VIPCore
public import VRRP

/// A scenario in a few numbers: routers that elect, and faults of the first choice.
///
/// ```swift
/// var plan = ScenarioPlan(routerCount: 5)
/// plan.conditions.loss = .percent(2)
/// plan.faults = [.init(.crash, at: .seconds(10))]
/// let run = try ScenarioRun(playing: plan.scenario.description)
/// ```
public struct ScenarioPlan: Sendable, Hashable {
  /// Something that happens to the router which is Active when all are well.
  public struct Fault: Sendable, Hashable {
    /// The kinds of fault.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
      /// Its cable is cut; it does not notice.
      case cut
      /// Its machine dies without a word.
      case crash
      /// The router is stopped in good order, with a farewell.
      case stop
      /// Its machine freezes, until it recovers.
      case freeze
      /// Its cable, machine and process are as before.
      case recover
    }

    /// Its kind.
    public var kind: Kind
    /// Its time, counted from the beginning.
    public var time: Duration

    /// Makes a fault.
    public init(_ kind: Kind, at time: Duration) {
      self.kind = kind
      self.time = time
    }
  }

  /// The most routers a plan can have: they are named by letters.
  public static let routerCountMax = 26

  /// The routers' priorities, in the order of their names and addresses.
  public var priorities: [Priority]
  /// Their Advertisement_Interval.
  public var interval = AdvertisementInterval.default
  /// Their Preempt_Mode.
  public var preempts = true
  /// The segment's treatment of packets.
  public var conditions = LinkConditions()
  /// The seed of all chance.
  public var seed: UInt64 = 0
  /// The faults of the first choice, in any order.
  public var faults: [Fault] = []
  /// The length of the whole.
  public var duration: Duration = .seconds(60)

  /// Makes a plan of routers with given priorities, at most ``routerCountMax``.
  public init(priorities: [Priority]) {
    self.priorities = Array(priorities.prefix(Self.routerCountMax))
  }

  /// Makes a plan of routers with evenly descending priorities: 200, 150, 100 for three.
  public init(routerCount: Int) {
    let count = min(max(routerCount, 1), Self.routerCountMax)
    let step = [50, 40, 30, 20, 10].first { $0 * (count - 1) < 200 } ?? 5
    self.init(priorities: (0..<count).map { Priority(rawValue: UInt8(200 - $0 * step)) })
  }

  /// The name of the router that has the faults: the first choice of the election.
  public var favourite: String {
    // Among equals the one with the higher address, which is the later one here.
    let index = priorities.indices.max { (priorities[$0], $0) < (priorities[$1], $1) }
    return Self.name(index ?? 0)
  }

  private static func name(_ index: Int) -> String {
    String(UnicodeScalar(UInt8(ascii: "a") + UInt8(index)))
  }

  /// The scenario; its text can be saved, changed and played again.
  public var scenario: Scenario {
    guard let vrid = VRID(exactly: 1) else { preconditionFailure("1 is a VRID") }
    var commands: [Scenario.Command] = [.seed(seed)]
    if conditions != LinkConditions() { commands.append(.segment(conditions)) }
    for (index, priority) in priorities.enumerated() {
      commands.append(
        .router(
          Scenario.Router(
            name: Self.name(index),
            configuration: VirtualRouter.Configuration(
              vrid: vrid, family: .ipv4, priority: priority, interval: interval,
              preempts: preempts),
            address: .v4(IPv4Address(192, 0, 2, UInt8(index + 1))),
            addresses: [.v4(IPv4Address(192, 0, 2, 100))], starts: true)))
    }
    var now = Duration.zero
    for (order, fault) in faults.enumerated().sorted(by: {
      ($0.element.time, $0.offset) < ($1.element.time, $1.offset)
    }) where fault.time < duration {
      if fault.time > now { commands.append(.tick(fault.time - now)) }
      now = fault.time
      commands += self.commands(for: fault, order: order)
    }
    if duration > now { commands.append(.tick(duration - now)) }
    return Scenario(commands)
  }

  private func commands(for fault: Fault, order: Int) -> [Scenario.Command] {
    let name = favourite
    switch fault.kind {
    case .cut: return [.setCut([name], true)]
    case .crash: return [.crash([name])]
    case .stop: return [.stop([name])]
    case .freeze:
      let end = faults.filter { $0.kind == .recover && $0.time > fault.time }.map(\.time).min()
      // A frozen router that is not woken stays so to the end.
      return [.pause(name, (end ?? duration + .seconds(1)) - fault.time)]
    case .recover:
      // Plugging in and starting say nothing to a router that is plugged in and runs.
      return [.setCut([name], false), .start([name])]
    }
  }
}

extension Probability: LosslessStringConvertible {
  /// Reads a percentage such as `2%` or `0.5%`; `nil` for anything else and outside 0 to 100.
  public init?(_ description: String) {
    guard description.last == "%", let first = description.first, first != "+", first != "-",
      let value = Decimal.value(description.dropLast(), times: 10_000),
      (0...1_000_000).contains(value)
    else { return nil }
    self.init(partsPerMillion: UInt32(value))
  }
}
