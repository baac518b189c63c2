import Netlink
import VIP
import VIPCore
import VRRP
import VRRPSimulation

/// Commands by what they may cost clients, and rollouts: changes that make other virtual routers of
/// a group's routers, on one machine after the other or on all at once.
extension NodeSimulation {
  /// An event from outside, by what it may cost clients.
  enum Disturbance {
    /// Anything that may cost them something.
    case trouble
    /// A command that moves addresses in good order, if any.
    case move
    /// A move that only makes other virtual routers of routers, as it may on other machines next.
    case replacement
    /// The death of a node whose guard keeps its addresses for a successor.
    case death
  }

  /// The disturbance that a deed to a node is.
  ///
  /// - Returns: what it is; `nil` for a death, of which its guard decides that.
  func disturbance(by deed: StoryCommand.Deed, on machine: Machine) -> Disturbance? {
    switch deed {
    case .stop: return .move
    case .kill: return machine.process == nil ? .trouble : nil
    case .reload:
      let (old, new) = (machine.process?.settings ?? [], machine.wanted)
      let isRollout =
        old.count == new.count
        && new.allSatisfy { router in
          old.contains { $0.name == router.name && isReplacement($0, by: router, on: machine) }
        }
      return isRollout ? .replacement : .move
    // What an earlier life has left without an end it takes away at once, and it may have served.
    case .start: return machine.kernel.entries.contains(where: \.record.isOurs) ? .trouble : .move
    default: return .trouble
    }
  }

  /// The disturbance that a deed to a router is.
  func disturbance(
    by deed: StoryCommand.RouterDeed, to name: String, on machine: Machine
  ) -> Disturbance {
    /// Those after which a router may serve on another segment, or other machines than before.
    let elsewhere: Set<StorySetting.Key> = [.interface, .track, .peers]
    switch deed {
    case .down, .resign, .promote, .resume, .add, .remove, .fitness: return .move
    case .set(let settings), .up(_, let settings):
      if let old = machine.process?.settings.first(where: { $0.name == name }),
        let new = router(name, machine, after: deed), isReplacement(old, by: new, on: machine)
      {
        return .replacement
      }
      return settings.allSatisfy { !elsewhere.contains($0.key) } ? .move : .trouble
    }
  }

  /// Whether a change leaves a router as it is, or makes another virtual router of it that has the
  /// same addresses on the same segment.
  private func isReplacement(
    _ old: RouterConfiguration, by new: RouterConfiguration, on machine: Machine
  ) -> Bool {
    if old == new { return true }
    func segment(_ router: RouterConfiguration) -> Int? {
      machine.link(named: router.interface).flatMap { machine.attachments[$0.index] }
    }
    // Peers know one another by the addresses of their interfaces.
    guard old.change(to: new) == .replacement, segment(old) != nil, segment(old) == segment(new),
      old.interface == new.interface || old.peers.isEmpty
    else { return false }
    // With the VRID of another group it would take part in that group's elections.
    let isForeign = machines.contains { machine in
      machine.process?.settings.contains { $0.vrid == new.vrid && $0.name != new.name } ?? false
    }
    var others = new
    others.vrid = old.vrid
    others.version = old.version
    others.virtualMAC = old.virtualMAC
    others.interface = old.interface
    others.priority = old.priority
    return !isForeign && others == old
  }

  /// Whether a rollout that begins now costs the clients of an address nothing (Docs/Handover.md).
  func keepsService(_ watch: WatchedAddress) -> Bool {
    let intervals = Set(watch.members.map(\.settings.interval))
    return intervals.count == 1
      && watch.members.allSatisfy { $0.settings.handover == .seamless }
      && isServed(watch.address, onSegment: watch.segment) && !isExcused(watch)
  }
}
