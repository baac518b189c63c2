import VIP
import VIPCore
import VRRP
import VRRPSimulation

/// Watching groups of routers that move together.
extension NodeSimulation {
  /// Looks whether the routers of a group are Active on different nodes, and for how long.
  func followGroups(_ changed: [Machine]) {
    guard !changed.isEmpty || !supervisor.splitSince.isEmpty else { return }
    let names = Set(machines.lazy.flatMap(\.groups).map(\.name))
    for name in names.sorted() { follow(group: name) }
  }

  private func follow(group name: String) {
    let members = machines.filter { machine in
      machine.isPresent && machine.process?.engine.groups.contains { $0.name == name } ?? false
    }
    let bound = groupBound(members)
    guard let bound, isSplit(name, members) else {
      supervisor.splitSince[name] = nil
      return
    }
    let since = supervisor.splitSince[name] ?? now
    supervisor.splitSince[name] = since
    let start = max(since, max(supervisor.lastDisturbance, supervisor.quietFrom))
    guard now > start, now - start > bound else { return }
    supervisor.splitSince[name] = nil
    breach(.together, nil, "\(name) for \((now - start).text), bound \(bound.text)")
  }

  /// The time for which a group may be parted; `nil` if nothing is promised: a segment is troubled,
  /// or not all nodes have the group in the same way.
  private func groupBound(_ members: [Machine]) -> Duration? {
    guard segments.indices.allSatisfy(isCalm), machines.allSatisfy(\.isPresent),
      !hasTrouble(.stranger, within: .seconds(60)), !hasTrouble(.refusal, within: .seconds(5)),
      Set(machines.filter { $0.process != nil }.map { $0.process?.engine.groups }).count == 1
    else { return nil }
    let intervals = members.flatMap { $0.process?.settings ?? [] }.map(\.interval.duration)
    guard let interval = intervals.max() else { return nil }
    return interval * 2 + conditions.deliveryTimeMax * 3 + .milliseconds(100)
  }

  /// Whether two routers of a group have Actives, and none of these is one node.
  private func isSplit(_ name: String, _ members: [Machine]) -> Bool {
    var actives: [String: Set<Int>] = [:]
    for machine in members {
      guard let process = machine.process,
        let group = process.engine.groups.first(where: { $0.name == name })
      else { continue }
      for router in process.settings where group.routers.contains(router.name) {
        for family in router.families where process.state(router.name, family) == .active {
          actives["\(router.name) \(family)", default: []].insert(machine.number)
        }
      }
    }
    let sets = Array(actives.values)
    return sets.indices.contains { one in
      sets[..<one].contains { $0.isDisjoint(with: sets[one]) }
    }
  }

  /// A router that waits for its group: another one of the group takes no part for a reason of its
  /// own, or is not there.
  func auditGroup(_ status: RouterStatus, _ machine: Machine, _ process: NodeProcess) {
    let group = process.engine.groups.first { $0.routers.contains(status.name) }
    let statuses = process.engine.status()
    let isKept =
      group?.routers.contains { name in
        let own = statuses.filter { $0.name == name }
        return own.isEmpty
          || own.contains { other in
            guard case .waiting(let reason) = other.reason else { return false }
            if case .group = reason { return false }
            return true
          }
      } ?? false
    guard !isKept else { return }
    breach(.takesPart, machine, "\(status.name) \(status.family) waits: \(status.reason)")
  }
}
