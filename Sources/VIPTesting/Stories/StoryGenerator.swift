import VIP
import VIPCore
import VRRP
import VRRPSimulation

extension Story {
  /// A random story: a few nodes, a troubled time, then quiet long enough to come to rest, a command
  /// or two, and an end in good order.
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
private struct StoryGenerator {
  private let seed: UInt64
  private var random: SeededRandom
  private var names: [String] = []
  /// The routers of each node: name and addresses.
  private var groups: [Group] = []
  /// The interval in nanoseconds.
  private var unit: UInt64 = 1_000_000_000
  private var kinds: [Kind] = []
  /// How many addresses a group has: mostly few, sometimes more than a filter or a slice takes.
  private static let counts: [UInt64] =
    Array(repeating: 1, count: 30) + Array(repeating: 2, count: 15)
    + Array(repeating: 3, count: 15) + [20, 40, 70]

  private struct Group {
    var name: String
    var addresses: [InterfaceAddress]
    var settings: [StorySetting]
    var spare: [InterfaceAddress]
    var usesPeers = false
  }

  /// A kind of trouble.
  private enum Kind: CaseIterable {
    case segment, cut, death, standstill, meddling, interface, refusal, overflow, stranger, foreign
    case operator_, change, clock, guardDeath, restart
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
    for name in names {
      for group in groups where random.below(12) > 0 {
        commands.append(.router(name, group.name, .up(group.addresses, settings(group))))
        if random.below(4) == 0 { commands.append(.tick(ticks(upTo: 3))) }
      }
    }
    return commands
  }

  private mutating func group(_ name: String, _ vrid: Int) -> Group {
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
    return group
  }

  private static func address(_ family: AddressFamily, _ number: Int) -> InterfaceAddress? {
    switch family {
    case .ipv4:
      InterfaceAddress(.v4(IPv4Address(192, 0, 2, UInt8(number))), prefixLength: 24)
    case .ipv6:
      InterfaceAddress(
        .v6(IPv6Address(high: 0x2001_0DB8 << 32, low: UInt64(number))), prefixLength: 64)
    }
  }

  private mutating func settings(_ group: Group) -> [StorySetting] {
    var settings = [StorySetting(.priority, "\(1 + random.below(254))")] + group.settings
    if group.usesPeers {
      let peers = names.indices.map { "192.0.2.\($0 + 1)" }.joined(separator: ",")
      settings.append(StorySetting(.peers, peers))
    }
    if random.below(8) == 0 {
      settings.append(StorySetting(.track, random.below(2) == 0 ? "eth1" : "eth1=50"))
    }
    if random.below(10) == 0, !settings.contains(StorySetting(.preempt, "off")) {
      settings.append(StorySetting(.preempt, "\(2 + random.below(4))s"))
    }
    return settings
  }

  // MARK: Time and segment

  private mutating func ticks(upTo intervals: UInt64) -> Duration {
    // Whole microseconds, so that text reproduces them.
    .microseconds(Int64(random.below(intervals * unit) / 1000))
  }

  private mutating func moment() -> Duration { .microseconds(Int64(random.below(20_000))) }

  private mutating func quietConditions() -> LinkConditions {
    var conditions = LinkConditions()
    conditions.latency = .microseconds(Int64(1 + random.below(1000)))
    if random.below(3) == 0 { conditions.jitter = .microseconds(Int64(random.below(2000))) }
    if random.below(4) == 0 { conditions.duplication = .percent(10) }
    if random.below(4) == 0 { conditions.reordering = .percent(10) }
    return conditions
  }

  private mutating func troubledConditions() -> LinkConditions {
    var conditions = quietConditions()
    if random.below(4) == 0 { conditions.latency = .microseconds(Int64(random.below(unit) / 1000)) }
    if random.below(2) == 0 { conditions.loss = .percent(UInt32(random.below(60))) }
    if random.below(4) == 0 { conditions.corruption = .percent(UInt32(random.below(30))) }
    return conditions
  }

  // MARK: Trouble

  private mutating func trouble() -> [StoryCommand] {
    let name = random.pick(names)
    let group = random.pick(groups)
    switch random.pick(kinds) {
    case .segment: return [.segment(troubledConditions())]
    case .cut: return cut(name)
    case .death: return death(name)
    case .standstill:
      let duration = ticks(upTo: 12)
      return [.node(name, random.below(2) == 0 ? .freeze(duration) : .sleep(duration))]
    case .meddling: return meddling(name, group)
    case .interface: return interface(name, group)
    case .refusal:
      let kinds: [Machine.Refusal] = [.install, .remove, .link, .send, .announce, .open]
      return [.node(name, .refuse(random.pick(kinds).rawValue, ticks(upTo: 4)))]
    case .overflow: return [.node(name, .lose)]
    case .stranger: return stranger(group)
    case .foreign: return foreign(group)
    case .operator_: return operation(name, group)
    case .change: return change(name, group)
    case .clock: return [.node(name, .clock(Int64(random.below(40_001)) - 20_000))]
    case .guardDeath: return [.node(name, .killGuard)]
    case .restart: return [.node(name, random.below(2) == 0 ? .stop : .start)]
    }
  }

