import VIPCore
import VRRP

extension Scenario {
  /// A random scenario: a few routers, a troubled time, then quiet long enough to settle.
  ///
  /// Equal seeds give equal scenarios. What chance does while one is played comes from the same
  /// seed, which is its first command.
  ///
  /// - Parameter seed: any number.
  /// - Returns: a scenario whose last command is long enough for the segment to settle.
  public static func random(seed: UInt64) -> Scenario {
    var generator = ScenarioGenerator(seed: seed)
    return generator.scenario()
  }

  /// Plays everything and returns the promises that were broken.
  ///
  /// - Parameter capturesPackets: whether the returned simulation has a capture.
  /// - Returns: the simulation at its end.
  public func run(capturesPackets: Bool = false) -> Simulation {
    var player = ScenarioPlayer(self, capturesPackets: capturesPackets)
    for statement in statements { player.perform(statement.command) }
    return player.simulation
  }
}

private struct ScenarioGenerator {
  private let seed: UInt64
  private var random: SeededRandom
  private var names: [String] = []
  /// The shortest interval in nanoseconds; everything else is measured in it.
  private var unit: UInt64 = 0

  init(seed: UInt64) {
    self.seed = seed
    // The run draws from the seed itself; the scenario must not be correlated with it.
    random = SeededRandom(seed: seed ^ 0xD1CE_0FF1_CE00_0000)
  }

  mutating func scenario() -> Scenario {
    unit = random.pick([10, 50, 100, 1000] as [UInt64]) * 1_000_000
    var commands: [Scenario.Command] = [.seed(seed), .segment(troubledConditions())]
    for router in routers() { commands.append(.router(router)) }
    for _ in 0..<(2 + random.below(8)) {
      commands.append(.tick(ticks(upTo: 6)))
      commands.append(trouble())
    }
    commands.append(.tick(ticks(upTo: 6)))
    commands += calm()
    return Scenario(commands)
  }

  private mutating func ticks(upTo intervals: UInt64) -> Duration {
    // Whole microseconds, so that text reproduces them.
    .microseconds(Int64(random.below(intervals * unit) / 1000))
  }

  private mutating func quietConditions() -> LinkConditions {
    var conditions = LinkConditions()
    conditions.latencyNanoseconds = random.below(unit / 100) / 1000 * 1000 + 1000
    if random.below(2) == 0 { conditions.jitterNanoseconds = random.below(unit / 20) / 1000 * 1000 }
    if random.below(3) == 0 { conditions.duplication = .percent(10) }
    if random.below(3) == 0 { conditions.reordering = .percent(10) }
    return conditions
  }

  private mutating func troubledConditions() -> LinkConditions {
    var conditions = quietConditions()
    if random.below(4) == 0 { conditions.latencyNanoseconds = random.below(2 * unit) / 1000 * 1000 }
    if random.below(3) == 0 { conditions.loss = .percent(UInt32(random.below(60))) }
    if random.below(4) == 0 { conditions.corruption = .percent(UInt32(random.below(30))) }
    return conditions
  }

  private mutating func routers() -> [Scenario.Router] {
    let family: AddressFamily = random.below(3) == 0 ? .ipv6 : .ipv4
    let hasEqualPriorities = random.below(3) == 0
    let shared = UInt8(1 + random.below(254))
    let mayUseVersion2 = unit % 1_000_000_000 == 0 && random.below(2) == 0
    // Version 2 can't mix intervals: its routers drop what they don't expect.
    let mixesIntervals = !mayUseVersion2 && random.below(3) == 0
    let preempts = random.below(4) > 0
    let version: ProtocolVersion = mayUseVersion2 && family == .ipv4 ? .v2 : .v3
    let password = Authentication.Password("s3cret").map { Authentication.simpleText($0) } ?? .none
    let authentication = version == .v2 && random.below(2) == 0 ? password : .none
    guard let vrid = VRID(exactly: 1 + random.below(255)) else { return [] }
    return (0..<(2 + random.below(4))).map { index in
      names.append(["a", "b", "c", "d", "e"][Int(index)])
      var priority = hasEqualPriorities ? shared : UInt8(1 + random.below(254))
      if index == 0, random.below(8) == 0 { priority = 255 }
      let preempts = random.below(6) == 0 ? !preempts : preempts
      var interval = unit
      if mixesIntervals { interval *= 1 + random.below(3) }
      let configuration = VirtualRouter.Configuration(
        vrid: vrid, family: family, priority: Priority(rawValue: priority),
        interval: AdvertisementInterval(.nanoseconds(Int64(interval))) ?? .default,
        preempts: preempts,
        checksum: random.pick(ChecksumPolicy.allCases),
        tieBreakRank: UInt8(random.below(4)), version: version, authentication: authentication,
        preemptDelay: preempts && random.below(6) == 0 ? ticks(upTo: 6) : .zero)
      // Addresses in random order, so that ties are not decided by the order of declaration.
      let low = UInt8(random.below(8)) * 8 + UInt8(index) + 1
      let isIPv4 = family == .ipv4
      return Scenario.Router(
        name: names[Int(index)], configuration: configuration,
        address: isIPv4
          ? .v4(IPv4Address(192, 0, 2, low))
          : .v6(IPv6Address(high: 0xFE80 << 48, low: UInt64(low))),
        addresses: isIPv4
          ? [.v4(IPv4Address(192, 0, 2, 100))]
          : [.v6(IPv6Address(high: 0xFE80 << 48, low: 0x100))],
        starts: random.below(5) > 0)
    }
  }

