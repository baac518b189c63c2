import Netlink
package import VIPCore
import VRRP

/// Routers coming and going.
extension Engine {
  /// Adds a router; nothing happens if an identical one is there.
  ///
  /// - Throws: what is wrong with it. Nothing has changed then.
  package func add(_ settings: RouterConfiguration) throws(NodeError) {
    do throws(ConfigurationError) {
      try settings.validate()
      if let present = self.settings(named: settings.name) {
        if present == settings { return }
        throw ConfigurationError(
          .router, router: settings.name,
          "is already up with other settings (\(Self.difference(present, settings))); "
            + "take it down first")
      }
      for other in Set(liveInstances.map(\.settings)) {
        if let collision = settings.collision(with: other) { throw collision }
      }
    } catch {
      throw NodeError(error)
    }
    now = platform.now()
    drainKernelEvents()
    guard let link = interfaces.link(named: settings.interface) else {
      throw NodeError(
        .unknownInterface,
        "\(settings.name): there is no interface '\(settings.interface)'; this machine has "
          + interfaces.names.joined(separator: ", "))
    }
    try checkHostAddresses(settings, on: link)
    let leftovers = try leftoverAddresses(on: link)
    for family in settings.families {
      let instance = makeInstance(settings, family)
      for index in instance.addresses.indices {
        let address = instance.addresses[index].address
        instance.addresses[index].belongsToHost =
          interfaces.hostRecord(address.address, on: link.index) != nil
        instance.addresses[index].isInstalled = leftovers.contains(address)
      }
      reconsider(instance)
    }
    flush()
    hasChanged = true
  }

  /// Refuses virtual addresses that are the host's own, unless it is their owner.
  private func checkHostAddresses(
    _ settings: RouterConfiguration, on link: Link
  ) throws(NodeError) {
    guard settings.priority != .owner else { return }
    for (index, address) in settings.addresses.enumerated() {
      guard interfaces.hostRecord(address.address, on: link.index) != nil else { continue }
      throw NodeError(
        ConfigurationError(
          .address(index), router: settings.name,
          "\(address.address) is \(link.name)'s own address; only an owner (priority 255) may "
            + "have it as a virtual address"))
    }
  }

  /// Addresses with our tag that an earlier life of this node left on an interface.
  private func leftoverAddresses(on link: Link) throws(NodeError) -> Set<InterfaceAddress> {
    do throws(NetlinkError) {
      let records = try platform.kernel.addresses()
      return Set(
        records.lazy.filter { record in
          record.interfaceIndex == link.index && record.protocolTag == vipProtocolTag
            && self.owners[
              OwnerKey(interfaceIndex: link.index, address: record.address.address)] == nil
        }.map(\.address))
    } catch {
      throw NodeError(.system(errno: error.code), error.description)
    }
  }

  private func makeInstance(
    _ settings: RouterConfiguration, _ family: AddressFamily
  ) -> RouterInstance {
    let slot = instances.firstIndex { $0 == nil } ?? instances.count
    let instance = RouterInstance(slot: slot, settings, family, at: now)
    if slot == instances.count { instances.append(instance) } else { instances[slot] = instance }
    return instance
  }

  /// Starts to remove a router: it leaves the election now; ``contains(_:)`` tells when it is gone.
  ///
  /// - Returns: whether there is such a router.
  @discardableResult
  package func remove(_ name: String) -> Bool {
    let group = instances.compactMap { $0 }.filter { $0.settings.name == name }
    now = platform.now()
    for instance in group where instance.activity != .leaving {
      instance.activity = .leaving
      instance.attachRetryAt = nil
      perform(instance.election.stop(at: now), for: instance)
      schedule(instance)
    }
    flush()
    performAddressWork()
    return !group.isEmpty
  }

  /// Drops the instances that have left and hold nothing any more.
  func finishLeaving() {
    for case let instance? in instances
    where instance.activity == .leaving && instance.hasReleased {
      detach(instance)
      work.forget(instance)
      timers.cancel(TimerID.firstRouter + instance.slot)
      instances[instance.slot] = nil
      hasChanged = true
      if !contains(instance.settings.name) {
        report(.removed(router: instance.settings.name))
      }
    }
  }

  private var liveInstances: [RouterInstance] {
    instances.compactMap { $0 }
  }

  /// Whether a router is there, also while it is leaving.
  package func contains(_ name: String) -> Bool {
    liveInstances.contains { $0.settings.name == name }
  }

  /// Whether a router has left the election but still has addresses to remove.
  package func isLeaving(_ name: String) -> Bool {
    liveInstances.contains { $0.settings.name == name && $0.activity == .leaving }
  }

  /// The settings of a router.
  package func settings(named name: String) -> RouterConfiguration? {
    liveInstances.first { $0.settings.name == name }?.settings
  }

  /// The names of all routers, in the order in which they were added.
  package var routerNames: [String] {
    var seen: Set<String> = []
    return liveInstances.map(\.settings.name).filter { seen.insert($0).inserted }
  }

  /// The routers that have a virtual address.
  package func routerNames(holding address: IPAddress) -> [String] {
    routerNames.filter { name in
      settings(named: name)?.addresses.contains { $0.address == address } ?? false
    }
  }

  /// What a router waits for; `nil` if all of it takes part.
  package func obstacle(to name: String) -> String? {
    for instance in liveInstances where instance.settings.name == name {
      if case .waiting(let reason) = instance.activity { return reason }
      if let question = instance.probe?.question { return question }
    }
    return nil
  }

  /// How two settings of one name differ, in words.
  private static func difference(_ old: RouterConfiguration, _ new: RouterConfiguration) -> String {
    var parts: [String] = []
    func compare<Value: Equatable>(_ what: String, _ old: Value, _ new: Value) {
      if old != new { parts.append("\(what) \(old), not \(new)") }
    }
    compare("interface", old.interface, new.interface)
    compare("VRID", old.vrid, new.vrid)
    compare("priority", old.priority, new.priority)
    compare("interval", old.interval, new.interval)
    compare("version", old.version.rawValue, new.version.rawValue)
    compare("preempt", old.preempt, new.preempt)
    compare("preemption delay", old.preemptDelay.text, new.preemptDelay.text)
    compare("checksum", old.checksum.rawValue, new.checksum.rawValue)
    compare("handover", old.handover.rawValue, new.handover.rawValue)
    // Passwords are not told, not even to say which one it is.
    if old.password != new.password { parts.append("the password") }
    if old.addresses != new.addresses {
      let list = old.addresses.prefix(3).map(\.description).joined(separator: " ")
      parts.append("addresses \(list)\(old.addresses.count > 3 ? " …" : "")")
    }
    return parts.joined(separator: "; ")
  }
}
