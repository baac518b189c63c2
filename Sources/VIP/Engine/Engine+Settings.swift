import Netlink
import VIPCore

/// Following settings of the kernel that were read when a router was attached and may change later:
/// Docs/KernelSettings.md lists them all.
extension Engine {
  /// Reads again what is set for some interfaces.
  func followSettings(of indices: Set<Int32>) {
    for (index, wire) in wires where indices.contains(index) {
      guard let link = interfaces.link(index) else { continue }
      let isRouter = platform.isForwarding(link, .ipv6)
      if isRouter != wire.isRouter {
        wire.update(link, isRouter: isRouter)
        // Hosts drop a default router that no longer says it is one.
        for case let instance? in instances
        where instance.family == .ipv6 && instance.isHolding && instance.link?.index == index {
          announceInstalled(instance)
        }
      }
    }
    for case let instance? in instances where indices.contains(instance.link?.index ?? 0) {
      followSettings(of: instance)
    }
  }

  /// Gives a macvlan what it has from the interface below.
  func followSettings(of instance: RouterInstance) {
    guard !lacksRoom(instance), let macvlan = instance.macvlan, let index = macvlan.index,
      let parent = instance.link,
      let link = try? platform.kernel.link(parent.index)
    else { return }
    interfaces.update(link)
    do throws(NodeError) {
      try macvlans.configure(macvlan.name, index, instance.family, on: link, wording)
      instance.macvlan?.followed(failure: nil, at: now)
    } catch {
      instance.macvlan?.followed(failure: error.description, at: now)
      warn(.macvlan, of: instance, error.description)
      schedule(instance)
    }
  }
}
