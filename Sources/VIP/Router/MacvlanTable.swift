import Netlink
import VIPCore
import VRRP

/// The macvlans of this node, and what is changed below them: making them, switching them, clearing
/// away those of the dead.
///
/// What is known of one macvlan is in its ``RouterMacvlan``; here is what asks the kernel for it,
/// and which router it belongs to. Each has the name of its router's group, which is claimed for as
/// long as its node lives; so a macvlan of ours whose name is not claimed belongs to a dead node.
struct MacvlanTable {
  private let platform: any Platform
  private let claims: NameClaims
  /// The slots of the routers by the kernel's numbers for their macvlans.
  private var slots: [Int32: Int] = [:]
  private var parents = ParentSettings()

  init(_ platform: any Platform, _ claims: NameClaims) {
    self.platform = platform
    self.claims = claims
  }

  /// Whether there is none, and nothing is changed on any interface.
  var isEmpty: Bool { slots.isEmpty && parents.interfaces.isEmpty }

  /// The interfaces that are macvlans or have settings changed for them.
  var interfaces: Set<Int32> { Set(slots.keys).union(parents.interfaces) }

  /// The slot of the router whose macvlan an interface is.
  func slot(of index: Int32) -> Int? { slots[index] }

  // MARK: One macvlan

  /// Makes a macvlan, switched off.
  ///
  /// - Parameters:
  ///   - macvlan: what it shall be like.
  ///   - slot: its router.
  ///   - parent: the interface below it.
  ///   - master: what that is part of, such as a bridge.
  ///   - wording: how the program around calls its settings.
  /// - Returns: the kernel's number for it.
  /// - Throws: why there is none. Nothing has changed then.
  mutating func make(
    _ macvlan: RouterMacvlan, for slot: Int, on parent: Link, partOf master: Link?,
    _ wording: Wording
  ) throws(NodeError) -> Int32 {
    try checkSettings(for: macvlan.family, on: parent, wording)
    try clearWay(for: macvlan, on: parent)
    let description = Macvlan(
      name: macvlan.name, parentIndex: parent.index, macAddress: macvlan.macAddress)
    try create(description, on: parent, partOf: master)
    guard let index = try present(named: macvlan.name)?.index else {
      throw NodeError(.system(errno: 19), "\(macvlan.name) has vanished as soon as it was made")
    }
    do throws(NodeError) {
      let alias = RouterMacvlan.alias(macvlan.vrid, on: parent.name)
      try change([.setAlias(alias, index: index)], naming: [index: macvlan.name])
      try configure(macvlan.name, index, macvlan.family, on: parent, wording)
    } catch {
      _ = platform.kernel.change([.delete(index: index)])
      throw error
    }
    slots[index] = slot
    return index
  }

  /// Prepares the switching on of a macvlan: what is to be changed on its parent is noted from now
  /// on.
  ///
  /// - Returns: the requests that come before it.
  mutating func prepareSwitchingOn(
    _ macvlan: RouterMacvlan, of slot: Int, on parent: Link
  ) -> [LinkRequest] {
    // An IPv6 one answers no ARP.
    guard macvlan.family == .ipv4 else { return [] }
    let requests = parents.suppressARP(on: parent.index, for: slot) { [platform] in
      // As they are now: not every change of them is reported.
      platform.kernel.settings(of: parent.index) ?? parent.ipv4
    }
    // Noted first: a process that dies in between has then changed nothing that is not noted.
    return notes(on: macvlan, parent) + requests
  }

  /// Switches a macvlan on.
  ///
  /// - Parameters:
  ///   - index: its number.
  ///   - preparation: what ``prepareSwitchingOn(_:of:on:)`` said.
  /// - Returns: what the kernel refused; `nil` if it is on.
  func switchOn(_ index: Int32, after preparation: [LinkRequest]) -> NetlinkError? {
    platform.kernel.change(preparation + [.setUp(true, index: index)]).lazy.compactMap { $0 }.first
  }

  /// Switches a macvlan off.
  ///
  /// - Returns: what the kernel refused; `nil` if it is off or gone.
  func switchOff(_ index: Int32) -> NetlinkError? {
    guard let error = platform.kernel.change([.setUp(false, index: index)])[0] else { return nil }
    return error.isNotThere ? nil : error
  }

