import Netlink
import VIPCore
import VRRP

/// Keeping what is beside a router's addresses in its place, whatever others do to it.
extension Engine {
  /// Does what is due: attempts that were put off, and a look at routes and rules.
  func reviewExtras(of instance: RouterInstance) {
    guard let deadline = instance.extras.deadline, deadline <= now else { return }
    let due = instance.extras.takeRetries(by: now)
    if due.current { work.add(instance.isHolding ? .install : .remove, instance.slot) }
    if due.retired { work.add(.retire, instance.slot) }
    let positions = instance.extras.takeLook(at: now)
    guard instance.keepsExtras else { return }
    for position in positions { look(at: position, of: instance) }
    instance.extras.scheduleLook(after: now)
  }

  /// Looks whether a route or a rule is there, and makes it again if it is not; another program may
  /// have one in its place by now.
  func look(at position: Int, of instance: RouterInstance) {
    let known = instance.extras.all[position]
    let extra = known.extra
    guard let place = place(of: known), case .routing(let entry) = place else { return }
    let lifetime = lifetime(of: entry, instance)
    if platform.kernel.confirm(entry, lifetime: lifetime) {
      if lifetime != nil, !known.hasLease {
        // Linux gives no lifetime to a route that was made without one.
        _ = platform.kernel.remove(entry)
        if platform.kernel.install(entry, lifetime: lifetime) != nil { return }
      }
      return noteInstalled(position, of: instance, at: place)
    }
    noteChange()
    let loss = instance.extras.reportedGone(position, at: now, isHolding: instance.isHolding)
    if let error = platform.kernel.install(entry, lifetime: lifetime) {
      // One whose gateway is out of reach may still be there, and would stay after the role.
      _ = platform.kernel.remove(entry)
      return refuse(position, of: instance, because: text(of: error, extra))
    }
    noteInstalled(position, of: instance, at: place)
    report(
      .changed(router: instance.settings.name, .routingRestored(extra.description)))
    if case .held(_, isFight: true) = loss {
      warn(.routing(extra.description), of: instance, Self.fightText(extra))
    }
  }

  static func fightText(_ extra: Extra) -> String {
    "something on this host keeps removing the \(extra.description); exclude it from other network "
      + "managers"
  }

  /// The kernel has removed an address from an interface.
  func handleExtraRemoval(of record: AddressRecord) {
    guard let link = interfaces.link(record.interfaceIndex) else { return }
    for case let instance? in instances where !instance.extras.isEmpty {
      guard
        let position = instance.extras.position(of: record.address.address, on: link)
      else { continue }
      let loss = instance.extras.reportedGone(position, at: now, isHolding: instance.isHolding)
      guard loss != .expected else { continue }
      noteChange()
      schedule(instance)
      guard case .held(let isDueNow, let isFight) = loss else { continue }
      if isDueNow { work.add(.install, instance.slot) }
      if isFight {
        let extra = instance.extras.all[position].extra
        warn(.addressRemoved(record.address), of: instance, Self.fightText(extra))
      }
    }
  }

  /// The host has made one of the addresses its own: from now on it is left alone.
  func handleExtraReplacement(by record: AddressRecord) {
    guard let link = interfaces.link(record.interfaceIndex) else { return }
    for case let instance? in instances where !instance.extras.isEmpty {
      guard
        let position = instance.extras.position(of: record.address.address, on: link),
        instance.extras.all[position].isInstalled
      else { continue }
      instance.extras.removed(position)
      if instance.isHolding {
        refuse(position, of: instance, because: Self.hostText(record.address.address, link))
      }
      schedule(instance)
    }
  }

  /// Finds what the kernel has no longer, after events were lost.
  func compareExtras(of instance: RouterInstance, with present: [Int32: Set<IPAddress>]) {
    guard !instance.extras.isEmpty else { return }
    instance.extras.eventsWereLost()
    for (position, entry) in instance.extras.all.enumerated() {
      guard let place = entry.place else { continue }
      if let index = place.interfaceIndex, interfaces.link(index) == nil {
        instance.extras.removed(position)
      } else if case .address(let address, let index) = place,
        !(present[index]?.contains(address.address) ?? false)
      {
        handleExtraRemoval(of: .lost(address, on: index))
      }
    }
  }

  /// An interface is gone with all that was on it.
  func loseExtras(onInterface index: Int32, _ name: String) {
    for case let instance? in instances where !instance.extras.isEmpty {
      instance.extras.interfaceVanished(index) { called in
        interfaces.link(index)?.isCalled(called) ?? (called == name)
      }
      if instance.furtherWires.remove(index) != nil {
        wires[index]?.removeUser()
        closeUnusedWire(index)
      }
    }
  }
}
