import VIP
import VIPCore
import VRRP
import VRRPSimulation

/// The end of a story.
extension StoryGenerator {
  /// Commands that put everything in order from outside, and give time to come to rest.
  mutating func calm() -> [StoryCommand] {
    var commands: [StoryCommand] = [.segment(quietConditions()), .heal]
    if kinds.contains(.foreign) { commands.append(.stranger(.silence)) }
    for (index, name) in names.enumerated() {
      if kinds.contains(.interface) || kinds.contains(.move) {
        commands.append(.node(name, .rename("lan0", "eth0")))
        for interface in ["eth0", "eth1"] {
          for deed in [.new, .up, .usualMTU, .carrier, interface == "eth0" ? .joins : .strays]
            as [StoryCommand.LinkDeed]
          {
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
      // One that was about to die lives.
      if kinds.contains(.death) { commands.append(.node(name, .killAfter(1_000_000))) }
      if random.below(5) > 0 { commands.append(.node(name, .start)) }
      if kinds.contains(.fitness) { commands += recovery(name) }
    }
    commands += given.map { .node($0.name, .hostRemoves($0.address)) }
    if kinds.contains(.stranger) {
      let addresses = groups.flatMap { $0.addresses.map(\.address) } + strange
      commands += addresses.map { .stranger(.leaves($0)) }
    }
    commands.append(.rest(restTime))
    return commands
  }

  /// Most routers are fit again.
  private mutating func recovery(_ name: String) -> [StoryCommand] {
    groups.flatMap { group -> [StoryCommand] in
      guard random.below(4) > 0 else { return [] }
      return ["health", "gate"].map { .router(name, group.name, .fitness($0, .fit)) }
    }
  }

  /// The longest that a segment may take to come to rest: what it takes is found out by looking.
  var restTime: Duration { .seconds(600) }

  /// A setting that may differ between the machines of a group.
  private mutating func otherSetting(of group: Group) -> StorySetting {
    let isOld = group.settings.contains { $0.key == .version }
    // All machines of version 2 must have the same interval.
    return switch random.below(isOld ? 2 : 3) {
    case 0: StorySetting(.probe, random.pick(["on", "off"]))
    case 1: StorySetting(.preempt, random.pick(["on", "off"]))
    default: otherInterval()
    }
  }

  private mutating func otherInterval() -> StorySetting {
    hasOtherIntervals = true
    return StorySetting(.interval, "\((1 + random.below(3)) * unit / 1_000_000)ms")
  }

  /// Commands that cost a client nothing, and the end of all nodes.
  mutating func finale() -> [StoryCommand] {
    var commands: [StoryCommand] = []
    for _ in 0..<random.pick([0, 1, 1, 2] as [UInt64]) {
      let name = random.pick(names)
      let group = random.pick(groups)
      switch random.below(9) {
      case 0: commands.append(.router(name, group.name, .resign(nil)))
      case 1, 2: commands.append(.router(name, group.name, .promote))
      case 3: commands.append(.router(name, group.name, .down))
      case 4: commands += [.node(name, .stop), .rest(restTime), .node(name, .start)]
      case 5:
        let priority = StorySetting(.priority, "\(1 + random.below(254))")
        commands += [
          .node(name, .edit), .router(name, group.name, .set([priority])), .node(name, .reload),
        ]
      case 6: commands.append(.router(name, group.name, .set([otherSetting(of: group)])))
      case 7:
        // Another virtual router, on all machines.
        commands += replacement(of: group)
      default: commands.append(.node(name, .stop))
      }
      commands.append(.rest(restTime))
    }
    for name in names { commands.append(.node(name, .start)) }
    commands.append(.tick(.seconds(5)))
    for name in names { commands.append(.node(name, .stop)) }
    commands += [.tick(.seconds(10)), .rest(restTime)]
    for name in names { commands.append(.expect(.untouched(name))) }
    return commands
  }
}
