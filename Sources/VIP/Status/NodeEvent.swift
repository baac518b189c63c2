public import VIPCore
public import VRRP

/// Something that happened on a node, for logs and observers.
public enum NodeEvent: Sendable, Hashable {
  /// A virtual router changed its state.
  case transition(router: String, family: AddressFamily, Transition)
  /// A virtual router can't take part in the election.
  case waiting(router: String, family: AddressFamily, reason: WaitingReason)
  /// Something is wrong and needs a person's attention; said once until it is over.
  case warning(router: String, family: AddressFamily, text: String)
  /// Another machine claims a virtual address that is held here; said once until it is over.
  case conflict(router: String, address: IPAddress, mac: MACAddress)
  /// What a warning told of is over; the text is the warning's.
  case cleared(router: String, family: AddressFamily, text: String)
  /// A router's settings changed while it runs; the text says how.
  case changed(router: String, text: String)
  /// A virtual address was missing on the interface and has been put back.
  case repaired(router: String, address: InterfaceAddress)
  /// A program that is run when a router changes what it does wrote a line, or ended well.
  case hook(router: String, family: AddressFamily, state: HookState, text: String)
  /// A router is gone from the node.
  case removed(router: String)
  /// Something is wrong with the node as a whole and needs a person's attention.
  case nodeWarning(text: String)
}

extension NodeEvent: CustomStringConvertible {
  /// The event as one line for people.
  public var description: String {
    switch self {
    case .transition(let router, let family, let change):
      "\(router) \(family): \(change.from) → \(change.to): \(change.reason)"
    case .waiting(let router, let family, let reason): "\(router) \(family): waiting: \(reason)"
    case .warning(let router, let family, let text): "\(router) \(family): warning: \(text)"
    case .conflict(let router, let address, let mac):
      "\(router): \(conflictText(address, mac))"
    case .cleared(let router, let family, let text): "\(router) \(family): over: \(text)"
    case .changed(let router, let text): "\(router): changed: \(text)"
    case .repaired(let router, let address):
      "\(router): \(address) was missing and has been put back"
    case .hook(let router, let family, let state, let text):
      "\(router) \(family): \(hookText(state, text))"
    case .removed(let router): "\(router): removed"
    case .nodeWarning(let text): "warning: \(text)"
    }
  }
}

extension NodeEvent {
  /// The router it is about; `nil` if it is about the node.
  public var router: String? {
    switch self {
    case .transition(let router, _, _), .waiting(let router, _, _), .warning(let router, _, _),
      .conflict(let router, _, _), .cleared(let router, _, _), .changed(let router, _),
      .repaired(let router, _), .hook(let router, _, _, _), .removed(let router):
      router
    case .nodeWarning: nil
    }
  }

  /// The family it is about, if it is about one.
  public var family: AddressFamily? {
    switch self {
    case .transition(_, let family, _), .waiting(_, let family, _), .warning(_, let family, _),
      .cleared(_, let family, _), .hook(_, let family, _, _):
      family
    case .conflict(_, let address, _): address.family
    case .repaired(_, let address): address.family
    case .changed, .removed, .nodeWarning: nil
    }
  }
}

/// A sentence about the program that is run for a state.
package func hookText(_ state: HookState, _ text: String) -> String {
  "the hook for \(state.rawValue) \(text)"
}
