import Netlink
import VIPCore
import VRRP

/// The decision whether a router may be added or changed on this machine as it is, and may start.
///
/// What makes sense on no machine is refused in any case; what this machine can't serve yet is
/// refused unless the router may wait.
struct Admission {
  /// The settings that are wanted.
  let settings: RouterConfiguration
  let policy: UnreadyPolicy

  init(_ settings: RouterConfiguration, _ policy: UnreadyPolicy) {
    self.settings = settings
    self.policy = policy
  }

  /// Refuses a router whose interface is not there.
  ///
  /// - Parameters:
  ///   - names: those of the interfaces that are there.
  ///   - present: the settings of the router that has the name now.
  /// - Throws: ``NodeError/Kind/unknownInterface``.
  func requireInterface(
    among names: @autoclosure () -> [String], present: @autoclosure () -> RouterConfiguration?
  ) throws(NodeError) {
    // A router that is there already waits for its interface in any case.
    if policy == .wait || present()?.interface == settings.interface { return }
    throw NodeError(
      .unknownInterface,
      "\(settings.name): there is no interface '\(settings.interface)'; this machine has "
        + names().joined(separator: ", "))
  }

  /// Refuses a router that its interface can't serve.
  ///
  /// - Parameters:
  ///   - link: the interface.
  ///   - fault: why it can't serve addresses, whatever its state.
  ///   - present: the settings of the router that has the name now.
  ///   - isHosts: whether an address is the host's own there.
  /// - Throws: the first thing that is in the way.
  func requireReady(
    on link: Link, _ fault: InterfaceFault?, present: @autoclosure () -> RouterConfiguration?,
    isHosts: (IPAddress) -> Bool
  ) throws(NodeError) {
    guard policy == .refuse || link.isLoopback else { return }
    if let fault {
      throw NodeError(ConfigurationError(.interface, router: settings.name, fault.description))
    }
    guard settings.priority != .owner else { return }
    try refuseHostAddresses(on: link, present: present(), isHosts)
  }

  /// Refuses new virtual addresses that are the host's own.
  private func refuseHostAddresses(
    on link: Link, present: RouterConfiguration?, _ isHosts: (IPAddress) -> Bool
  ) throws(NodeError) {
    // A router that runs leaves alone what has become the host's own; another one can't have it.
    let isKept = present.map { $0.change(to: settings) != .replacement } ?? false
    let known = Set(isKept ? present?.addresses ?? [] : [])
    for (index, address) in settings.addresses.enumerated()
    where !known.contains(address) && isHosts(address.address) {
      throw NodeError(
        ConfigurationError(
          .address(index), router: settings.name,
          WaitingReason.hostAddress(address.address, interface: link.name).description))
    }
  }

  /// The fault that keeps a virtual router from starting to take part because the host has one of
  /// its addresses.
  ///
  /// Two machines would answer for it. One that takes part already leaves that address alone.
  ///
  /// - Parameters:
  ///   - addresses: those of the virtual router.
  ///   - priority: that of the router.
  ///   - isRunning: whether it takes part.
  ///   - link: its interface.
  ///   - isHosts: whether an address is the host's own there.
  /// - Returns: the fault; `nil` if there is none.
  static func hostAddressFault(
    of addresses: some Sequence<IPAddress>, _ priority: Priority, isRunning: Bool, on link: Link,
    isHosts: (IPAddress) -> Bool
  ) -> Fitness.Fault? {
    guard !isRunning, priority != .owner else { return nil }
    return addresses.first(where: isHosts).map { .unfit(.hostAddress($0, interface: link.name)) }
  }
}