  /// Gives the parent of a macvlan its settings back if no other router needs them changed.
  ///
  /// What the kernel refuses stays noted, so that the guard and the next release make it good.
  mutating func restoreParent(
    of macvlan: RouterMacvlan, _ slot: Int, on parent: Link, after first: [LinkRequest] = []
  ) {
    let saved = parents.saved(on: parent.index)
    let requests = first + restoration(of: macvlan, slot, on: parent, isStaying: true)
    guard !requests.isEmpty else { return }
    let isRefused = zip(requests, platform.kernel.change(requests)).contains { request, error in
      guard case .setIPv4 = request else { return false }
      return error.map { !$0.isNotThere } ?? false
    }
    guard isRefused else { return }
    parents.retain(saved, on: parent.index, for: slot)
    _ = platform.kernel.change(notes(on: macvlan, parent))
  }

  /// Removes a macvlan, with all that is on it, and gives its parent its settings back.
  mutating func remove(_ macvlan: RouterMacvlan, of slot: Int, on parent: Link?) {
    var requests: [LinkRequest] = []
    if let index = macvlan.index {
      requests.append(.delete(index: index))
      forget(index)
    }
    if let parent {
      requests += restoration(of: macvlan, slot, on: parent, isStaying: false)
    }
    if !requests.isEmpty { _ = platform.kernel.change(requests) }
  }

  /// A macvlan belongs to another router from now on, which has it as it is.
  mutating func passOn(_ index: Int32, from former: Int, to heir: Int, on parent: Link) {
    slots[index] = heir
    parents.passOn(parent.index, from: former, to: heir)
  }

  /// A macvlan is gone.
  mutating func forget(_ index: Int32) { slots[index] = nil }

  // MARK: The parent

  /// The settings that would have to be put back on the parent of a router's macvlan.
  func savedSettings(of parent: Link, for slot: Int) -> [IPv4Setting: Int32] {
    parents.saved(on: parent.index, for: slot)
  }

  /// Changes an interface again whose settings another node on this machine, or an operator, has
  /// put back.
  ///
  /// - Parameters:
  ///   - index: the interface.
  ///   - macvlan: the macvlan of a slot, and its parent.
  mutating func reviewParent(_ index: Int32, notesOf macvlan: (Int) -> (RouterMacvlan, Link)?) {
    guard parents.areChanged(on: index), let present = platform.kernel.settings(of: index),
      let repair = parents.review(index, present: present)
    else { return }
    let notes = repair.noting.compactMap(macvlan).flatMap { self.notes(on: $0, $1) }
    _ = platform.kernel.change(notes + [repair.request])
  }

  private mutating func restoration(
    of macvlan: RouterMacvlan, _ slot: Int, on parent: Link, isStaying: Bool
  ) -> [LinkRequest] {
    let present = { [platform] in platform.kernel.settings(of: parent.index) }
    guard let requests = parents.release(parent.index, for: slot, present: present) else {
      return []
    }
    guard isStaying, let index = macvlan.index else { return requests }
    let alias = RouterMacvlan.alias(macvlan.vrid, on: parent.name)
    return requests + [.setAlias(alias, index: index)]
  }

  /// Notes in the alias of a macvlan what its parent had, if anything was changed.
  private func notes(on macvlan: RouterMacvlan, _ parent: Link) -> [LinkRequest] {
    let saved = parents.saved(on: parent.index)
    guard let index = macvlan.index, !saved.isEmpty else { return [] }
    let alias = RouterMacvlan.alias(macvlan.vrid, on: parent.name, restoring: saved)
    return [.setAlias(alias, index: index)]
  }

  // MARK: Making

  /// Gives a macvlan the settings that it needs, some of which are those of its parent.
  func configure(
    _ name: String, _ index: Int32, _ family: AddressFamily, on parent: Link, _ wording: Wording
  ) throws(NodeError) {
    let names = [index: name]
    try change([.setIPv4(ipv4Settings(family, on: parent), index: index)], naming: names)
    // A machine may be without IPv6.
    let path = "ipv6/conf/\(name)"
    guard family == .ipv6 || platform.setting("\(path)/disable_ipv6") != nil else { return }
    try change([.withoutLinkLocal(index: index)], naming: names)
    for (setting, value) in ipv6Settings(family, on: parent)
    where platform.setting("\(path)/\(setting)") != value {
      let code = platform.changeSetting("\(path)/\(setting)", to: value)
      guard code == 0 else {
        throw unwritable(
          SettingName.of(setting, .ipv6, on: name), on: name, code, wording)
      }
    }
  }

