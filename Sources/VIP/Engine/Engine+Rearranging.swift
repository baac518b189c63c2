import Netlink
import VIPCore
import VRRP

/// A change of the routers of a node, in one step.
package struct Rearrangement {
  /// Those that hand over and go.
  package var removed: [String]
  /// Those that take other settings over while they run.
  package var changed: [RouterConfiguration]
  /// New ones, and those that come in the place of present ones of the same name.
  package var added: [RouterConfiguration]
  /// The program's statements about the fitness of routers that are replaced, by name and cause.
  package var faults: [String: [String: RouterFitness]]
  /// The groups of routers that move together; `nil` if they stay as they are.
  package var groups: [RouterGroup]?
  /// The policy for routers that this machine can't serve yet.
  package var unready: UnreadyPolicy
  /// The estates of routers that have left, for those that had to wait until they are gone.
  var estates: [Engine.Bequest] = []
  /// The addresses of those that need not be probed for.
  var known: [String: Set<IPAddress>] = [:]

  /// Makes one.
  package init(
    removed: [String] = [], changed: [RouterConfiguration] = [],
    added: [RouterConfiguration] = [], faults: [String: [String: RouterFitness]] = [:],
    groups: [RouterGroup]? = nil, unready: UnreadyPolicy = .refuse
  ) {
    self.removed = removed
    self.changed = changed
    self.added = added
    self.faults = faults
    self.groups = groups
    self.unready = unready
  }

  /// Whether nothing is to be done.
  package var isEmpty: Bool {
    removed.isEmpty && changed.isEmpty && added.isEmpty && groups == nil
  }
}

/// Changing several routers in one step, so that no address is without a router in between.
extension Engine {
  /// Removes, changes, replaces and adds routers.
  ///
  /// - Parameter wanted: what is to become of them; all of it is checked.
  /// - Returns: what has to wait until the routers that leave are gone; given to this function
  ///   then.
  /// - Throws: what the kernel said when it was asked, or what is wrong. Nothing has changed then.
  package func rearrange(_ wanted: Rearrangement) throws(NodeError) -> Rearrangement {
    try step { () throws(NodeError) in
      if !wanted.added.isEmpty {
        try validate(
          wanted.changed + wanted.added, removing: Set(wanted.removed), unready: wanted.unready)
      }
      let present = wanted.added.map(\.name).filter { routers[$0] != nil }
      let (soon, waiting) = divide(wanted, wanted.removed + present)
      var late = waiting
      late.known = knownAddresses(of: late.changed + late.added)
      late.estates = try carryOut(soon, leaving: wanted.removed + present)
      return late
    }
  }

  /// Does all that is wanted, none of which has to wait.
  ///
  /// - Parameters:
  ///   - wanted: what is to become of the routers.
  ///   - leaving: those that hand over; of these, those that are wanted are replaced.
  /// - Returns: what routers have left to others.
  /// - Throws: what the kernel said when it was asked; nothing has changed then.
  @discardableResult
  func carryOut(
    _ wanted: Rearrangement, leaving: [String] = []
  ) throws(NodeError) -> [Bequest] {
    removeLeftovers(except: wanted.added)
    let leftovers = try leftovers(of: wanted.changed + wanted.added)
    let known = knownAddresses(of: wanted.changed + wanted.added)
      .merging(wanted.known) { $0.union($1) }
    let estates = estates(of: leaving, changed: wanted.changed)
    let former = Dictionary(
      wanted.added.map { ($0.name, routers.members(named: $0.name)) },
      uniquingKeysWith: { first, _ in first })

    if let groups = wanted.groups { setGroups(groups) }
    for instance in former.values.joined() { instance.succession.becomeReplaced() }
    for name in leaving { takeOut(name) }
    for settings in wanted.changed {
      for instance in routers.members(named: settings.name) {
        instance.probing.omit(known[settings.name] ?? [])
      }
    }
    reconfigure(wanted.changed, leftovers)
    for settings in wanted.added {
      let router = makeRouter(settings, wanted.faults[settings.name] ?? [:])
      let link = interfaces.link(named: settings.interface)
      for family in settings.families {
        start(
          family, of: router, on: link, leftovers[settings.interface] ?? [],
          knowing: known[settings.name] ?? [],
          inPlaceOf: former[settings.name]?.first { $0.family == family })
      }
      if let old = former[settings.name]?.first?.settings {
        let change = ChangeReport.Change(from: old, to: settings)
        report(.changed(router: settings.name, .settings(change)))
      }
    }
    // What is passed on needs routers that are attached.
    reviewGroups()
    inheritLeftovers()
    for estate in wanted.estates + estates { passOn(estate) }
    return estates
  }

  /// Divides what is wanted into what can be done now and what has to wait for routers that leave.
  ///
  /// A router can't be made while another one has the macvlan that it needs. One whose addresses
  /// are on another interface of this machine as long as a router of another name leaves waits for
  /// that too.
  private func divide(
    _ wanted: Rearrangement, _ leaving: [String]
  ) -> (soon: Rearrangement, late: Rearrangement) {
    let going = Set(leaving)
    let obstacles = liveInstances.filter {
      $0.attendance.isLeaving || going.contains($0.settings.name)
    }
    guard
      obstacles.contains(where: \.settings.virtualMAC)
        || wanted.added.contains(where: \.virtualMAC)
        || wanted.changed.contains(where: \.virtualMAC)
    else { return (wanted, Rearrangement()) }
    func isLate(_ settings: RouterConfiguration) -> Bool {
      obstacles.contains { collides(settings, with: $0) }
    }
    var soon = wanted
    var late = Rearrangement(faults: wanted.faults, unready: wanted.unready)
    soon.changed.removeAll(where: isLate)
    soon.added.removeAll(where: isLate)
    late.changed = wanted.changed.filter(isLate)
    late.added = wanted.added.filter(isLate)
    return (soon, late)
  }

  private func collides(_ settings: RouterConfiguration, with other: RouterInstance) -> Bool {
    guard settings.interface == other.settings.interface,
      settings.families.contains(other.family),
      settings.virtualMAC || other.settings.virtualMAC
    else { return false }
    if settings.virtualMAC, other.settings.virtualMAC, settings.vrid == other.settings.vrid {
      return settings.name != other.settings.name || !passesMacvlan(other, to: settings)
    }
    guard settings.name != other.settings.name else { return false }
    return settings.addresses(other.family).contains {
      other.addresses.position(of: $0.address) != nil
    }
  }

  /// The addresses of routers that are wanted which routers of this node have now, and have probed
  /// for; one that takes no part has probed when nothing was in its way yet.
  private func knownAddresses(of wanted: [RouterConfiguration]) -> [String: Set<IPAddress>] {
    var known: [String: Set<IPAddress>] = [:]
    for settings in wanted {
      let own = routers.members(named: settings.name)
      let link = interfaces.link(named: settings.interface)
      func isKnown(_ address: IPAddress) -> Bool {
        if let slot = link.flatMap({ owners.slot(of: address, on: $0.index) }),
          let owner = routers[slot], owner.hasProbed
        {
          return true
        }
        return own.contains { $0.hasProbed && $0.addresses.position(of: address) != nil }
      }
      known[settings.name] = Set(settings.addresses.lazy.map(\.address).filter(isKnown))
    }
    return known
  }
}

extension RouterInstance {
  fileprivate var hasProbed: Bool { attendance.isRunning && probing.hasEnded }
}
