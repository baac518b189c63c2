import VIPCore

extension Write: CustomStringConvertible {
  /// The write as one line for logs and stories.
  public var description: String {
    switch self {
    case .service(let key, _, let update):
      let what =
        update.ingress.isEmpty
        ? "has no address" : "has \(update.ingress.map(\.description).joined(separator: " "))"
      return "service \(key) \(what)\(update.condition.map { " (\($0))" } ?? "")"
    case .createRouter(let name, let spec): return "new router \(name): \(spec)"
    case .changeRouter(let name, _, let change): return "router \(name): \(change)"
    case .deleteRouter(let name, _): return "router \(name) goes"
    case .routerCondition(let name, let condition): return "router \(name) is \(condition)"
    case .forgetNode(let name, let node): return "router \(name) forgets node \(node)"
    case .poolStatus(let name, let status):
      let conditions = status.conditions.map { ", \($0)" }.joined()
      return "pool \(name): \(status.used) of \(status.capacity) in use, \(status.freeVRIDs) VRIDs "
        + "free\(conditions)"
    case .event(let event): return "event \(event)"
    }
  }
}

extension Condition: CustomStringConvertible {
  /// Its reason, with the message if there is one.
  public var description: String { message.isEmpty ? reason : "\(reason): \(message)" }
}

extension Event: CustomStringConvertible {
  /// What it is about and what it says.
  public var description: String {
    "on \(subject), \(isWarning ? "warning " : "")\(reason): \(message)"
  }
}

extension Event.Subject: CustomStringConvertible {
  /// The kind and the name.
  public var description: String {
    switch self {
    case .service(let key): "service \(key)"
    case .router(let name): "router \(name)"
    case .pool(let name): "pool \(name)"
    }
  }
}

extension VirtualRouter.Spec: CustomStringConvertible {
  /// What it is to be, in one line.
  public var description: String {
    let place = interface.map { " on \($0)" } ?? ""
    let owner = service.map { " of service \($0)" } ?? ""
    var parts = ["pool \(pool)\(owner), VRID \(vrid)\(place), every \(settings.interval)"]
    parts.append(addresses.map(\.description).joined(separator: " "))
    if !leaving.isEmpty { parts.append("without \(Self.text(leaving))") }
    parts.append(Self.text(candidates))
    return parts.joined(separator: " | ")
  }

  fileprivate static func text(_ leaving: [VirtualRouter.Leaving]) -> String {
    leaving.map { "\($0.address)" }.joined(separator: " ")
  }

  /// The candidates by their priorities.
  fileprivate static func text(_ candidates: [VirtualRouter.Candidate]) -> String {
    if candidates.isEmpty { return "no candidates" }
    return candidates.sorted { ($1.priority, $0.node) < ($0.priority, $1.node) }
      .map { "\($0.node)=\($0.priority)" }.joined(separator: " ")
  }
}

extension RouterChange: CustomStringConvertible {
  /// What becomes different, in one line.
  public var description: String {
    var parts: [String] = []
    if let service { parts.append("of service \(service)") }
    if let settings {
      let preempt = settings.preempt ? settings.preemptDelay.text : "off"
      parts.append(
        "every \(settings.interval), preempt \(preempt)\(settings.virtualMAC ? ", own MAC" : "")")
    }
    if !gone.isEmpty {
      parts.append("all have let go of \(gone.map(\.description).joined(separator: " "))")
    }
    if !leaving.isEmpty { parts.append("takes out \(VirtualRouter.Spec.text(leaving))") }
    if !added.isEmpty { parts.append("adds \(added.map(\.description).joined(separator: " "))") }
    if let candidates { parts.append(VirtualRouter.Spec.text(candidates)) }
    return parts.joined(separator: " | ")
  }
}
