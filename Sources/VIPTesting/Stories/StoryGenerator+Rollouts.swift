import VIP
import VIPCore
import VRRP
import VRRPSimulation

/// Changes that make other virtual routers of a group's, on one machine after the other or on all
/// at once.
extension StoryGenerator {
  /// A rollout of such a change to a group at rest.
  mutating func replacement(of group: Group) -> [StoryCommand] {
    let isVirtual = group.settings.contains(StorySetting(.mac, "virtual"))
    switch random.below(8) {
    case 0 where canHaveVersion2(group): return otherVersion(of: group)
    case 1 where group.owner == nil && !group.usesPeers:
      return steadily(group, StorySetting(.mac, isVirtual ? "own" : "virtual"))
    case 2 where !group.usesPeers:
      // Both interfaces lead to the same segment first.
      return names.map { StoryCommand.node($0, .link("eth1", .joins)) } + [.rest(restTime)]
        + steadily(group, StorySetting(.interface, "eth1"))
    case 3 where !isVirtual: return otherOwner(of: group)
    default: return steadily(group, StorySetting(.vrid, group.name == "web" ? "71" : "72"))
    }
  }

  /// Whether no setting of a group speaks against version 2, in which all have the same interval.
  private func canHaveVersion2(_ group: Group) -> Bool {
    let hasPassword = group.settings.contains { $0.key == .password }
    return group.addresses.allSatisfy { $0.family == .ipv4 } && unit % 1_000_000_000 == 0
      && !hasPassword && !hasOtherIntervals
  }

  private mutating func otherVersion(of group: Group) -> [StoryCommand] {
    let isOld = group.settings.contains(StorySetting(.version, "2"))
    let version = StorySetting(.version, isOld ? "3" : "2")
    if let index = groups.firstIndex(where: { $0.name == group.name }) {
      groups[index].settings.removeAll { $0.key == .version }
      groups[index].settings.append(version)
    }
    return steadily(group, version)
  }

  /// The owner is none any longer, and another machine becomes it.
  private mutating func otherOwner(of group: Group) -> [StoryCommand] {
    let owner = random.pick(names)
    var changes: [(name: String, priority: String)] = []
    if let former = group.owner, former != owner { changes.append((former, "100")) }
    changes.append((owner, group.owner == owner ? "100" : "255"))
    if let index = groups.firstIndex(where: { $0.name == group.name }) {
      groups[index].owner = group.owner == owner ? nil : owner
    }
    return changes.flatMap { change -> [StoryCommand] in
      let priority = StorySetting(.priority, change.priority)
      return [
        .router(change.name, group.name, .set([priority])), .tick(ticks(upTo: 2)),
      ]
    }
  }

  /// The same setting on all machines: at once, nearly so, or with pauses.
  private mutating func steadily(_ group: Group, _ setting: StorySetting) -> [StoryCommand] {
    let pace = random.below(3)
    return names.flatMap { name -> [StoryCommand] in
      let change = StoryCommand.router(name, group.name, .set([setting]))
      switch pace {
      case 0: return [change]
      case 1: return [change, .tick(moment())]
      default: return [change, .tick(ticks(upTo: 4))]
      }
    }
  }
}
