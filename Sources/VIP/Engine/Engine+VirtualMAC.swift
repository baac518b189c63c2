import Netlink
import VIPCore
import VRRP

/// Serving addresses under the virtual MAC address of their router.
///
/// The addresses live on a macvlan that is there while the router is Backup, switched off and with
/// every address waiting on it. To take over is then one message to the kernel, however many there
/// are: the switch learns the new port from the advertisement that goes before it, and the
/// segment's caches name the virtual MAC address already. To let go is one message too.
///
/// What waits on it while it is off has no end, since Linux would drop an IPv6 address that has
/// one, and an IPv4 address would run out. The leases follow when it is on, slice by slice.
///
/// What is known of a macvlan is in ``RouterMacvlan``, what asks the kernel for it in
/// ``MacvlanTable``.
extension Engine {
  /// Makes the macvlan of a router that has claimed its group, switched off; nothing if it is to
  /// have none.
  ///
  /// - Throws: why there is none. Nothing has changed then.
  func createMacvlan(for instance: RouterInstance, on link: Link) throws(NodeError) {
    guard instance.settings.virtualMAC, let name = claims.group(of: instance.slot) else { return }
    let macvlan = RouterMacvlan(name: name, instance.settings.vrid, instance.family)
    instance.addMacvlan(macvlan)
    let index = try macvlans.make(
      macvlan, for: instance.slot, on: link,
      partOf: link.masterIndex.flatMap { interfaces.link($0) }, wording)
    instance.tellMacvlan { $0.created(index: index) }
  }

  /// Switches a router's macvlan on, with all addresses that wait on it.
  ///
  /// - Returns: whether it is on.
  func switchOn(_ instance: RouterInstance) -> Bool {
    guard let macvlan = instance.macvlan, let link = instance.link else { return false }
    if macvlan.isUp { return true }
    guard let index = macvlan.index else { return false }
    let preparation = macvlans.prepareSwitchingOn(macvlan, of: instance.slot, on: link)
    // What is changed on the parent must not outlive this process.
    updateSafeguard(of: instance)
    if let error = macvlans.switchOn(index, after: preparation) {
      macvlans.restoreParent(
        of: macvlan, instance.slot, on: link, after: [.setUp(false, index: index)])
      // One that is gone is reported next, and made again.
      if !isGone(index) {
        handleFailure(ofMacvlanOf: instance, error.naming([index: macvlan.name]))
      }
      return false
    }
    instance.addresses.interfaceCameUp()
    let areLeasesDue = instance.tellMacvlan { [count = instance.addresses.count] macvlan in
      macvlan.switchedOn(addresses: count, hasLeases: !lease.isOff, at: now)
    }
    announceInstalled(instance)
    if areLeasesDue ?? false { work.add(.refresh, instance.slot) }
    schedule(instance)
    return true
  }

  /// Switches a router's macvlan off, and has its addresses put there again to wait.
  ///
  /// Linux goes on taking its IPv4 addresses for the machine's own; until they wait again, the
  /// parent must not answer for them.
  func switchOff(_ instance: RouterInstance) {
    guard let macvlan = instance.macvlan, let index = macvlan.index else { return }
    if let error = macvlans.switchOff(index) {
      handleFailure(ofMacvlanOf: instance, error.naming([index: macvlan.name]))
      // That of a router that leaves is deleted next.
      guard instance.attendance.isLeaving else { return }
    }
    instance.tellMacvlan { $0.switchedOff() }
    instance.addresses.interfaceWentDown()
    if !instance.attendance.isLeaving { work.add(.load, instance.slot) }
  }

  /// All addresses that can wait do; none of them concerns the parent any more.
  func handleLoaded(_ instance: RouterInstance) {
    guard !instance.isReachable, let macvlan = instance.macvlan, let link = instance.link else {
      return
    }
    macvlans.restoreParent(of: macvlan, instance.slot, on: link)
  }

  /// Removes a router's macvlan, with all that is on it.
  func removeMacvlan(of instance: RouterInstance) {
    guard let macvlan = instance.macvlan else { return }
    macvlans.remove(macvlan, of: instance.slot, on: instance.link)
    instance.dropMacvlan()
  }

  // MARK: Repair

  /// Linux does not use an address because another machine answered for it in the moment in which
  /// it became usable: the election has decided otherwise.
  func handleRefusal(of record: AddressRecord) {
    guard let slot = macvlans.slot(of: record.interfaceIndex), let instance = instances[slot],
      let position = instance.addresses.position(of: record.address),
      instance.addresses[position].isInstalled, !instance.addresses.isRetired(position)
    else { return }
    if let error = platform.kernel.remove([instance.request(position, lifetime: nil)])[0],
      !error.isNotThere
    {
      handleRefusedRequest(position, of: instance, because: instance.words(of: error))
      return schedule(instance)
    }
    instance.addresses.rejected(position)
    work.add(instance.isHolding ? .install : .load, instance.slot)
  }

  /// Records why a macvlan can't do what it should, says so once, and tries again in a second.
  func handleFailure(ofMacvlanOf instance: RouterInstance, _ text: String) {
    let isNew = instance.tellMacvlan { $0.failed(text, at: now) }
    if isNew ?? false { warn(.macvlan, of: instance, text) }
    schedule(instance)
  }

