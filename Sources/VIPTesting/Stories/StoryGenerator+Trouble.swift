import VIP
import VIPCore
import VRRP
import VRRPSimulation

/// Troubles of nodes, machines and segments.
extension StoryGenerator {
  mutating func trouble() -> [StoryCommand] {
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
      return refusal(name)
    case .overflow: return [.node(name, random.below(3) == 0 ? .forgetGroups : .lose)]
    case .stranger: return stranger(group)
    case .foreign: return foreign(group)
    case .operator_: return operation(name, group)
    case .change: return change(name, group)
    case .clock: return [.node(name, .clock(Int64(random.below(40_001)) - 20_000))]
    case .guardDeath: return [.node(name, .killGuard)]
    case .move: return move(name)
    case .set: return set(name)
    case .fitness: return fitness(name, group)
    case .restart: return [.node(name, random.below(2) == 0 ? .stop : .start)]
    }
  }

  private mutating func refusal(_ name: String) -> [StoryCommand] {
    let what = random.pick(Machine.Refusal.allCases)
    let refused = StoryCommand.node(name, .refuse(what.rawValue, ticks(upTo: 4)))
    // With a full table of neighbours alone advertisements leave in frames.
    guard what == .neighbours, random.below(2) == 0 else { return [refused] }
    return [
      refused, .node(name, .refuse(Machine.Refusal.announce.rawValue, ticks(upTo: 4))),
    ]
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
    case 0:
      given.append((name, address))
      return [.node(name, .hostAdds(address))]
    case 1: return own.map { [.node(name, .hostRemoves($0))] } ?? []
    case 2: return own.map { [.node(name, .hostAdds($0))] } ?? []
    case 3: return [.node(name, .hostPromotes(random.below(2) == 0))]
    case 4:
      given.append((name, address))
      return [.node(name, .hostReplaces(address))]
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
      let deeds: [StoryCommand.LinkDeed] = [
        .down, .up, .noCarrier, .carrier, .gone, .new, .smallMTU, .usualMTU,
      ]
      return [.node(name, .link(interface, random.pick(deeds)))]
    }
  }

  private mutating func stranger(_ group: Group) -> [StoryCommand] {
    let address = random.pick(group.addresses).address
    switch random.below(4) {
    case 0:
      strange.append(address)
      return [.stranger(.has(address))]
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

  /// An interface is plugged in elsewhere, and mostly back again later.
  private mutating func move(_ name: String) -> [StoryCommand] {
    switch random.below(6) {
    case 0: return [.node(name, .link("eth1", .joins))]
    case 1: return [.node(name, .link("eth1", .strays))]
    case 2: return [.node(name, .link("eth0", .joins))]
    case 3:
      return [
        .node(name, .link("eth0", .strays)), .tick(ticks(upTo: 5)),
        .node(name, .link("eth0", .joins)),
      ]
    default: return [.node(name, .link("eth0", .strays))]
    }
  }
}