  /// Whether a macvlan, as the kernel has it, has the settings that it needs.
  func isConfigured(_ macvlan: RouterMacvlan, as present: Link, on parent: Link) -> Bool {
    let ipv4 = ipv4Settings(macvlan.family, on: parent)
    guard ipv4.allSatisfy({ present.ipv4[$0] ?? $1 == $1 }) else { return false }
    let path = "ipv6/conf/\(macvlan.name)"
    guard platform.setting("\(path)/disable_ipv6") != nil else { return true }
    return ipv6Settings(macvlan.family, on: parent).allSatisfy {
      platform.setting("\(path)/\($0)") == $1
    }
  }

  /// A macvlan answers for its own addresses only, and one of IPv6 answers no ARP at all.
  private func ipv4Settings(_ family: AddressFamily, on parent: Link) -> [IPv4Setting: Int32] {
    [
      .arpIgnore: family == .ipv4 ? 1 : 8, .arpAnnounce: 2, .promotesSecondaries: 1,
      .reversePathFilter: reversePathFilter(on: parent),
      .forwarding: parent.ipv4[.forwarding] ?? 0,
    ]
  }

  private func ipv6Settings(_ family: AddressFamily, on parent: Link) -> [(String, Int)] {
    let forwarding = platform.setting("ipv6/conf/\(parent.name)/forwarding") ?? 0
    // It gives itself no address, also where IPv6 is switched off and on again for all interfaces.
    var settings = [("accept_ra", 0), ("autoconf", 0), ("router_solicitations", 0)]
    settings +=
      family == .ipv4
      ? [("disable_ipv6", 1)]
      : [
        ("disable_ipv6", 0), ("keep_addr_on_down", 1), ("forwarding", forwarding),
        // An address waits for its detection of duplicates, which must take no time.
        ("accept_dad", 1), ("dad_transmits", 0), ("router_solicitation_delay", 0),
      ]
    return settings
  }

  /// Looks before anything is made whether what it needs can be set.
  private func checkSettings(
    for family: AddressFamily, on link: Link, _ wording: Wording
  ) throws(NodeError) {
    let path = "ipv6/conf/\(link.name)/disable_ipv6"
    guard platform.setting(path) != nil else {
      guard family == .ipv6 else { return }
      throw NodeError(.system(errno: 97), "IPv6 is not available on \(link.name)")
    }
    let code = platform.obstacle(toSetting: path)
    guard code == 0 else { throw unwritable("net.ipv6.conf", on: link.name, code, wording) }
  }

  private func unwritable(
    _ what: String, on name: String, _ code: Int32, _ wording: Wording
  ) -> NodeError {
    NodeError(
      code == 1 || code == 13 ? .notPermitted : .system(errno: code),
      "a virtual MAC address on \(name) needs to change \(what), which can't be written "
        + "(\(errorText(code))); let this container write /proc/sys/net, or "
        + wording.withoutVirtualMAC
    )
  }

  private func create(
    _ macvlan: Macvlan, on parent: Link, partOf master: Link?
  ) throws(NodeError) {
    do throws(NodeError) {
      try change([.create(macvlan)], naming: [parent.index: parent.name])
    } catch {
      guard let master else { throw error }
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
  private mutating func clearWay(for macvlan: RouterMacvlan, on parent: Link) throws(NodeError) {
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
  mutating func removeStrays() {
    for link in (try? allLinks()) ?? [] where RouterMacvlan.isOurs(link) {
      guard slots[link.index] == nil else { continue }
      _ = removeLeftover(link, isClaimed: false)
    }
  }

  /// Removes a macvlan of ours and puts back what it says its parent had.
  ///
  /// - Returns: whether its node is dead.
  private mutating func removeLeftover(_ link: Link, isClaimed: Bool) -> Bool {
    if !isClaimed {
      guard (try? claims.claim(link.name)) ?? false else { return false }
    }
    defer { if !isClaimed { claims.release(link.name) } }
    var requests: [LinkRequest] = [.delete(index: link.index)]
    let saved = RouterMacvlan.restoration(in: link.alias)
    if let parent = link.parentIndex, !parents.inherit(saved, on: parent), !saved.isEmpty {
      requests += ParentSettings.restoration(
        of: saved, on: parent, present: platform.kernel.settings(of: parent))
    }
    _ = platform.kernel.change(requests)
    return true
  }

  // MARK: The kernel

  /// Changes interfaces; an error has their names.
  private func change(
    _ requests: [LinkRequest], naming names: [Int32: String]
  ) throws(NodeError) {
    for error in platform.kernel.change(requests) {
      guard let error else { continue }
      throw NodeError(NodeError(error).kind, error.naming(names))
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

extension Kernel {
  /// The settings that an interface has now; `nil` if they can't be read.
  fileprivate func settings(of index: Int32) -> [IPv4Setting: Int32]? { (try? link(index))?.ipv4 }
}
