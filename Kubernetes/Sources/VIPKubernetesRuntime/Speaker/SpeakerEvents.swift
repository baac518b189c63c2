import VIPCore
import VIPKubernetes

/// What people are told of what a node does about the routers: a value without clock and network.
struct SpeakerEvents: Sendable {
  /// What has been told of a router.
  private struct Last: Sendable {
    var active: Set<AddressFamily> = []
    var problem: String?
  }

  private let node: String
  private var last: [String: Last] = [:]

  init(node: String) { self.node = node }

  /// Says what is news in a report about a router.
  ///
  /// - Parameters:
  ///   - name: the router.
  ///   - report: what the node says in the router's status.
  ///   - reasons: why the router is in its state, by family.
  ///   - unfit: why the node is unfit.
  /// - Returns: the events, none as a rule.
  mutating func take(
    _ name: String, _ report: NodeReport, reasons: [AddressFamily: String], unfit: [String]
  ) -> [Event] {
    let before = last[name] ?? Last()
    let active = Set(report.active.keys)
    var now = Last(active: active, problem: before.problem)
    // An entry that is not there yet, or withheld, says nothing about problems.
    if let entry = report.entry, entry.generation > 0 { now.problem = entry.problem }
    last[name] = now
    let subject = Event.Subject.router(name)
    var events: [Event] = []
    for family in AddressFamily.allCases {
      guard active.contains(family) != before.active.contains(family) else { continue }
      let reason = reasons[family] ?? ""
      let others = unfit.filter { !reason.contains($0) }
      let why = ((reason.isEmpty ? [] : [reason]) + others).joined(separator: "; ")
      let because = why.isEmpty ? "" : " (\(why))"
      events.append(
        active.contains(family)
          ? Event(
            subject, reason: "Active",
            message: "node \(node) serves the \(family) addresses\(because)")
          : Event(
            subject, reason: "Inactive",
            message: "node \(node) serves the \(family) addresses no more\(because)"))
    }
    guard now.problem != before.problem else { return events }
    if let problem = now.problem {
      events.append(
        Event(
          subject, isWarning: true, reason: "CannotServe",
          message: "node \(node) can't serve it, or not all of it: \(problem)"))
    } else {
      events.append(
        Event(subject, reason: "CanServe", message: "node \(node) can serve all of it again"))
    }
    return events
  }

  /// Forgets the routers with which the node has nothing to do any more.
  mutating func keep(only names: Set<String>) { last = last.filter { names.contains($0.key) } }
}
