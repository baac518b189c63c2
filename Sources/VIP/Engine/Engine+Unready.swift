import Netlink
import VIPCore
import VRRP

/// Routers that this machine can't serve as it is: refused when they are asked for, or there and waiting.
extension Engine {
  /// Refuses a router that makes no sense on any machine, and one that this machine can't serve yet
  /// unless it may wait.
  func requireReady(
    _ settings: RouterConfiguration, _ unready: UnreadyPolicy
  ) throws(NodeError) {
    guard let link = interfaces.link(named: settings.interface) else {
      // A router that is there already waits for its interface in any case.
      if unready == .wait || self.settings(named: settings.name)?.interface == settings.interface {
        return
      }
      throw NodeError(
        .unknownInterface,
        "\(settings.name): there is no interface '\(settings.interface)'; this machine has "
          + interfaces.names.joined(separator: ", "))
    }
    guard unready == .refuse || link.isLoopback else { return }
    if let fault = unsuitability(of: link, for: settings) {
      throw NodeError(
        ConfigurationError(.interface, router: settings.name, fault.description))
    }
    try refuseHostAddresses(settings, on: link)
  }

  /// Refuses new virtual addresses that are the host's own, unless it is their owner.
  private func refuseHostAddresses(
    _ settings: RouterConfiguration, on link: Link
  ) throws(NodeError) {
    guard settings.priority != .owner else { return }
    let present = self.settings(named: settings.name)
    // A router that runs leaves alone what has become the host's own; another one can't have it.
    let isKept = present.map { $0.change(to: settings) != .replacement } ?? false
    let known = Set(isKept ? present?.addresses ?? [] : [])
    for (index, address) in settings.addresses.enumerated() where !known.contains(address) {
      guard interfaces.hostRecord(address.address, on: link.index) != nil else { continue }
      throw NodeError(
        ConfigurationError(
          .address(index), router: settings.name,
          "\(address.address) is \(link.name)'s own address; only an owner (priority 255) may "
            + "have it as a virtual address"))
    }
  }

  /// The reason why a router's interface can't serve addresses, whatever its state; `nil` if it
  /// can.
  func unsuitability(of link: Link, for settings: RouterConfiguration) -> InterfaceFault? {
    InterfaceFault.unsuitability(
      of: link, calledBy: settings.interface,
      master: link.masterIndex.flatMap { interfaces.link($0) })
  }

  /// The fault that keeps an instance from starting to take part because the host has one of its
  /// addresses.
  ///
  /// Two machines would answer for it. One that takes part already leaves that address alone.
  func hostAddressFault(of instance: RouterInstance, on link: Link?) -> Fitness.Fault? {
    guard let link, !instance.attendance.isRunning, instance.settings.priority != .owner else {
      return nil
    }
    let address = instance.addresses.current.lazy.map(\.address.address).first {
      self.interfaces.hostRecord($0, on: link.index) != nil
    }
    return address.map { .unfit(.hostAddress($0, interface: link.name)) }
  }

  /// Refuses to serve a group twice, for routers that call one interface by two names.
  func requireFreeGroup(of instance: RouterInstance, on link: Link) throws(NodeError) {
    let (vrid, family) = (instance.settings.vrid, instance.family)
    guard claims.hasGroup(vrid, family, on: link) else { return }
    let other = liveInstances.first {
      $0 !== instance && $0.link?.index == link.index && $0.settings.vrid == vrid
        && $0.family == family && !$0.attendance.isLeaving
    }
    guard let other else { return }
    throw NodeError(
      .refused,
      "'\(other.router.name)' serves VRID \(vrid) of \(family) on \(link.name) already, under "
        + "another name of that interface; take another VRID")
  }

  /// Follows which of an owner's addresses the host has as its own; what it has no longer is put up here.
  func followHostAddresses(of instance: RouterInstance, on link: Link) {
    guard instance.settings.priority == .owner else { return }
    let isAnyGone = instance.addresses.followHost {
      interfaces.hostRecord($0, on: link.index) != nil
    }
    if isAnyGone, instance.isHolding { work.add(.install, instance.slot) }
  }

  /// The same router with its interface's own name instead of an alternative one.
  func withOwnName(_ settings: RouterConfiguration) -> RouterConfiguration {
    guard let link = interfaces.link(named: settings.interface), link.name != settings.interface
    else { return settings }
    var settings = settings
    settings.interface = link.name
    return settings
  }
}