  private mutating func cut(_ name: String) -> [StoryCommand] {
    switch random.below(5) {
    case 0: return [.setCut([name], true)]
    case 1: return [.setCut([name], false)]
    case 2: return [.heal]
    case 3:
      let other = random.pick(names)
      return other == name ? [.heal] : [.setBlocked(from: name, to: other, random.below(3) > 0)]
    default:
      var sides: [[String]] = [[], []]
      for name in names { sides[Int(random.below(2))].append(name) }
      return sides.contains([]) ? [.heal] : [.partition(sides)]
    }
  }

  private mutating func death(_ name: String) -> [StoryCommand] {
    switch random.below(5) {
    case 0, 1: [.node(name, .kill(withGuard: false))]
    case 2: [.node(name, .kill(withGuard: true))]
    case 3: [.node(name, .killAfter(Int(random.below(6))))]
    default: [.node(name, .start)]
    }
  }

  private mutating func meddling(_ name: String, _ group: Group) -> [StoryCommand] {
    let address = random.pick(group.addresses)
    let own = InterfaceAddress("192.0.2.\((names.firstIndex(of: name) ?? 0) + 1)/24")
    switch random.below(8) {
    case 0: return [.node(name, .hostAdds(address))]
    case 1: return own.map { [.node(name, .hostRemoves($0))] } ?? []
    case 2: return own.map { [.node(name, .hostAdds($0))] } ?? []
    case 3: return [.node(name, .hostPromotes(random.below(2) == 0))]
    case 4: return [.node(name, .hostReplaces(address))]
    default: return [.node(name, .hostRemoves(address))]
    }
  }

  private mutating func interface(_ name: String, _ group: Group) -> [StoryCommand] {
    if group.settings.contains(StorySetting(.mac, "virtual")), random.below(2) == 0 {
      let vrid = group.settings.first { $0.key == .vrid }?.value ?? "51"
      let family = random.pick(group.addresses).family
      let macvlan = "vip\(family == .ipv4 ? 4 : 6)-2-\(vrid)"
      return [.node(name, .link(macvlan, random.pick([.down, .up, .gone])))]
    }
    let interface = random.below(4) == 0 ? "eth1" : "eth0"
    switch random.below(10) {
    case 0: return [.node(name, .rename("eth0", "lan0"))]
    case 1: return [.node(name, .rename("lan0", "eth0"))]
    default:
      let deeds: [StoryCommand.LinkDeed] = [.down, .up, .noCarrier, .carrier, .gone, .new]
      return [.node(name, .link(interface, random.pick(deeds)))]
    }
  }

  private mutating func stranger(_ group: Group) -> [StoryCommand] {
    let address = random.pick(group.addresses).address
    switch random.below(4) {
    case 0: return [.stranger(.has(address))]
    case 1: return [.stranger(.leaves(address))]
    default: return [.stranger(.announces(address))]
    }
  }

  private mutating func foreign(_ group: Group) -> [StoryCommand] {
    guard random.below(3) > 0 else { return [.stranger(.silence)] }
    let number = group.settings.first { $0.key == .vrid }?.value ?? "51"
    guard let vrid = VRID(number), let priority = Priority(configured: 1 + Int(random.below(254))),
      let address = random.pick(
        [IPAddress("192.0.2.240"), IPAddress("2001:db8::240")] as [IPAddress?])
    else { return [] }
    return [.stranger(.advertises(vrid, priority, [address]))]
  }

  private mutating func operation(_ name: String, _ group: Group) -> [StoryCommand] {
    switch random.below(8) {
    case 0, 1:
      return [.router(name, group.name, .resign(random.below(2) == 0 ? nil : ticks(upTo: 20)))]
    case 2, 3, 4: return [.router(name, group.name, .promote)]
    case 5: return [.router(name, group.name, .down)]
    default: return [.router(name, group.name, .up(group.addresses, settings(group)))]
    }
  }

