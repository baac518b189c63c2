import KubernetesClient

/// What each field manager has applied to the status of a router: server-side apply as an API
/// server does it with the definition of VirtualRouters, for the parts that are written.
struct ManagedStatus: Sendable {
  private var applied: [String: JSONValue] = [:]

  /// The lists that are maps, and their keys.
  private static let keys = ["nodes": "node", "conflicts": "address", "conditions": "type"]

  /// The status after one manager has applied its part, by force.
  mutating func apply(_ part: JSONValue, by manager: String, to status: JSONValue) -> JSONValue {
    var status = status
    let before = applied[manager] ?? [:]
    applied[manager] = part
    for (list, key) in Self.keys {
      let new = part[list]?.items ?? []
      var items = status[list]?.items ?? []
      for old in before[list]?.items ?? [] where !new.contains(where: { $0[key] == old[key] }) {
        guard !isOwned(by: manager, list, key, old[key]) else { continue }
        items.removeAll { $0[key] == old[key] }
      }
      for item in new {
        disown(manager, list, key, item)
        if let place = items.firstIndex(where: { $0[key] == item[key] }) {
          items[place] = item
        } else {
          items.append(item)
        }
      }
      status[list] = items.isEmpty ? JSONValue?.none : JSONValue.array(items)
    }
    for family in ["ipv4", "ipv6"] {
      let (old, new) = (before["active"]?[family], part["active"]?[family])
      guard old != nil || new != nil else { continue }
      var active = status["active"] ?? [:]
      if let new {
        for other in applied.keys
        where other != manager && applied[other]?["active"]?[family] != new {
          var rest = applied[other]?["active"] ?? [:]
          rest[family] = nil
          applied[other]?["active"] = rest
        }
        active[family] = new
      } else {
        active[family] = nil
      }
      status["active"] = active == [:] ? JSONValue?.none : active
    }
    return status
  }

  private func isOwned(
    by manager: String, _ list: String, _ key: String, _ value: JSONValue?
  ) -> Bool {
    applied.contains { other, part in
      other != manager && (part[list]?.items ?? []).contains { $0[key] == value }
    }
  }

  /// What one manager sets to something else is no longer what the others have said.
  private mutating func disown(
    _ manager: String, _ list: String, _ key: String, _ item: JSONValue
  ) {
    for other in applied.keys where other != manager {
      guard let items = applied[other]?[list]?.items else { continue }
      applied[other]?[list] = .array(items.filter { $0[key] != item[key] || $0 == item })
    }
  }
}

extension JSONValue {
  /// The elements of a list.
  var items: [JSONValue]? { if case .array(let items) = self { items } else { nil } }
}
