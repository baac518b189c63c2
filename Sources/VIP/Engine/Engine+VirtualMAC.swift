import Netlink
import VIPCore
import VRRP

/// Serving addresses under the virtual MAC address of their router.
///
/// The addresses live on a macvlan that is there while the router is Backup, switched off and with
/// every address waiting on it. To take over is then one message to the kernel, however many there are: the
/// switch learns the new port from the advertisement that goes before it, and the segment's caches
/// name the virtual MAC address already. To let go is one message too.
///
/// What waits on it while it is off has no end, since Linux would drop an IPv6 address that has one,
/// and an IPv4 address would run out. The leases follow when it is on, slice by slice.
///
/// What is known of a macvlan is in ``RouterMacvlan``, what is changed below it in
/// ``ParentSettings``; here is what asks the kernel for it.
extension Engine {
  /// Switches a router's macvlan on, with all addresses that wait on it.
  ///
  /// - Returns: whether it is on.
  func switchOn(_ instance: RouterInstance) -> Bool {
    guard let macvlan = instance.macvlan, let link = instance.link else { return false }
    if macvlan.isUp { return true }
    guard let index = macvlan.index else { return false }
    var requests: [LinkRequest] = []
    if instance.family == .ipv4 { requests = suppressARP(on: link, for: instance) }
    // What is changed on the parent must not outlive this process.
    updateSafeguard(of: instance)
    requests.append(.setUp(true, index: index))
    if let error = platform.kernel.change(requests).lazy.compactMap({ $0 }).first {
      restore(after: [.setUp(false, index: index)], for: instance)
      isSafeguardStale = true
      handleFailure(ofMacvlanOf: instance, error.description)
      return false
    }
    instance.addresses.interfaceCameUp()
    let areLeasesDue = instance.macvlan?.switchedOn(
      addresses: instance.addresses.count, hasLeases: lease.lifetime != nil, at: now)
    announceInstalled(instance)
    if areLeasesDue ?? false { work.add(.refresh, instance.slot) }
    schedule(instance)
    return true
  }

  /// Switches a router's macvlan off, and has its addresses put there again to wait.
  ///
  /// Linux goes on taking its IPv4 addresses for the machine's own; until they wait again, the parent
  /// must not answer for them.
  func switchOff(_ instance: RouterInstance) {
    guard let index = instance.macvlan?.index else { return }
    let results = platform.kernel.change([.setUp(false, index: index)])
    if let error = results.first ?? nil, !error.isNotThere {
      handleFailure(ofMacvlanOf: instance, error.description)
    }
    instance.macvlan?.switchedOff()
    instance.addresses.interfaceWentDown()
    isSafeguardStale = true
    if instance.activity != .leaving { work.add(.load, instance.slot) }
  }

  /// All addresses that can wait do; none of them concerns the parent any more.
  func handleLoaded(_ instance: RouterInstance) {
    guard !instance.isReachable else { return }
    restore(after: [], for: instance)
  }

  /// Gives a macvlan's parent its settings back if no other router needs them changed.
  ///
  /// What the kernel refuses stays noted, so that the guard and the next release make it good.
  private func restore(after first: [LinkRequest], for instance: RouterInstance) {
    guard let parent = instance.link else { return }
    let saved = parentSettings.saved(on: parent.index)
    let requests = first + restoreARP(for: instance)
    guard !requests.isEmpty else { return }
    let isRefused = zip(requests, platform.kernel.change(requests)).contains { request, error in
      guard case .setIPv4 = request else { return false }
      return error.map { !$0.isNotThere } ?? false
    }
    if isRefused {
      parentSettings.retain(saved, on: parent.index, for: instance.slot)
      _ = platform.kernel.change(noteSavedSettings(on: instance))
    }
    isSafeguardStale = true
  }

  /// Removes a router's macvlan, with all that is on it.
  func removeMacvlan(of instance: RouterInstance) {
    guard let macvlan = instance.macvlan else { return }
    var requests = restoreARP(for: instance)
    if let index = macvlan.index {
      requests.insert(.delete(index: index), at: 0)
      macvlans[index] = nil
    }
    if !requests.isEmpty { _ = platform.kernel.change(requests) }
    instance.macvlan = nil
    isSafeguardStale = true
  }

  // MARK: The parent

  /// Keeps a macvlan's parent from answering for its addresses, and notes in the macvlan's alias what
  /// the parent had.
  private func suppressARP(on link: Link, for instance: RouterInstance) -> [LinkRequest] {
    let requests = parentSettings.suppressARP(on: link.index, for: instance.slot) {
      // As they are now: not every change of them is reported.
      presentSettings(of: link.index) ?? link.ipv4
    }
    // Noted first: a process that dies in between has then changed nothing that is not noted.
    return noteSavedSettings(on: instance) + requests
  }

