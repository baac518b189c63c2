import Netlink
import VIPCore

/// Making the macvlans of routers, and clearing away those of the dead.
///
/// Each name is claimed for as long as its node lives, as that of the group. So a macvlan of ours whose name is
/// not claimed belongs to a dead node.
extension Engine {
  /// Makes the macvlan of a router that has claimed its group, switched off; nothing if it is to have
  /// none.
  ///
  /// - Throws: why there is none. Nothing has changed then.
  func createMacvlan(for instance: RouterInstance, on link: Link) throws(NodeError) {
    guard instance.settings.virtualMac, let name = instance.claimedName else { return }
    let macvlan = RouterMacvlan(name: name, instance.settings.vrid, instance.family)
    instance.macvlan = macvlan
    try checkSettings(for: instance.family, on: link)
    try clearWay(for: macvlan, on: link)
    let description = Macvlan(
      name: macvlan.name, parentIndex: link.index, macAddress: macvlan.macAddress)
    try create(description, on: link)
    guard let index = try present(named: macvlan.name)?.index else {
      throw NodeError(.system(errno: 19), "\(macvlan.name) has vanished as soon as it was made")
    }
    do throws(NodeError) {
      let alias = RouterMacvlan.alias(instance.settings.vrid, on: link.name)
      try change([.setAlias(alias, index: index)])
      try configure(macvlan.name, index, instance.family, on: link)
    } catch {
      _ = platform.kernel.change([.delete(index: index)])
      throw error
    }
    instance.macvlan?.created(index: index)
    macvlans[index] = instance.slot
    isSafeguardStale = true
  }

  func configure(
    _ name: String, _ index: Int32, _ family: AddressFamily, on parent: Link
  ) throws(NodeError) {
    // Answers for its own addresses only, and the one of IPv6 answers no ARP at all.
    let ipv4: [IPv4Setting: Int32] = [
      .arpIgnore: family == .ipv4 ? 1 : 8, .arpAnnounce: 2, .promotesSecondaries: 1,
      .reversePathFilter: reversePathFilter(on: parent),
      .forwarding: parent.ipv4[.forwarding] ?? 0,
    ]
    try change([.setIPv4(ipv4, index: index)])
    // A machine may be without IPv6.
    let path = "ipv6/conf/\(name)"
    guard family == .ipv6 || platform.setting("\(path)/disable_ipv6") != nil else { return }
    try change([.withoutLinkLocal(index: index)])
    let forwarding = platform.setting("ipv6/conf/\(parent.name)/forwarding") ?? 0
    let settings: [(String, Int)] =
      family == .ipv4
      ? [("disable_ipv6", 1)]
      : [
        ("disable_ipv6", 0), ("keep_addr_on_down", 1), ("accept_ra", 0), ("autoconf", 0),
        ("router_solicitations", 0), ("forwarding", forwarding),
        // An address waits for its detection of duplicates, which must take no time.
        ("accept_dad", 1), ("dad_transmits", 0), ("router_solicitation_delay", 0),
      ]
    for (setting, value) in settings where platform.setting("\(path)/\(setting)") != value {
      let code = platform.changeSetting("\(path)/\(setting)", to: value)
      guard code == 0 else {
        throw unwritable("net.ipv6.conf.\(name).\(setting)", on: name, code)
      }
    }
  }

  /// Looks before anything is made whether what it needs can be set.
  private func checkSettings(for family: AddressFamily, on link: Link) throws(NodeError) {
    let path = "ipv6/conf/\(link.name)/disable_ipv6"
    guard platform.setting(path) != nil else {
      guard family == .ipv6 else { return }
      throw NodeError(.system(errno: 97), "IPv6 is not available on \(link.name)")
    }
    let code = platform.obstacle(toSetting: path)
    guard code == 0 else { throw unwritable("net.ipv6.conf", on: link.name, code) }
  }

