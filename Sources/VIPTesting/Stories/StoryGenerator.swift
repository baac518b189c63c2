import VIP
import VIPCore
import VRRP
import VRRPSimulation

extension Story {
  /// A random story: a few nodes, a troubled time, then quiet long enough to come to rest, a
  /// command or two, and an end in good order.
  ///
  /// Equal seeds give equal stories. What chance does while one is played comes from the same seed,
  /// which is its first command.
  public static func random(seed: UInt64) -> Story {
    var generator = StoryGenerator(seed: seed)
    return generator.story()
  }
}

/// Makes a story from a seed.
///
/// Each story has only some kinds of trouble, so that rare ones come
/// together often enough.
struct StoryGenerator {
  private let seed: UInt64
  var random: SeededRandom
  var names: [String] = []
  /// The routers of each node: name and addresses.
  var groups: [Group] = []
  /// The interval in nanoseconds.
  var unit: UInt64 = 1_000_000_000
  var kinds: [Kind] = []
  /// Addresses that a stranger has.
  var strange: [IPAddress] = []
  /// Whether machines of a group may have different intervals.
  var hasOtherIntervals = false
  /// Virtual addresses that hosts have been given as their own.
  var given: [(name: String, address: InterfaceAddress)] = []
  /// Numbers of addresses that a group has: mostly few, sometimes more than a filter or a slice
  /// takes.
  private static let counts: [UInt64] =
    Array(repeating: 1, count: 30) + Array(repeating: 2, count: 15)
    + Array(repeating: 3, count: 15) + [20, 40, 70]

  struct Group {
    var name: String
    var addresses: [InterfaceAddress]
    var settings: [StorySetting]
    var spare: [InterfaceAddress]
    var usesPeers = false
    /// The node that owns its addresses, with priority 255.
    var owner: String?
    /// Whether the owner's machine has them as its own.
    var isReallyOwned = false
  }

  /// A kind of trouble.
  enum Kind: CaseIterable {
    case segment, cut, death, standstill, meddling, interface, refusal, overflow, stranger, foreign
    case operator_, change, clock, guardDeath, restart, move, set, fitness
  }

  init(seed: UInt64) {
    self.seed = seed
    // The run draws from the seed itself; the story must not be correlated with it.
    random = SeededRandom(seed: seed ^ 0x57A1_E5EE_D000_0000)
  }

  mutating func story() -> Story {
    unit = random.pick([1000, 1000, 1000, 200, 2000] as [UInt64]) * 1_000_000
    kinds = Kind.allCases.filter { _ in random.below(3) == 0 }
    if kinds.isEmpty { kinds = [.operator_, .death] }
    var commands: [StoryCommand] = [.seed(seed), .segment(quietConditions())]
    commands += nodes()
    commands.append(.tick(ticks(upTo: 8)))
    for _ in 0..<(2 + random.below(7)) {
      commands += trouble()
      commands.append(.tick(random.below(3) == 0 ? moment() : ticks(upTo: 6)))
    }
    commands += calm()
    commands += finale()
    return Story(commands)
  }

  // MARK: Nodes

  private mutating func nodes() -> [StoryCommand] {
    var commands: [StoryCommand] = []
    names = Array(["a", "b", "c", "d"].prefix(Int(random.pick([2, 2, 2, 3, 3, 4] as [UInt64]))))
    for name in names {
      let lease = random.pick([nil, nil, nil, nil, "5s", "off"] as [String?])
      commands.append(.newNode(name, lease: lease, isGuarded: random.below(8) > 0))
    }
    groups = [group("web", 51)]
    if random.below(3) == 0 { groups.append(group("db", 52)) }
    for group in groups where group.isReallyOwned {
      guard let owner = group.owner else { continue }
      commands += group.addresses.map { .node(owner, .hostAdds($0)) }
    }
    for name in names {
      for group in groups where random.below(12) > 0 {
        commands.append(.router(name, group.name, .up(group.addresses, settings(group, name))))
        if random.below(4) == 0 { commands.append(.tick(ticks(upTo: 3))) }
      }
    }
    return commands
  }