  private mutating func trouble() -> Scenario.Command {
    let name = random.pick(names)
    switch random.below(17) {
    case 0, 1: return .crash([name])
    case 2, 3: return .start([name])
    case 4: return .start(names)
    case 5: return .stop([name])
    case 6, 7: return .pause(name, ticks(upTo: 12))
    case 8: return .setCut([name], random.below(2) == 0)
    case 9, 10:
      let other = random.pick(names)
      return other == name ? .heal : .setBlocked(from: name, to: other, random.below(3) > 0)
    case 11: return partition()
    case 12: return .heal
    case 13: return .promote(name)
    case 14: return .resign(name, ticks(upTo: 20))
    case 15: return .clock(name, Int64(random.below(40_001)) - 20_000)
    default: return .segment(troubledConditions())
    }
  }

  private mutating func partition() -> Scenario.Command {
    var sides: [[String]] = [[], []]
    for name in names { sides[Int(random.below(2))].append(name) }
    return sides.contains([]) ? .heal : .partition(sides)
  }

  /// An end after which the promises about a settled segment can be asked for.
  private mutating func calm() -> [Scenario.Command] {
    var commands: [Scenario.Command] = [.segment(quietConditions())]
    commands.append(random.below(3) == 0 ? partition() : .heal)
    if random.below(2) == 0 { commands.append(.start(names)) }
    // 2 × (3 × interval + skew) of the longest interval, pauses that may still last, and some.
    commands.append(.tick(.nanoseconds(Int64(60 * unit))))
    return commands
  }
}

// MARK: Making failures small

extension Scenario {
  /// The shortest scenario found that still breaks the same promise.
  ///
  /// Takes out commands and routers as long as the promise stays broken.
  public func minimized(breaking promise: Violation.Promise) -> Scenario {
    var best = self
    var hasShrunk = true
    while hasShrunk {
      hasShrunk = false
      for index in best.statements.indices.reversed() where index < best.statements.count {
        let candidate = best.removingStatement(at: index)
        if candidate.run().violations.contains(where: { $0.promise == promise }) {
          best = candidate
          hasShrunk = true
        }
      }
    }
    return best
  }

  /// The scenario without one command; without a router also without all that mentions it.
  private func removingStatement(at index: Int) -> Scenario {
    var copy = self
    let removed = copy.statements.remove(at: index)
    if case .router(let router) = removed.command {
      copy.statements = copy.statements.compactMap { statement in
        statement.command.without(router.name).map { Statement($0, line: statement.line) }
      }
    }
    return copy
  }
}

extension Scenario.Command {
  /// The command without a router; `nil` if nothing is left of it.
  fileprivate func without(_ name: String) -> Scenario.Command? {
    func rest(_ names: [String]) -> [String]? {
      let rest = names.filter { $0 != name }
      return rest.isEmpty ? nil : rest
    }
    switch self {
    case .start(let names): return rest(names).map { .start($0) }
    case .stop(let names): return rest(names).map { .stop($0) }
    case .crash(let names): return rest(names).map { .crash($0) }
    case .setCut(let names, let isCut): return rest(names).map { .setCut($0, isCut) }
    case .partition(let sides):
      let left = sides.compactMap(rest)
      return left.count < 2 ? nil : .partition(left)
    case .pause(name, _), .clock(name, _), .promote(name), .resign(name, _): return nil
    case .setBlocked(let from, let to, _) where from == name || to == name: return nil
    case .expect(let state, let names): return .expect(state, names.filter { $0 != name })
    default: return self
    }
  }
}