  /// Does for a router's macvlan what is due.
  func serveMacvlan(of instance: RouterInstance) {
    guard let due = instance.tellMacvlan({ $0.takeDue(by: now) }) else { return }
    if due.isReviewDue {
      // It may be made again, which the guard has to know before anything is put on it.
      noteChange()
      reviewMacvlan(of: instance)
    }
    if due.areSettingsDue {
      noteChange()
      followSettings(of: instance)
      if instance.macvlan?.problem == nil { putBackAddresses(of: instance) }
    }
    if due.areLeasesDue { work.add(.refresh, instance.slot) }
  }

  /// Compares macvlans and their parents with what they should be, after they may have changed.
  func reviewMacvlans(_ changed: Set<Int32>) {
    let ordered = changed.sorted()
    for index in ordered {
      macvlans.reviewParent(index) { slot in
        guard let instance = instances[slot], let macvlan = instance.macvlan,
          let link = instance.link
        else { return nil }
        return (macvlan, link)
      }
    }
    for index in ordered {
      if let instance = macvlans.slot(of: index).flatMap({ instances[$0] }) {
        reviewMacvlan(of: instance)
      }
    }
    for instance in routers(attachedTo: ordered) where lacksRoom(instance) {
      reviewMacvlan(of: instance)
    }
  }

  /// The routers that are attached to some interfaces, in the order of their slots.
  private func routers(attachedTo indices: [Int32]) -> [RouterInstance] {
    let keys = indices.flatMap { index in
      AddressFamily.allCases.map { SegmentKey(interfaceIndex: index, family: $0) }
    }
    return keys.compactMap { segments[$0] }.flatMap(\.members).sorted { $0.slot < $1.slot }
  }

  /// Whether a router has no macvlan because of the MTU, or one that is of no use for it, as far as
  /// the kernel has reported.
  func lacksRoom(_ instance: RouterInstance) -> Bool {
    // One that could not be made for another reason is tried again in a second.
    guard let macvlan = instance.macvlan, macvlan.problem == nil else { return false }
    guard let index = macvlan.index else { return true }
    return interfaces.link(index).map { !$0.hasRoom(for: instance.family) } ?? false
  }

  /// Removes a macvlan from which Linux has taken the router's family because of the MTU.
  ///
  /// Linux lowers a macvlan's MTU with that of the interface below and does not raise it again. So
  /// it is made again once the interface below has room for the family.
  ///
  /// - Returns: whether there may be one now.
  private func makeRoom(
    _ instance: RouterInstance, for present: inout Link?, on link: Link
  ) -> Bool {
    guard let macvlan = instance.macvlan else { return false }
    if let own = present, own.hasRoom(for: instance.family) { return true }
    // As it is now: its report may come after that of the macvlan.
    let parent = try? platform.kernel.link(link.index)
    let hasRoom = parent?.hasRoom(for: instance.family) ?? true
    guard present != nil || !hasRoom else { return true }
    macvlans.remove(macvlan, of: instance.slot, on: link)
    instance.tellMacvlan { $0.removed() }
    instance.addresses.interfaceVanished()
    present = nil
    return hasRoom
  }

  /// Whether a router's macvlan is to be on.
  func serves(_ instance: RouterInstance) -> Bool {
    instance.isHolding || instance.handover.isUnderWay
  }

  /// Puts one macvlan in order, at most once a second.
  private func reviewMacvlan(of instance: RouterInstance) {
    guard let macvlan = instance.macvlan, let link = instance.link else { return }
    var present = macvlan.index.flatMap { try? platform.kernel.link($0) }
    // It goes with its parent, whose report comes after that of the macvlan.
    guard present != nil || (interfaces.link(link.index) != nil && !isGone(link.index)) else {
      return
    }
    guard makeRoom(instance, for: &present, on: link) else { return schedule(instance) }
    let serves = serves(instance)
    let deed = instance.tellMacvlan { $0.review(present, serves: serves, at: now) } ?? .nothing
    schedule(instance)
    guard deed != .nothing else { return }
    switch deed {
    case .nothing: break
    case .create(let wasRemoved):
      if let index = macvlan.index { macvlans.forget(index) }
      if wasRemoved { warn("removed \(macvlan.name)", of: instance) }
      recreateMacvlan(of: instance, on: link)
    case .switchOn(let wasSwitched):
      if wasSwitched { warn("switched \(macvlan.name) off", of: instance) }
      work.add(.install, instance.slot)
    case .switchOff(let wasSwitched):
      if wasSwitched { warn("switched \(macvlan.name) on", of: instance) }
      switchOff(instance)
    }
  }

  private func warn(_ deed: String, of instance: RouterInstance) {
    warn(
      .macvlan, of: instance,
      "something on this host \(deed); exclude it from other network managers")
  }

  /// Makes a macvlan again that is gone.
  private func recreateMacvlan(of instance: RouterInstance, on link: Link) {
    instance.addresses.interfaceVanished()
    do throws(NodeError) {
      try createMacvlan(for: instance, on: link)
    } catch {
      if isGone(link.index) { return }
      return handleFailure(ofMacvlanOf: instance, error.description)
    }
    work.add(instance.isHolding ? .install : .load, instance.slot)
  }
}