  mutating func group(_ name: String, _ vrid: Int) -> Group {
    let families = random.pick(
      [[.ipv4], [.ipv4], [.ipv6], [.ipv4, .ipv6]] as [[AddressFamily]])
    let base = name == "web" ? 10 : 110
    let count = Int(random.pick(Self.counts))
    var addresses = families.flatMap { family in
      (0..<count).compactMap { Self.address(family, base + $0) }
    }
    let spare = families.flatMap { family in
      (0..<3).compactMap { Self.address(family, base + 90 + $0) }
    }
    if random.below(6) == 0, addresses.count > 1 { addresses.reverse() }
    var settings: [StorySetting] = []
    if vrid != 51 { settings.append(StorySetting(.vrid, "\(vrid)")) }
    if unit != 1_000_000_000 { settings.append(StorySetting(.interval, "\(unit / 1_000_000)ms")) }
    let canBeOld = families == [.ipv4] && unit % 1_000_000_000 == 0
    if canBeOld, random.below(6) == 0 {
      settings.append(StorySetting(.version, "2"))
      if random.below(2) == 0 { settings.append(StorySetting(.password, "s3cret")) }
    }
    if random.below(8) == 0 { settings.append(StorySetting(.handover, "strict")) }
    if random.below(3) == 0 { settings.append(StorySetting(.probe, "off")) }
    if random.below(7) == 0 { settings.append(StorySetting(.preempt, "off")) }
    var group = Group(name: name, addresses: addresses, settings: settings, spare: spare)
    if random.below(3) == 0 {
      group.settings.append(StorySetting(.mac, "virtual"))
    } else if families == [.ipv4], random.below(6) == 0 {
      group.usesPeers = true
    }
    if random.below(8) == 0, !group.settings.contains(StorySetting(.mac, "virtual")) {
      group.owner = random.pick(names)
      group.isReallyOwned = random.below(3) == 0
    }
    return group
  }

  static func address(_ family: AddressFamily, _ number: Int) -> InterfaceAddress? {
    switch family {
    case .ipv4:
      InterfaceAddress(.v4(IPv4Address(192, 0, 2, UInt8(number))), prefixLength: 24)
    case .ipv6:
      InterfaceAddress(
        .v6(IPv6Address(high: 0x2001_0DB8 << 32, low: UInt64(number))), prefixLength: 64)
    }
  }

  /// The settings of a group on a node.
  mutating func settings(_ group: Group, _ name: String) -> [StorySetting] {
    let priority = group.owner == name ? 255 : 1 + random.below(254)
    var settings = [StorySetting(.priority, "\(priority)")] + group.settings
    if group.usesPeers {
      let peers = names.indices.map { "192.0.2.\($0 + 1)" }.joined(separator: ",")
      settings.append(StorySetting(.peers, peers))
    }
    if random.below(8) == 0 {
      let canFall = group.owner != name
      settings.append(StorySetting(.track, canFall && random.below(2) == 0 ? "eth1=50" : "eth1"))
    }
    if random.below(10) == 0, !settings.contains(StorySetting(.preempt, "off")) {
      settings.append(StorySetting(.preempt, "\(2 + random.below(4))s"))
    }
    return settings
  }

  // MARK: Time and segment

  mutating func ticks(upTo intervals: UInt64) -> Duration {
    // Whole microseconds, so that text reproduces them.
    .microseconds(Int64(random.below(intervals * unit) / 1000))
  }

  mutating func moment() -> Duration { .microseconds(Int64(random.below(20_000))) }

  mutating func quietConditions() -> LinkConditions {
    var conditions = LinkConditions()
    conditions.latency = .microseconds(Int64(1 + random.below(1000)))
    if random.below(3) == 0 { conditions.jitter = .microseconds(Int64(random.below(2000))) }
    if random.below(4) == 0 { conditions.duplication = .percent(10) }
    if random.below(4) == 0 { conditions.reordering = .percent(10) }
    return conditions
  }

  mutating func troubledConditions() -> LinkConditions {
    var conditions = quietConditions()
    if random.below(4) == 0 { conditions.latency = .microseconds(Int64(random.below(unit) / 1000)) }
    if random.below(2) == 0 { conditions.loss = .percent(UInt32(random.below(60))) }
    if random.below(4) == 0 { conditions.corruption = .percent(UInt32(random.below(30))) }
    return conditions
  }
}
