package import Netlink
package import VIPCore

/// The kernel's terms for an ``Extra``: an interface is a number there, which it keeps when it gets
/// another name.
package enum ExtraPlace: Sendable, Hashable {
  /// An address on an interface.
  case address(InterfaceAddress, interfaceIndex: Int32)
  /// A route or a rule.
  case routing(RoutingEntry)

  /// The interface; `nil` if it names none.
  var interfaceIndex: Int32? {
    switch self {
    case .address(_, let index): index
    case .routing(.route(let route)): route.interfaceIndex
    case .routing(.rule): nil
    }
  }
}
