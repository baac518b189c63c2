import VIP
public import VIPControl
import VIPCore
public import VRRP

/// The words that all forms of a status have for the same thing.
public enum StatusWords {
  /// The word for a state, the same as in events, hooks and logs: `active`, `backup` or `fault`.
  public static func state(_ state: VirtualRouter.State) -> String {
    state == .initialize ? Settlement.State.fault.rawValue : state.rawValue
  }

  /// The reason why a router is in its state: for a Backup which machine is Active, and for how
  /// long.
  static func reason(_ router: RouterRecord) -> String {
    guard router.state == .backup else { return router.reason.onOneLine }
    let started = StateReason.transition(.startup).description
    let cause = router.reason == started ? "" : "; \(router.reason.onOneLine)"
    guard let active = router.activeRouter else {
      return "no machine has been heard that is active" + cause
    }
    guard let seconds = router.activeSeconds else { return "\(active) is active" + cause }
    return "\(active) has been active for \(StatusTable.age(seconds))" + cause
  }

  /// The machine that has the addresses of a router, and which those are.
  static func holder(_ router: RouterRecord) -> String {
    let addresses =
      router.addresses.isEmpty ? "no address" : StatusTable.addresses(router.addresses)
    switch router.state {
    case .active: return "this machine holds \(addresses)"
    case .backup:
      return router.activeRouter.map { "\($0) holds \(addresses)" }
        ?? "no machine is known to hold \(addresses)"
    case .initialize: return "takes no part for \(addresses)"
    }
  }

  /// Whether a router does what it is there for, or would if the Active failed.
  static func outlook(_ router: RouterRecord) -> String {
    switch router.state {
    case .active:
      let missing = router.addresses.count { !$0.installed }
      let count = router.addresses.count
      guard missing == 0 else {
        return "no, \(missing) of \(count) addresses \(missing == 1 ? "is" : "are") missing"
      }
      guard router.warnings.isEmpty else { return "in doubt, see the warnings" }
      return count == 1
        ? "yes, the address is in place" : "yes, all \(count) addresses are in place"
    case .backup:
      guard router.warnings.isEmpty else { return "in doubt, see the warnings" }
      let time = StatusDetail.heard(patience(of: router))
      return router.activeRouter.map { "yes, takes over \(time) after \($0) falls silent" }
        ?? "yes, takes over if none is heard for \(time)"
    case .initialize: return "no, until that is over"
    }
  }

  /// The time in seconds for which a Backup waits for an Active (RFC 9568 §6.1).
  private static func patience(of router: RouterRecord) -> Double {
    let active = router.peers.first { $0.address == router.activeRouter }
    let own = Double(router.interval.nanoseconds) / 1e9
    let interval =
      router.version == 2 ? own : active.map { Double($0.interval.nanoseconds) / 1e9 } ?? own
    let skew = Double(256 - Int(router.effectivePriority.rawValue)) / 256
    return 3 * interval + skew * (router.version == 2 ? 1 : interval)
  }

  /// Number of routers that are named for one warning.
  private static let nameCountMax = 4

  /// The warnings of a node and its routers, a line each; what several routers or both families of
  /// one have for the same cause is told once.
  public static func warnings(_ status: NodeRecord) -> [String] {
    var order: [String] = []
    var places: [String: [RouterRecord]] = [:]
    for router in status.routers {
      for text in router.warnings where places[text]?.last != router {
        if places[text] == nil { order.append(text) }
        places[text, default: []].append(router)
      }
    }
    var lines = order.map { "! \(names(places[$0] ?? [])): \($0.onOneLine)" }
    let ofNode = status.node.warnings ?? []
    lines += ofNode.map { "! node: \($0.onOneLine)" }
    if status.node.guard == .down, !ofNode.contains(where: { $0.contains("guard process") }) {
      lines.append("! node: its guard process is not running; see its log")
    }
    return lines
  }

  /// All that is wrong: routers that take no part, and the warnings.
  public static func complaints(_ status: NodeRecord) -> [String] {
    status.routers.filter { $0.state == .initialize }.map {
      "! \($0.name.onOneLine) \($0.family.rawValue): fault: \($0.reason.onOneLine)"
    } + warnings(status)
  }

  /// Routers by name, with the family of those that have it in one of them only.
  private static func names(_ routers: [RouterRecord]) -> String {
    var families: [(name: String, list: [String])] = []
    for router in routers {
      if let index = families.firstIndex(where: { $0.name == router.name }) {
        families[index].list.append(router.family.rawValue)
      } else {
        families.append((router.name, [router.family.rawValue]))
      }
    }
    let names = families.map { $0.name.onOneLine + ($0.list.count == 1 ? " \($0.list[0])" : "") }
    let rest = names.count - nameCountMax
    let list = names.prefix(nameCountMax).joined(separator: ", ")
    return rest > 0 ? "\(list) and \(rest) more" : list
  }
}
