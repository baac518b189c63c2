public import VRRP

/// A virtual router whose addresses are where its new state wants them.
///
/// A transition says what the election has decided; the addresses follow within the same turn if
/// they are few, later if they are many, wait on a macvlan, or are handed over first. Programs that
/// depend on the addresses go by this.
public struct Settlement: Sendable, Hashable {
  /// The state of a virtual router, as far as its addresses are concerned.
  public enum State: String, Sendable, Hashable, Codable, CaseIterable {
    /// The router holds the addresses: all are on the interface, as far as the kernel takes them.
    case active
    /// The router takes part, and has released the addresses: another one holds them or soon will.
    case backup
    /// The router can't take part: its interface is down, gone, without an address or can't be
    /// opened.
    case fault
    /// The router is no part of the node: taken down, or not brought up yet.
    case stop
  }

  /// The state now.
  public let state: State
  /// The state before.
  public let previous: State
  /// The reason why that changed.
  public let reason: StateReason
  /// Changes before this one that were over before the addresses had followed.
  public internal(set) var skipped: UInt64 = 0
  /// The router's settings when the state changed.
  public let configuration: RouterConfiguration
  /// The priority that it acted upon.
  public let effectivePriority: Priority
  /// The interface that the addresses go on: the router's, or a macvlan.
  public let addressInterface: String

  /// Makes an entry.
  package init(
    _ state: State, previous: State, reason: StateReason, configuration: RouterConfiguration,
    effectivePriority: Priority, addressInterface: String? = nil
  ) {
    self.state = state
    self.previous = previous
    self.reason = reason
    self.configuration = configuration
    self.effectivePriority = effectivePriority
    self.addressInterface = addressInterface ?? configuration.interface
  }

  /// The meaning of that state, for people.
  package var text: String {
    switch state {
    case .active: "active, the addresses are in place"
    case .backup: "backup, the addresses are not here"
    case .fault: "out of the election, the addresses are not here"
    case .stop: "taken down, the addresses are gone"
    }
  }
}
