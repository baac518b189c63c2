import VIP
import VIPCore
import VRRP

/// Groups of routers that move together.
extension MachineCheck {
  /// Remarks on groups whose routers are set up differently.
  func groupRemarks(_ file: FileConfiguration, _ routers: [PlacedRouter]) -> [Remark] {
    file.groups.flatMap { group in
      let members = routers.filter { group.routers.contains($0.configuration.name) }
      return differenceRemarks(of: group, members)
    }
  }

  private func differenceRemarks(of group: RouterGroup, _ members: [PlacedRouter]) -> [Remark] {
    var remarks: [Remark] = []
    let priorities = members.map(\.configuration.priority)
    if let lowest = priorities.min(), let other = members.first(where: { $0.priority > lowest }) {
      remarks.append(
        Remark(
          kind: .note, place: other.place(of: .priority),
          text: "the routers of the group \(group.name) have different priorities; all of them "
            + "count with the lowest, \(lowest)"))
    }
    let intervals = members.map(\.configuration.interval)
    if let longest = intervals.map(\.duration).max(),
      let other = members.first(where: { $0.configuration.interval.duration < longest })
    {
      remarks.append(
        Remark(
          kind: .warning, place: other.place(of: .interval),
          text:
            "the routers of the group \(group.name) have different intervals; a dead machine is "
            + "replaced after those of the slowest, \(longest.text); give all the same"))
    }
    return remarks
  }

  /// The groups of a plan, a line for each.
  func groupPlan(_ file: FileConfiguration) -> [String] {
    file.groups.flatMap { group in
      [
        "group \(group.name): \(group.routers.joined(separator: ", ")) "
          + "move\(group.routers.count == 1 ? "s" : "") together"
      ]
        + group.tracks.map { track in
          "  \(track.decrement.map { "priority \($0) lower" } ?? "no part") while "
            + "\(track.interface) is down"
        }
        + Self.hookPlan(group.hooks)
    }
  }
}

extension PlacedRouter {
  fileprivate var priority: Priority { configuration.priority }
}
