import Netlink
import VIPCore

/// One node of a machine serves a group: interface, VRID and family.
///
/// Two would both be Active, since neither hears the other, and the one that ends would take the
/// addresses from under the other. So each claims a name for the group, in a way that the kernel ends
/// with the process and that is the same for all in a network namespace. With a virtual MAC address
/// it is the name of the macvlan too.
extension Engine {
  /// Claims the group of a router on the interface that it is to be attached to.
  ///
  /// - Throws: which other process has it.
  func claimGroup(of instance: RouterInstance, on link: Link) throws(NodeError) {
    let vrid = instance.settings.vrid
    let name = RouterMacvlan.name(onInterface: link.index, vrid, instance.family)
    if claims[name] ?? 0 > 0,
      let other = liveInstances.first(where: {
        $0 !== instance && $0.claimedName == name && $0.activity != .leaving
      })
    {
      throw NodeError(
        .refused,
        "'\(other.router.name)' serves VRID \(vrid) of \(instance.family) on \(link.name) already, "
          + "under another name of that interface; take another VRID")
    }
    guard try claim(name) else {
      let holder = platform.nameHolder(name).map { " (\($0.description))" } ?? ""
      throw NodeError(
        .system(errno: 16),
        "another node on this machine\(holder) serves VRID \(vrid) of \(instance.family) on \(link.name); "
          + "stop it, or take another VRID")
    }
    instance.claimedName = name
  }

  /// Gives up the group of a router that is no longer attached.
  func releaseGroup(of instance: RouterInstance) {
    guard let name = instance.claimedName else { return }
    instance.claimedName = nil
    release(name)
  }

  /// Claims a name once more; the last one that gives it up gives it to others.
  ///
  /// - Returns: whether this process has it.
  func claim(_ name: String) throws(NodeError) -> Bool {
    guard try platform.claimName(name) else { return false }
    claims[name, default: 0] += 1
    return true
  }

  /// Gives a name up as often as it was claimed.
  func release(_ name: String) {
    let count = (claims[name] ?? 1) - 1
    claims[name] = count > 0 ? count : nil
    if count <= 0 { platform.releaseName(name) }
  }
}
