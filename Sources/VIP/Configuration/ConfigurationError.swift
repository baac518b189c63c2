/// A fault of a configuration: one sentence that says what, where and what to do.
public struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The setting at fault.
  public enum Field: Sendable, Hashable {
    /// The router's name.
    case name
    /// The interface.
    case interface
    /// The virtual router identifier.
    case vrid
    /// The list of addresses as a whole.
    case addresses
    /// One address, by its place in the list.
    case address(Int)
    /// One address on another interface, by its place among these.
    case elsewhere(Int)
    /// One route, by its place in the list.
    case route(Int)
    /// One rule, by its place in the list.
    case rule(Int)
    /// The priority.
    case priority
    /// The advertisement interval.
    case interval
    /// The version of the protocol.
    case version
    /// Whether and when to preempt.
    case preempt
    /// The password of version 2.
    case authentication
    /// Whether there is a virtual MAC address.
    case virtualMAC
    /// The time after the start in which it does not become Active.
    case startDelay
    /// The times for which its link must last.
    case linkDelay
    /// The time for which it does not preempt after fights.
    case holdDown
    /// Something it tracks, by its place in the list.
    case track(Int)
    /// A health check it uses, by its place in the list.
    case check(Int)
    /// The list of peers as a whole.
    case peers
    /// The multicast group.
    case multicastGroup
    /// The source of advertisements to single machines.
    case unicastSource
    /// One peer, by its place in the list.
    case peer(Int)
    /// The program for a state.
    case hook(Settlement.State)
    /// A setting of a group of routers, whose name stands for the router's.
    case group(RouterGroup.Field)
    /// Anything that belongs to no single setting.
    case router
  }

  /// The setting at fault.
  public let field: Field
  /// The router it belongs to.
  public let router: String
  /// The sentence, without the router's name.
  public let description: String

  /// Makes an error.
  public init(_ field: Field, router: String, _ description: String) {
    self.field = field
    self.router = router
    self.description = description
  }
}
