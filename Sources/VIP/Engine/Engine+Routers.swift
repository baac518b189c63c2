import Netlink
package import VIPCore
import VRRP

/// Routers coming and going.
extension Engine {
  /// Adds a router; nothing happens if an identical one is there.
  ///
  /// - Throws: what is wrong with it. Nothing has changed then.
  package func add(_ settings: RouterConfiguration) throws(NodeError) {
    if self.settings(named: settings.name) == settings { return }
    try step { () throws(NodeError) in try addNew(settings) }
  }

  private func addNew(_ settings: RouterConfiguration) throws(NodeError) {
    guard !contains(settings.name) else {
      throw NodeError(
        ConfigurationError(.name, router: settings.name, "there is such a router already"))
    }
    try validate([settings])
    guard let link = interfaces.link(named: settings.interface) else { return }
    let leftovers = try leftoverAddresses(on: link)
    for family in settings.families { start(settings, family, on: link, leftovers) }
  }

  /// Makes the virtual router of one family and lets it take part as soon as it can.
  func start(
    _ settings: RouterConfiguration, _ family: AddressFamily, on link: Link?,
    _ leftovers: Set<InterfaceAddress>
  ) {
    let instance = makeInstance(settings, family)
    for index in instance.addresses.indices {
      let address = instance.addresses[index].address
      instance.addresses[index].isInstalled = !settings.virtualMac && leftovers.contains(address)
      guard let link else { continue }
      instance.addresses[index].belongsToHost =
        interfaces.hostRecord(address.address, on: link.index) != nil
    }
    if settings.virtualMac, let link { removeFromParent(leftovers, of: instance, link.index) }
    reconsider(instance)
  }

  func makeInstance(
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
    step {
      let group = liveInstances.filter { $0.settings.name == name }
      for instance in group { leave(instance) }
      return !group.isEmpty
    }
  }

  /// Takes an instance out of the election for good, handing over.
  func leave(_ instance: RouterInstance) {
    guard instance.activity != .leaving else { return }
    instance.activity = .leaving
    instance.attachRetryAt = nil
    pendingHooks[instance.slot] = nil
    instance.troubles.clear()
    perform(instance.election.stop(at: now), for: instance)
    schedule(instance)
  }

  /// Drops the instances that have left and hold nothing any more.
  func finishLeaving() {
    for case let instance? in instances
    where instance.activity == .leaving && instance.hasReleased {
      // While it is known what the addresses were on.
      noteEnd(of: instance)
      detach(instance)
      work.forget(instance)
      timers.cancel(.router(slot: instance.slot))
      instances[instance.slot] = nil
      hasChanged = true
      if !contains(instance.settings.name) {
        report(.removed(router: instance.settings.name))
      }
    }
  }

  var liveInstances: [RouterInstance] {
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

  /// The settings of the routers that are leaving, as far as they leave.
  package var leavingSettings: [RouterConfiguration] {
    liveInstances.filter { $0.activity == .leaving }.map { instance in
      var settings = instance.settings
      settings.name += "/\(instance.family)"
      settings.addresses = instance.addresses.map(\.address)
      return settings
    }
  }

  /// The settings of all routers, also of those that are leaving.
  package var allSettings: [RouterConfiguration] {
    routerNames.compactMap { settings(named: $0) }
  }

  /// The settings of a router; those it has left with if it is leaving.
  package func settings(named name: String) -> RouterConfiguration? {
    let group = liveInstances.filter { $0.settings.name == name }
    return (group.first { $0.activity != .leaving } ?? group.first)?.settings
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
}
