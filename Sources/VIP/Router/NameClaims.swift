import Netlink
import VIPCore

/// The names that this node claims, each for as long as something of it needs the name.
///
/// One node of a machine serves a group: interface, VRID and family. Two would both be Active,
/// since neither hears the other, and the one that ends would take the addresses from under the
/// other. So each claims a name for the group, in a way that ends with the node or its process and
/// that is the same for all in a network namespace. With a virtual MAC address it is the name of
/// the macvlan too.
///
/// It claims the addresses of its routers as well: of two nodes that have one address in different
/// groups, one would take it from under the other.
final class NameClaims {
  private let platform: any Platform
  private var counts: [String: Int] = [:]
  /// The names of groups by the slots of their routers.
  private var groups: [Int: String] = [:]
  /// The addresses that this node has claimed, by interface.
  private var addresses: [Int32: Set<IPAddress>] = [:]

  init(_ platform: any Platform) { self.platform = platform }

  /// Claims the group of a router on the interface that it is to be attached to.
  ///
  /// - Throws: which other node has it.
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

  /// Whether a router of this node has claimed a group.
  func hasGroup(_ vrid: VRID, _ family: AddressFamily, on link: Link) -> Bool {
    counts[RouterMacvlan.name(onInterface: link.index, vrid, family)] != nil
  }

  /// The name of the group of a router; `nil` if it has claimed none.
  func group(of slot: Int) -> String? { groups[slot] }

  /// Gives up the group of a router that is no longer attached.
  func releaseGroup(of slot: Int) {
    if let name = groups.removeValue(forKey: slot) { release(name) }
  }

  /// Claims the addresses of a router on the interface that it is attached to; those that this node
  /// has are passed over.
  ///
  /// - Throws: which other node has one of them; none is claimed then.
  func claimAddresses(_ wanted: [IPAddress], on link: Link) throws(NodeError) {
    let own = addresses[link.index] ?? []
    let new = wanted.filter { !own.contains($0) }
    guard !new.isEmpty else { return }
    if let (address, holder) = platform.claimAddresses(new, onInterface: link.index) {
      let holder = holder.map { " (\($0.description))" } ?? ""
      throw NodeError(
        .system(errno: 16),
        "another node on this machine\(holder) has \(address) on \(link.name) in another group; "
          + "stop it, or take the address from one of the two")
    }
    addresses[link.index, default: []].formUnion(new)
  }

  /// Whether this node has claimed an address.
  func hasAddress(_ address: IPAddress, on index: Int32) -> Bool {
    addresses[index]?.contains(address) ?? false
  }

  /// Claims as many addresses of a router that is attached as no other node has.
  func claimEach(_ wanted: [IPAddress], on link: Link) {
    guard (try? claimAddresses(wanted, on: link)) == nil else { return }
    for address in wanted { try? claimAddresses([address], on: link) }
  }

  /// Claims those addresses that no other node has, before there are routers.
  ///
  /// - Returns: the addresses that this node has now.
  func claimFree(_ wanted: [IPAddress], on index: Int32) -> Set<IPAddress> {
    let new = wanted.filter { !hasAddress($0, on: index) }
    if !new.isEmpty, platform.claimAddresses(new, onInterface: index) == nil {
      addresses[index, default: []].formUnion(new)
    } else {
      for address in new where platform.claimAddresses([address], onInterface: index) == nil {
        addresses[index, default: []].insert(address)
      }
    }
    return (addresses[index] ?? []).intersection(wanted)
  }

  /// Whether another node has claimed an address; leaves no claim behind.
  func isForeign(_ address: IPAddress, on index: Int32) -> Bool {
    if hasAddress(address, on: index) { return false }
    guard platform.claimAddresses([address], onInterface: index) == nil else { return true }
    platform.releaseAddresses([address], onInterface: index)
    return false
  }

  /// Gives up addresses that no router of this node has any more.
  func releaseAddresses(_ list: [IPAddress], on index: Int32) {
    let own = list.filter { addresses[index]?.remove($0) != nil }
    guard !own.isEmpty else { return }
    if addresses[index]?.isEmpty ?? false { addresses[index] = nil }
    platform.releaseAddresses(own, onInterface: index)
  }

  /// Claims a name once more; the last one that gives it up gives it to others.
  ///
  /// - Returns: whether this node has it.
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
