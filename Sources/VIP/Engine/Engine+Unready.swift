import Netlink
import VIPCore
import VRRP

/// Routers that this machine can't serve as it is: refused when they are asked for, or there and
/// waiting; ``Admission`` decides.
extension Engine {
  /// Refuses a router that makes no sense on any machine, and one that this machine can't serve yet
  /// unless it may wait.
  func requireReady(
    _ settings: RouterConfiguration, _ unready: UnreadyPolicy
  ) throws(NodeError) {
    let admission = Admission(settings, unready)
    guard let link = interfaces.link(named: settings.interface) else {
      return try admission.requireInterface(
        among: interfaces.names, present: self.settings(named: settings.name))
    }
    try admission.requireReady(
      on: link, unsuitability(of: link, for: settings),
      present: self.settings(named: settings.name)
    ) { interfaces.hostRecord($0, on: link.index) != nil }
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
  func hostAddressFault(of instance: RouterInstance, on link: Link?) -> Fitness.Fault? {
    guard let link else { return nil }
    return Admission.hostAddressFault(
      of: instance.addresses.current.lazy.map(\.address.address), instance.settings.priority,
      isRunning: instance.attendance.isRunning, on: link
    ) { interfaces.hostRecord($0, on: link.index) != nil }
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

  /// Follows which of an owner's addresses the host has as its own; what it has no longer is put up
  /// here.
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