  private mutating func change(_ name: String, _ group: Group) -> [StoryCommand] {
    let spare = random.pick(group.spare)
    switch random.below(11) {
    case 0: return [.router(name, group.name, .add([spare]))]
    case 1: return [.router(name, group.name, .remove([spare.address]))]
    case 2: return [.router(name, group.name, .remove([random.pick(group.addresses).address]))]
    case 3: return [.router(name, group.name, .add([random.pick(group.addresses)]))]
    case 4:
      // All of them, one after the other.
      return names.map { .router($0, group.name, .add([spare])) }
    case 5: return [.node(name, .lease(random.pick(["4s", "10s", "off"])))]
    case 6:
      let value = random.pick(["off", "on"])
      return [.router(name, group.name, .set([StorySetting(.probe, value)]))]
    case 7:
      // Another virtual router for a moment.
      return [
        .router(name, group.name, .set([StorySetting(.interface, "eth1")])), .tick(ticks(upTo: 6)),
        .router(name, group.name, .set([StorySetting(.interface, "eth0")])),
      ]
    case 8:
      // Other virtual routers for a moment, on all machines.
      let vrid = group.settings.first { $0.key == .vrid }?.value ?? "51"
      return rollout(group, StorySetting(.vrid, "\(60 + random.below(3))"))
        + rollout(group, StorySetting(.vrid, vrid))
    case 9:
      let mac = group.settings.first { $0.key == .mac }?.value ?? "own"
      return rollout(group, StorySetting(.mac, mac == "own" ? "virtual" : "own"))
        + rollout(group, StorySetting(.mac, mac))
    default:
      let priority = "\(1 + random.below(254))"
      return [.router(name, group.name, .set([StorySetting(.priority, priority)]))]
    }
  }

  /// A setting that changes on one machine after the other.
  private mutating func rollout(_ group: Group, _ setting: StorySetting) -> [StoryCommand] {
    names.flatMap { name -> [StoryCommand] in
      [
        .router(name, group.name, .set([setting])),
        .tick(random.below(3) == 0 ? ticks(upTo: 6) : moment()),
      ]
    }
  }

  // MARK: The end

  /// What puts everything in order from outside, and time to come to rest.
  private mutating func calm() -> [StoryCommand] {
    var commands: [StoryCommand] = [.segment(quietConditions()), .heal]
    if kinds.contains(.foreign) { commands.append(.stranger(.silence)) }
    for (index, name) in names.enumerated() {
      if kinds.contains(.interface) {
        commands.append(.node(name, .rename("lan0", "eth0")))
        for interface in ["eth0", "eth1"] {
          for deed in [.new, .up, .carrier] as [StoryCommand.LinkDeed] {
            commands.append(.node(name, .link(interface, deed)))
          }
        }
      }
      if kinds.contains(.meddling) {
        for group in groups {
          for address in group.addresses.prefix(3) {
            commands.append(.node(name, .hostRemoves(address)))
          }
        }
        if let own = InterfaceAddress("192.0.2.\(index + 1)/24") {
          commands.append(.node(name, .hostAdds(own)))
        }
      }
      if random.below(5) > 0 { commands.append(.node(name, .start)) }
    }
    if kinds.contains(.stranger) {
      for group in groups {
        for address in group.addresses { commands.append(.stranger(.leaves(address.address))) }
      }
    }
    commands.append(.rest(restTime))
    return commands
  }

  /// What a segment needs to come to rest at most, and some.
  private var restTime: Duration {
    var seconds = 24
    if !Set(kinds).isDisjoint(with: [.meddling, .interface]) { seconds += 25 }
    if kinds.contains(.refusal) { seconds += 8 }
    if kinds.contains(.operator_) { seconds += 10 }
    if kinds.contains(.stranger) { seconds += 110 }
    return .seconds(unit > 1_000_000_000 ? seconds * 8 / 5 : seconds)
  }

  /// Commands that cost a client nothing, and the end of all nodes.
  private mutating func finale() -> [StoryCommand] {
    var commands: [StoryCommand] = []
    for _ in 0..<random.pick([0, 1, 1, 2] as [UInt64]) {
      let name = random.pick(names)
      let group = random.pick(groups)
      switch random.below(5) {
      case 0: commands.append(.router(name, group.name, .resign(nil)))
      case 1, 2: commands.append(.router(name, group.name, .promote))
      case 3: commands.append(.router(name, group.name, .down))
      default: commands.append(.node(name, .stop))
      }
      commands.append(.rest(restTime))
    }
    for name in names { commands.append(.node(name, .start)) }
    commands.append(.tick(.seconds(5)))
    for name in names { commands.append(.node(name, .stop)) }
    commands.append(.tick(.seconds(10)))
    for name in names { commands.append(.expect(.untouched(name))) }
    return commands
  }
}