  private func unwritable(_ what: String, on name: String, _ code: Int32) -> NodeError {
    NodeError(
      code == 1 || code == 13 ? .notPermitted : .system(errno: code),
      "a virtual MAC address on \(name) needs to change \(what), which can't be written "
        + "(\(errorText(code))); let this container write /proc/sys/net, or "
        + wording.withoutVirtualMAC
    )
  }

  private func create(_ macvlan: Macvlan, on parent: Link) throws(NodeError) {
    do throws(NodeError) {
      try change([.create(macvlan)])
    } catch {
      guard let master = parent.masterIndex.flatMap({ interfaces.link($0) }) else { throw error }
      throw NodeError(
        error.kind,
        "\(error.description); \(parent.name) is part of \(master.name): name that one as the "
          + "router's interface")
    }
  }

  /// Replies leave by the parent, which a strict check takes for a forged source: at most a loose
  /// one, which wins over a strict one for all interfaces, and none where the parent has none.
  private func reversePathFilter(on parent: Link) -> Int32 {
    let all = platform.setting("ipv4/conf/all/rp_filter") ?? 0
    return max(all, Int(parent.ipv4[.reversePathFilter] ?? 0)) == 0 ? 0 : 2
  }

  // MARK: Leftovers

  /// Removes what a dead node has left of a macvlan; refuses if another program is in the way.
  private func clearWay(for macvlan: RouterMacvlan, on parent: Link) throws(NodeError) {
    let links = try allLinks()
    for link in links
    where link.name == macvlan.name
      || (link.macAddress == macvlan.macAddress && link.parentIndex == parent.index
        && link.kind == "macvlan")
    {
      let isClaimed = link.name == macvlan.name
      // A node that was killed just after it had made it has set no alias yet.
      let isNew =
        isClaimed && link.kind == "macvlan" && link.macAddress == macvlan.macAddress
        && link.parentIndex == parent.index && link.alias == nil
      guard isNew || RouterMacvlan.isOurs(link), removeLeftover(link, isClaimed: isClaimed)
      else {
        throw NodeError(
          .system(errno: 17),
          "\(link.name) is in the way of the virtual MAC address \(macvlan.macAddress) on "
            + "\(parent.name), and it is not this node's; stop what uses it, or remove it with "
            + "'ip link delete \(link.name)'")
      }
    }
  }

  /// Removes the macvlans of nodes that are dead.
  func removeStrayMacvlans() {
    for link in (try? allLinks()) ?? [] where RouterMacvlan.isOurs(link) {
      guard macvlans[link.index] == nil else { continue }
      _ = removeLeftover(link, isClaimed: false)
    }
  }

  /// Removes a macvlan of ours and puts back what it says its parent had.
  ///
  /// - Returns: whether its node is dead.
  private func removeLeftover(_ link: Link, isClaimed: Bool) -> Bool {
    if !isClaimed {
      guard (try? claim(link.name)) ?? false else { return false }
    }
    defer { if !isClaimed { release(link.name) } }
    var requests: [LinkRequest] = [.delete(index: link.index)]
    let saved = RouterMacvlan.restoration(in: link.alias)
    if let parent = link.parentIndex, !parentSettings.inherit(saved, on: parent), !saved.isEmpty {
      requests += ParentSettings.restoration(
        of: saved, on: parent, present: presentSettings(of: parent))
    }
    _ = platform.kernel.change(requests)
    return true
  }

  // MARK: The kernel

  private func change(_ requests: [LinkRequest]) throws(NodeError) {
    for error in platform.kernel.change(requests) {
      guard let error else { continue }
      throw NodeError(error)
    }
  }

  private func allLinks() throws(NodeError) -> [Link] {
    do throws(NetlinkError) {
      return try platform.kernel.links()
    } catch {
      throw NodeError(error)
    }
  }

  private func present(named name: String) throws(NodeError) -> Link? {
    do throws(NetlinkError) {
      return try platform.kernel.link(named: name)
    } catch {
      throw NodeError(error)
    }
  }
}