  /// The requests that give a macvlan's parent its settings back if no other router needs them changed.
  private func restoreARP(for instance: RouterInstance) -> [LinkRequest] {
    guard let parent = instance.link,
      let requests = parentSettings.release(
        parent.index, for: instance.slot, present: { presentSettings(of: parent.index) })
    else { return [] }
    guard let index = instance.macvlan?.index, instance.activity != .leaving else {
      return requests
    }
    let alias = RouterMacvlan.alias(instance.settings.vrid, on: parent.name)
    return requests + [.setAlias(alias, index: index)]
  }

  /// Notes in the alias of a router's macvlan what its parent had, if anything was changed.
  private func noteSavedSettings(on instance: RouterInstance) -> [LinkRequest] {
    guard let index = instance.macvlan?.index, let link = instance.link else { return [] }
    let saved = parentSettings.saved(on: link.index)
    guard !saved.isEmpty else { return [] }
    let alias = RouterMacvlan.alias(instance.settings.vrid, on: link.name, restoring: saved)
    return [.setAlias(alias, index: index)]
  }

  /// What an interface has now; `nil` if that can't be read.
  func presentSettings(of index: Int32) -> [IPv4Setting: Int32]? {
    (try? platform.kernel.link(index))?.ipv4
  }

  /// What the guard would have to put back on the parent of a router's macvlan.
  func savedSettings(ofParentOf instance: RouterInstance) -> [IPv4Setting: Int32] {
    guard let link = instance.link else { return [:] }
    return parentSettings.saved(on: link.index, for: instance.slot)
  }

  // MARK: Repair

  /// Linux does not use an address because another machine answered for it in the moment in which it
  /// became usable: the election has decided otherwise.
  func handleRefusal(of record: AddressRecord) {
    guard let slot = macvlans[record.interfaceIndex], let instance = instances[slot],
      let position = instance.addresses.position(of: record.address),
      instance.addresses[position].isInstalled, !instance.addresses.isRetired(position)
    else { return }
    _ = platform.kernel.remove([instance.request(position, lifetime: nil)])
    instance.addresses.rejected(position)
    work.add(instance.isHolding ? .install : .load, instance.slot)
  }

  /// Records why a macvlan can't do what it should, says so once, and tries again in a second.
  func handleFailure(ofMacvlanOf instance: RouterInstance, _ text: String) {
    if instance.macvlan?.failed(text, at: now) ?? false {
      warn(.macvlan, of: instance, text)
    }
    schedule(instance)
  }

  /// Does for a router's macvlan what is due.
  func serveMacvlan(of instance: RouterInstance) {
    guard let due = instance.macvlan?.takeDue(by: now) else { return }
    if due.isReviewDue { reviewMacvlan(of: instance) }
    if due.areLeasesDue { work.add(.refresh, instance.slot) }
  }

  /// Compares macvlans and their parents with what they should be, after they may have changed.
  func reviewMacvlans(_ changed: Set<Int32>) {
    for index in changed.sorted() where parentSettings.areChanged(on: index) { reviewParent(index) }
    for index in changed.sorted() {
      if let instance = macvlans[index].flatMap({ instances[$0] }) { reviewMacvlan(of: instance) }
    }
  }

  /// Another node on this machine, or an operator, may have put back what is needed here.
  private func reviewParent(_ index: Int32) {
    guard let present = presentSettings(of: index),
      let repair = parentSettings.review(index, present: present)
    else { return }
    let notes = repair.noting.compactMap { instances[$0] }.flatMap(noteSavedSettings)
    _ = platform.kernel.change(notes + [repair.request])
    isSafeguardStale = true
  }

  /// Whether a router's macvlan is to be on.
  func serves(_ instance: RouterInstance) -> Bool {
    instance.isHolding || instance.handover.isUnderWay
  }

  /// Puts one macvlan in order, at most once a second.
  private func reviewMacvlan(of instance: RouterInstance) {
    guard let macvlan = instance.macvlan, let link = instance.link else { return }
    let present = macvlan.index.flatMap { try? platform.kernel.link($0) }
    // It goes with its parent.
    guard present != nil || interfaces.link(link.index) != nil else { return }
    let deed = instance.macvlan?.review(present, serves: serves(instance), at: now) ?? .nothing
    schedule(instance)
    guard deed != .nothing else { return }
    switch deed {
    case .nothing: break
    case .create(let wasRemoved):
      if let index = macvlan.index { macvlans[index] = nil }
      if wasRemoved { warn("removed \(macvlan.name)", of: instance) }
      recreateMacvlan(of: instance, on: link)
    case .switchOn(let wasSwitched):
      if wasSwitched { warn("switched \(macvlan.name) off", of: instance) }
      work.add(.install, instance.slot)
    case .switchOff:
      warn("switched \(macvlan.name) on", of: instance)
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
      return handleFailure(ofMacvlanOf: instance, error.description)
    }
    work.add(instance.isHolding ? .install : .load, instance.slot)
  }
}
