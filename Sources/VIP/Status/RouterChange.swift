public import VIPCore
public import VRRP

extension NodeEvent {
  /// A change of a router that goes on; its description tells it in words.
  public enum RouterChange: Sendable, Hashable {
    /// The router has other settings: it has taken them over while it runs, or another virtual
    /// router has come in its place.
    indirect case settings(ChangeReport.Change)
    /// The router takes part in the election with another priority, while its settings are the
    /// same, with the faults that lower it now: none if it is as configured again.
    case priority(from: Priority, to: Priority, loweredBy: [Weakness])
    /// A virtual address that had become the first of its subnet on an interface, so that the host
    /// would have spoken from it, is behind the host's own again.
    case addressReordered(InterfaceAddress, interface: String)
    /// This machine had no route to a subnet of virtual addresses and has got one.
    case routeMade(subnet: InterfaceAddress)
  }

  /// A fault that lowers the priority of a router and leaves it in the election.
  public struct Weakness: Sendable, Hashable {
    /// The fault: a tracked interface, or what the program that runs the node said.
    public let reason: WaitingReason
    /// The part of the priority that it takes off.
    public let decrement: UInt8

    /// Describes a fault that lowers a priority.
    package init(_ reason: WaitingReason, decrement: UInt8) {
      self.reason = reason
      self.decrement = decrement
    }

    /// The cause that lowers the priority, as problems name it.
    var loweringCause: Problem.LoweringCause? {
      switch reason {
      case .tracked(let fault): .tracked(interface: fault.interface)
      case .external(let cause, _): .external(cause)
      case .notStarted, .interface, .noSourceAddress, .ipv6Off, .mtuTooSmall, .hostAddress,
        .addressInUse, .system, .group:
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
    case .priority(let before, let after, let weaknesses):
      let causes =
        weaknesses.isEmpty
        ? "nothing lowers it any more"
        : weaknesses.map(\.description).joined(separator: ", ")
      return "priority \(before) → \(after): \(causes)"
    case .addressReordered(let address, let interface):
      return "\(address) had become the first address of its subnet on \(interface) and is behind "
        + "the host's own again"
    case .routeMade(let subnet):
      return "this machine has no route to \(subnet) and gets one with the virtual address"
    }
  }
}

extension NodeEvent.Weakness: CustomStringConvertible {
  /// The fault and its effect, such as "eth1 is down, which lowers the priority by 50".
  public var description: String { reason.description(loweringBy: decrement) }
}
