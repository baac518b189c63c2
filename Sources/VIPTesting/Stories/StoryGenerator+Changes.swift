import VIP
import VIPCore
import VRRP
import VRRPSimulation

/// Deeds of operators and programs to routers.
extension StoryGenerator {
  mutating func operation(_ name: String, _ group: Group) -> [StoryCommand] {
    switch random.below(8) {
    case 0, 1:
      return [.router(name, group.name, .resign(random.below(2) == 0 ? nil : ticks(upTo: 20)))]
    case 2, 3, 4: return [.router(name, group.name, .promote)]
    case 5: return [.router(name, group.name, .down)]
    default: return [.router(name, group.name, .up(group.addresses, settings(group, name)))]
    }
  }

  mutating func change(_ name: String, _ group: Group) -> [StoryCommand] {
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

  // MARK: Whole sets

  /// All routers of a node in one change, or of all nodes, one after the other.
  mutating func set(_ name: String) -> [StoryCommand] {
    guard random.below(2) == 0 else {
      return set(of: name, groups.filter { _ in random.below(5) > 0 })
    }
    switch random.below(4) {
    case 0 where groups.count > 1:
      // Addresses change places.
      let first = groups[0]
      (groups[0].addresses, groups[0].spare) = (groups[1].addresses, groups[1].spare)
      (groups[1].addresses, groups[1].spare) = (first.addresses, first.spare)
    case 1 where groups.count > 1:
      // One group goes; it may come back with other settings.
      groups.removeLast()
    case 2:
      let extra = groups.allSatisfy { $0.name != "db" } ? group("db", 52) : nil
      if let extra { groups.append(extra) }
    default:
      let index = Int(random.below(UInt64(groups.count)))
      if let spare = groups[index].spare.first, random.below(2) == 0 {
        groups[index].addresses.append(spare)
        groups[index].spare.removeFirst()
      } else if groups[index].addresses.count > 1 {
        groups[index].spare.append(groups[index].addresses.removeLast())
      }
    }
    return everywhere { generator, name in generator.set(of: name, generator.groups) }
  }

  /// Brings one node to some groups.
  mutating func set(of name: String, _ wanted: [Group]) -> [StoryCommand] {
    var commands: [StoryCommand] = [.node(name, .edit)]
    for group in ["web", "db"] where !wanted.contains(where: { $0.name == group }) {
      commands.append(.router(name, group, .down))
    }
    for group in wanted {
      // Mostly with settings that it has already.
      let hasChanged = random.below(3) == 0
      let deed: StoryCommand.RouterDeed =
        hasChanged
        ? .up(group.addresses, settings(group, name))
        : .up(group.addresses, group.settings + [StorySetting(.priority, priority(group, name))])
      commands.append(.router(name, group.name, deed))
    }
    return commands + [.node(name, .reload)]
  }

  private func priority(_ group: Group, _ name: String) -> String {
    if group.owner == name { return "255" }
    return "\(100 + 20 * (names.firstIndex(of: name) ?? 0))"
  }

  /// The same on one node after the other.
  mutating func everywhere(
    _ body: (inout StoryGenerator, String) -> [StoryCommand]
  ) -> [StoryCommand] {
    names.flatMap { name -> [StoryCommand] in
      let commands = body(&self, name)
      return commands + [.tick(random.below(3) == 0 ? ticks(upTo: 4) : moment())]
    }
  }

  // MARK: Fitness

  mutating func fitness(_ name: String, _ group: Group) -> [StoryCommand] {
    let cause = random.pick(["health", "gate"])
    func said(_ fitness: StoryCommand.Fitness) -> StoryCommand {
      .router(name, group.name, .fitness(cause, fitness))
    }
    switch random.below(5) {
    case 0: return [said(.unfit)]
    case 1: return [said(.unfit), .tick(ticks(upTo: 4)), said(.fit)]
    case 2: return [said(.weaker(UInt8(1 + random.below(254))))]
    default: return [said(.fit)]
    }
  }
}
