import VIPCore
import VRRP

/// A router by its name: what the virtual routers of both families share.
final class Router {
  let name: String
  /// The settings of all of its virtual routers.
  private(set) var settings: RouterConfiguration
  /// The faults that speak against its part in the election.
  var fitness = Fitness()
  /// The link of its interface as it goes by it.
  var linkDamping = LinkDamping()
  /// The routers with which it moves, if it is in a group.
  var group: GroupedRouters?

  init(_ settings: RouterConfiguration) {
    name = settings.name
    self.settings = settings
  }

  /// Gives all of its virtual routers other settings.
  func reconfigure(_ settings: RouterConfiguration) { self.settings = settings }
}

/// The routers of a node, by name and by slot.
///
/// A router has one virtual router for each family that it serves. A slot is the small number by
/// which everything else refers to a virtual router: timers, work, owners of addresses, the guard.
/// It is given to another one once the first is gone.
struct RouterTable {
  private(set) var slots: [RouterInstance?] = []
  /// The routers that stay; a virtual router that leaves has one of its own, with the settings with
  /// which it leaves.
  private var routers: [String: Router] = [:]
  /// Number of virtual routers that there have been.
  private var lastSerial = 0

  /// All virtual routers, in the order of their slots.
  var members: [RouterInstance] { slots.compactMap { $0 } }

  /// The router of a name, unless it is leaving.
  subscript(name: String) -> Router? { routers[name] }

  /// The virtual router in a slot.
  subscript(slot: Int) -> RouterInstance? { slots.indices.contains(slot) ? slots[slot] : nil }

  /// The virtual routers of a router.
  func members(of router: Router) -> [RouterInstance] {
    slots.compactMap { $0?.router === router ? $0 : nil }
  }

  /// The virtual routers of a name, also those that are leaving.
  func members(named name: String) -> [RouterInstance] {
    slots.compactMap { $0?.router.name == name ? $0 : nil }
  }

  /// Whether a name is in use, also while its last virtual router is leaving.
  func contains(_ name: String) -> Bool { slots.contains { $0?.router.name == name } }

  /// All names, in the order of the slots.
  var names: [String] {
    var seen: Set<String> = []
    return slots.compactMap { $0?.router.name }.filter { seen.insert($0).inserted }
  }

  /// The settings of a name; if it is leaving, those with which it leaves.
  func settings(named name: String) -> RouterConfiguration? {
    routers[name]?.settings ?? members(named: name).first?.settings
  }

  /// Adds a router, which has no virtual routers yet.
  mutating func add(_ settings: RouterConfiguration) -> Router {
    let router = Router(settings)
    routers[router.name] = router
    return router
  }

  /// Makes the virtual router of a family.
  ///
  /// - Parameters:
  ///   - family: the family.
  ///   - router: its router.
  ///   - addresses: its addresses, and where each of them is.
  ///   - now: the time.
  /// - Returns: the virtual router, in a slot of its own.
  mutating func makeMember(
    _ family: AddressFamily, of router: Router, _ addresses: VirtualAddresses, at now: Instant
  ) -> RouterInstance {
    let slot = slots.firstIndex { $0 == nil } ?? slots.count
    lastSerial += 1
    let instance = RouterInstance(
      slot: slot, serial: lastSerial, router, family, addresses, at: now)
    if slot == slots.count { slots.append(instance) } else { slots[slot] = instance }
    return instance
  }

  /// Separates a virtual router that leaves from those of its name that stay.
  mutating func separate(_ instance: RouterInstance) {
    instance.separate()
  }

  /// Forgets the router of a name, all of whose virtual routers leave.
  mutating func retire(_ name: String) { routers[name] = nil }

  /// Forgets a virtual router that has left.
  mutating func remove(_ instance: RouterInstance) { slots[instance.slot] = nil }
}
