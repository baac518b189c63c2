public import VIPCore
public import VRRP

/// Something that happened on a node, for logs and observers.
public enum NodeEvent: Sendable, Hashable {
  /// The election of a virtual router changed its state; the addresses follow, see ``settled``.
  case transition(router: String, family: AddressFamily, Transition)
  /// The addresses of a virtual router are where its state wants them.
  indirect case settled(router: String, family: AddressFamily, Settlement)
  /// A virtual router can't take part in the election.
  case waiting(router: String, family: AddressFamily, reason: WaitingReason)
  /// Something is wrong and needs a person's attention; said once until it has ended, and once more
  /// if the words are others.
  case warning(Problem)
  /// Another machine claims a virtual address that is held here; said once until it has ended.
  case conflict(router: String, address: IPAddress, mac: MACAddress)
  /// A problem that a warning or a conflict told of has ended; it has the same ``Problem/id``.
  case cleared(Problem, Problem.Ending)
  /// A router changed while it runs: its settings, its priority, or what this machine has or lacks
  /// for it.
  case changed(router: String, RouterChange)
  /// A virtual address was missing on the interface and has been put back.
  case repaired(router: String, address: InterfaceAddress)
  /// A route that the node had made to a subnet of virtual addresses was missing and has been put
  /// back.
  case repairedRoute(router: String, subnet: InterfaceAddress)
  /// A program that is run when a router changes what it does wrote a line, or ended well.
  case hook(router: String, family: AddressFamily, state: Settlement.State, text: String)
  /// A health check counts as passing or failing now, or as saying nothing; the text says why.
  case check(String, CheckStatus.Standing, text: String)
  /// A process asked for a command that moves the role; what comes of it follows.
  indirect case command(router: String, RouterCommand)
  /// A router is gone from the node.
  case removed(router: String)
  /// All routers of a group have settled in one state.
  indirect case groupSettled(GroupSettlement)
  /// Something is wrong with the node as a whole and needs a person's attention.
  case nodeWarning(NodeProblem)
  /// The problem that a warning about the node told of is over; it has the same ``NodeProblem/id``.
  case nodeCleared(NodeProblem)
}

extension NodeEvent {
  /// The event in one sentence, without the router that it is about.
  ///
  /// The one place where events are put into words; logs and records have them from here.
  package var text: String {
    switch self {
    case .transition(_, _, let change): change.text
    case .settled(_, _, let settlement): settlement.text
    case .waiting(_, _, let reason): reason.description
    case .warning(let problem): problem.text
    case .conflict(_, let address, let mac): conflictText(address, mac)
    // What to do about it need not be told again.
    case .cleared(let problem, let ending): "\(ending.words): \(problem.fact)"
    case .changed(_, let change): change.description
    case .repaired(_, let address): "\(address) was missing and has been put back"
    case .repairedRoute(_, let subnet): "the route to \(subnet) was missing and has been put back"
    case .hook(_, _, let state, let text): hookText(state, text)
    case .check(let name, let standing, let text): checkText(name, standing, text)
    case .command(_, let command): command.description
    case .removed: "removed"
    case .groupSettled(let settlement): settlement.text
    case .nodeWarning(let problem): problem.text
    case .nodeCleared(let problem): problem.endText
    }
  }

  /// The word before the text where nothing else tells what kind of event it is.
  package var label: String? {
    switch self {
    case .waiting: "fault"
    case .warning, .nodeWarning: "warning"
    case .conflict: "conflict"
    case .changed: "changed"
    case .command: "command"
    case .transition, .settled, .cleared, .repaired, .repairedRoute, .hook, .check, .removed,
      .nodeCleared, .groupSettled:
      nil
    }
  }
}

extension NodeEvent: CustomStringConvertible {
  /// The event as one line for people.
  public var description: String {
    let about = [group.map { "group \($0)" }, router, family.map { "\($0)" }].compactMap(\.self)
      .joined(separator: " ")
    return [about.isEmpty ? nil : about, label, text].compactMap(\.self).joined(separator: ": ")
  }
}

extension NodeEvent {
  /// The router it is about; `nil` if it is about the node.
  public var router: String? {
    switch self {
    case .transition(let router, _, _), .settled(let router, _, _), .waiting(let router, _, _),
      .conflict(let router, _, _), .changed(let router, _), .repaired(let router, _),
      .repairedRoute(let router, _), .hook(let router, _, _, _), .removed(let router),
      .command(let router, _):
      router
    case .warning(let problem), .cleared(let problem, _): problem.router
    case .groupSettled, .nodeWarning, .nodeCleared, .check: nil
    }
  }

  /// The group of routers it is about, if it is about one.
  public var group: String? {
    if case .groupSettled(let settlement) = self { settlement.group.name } else { nil }
  }

  /// The family it is about, if it is about one.
  public var family: AddressFamily? {
    switch self {
    case .transition(_, let family, _), .settled(_, let family, _), .waiting(_, let family, _),
      .hook(_, let family, _, _):
      family
    case .warning(let problem), .cleared(let problem, _): problem.family
    case .conflict(_, let address, _): address.family
    case .repaired(_, let address), .repairedRoute(_, let address): address.family
    case .changed, .check, .command, .removed, .groupSettled, .nodeWarning, .nodeCleared: nil
    }
  }
}

extension NodeEvent {
  /// The problem that begins or ends, if it tells of one.
  public var problem: Problem? {
    switch self {
    case .warning(let problem), .cleared(let problem, _): problem
    case .conflict(let router, let address, let mac):
      Problem(
        .conflict(address), router: router, family: address.family, conflictText(address, mac))
    default: nil
    }
  }
}

extension Transition {
  /// The change in the words that hooks, status and settlements have for states: a router that
  /// takes no part is at fault, or was stopped.
  package var text: String {
    switch (from, to) {
    case (.initialize, _): "\(to): \(reason)"
    case (_, .initialize):
      "\(from) → \(reason == .unable ? Settlement.State.fault : .stop): \(reason)"
    default: "\(from) → \(to): \(reason)"
    }
  }
}

/// A sentence about the program that is run for a state.
package func hookText(_ state: Settlement.State, _ text: String) -> String {
  "the hook for \(state.rawValue) \(text)"
}
