import Netlink
package import VIPCore
import VRRP

/// Routers coming and going.
extension Engine {
  /// Adds a router; nothing happens if an identical one is there.
  ///
  /// - Parameters:
  ///   - settings: its settings.
  ///   - faults: what a program has said of the router in whose place it comes.
  ///   - unready: what becomes of it if this machine can't serve it yet.
  /// - Throws: what is wrong with it. Nothing has changed then.
  package func add(
    _ settings: RouterConfiguration, keeping faults: [String: RouterFitness] = [:],
    unready: UnreadyPolicy = .refuse
  ) throws(NodeError) {
    if routers[settings.name]?.settings == settings { return }
    try step { () throws(NodeError) in try addNew(settings, faults, unready) }
  }

  private func addNew(
    _ settings: RouterConfiguration, _ faults: [String: RouterFitness], _ unready: UnreadyPolicy
  ) throws(NodeError) {
    guard !contains(settings.name) else {
      throw NodeError(
        ConfigurationError(
          .name, router: settings.name,
          isStaying(settings.name)
            ? "there is such a router already"
            : "the router of this name is still handing its addresses over"))
    }
    try validate([settings], unready: unready)
    removeLeftovers(except: [settings])
    let link = interfaces.link(named: settings.interface)
    var leftovers: Set<InterfaceAddress> = []
    if let link { leftovers = try leftoverAddresses(on: link) }
    let router = makeRouter(settings, faults)
    for family in settings.families { start(family, of: router, on: link, leftovers) }
    inheritLeftovers()
  }

  /// Makes a router that has no virtual routers yet.
  func makeRouter(
    _ settings: RouterConfiguration, _ faults: [String: RouterFitness]
  ) -> Router {
    let router = routers.add(settings)
    router.group = groupTable.group(of: settings.name)
    let first = firstFitness.statements(about: settings)
    for (cause, fitness) in faults.merging(first, uniquingKeysWith: { said, _ in said }) {
      // An owner's priority is always 255.
      if fitness.weight != nil, settings.priority == .owner { continue }
      router.fitness.set(fitness.fault(of: cause), for: .external(cause))
    }
    return router
  }

  /// Makes the virtual router of one family and lets it take part as soon as it can.
  ///
  /// - Parameters:
  ///   - family: the family.
  ///   - router: its router.
  ///   - link: the interface, if it is there.
  ///   - leftovers: what an earlier life of this node has left there.
  ///   - known: the addresses that need not be probed for.
  ///   - former: the virtual router in whose place it comes.
  func start(
    _ family: AddressFamily, of router: Router, on link: Link?,
    _ leftovers: Set<InterfaceAddress>, knowing known: Set<IPAddress> = [],
    inPlaceOf former: RouterInstance? = nil
  ) {
    let settings = router.settings
    let addresses = VirtualAddresses(settings.addresses(family)) { address in
      place(of: address, leftovers, settings, on: link)
    }
    let instance = routers.makeMember(family, of: router, addresses, at: now)
    instance.probing.omit(known)
    // Their holder does not say that it has them, so an answer would be taken for a stranger's.
    instance.probing.omit(settings.unadvertised)
    _ = instance.extras.arrange(settings.extras(family))
    if let former { succeed(former, by: instance) }
    if let link { removeUnused(leftovers, of: instance, on: link) }
    beginDamping(of: instance)
    enroll(instance)
    // The others of its group may come in the same step.
    if instance.router.group != nil { assess(instance, link) } else { reconsider(instance) }
  }

  /// Starts to remove a router: it leaves the election now; ``contains(_:)`` tells when it is gone.
  ///
  /// - Returns: whether there is such a router.
  @discardableResult
  package func remove(_ name: String) -> Bool {
    step { takeOut(name) }
  }

  /// Starts to remove routers in one step; names that are not there are passed over.
  package func remove(all names: [String]) {
    step { for name in names { takeOut(name) } }
  }

  /// Takes a router out of the election for good.
  ///
  /// - Returns: whether there is such a router.
  @discardableResult
  func takeOut(_ name: String) -> Bool {
    let members = routers.members(named: name)
    for instance in members { leave(instance) }
    routers.retire(name)
    return !members.isEmpty
  }

  /// Takes an instance out of the election for good, handing over.
  func leave(_ instance: RouterInstance) {
    guard !instance.attendance.isLeaving else { return }
    dismiss(instance)
    routers.separate(instance)
    instance.attendance.leave()
    settlements.cancel(instance.slot)
    instance.troubles.clear()
    stopProbing(of: instance)
    stopElection(of: instance)
    schedule(instance)
  }

  /// Drops the instances that have left and hold nothing any more.
  func finishLeaving() {
    for case let instance? in instances
    where instance.attendance.isLeaving && instance.hasReleased {
      forget(instance)
      noteChange()
      if !contains(instance.router.name) { report(.removed(router: instance.router.name)) }
    }
  }

  /// Forgets a virtual router: everything that knows it by its slot does so here.
  private func forget(_ instance: RouterInstance) {
    endProblems(of: instance)
    // While it is known what the addresses were on.
    settleForGood(instance)
    // Its address work, addresses, macvlan, segment and wire; the guard's part goes with the link.
    detach(instance)
    timers.cancel(.router(slot: instance.slot))
    failedAnnouncements.forget(instance.slot)
    successions.forget(instance.slot)
    routers.remove(instance)
  }

  var liveInstances: [RouterInstance] { routers.members }

  /// Whether a router is there, also while it is leaving.
  package func contains(_ name: String) -> Bool {
    routers.contains(name)
  }

  /// Whether a router is there and not leaving.
  package func isStaying(_ name: String) -> Bool { routers[name] != nil }

  /// Whether a router has left the election but still has addresses to remove.
  package func isLeaving(_ name: String) -> Bool {
    routers.members(named: name).contains { $0.attendance.isLeaving }
  }

  /// The settings of all routers, also of those that are leaving.
  package var allSettings: [RouterConfiguration] {
    routerNames.compactMap { settings(named: $0) }
  }

  /// The settings of a router; those it has left with if it is leaving.
  package func settings(named name: String) -> RouterConfiguration? {
    routers.settings(named: name)
  }

  /// The names of all routers, in the order in which they were added.
  package var routerNames: [String] { routers.names }

  /// The routers that have a virtual address.
  package func routerNames(holding address: IPAddress) -> [String] {
    routerNames.filter { name in
      settings(named: name)?.allAddresses.contains { $0.address == address } ?? false
    }
  }

  /// The reason why a router waits; `nil` if all of it takes part.
  package func obstacle(to name: String) -> String? {
    for instance in routers.members(named: name) {
      if let reason = instance.attendance.obstacle { return reason.description }
      if let obstacle = instance.probing.obstacle(instance.settings.vrid, wording) {
        return obstacle
      }
    }
    return nil
  }
}
