import VIP
import VIPCore
import VIPKubernetes
import VRRP

/// What a node's status says about one of its routers, as far as the cluster is to know.
struct RouterFindings: Sendable, Hashable {
  /// The families whose addresses it holds, with the time since when.
  var active: [AddressFamily: String] = [:]
  /// The addresses that other machines use.
  var conflicts: [RouterObject.Conflict] = []
  /// What is said about another group with its VRID.
  var foreignGroup: String?
  /// Why it takes no part in the election.
  var obstacle: String?
  /// The families of which that is so.
  var obstructed: Set<AddressFamily> = []
  /// Why it is in its state, by family.
  var reasons: [AddressFamily: String] = [:]

  /// For how long a router may be on its way before that is worth a word.
  private static let patience: Duration = .seconds(2)

  /// Sorts a status by routers.
  static func all(_ status: NodeStatus) -> [String: RouterFindings] {
    var all: [String: RouterFindings] = [:]
    for router in status.routers { all[router.name, default: RouterFindings()].add(router) }
    return all
  }

  private mutating func add(_ router: RouterStatus) {
    if router.state == .active { active[router.family] = router.since.seconds }
    reasons[router.family] = "\(router.reason)"
    for rival in router.conflicts.current { add(rival.address, rival.mac) }
    if case .waiting(let reason) = router.reason {
      if case .addressInUse(let address, let mac, _) = reason { add(address, mac) }
      if router.timeInState >= Self.patience {
        obstacle = obstacle ?? "\(router.family): \(reason)"
        obstructed.insert(router.family)
      }
    }
    if foreignGroup == nil {
      foreignGroup = router.problems.first { $0.kind == .foreignGroup }?.text
    }
  }

  private mutating func add(_ address: IPAddress, _ mac: MACAddress) {
    guard !conflicts.contains(where: { $0.address == address }) else { return }
    conflicts.append(RouterObject.Conflict(address, by: mac))
  }

  /// The conditions that follow, without their times.
  var conditions: [Condition] {
    var conditions: [Condition] = []
    if let foreignGroup {
      conditions.append(
        Condition(
          type: ConditionType.foreignGroup, isTrue: true, reason: "ForeignGroup",
          message: foreignGroup))
    }
    if let first = conflicts.first {
      let more = conflicts.count > 1 ? ", and \(conflicts.count - 1) more are in use" : ""
      conditions.append(
        Condition(
          type: ConditionType.addressInUse, isTrue: true, reason: "AddressInUse",
          message: "\(first.address) is used by the machine with Ethernet address \(first.mac), "
            + "which is none of the nodes\(more); take the address from it, or from the pool"))
    }
    return conditions
  }
}
