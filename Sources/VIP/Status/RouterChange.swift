public import VIPCore
public import VRRP

extension NodeEvent {
  /// A change of a router that goes on; its description tells it in words.
  public enum RouterChange: Sendable, Hashable {
    /// The router has other settings: it has taken them over while it runs, or another virtual
    /// router has come in its place.
    indirect case settings(ChangeReport.Change)
    /// The router takes part in the election with another priority, while its settings are the
    /// same, with what lowers and raises it now: nothing if it is as configured again.
    case priority(from: Priority, to: Priority, because: [PriorityEffect])
    /// A virtual address that had become the first of its subnet on an interface, so that the host
    /// would have spoken from it, is behind the host's own again.
    case addressReordered(InterfaceAddress, interface: String)
    /// This machine had no route to a subnet of virtual addresses and has got one.
    case routeMade(subnet: InterfaceAddress)
    /// Another program had removed a route or a rule of the router, which is there again.
    case routingRestored(String)
  }

  /// A cause that lowers or raises the priority of a router and leaves it in the election.
  public struct PriorityEffect: Sendable, Hashable {
    /// The cause: a tracked interface, or what the program that runs the node said.
    public let reason: WaitingReason
    /// The amount that it adds to the priority: below zero if it lowers it.
    public let weight: Int

    /// Describes a cause that changes a priority.
    package init(_ reason: WaitingReason, weight: Int) {
      self.reason = reason
      self.weight = weight
    }

    /// The cause that lowers the priority, as problems name it; `nil` if it raises it.
    var loweringCause: Problem.LoweringCause? {
      guard weight < 0 else { return nil }
      return switch reason {
      case .tracked(let fault): .tracked(interface: fault.interface)
      case .external(let cause, _): .external(cause)
      case .notStarted, .interface, .noSourceAddress, .sourceNotHere, .ipv6Off, .mtuTooSmall,
        .hostAddress, .addressInUse, .system, .group:
        nil
      }
    }
  }
}

extension NodeEvent.RouterChange: CustomStringConvertible {
  /// The change for people, such as "priority 100 → 150; interval 1s → 2s".
  public var description: String {
    switch self {
    case .settings(let change): return change.description
    case .priority(let before, let after, let effects):
      let causes =
        effects.isEmpty
        ? "nothing \(after > before ? "lowers" : "raises") it any more"
        : effects.map(\.description).joined(separator: ", ")
      return "priority \(before) → \(after): \(causes)"
    case .addressReordered(let address, let interface):
      return "\(address) had become the first address of its subnet on \(interface) and is behind "
        + "the host's own again"
    case .routeMade(let subnet):
      return "this machine has no route to \(subnet) and gets one with the virtual address"
    case .routingRestored(let text):
      return "something on this host had removed the \(text), which is there again"
    }
  }
}

extension NodeEvent.PriorityEffect: CustomStringConvertible {
  /// The cause and its effect, such as "eth1 is down, which lowers the priority by 50".
  public var description: String { reason.description(adding: weight) }
}
