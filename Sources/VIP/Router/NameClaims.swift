import Netlink
import VIPCore

/// The names that this node claims, each for as long as something of it needs the name.
///
/// One node of a machine serves a group: interface, VRID and family. Two would both be Active, since
/// neither hears the other, and the one that ends would take the addresses from under the other. So
/// each claims a name for the group, in a way that the kernel ends with the process and that is the
/// same for all in a network namespace. With a virtual MAC address it is the name of the macvlan too.
final class NameClaims {
  private let platform: any Platform
  private var counts: [String: Int] = [:]
  /// The names of groups by the slots of their routers.
  private var groups: [Int: String] = [:]

  init(_ platform: any Platform) { self.platform = platform }

  /// Claims the group of a router on the interface that it is to be attached to.
  ///
  /// - Throws: which other process has it.
  func claimGroup(_ vrid: VRID, _ family: AddressFamily, on link: Link, for slot: Int)
    throws(NodeError)
  {
    let name = RouterMacvlan.name(onInterface: link.index, vrid, family)
    guard try claim(name) else {
      let holder = platform.nameHolder(name).map { " (\($0.description))" } ?? ""
      throw NodeError(
        .system(errno: 16),
        "another node on this machine\(holder) serves VRID \(vrid) of \(family) on \(link.name); "
          + "stop it, or take another VRID")
    }
    groups[slot] = name
  }

  /// The name of the group of a router; `nil` if it has claimed none.
  func group(of slot: Int) -> String? { groups[slot] }

  /// Gives up the group of a router that is no longer attached.
  func releaseGroup(of slot: Int) {
    if let name = groups.removeValue(forKey: slot) { release(name) }
  }

  /// Claims a name once more; the last one that gives it up gives it to others.
  ///
  /// - Returns: whether this process has it.
  func claim(_ name: String) throws(NodeError) -> Bool {
    guard try platform.claimName(name) else { return false }
    counts[name, default: 0] += 1
    return true
  }

  /// Gives a name up as often as it was claimed.
  func release(_ name: String) {
    let count = (counts[name] ?? 1) - 1
    counts[name] = count > 0 ? count : nil
    if count <= 0 { platform.releaseName(name) }
  }
}
