import Netlink
import VIPCore
import VRRP

/// Serving addresses under the virtual MAC address of their router.
///
/// The addresses live on a macvlan that is there while the router is Backup, switched off and with
/// every address on it. To take over is then one message to the kernel, however many there are: the
/// switch learns the new port from the advertisement that goes before it, and the segment's caches
/// name the virtual MAC address already. To let go is one message too.
///
/// What is loaded while it is off has no end, since Linux would drop an IPv6 address that has one,
/// and an IPv4 address would run out. The leases follow when it is on, slice by slice.
extension Engine {
  /// Between two attempts to put in order what somebody else has changed.
  static let repairPause = Duration.seconds(1)
  /// What Linux may take to wake an IPv6 address.
  private static let wakingTime = Duration.microseconds(500)

  /// Switches a router's macvlan on, with all that is loaded on it.
  ///
  /// - Returns: whether it is on.
  func raise(_ instance: RouterInstance) -> Bool {
    guard let virtual = instance.virtual, let link = instance.link else { return false }
    if virtual.isUp { return true }
    guard let index = virtual.index else { return false }
    var requests: [LinkRequest] = []
    if instance.family == .ipv4 { requests = hush(link, for: instance) }
    // What is changed on the parent must not outlive this process.
    updateSafeguard(of: instance)
    requests.append(.setUp(true, index: index))
    if let error = platform.kernel.change(requests).lazy.compactMap({ $0 }).first {
      _ = platform.kernel.change([.setUp(false, index: index)] + unhush(instance))
      isSafeguardStale = true
      failVirtual(instance, because: error.description)
      return false
    }
    instance.virtual?.isUp = true
    instance.virtual?.failure = nil
    for index in instance.addresses.indices where instance.addresses[index].isInstalled {
      instance.addresses[index].isAwake = true
    }
    announceInstalled(instance)
    if lease.lifetime != nil, instance.family == .ipv4 {
      work.add(.refresh, instance)
    } else if lease.lifetime != nil {
      // Linux wakes IPv6 addresses one by one, and requests would keep it from that.
      let leasesAt = now + Self.wakingTime * instance.addresses.count
      instance.virtual?.leasesAt = leasesAt
      armRetry(at: leasesAt)
    }
    return true
  }

  /// Switches a router's macvlan off, and has it loaded anew.
  ///
  /// Linux goes on taking its IPv4 addresses for the machine's own; until they are loaded anew, the
  /// parent must not answer for them.
  func lower(_ instance: RouterInstance) {
    guard let virtual = instance.virtual, let index = virtual.index else { return }
    let results = platform.kernel.change([.setUp(false, index: index)])
    if let error = results.first ?? nil, !error.isNotThere {
      failVirtual(instance, because: error.description)
    }
    instance.virtual?.isUp = false
    isSafeguardStale = true
    for index in instance.addresses.indices where instance.family == .ipv6 {
      instance.addresses[index].isAwake = false
      guard instance.addresses[index].isLeased else { continue }
      // Linux keeps only those without an end.
      instance.addresses[index].isInstalled = false
      instance.addresses[index].isLeased = false
      instance.addresses[index].expectedRemovals += 1
    }
    if instance.activity != .leaving { work.add(.load, instance) }
  }

  /// All that can be is loaded; nothing of it concerns the parent any more.
  func settle(_ instance: RouterInstance) {
    guard !instance.isReachable else { return }
    let requests = unhush(instance)
    guard !requests.isEmpty else { return }
    _ = platform.kernel.change(requests)
    isSafeguardStale = true
  }

  /// Removes a router's macvlan, with all that is on it.
  func removeVirtualInterface(of instance: RouterInstance) {
    guard let virtual = instance.virtual else { return }
    if let index = virtual.index {
      _ = platform.kernel.change([.delete(index: index)] + unhush(instance))
      virtuals[index] = nil
    }
    platform.releaseName(virtual.name)
    instance.virtual = nil
    isSafeguardStale = true
  }

  // MARK: The parent

  /// Changes the ARP settings of a macvlan's parent, and notes on the macvlan what they were.
  private func hush(_ link: Link, for instance: RouterInstance) -> [LinkRequest] {
    var requests: [LinkRequest] = []
    if hushed[link.index] == nil {
      // As they are now: not every change of them is reported.
      let present = (try? platform.kernel.link(link.index))?.ipv4 ?? link.ipv4
      let saved = present.filter { setting, value in
        VirtualInterface.parentSettings[setting].map { value < $0 } ?? false
      }
      hushed[link.index] = HushedParent(saved: saved)
      requests = settingRequest(VirtualInterface.parentSettings, saved, link.index)
    }
    hushed[link.index]?.users.insert(instance.slot)
    return requests + remark(of: instance)
  }

  /// Notes on a router's macvlan what its parent had, if anything was changed.
  private func remark(of instance: RouterInstance) -> [LinkRequest] {
    guard let index = instance.virtual?.index, let link = instance.link,
      let saved = hushed[link.index]?.saved, !saved.isEmpty
    else { return [] }
    let alias = VirtualInterface.alias(instance.settings.vrid, on: link.name, restoring: saved)
    return [.setAlias(alias, index: index)]
  }

  /// Gives a macvlan's parent its settings back if nobody else needs them changed.
  private func unhush(_ instance: RouterInstance) -> [LinkRequest] {
    guard let parent = instance.link, var entry = hushed[parent.index],
      entry.users.remove(instance.slot) != nil
    else { return [] }
    var requests: [LinkRequest] = []
    if let index = instance.virtual?.index, instance.activity != .leaving {
      let alias = VirtualInterface.alias(instance.settings.vrid, on: parent.name)
      requests.append(.setAlias(alias, index: index))
    }
    hushed[parent.index] = entry
    guard entry.users.isEmpty else { return requests }
    hushed[parent.index] = nil
    return restoration(of: entry.saved, ofParent: parent.index) + requests
  }

  /// Requests that put settings back, but for those that somebody else has changed meanwhile.
  func restoration(
    of saved: [IPv4Setting: Int32], ofParent index: Int32
  ) -> [LinkRequest] {
    guard !saved.isEmpty, let present = (try? platform.kernel.link(index))?.ipv4 else { return [] }
    let own = saved.filter { present[$0.key] == VirtualInterface.parentSettings[$0.key] }
    return settingRequest(saved, own, index)
  }

  /// A request for those of some settings that others name; none if there are none.
  private func settingRequest(
    _ settings: [IPv4Setting: Int32], _ named: [IPv4Setting: Int32], _ index: Int32
  ) -> [LinkRequest] {
    let chosen = settings.filter { named[$0.key] != nil }
    return chosen.isEmpty ? [] : [.setIPv4(chosen, index: index)]
  }

  /// What the guard would have to put back on the parent of a router's macvlan.
  func savedSettings(ofParentOf instance: RouterInstance) -> [IPv4Setting: Int32] {
    guard let link = instance.link, let entry = hushed[link.index],
      entry.users.contains(instance.slot)
    else { return [:] }
    return entry.saved
  }

  // MARK: Repair

  /// Linux does not use an address because somebody answered for it in the moment in which it woke
  /// up: the election has decided otherwise.
  func noteRefusal(of record: AddressRecord) {
    guard let slot = virtuals[record.interfaceIndex], let instance = instances[slot],
      let index = instance.addresses.firstIndex(where: { $0.address == record.address }),
      instance.addresses[index].isInstalled, !instance.addresses[index].isRetired
    else { return }
    _ = platform.kernel.remove([instance.request(index, lifetime: nil)])
    instance.addresses[index].expectedRemovals += 1
    instance.addresses[index].isInstalled = false
    work.add(instance.isHolding ? .install : .load, instance)
  }

  /// Remembers why a macvlan can't do what it should, and when to try again; says so once.
  func failVirtual(_ instance: RouterInstance, because text: String) {
    if instance.virtual?.failure != text {
      instance.virtual?.failure = text
      warn(.macvlan, of: instance, text)
    }
    retryVirtual(instance, at: now + Self.repairPause)
  }

  private func retryVirtual(_ instance: RouterInstance, at time: Instant) {
    instance.virtual?.retryAt = time
    armRetry(at: time)
  }

  /// Does for a macvlan what is due.
  ///
  /// - Returns: when something is due next.
  func attendMacvlan(of instance: RouterInstance) -> Instant? {
    if let time = instance.virtual?.retryAt, time <= now {
      instance.virtual?.retryAt = nil
      reviewMacvlan(of: instance)
    }
    if let time = instance.virtual?.leasesAt, time <= now {
      instance.virtual?.leasesAt = nil
      if instance.isReachable { work.add(.refresh, instance) }
    }
    return [instance.virtual?.retryAt, instance.virtual?.leasesAt].compactMap { $0 }.min()
  }

  /// Compares macvlans and their parents with what they should be, after somebody has touched them.
  func reviewVirtualInterfaces(_ changed: Set<Int32>) {
    for index in changed where hushed[index] != nil { reviewParent(index) }
    for case let instance? in instances {
      guard let index = instance.virtual?.index, changed.contains(index) else { continue }
      reviewMacvlan(of: instance)
    }
  }

  /// Another node on this machine, or an operator, may have put back what is needed here.
  private func reviewParent(_ index: Int32) {
    guard let entry = hushed[index], let present = (try? platform.kernel.link(index))?.ipv4 else {
      return
    }
    let lost = VirtualInterface.parentSettings.filter { present[$0.key] ?? $0.value < $0.value }
    guard !lost.isEmpty else { return }
    var remarks: [LinkRequest] = []
    let unknown = lost.keys.filter { entry.saved[$0] == nil }
    if !unknown.isEmpty {
      for setting in unknown { hushed[index]?.saved[setting] = present[setting] }
      remarks = entry.users.sorted().compactMap { instances[$0] }.flatMap(remark)
    }
    _ = platform.kernel.change(remarks + [.setIPv4(lost, index: index)])
    isSafeguardStale = true
  }

  /// Puts one macvlan in order, at most once a second.
  func reviewMacvlan(of instance: RouterInstance) {
    guard let virtual = instance.virtual, let link = instance.link else { return }
    let present = virtual.index.flatMap { try? platform.kernel.link($0) }
    if let present, present.isUp == virtual.isUp, virtual.isUp || !instance.isHolding { return }
    if let last = virtual.lastRepair, now < last + Self.repairPause {
      return retryVirtual(instance, at: last + Self.repairPause)
    }
    instance.virtual?.lastRepair = now
    guard let present else { return restore(instance, on: link) }
    if virtual.isUp != present.isUp {
      let word = virtual.isUp ? "off" : "on"
      warn(
        .macvlan, of: instance,
        "something on this host switched \(virtual.name) \(word); exclude it from other network "
          + "managers")
    }
    instance.virtual?.isUp = false
    if instance.isHolding || instance.handoverDeadline != nil {
      work.add(.install, instance)
    } else {
      lower(instance)
    }
  }

  /// Makes a macvlan anew that somebody has removed.
  private func restore(_ instance: RouterInstance, on link: Link) {
    guard interfaces.link(link.index) != nil, let virtual = instance.virtual else { return }
    if let index = virtual.index {
      warn(
        .macvlan, of: instance,
        "something on this host removed \(virtual.name); exclude it from other network managers")
      virtuals[index] = nil
    }
    instance.virtual?.index = nil
    instance.virtual?.isUp = false
    for index in instance.addresses.indices {
      instance.addresses[index].isInstalled = false
      instance.addresses[index].isLeased = false
      instance.addresses[index].isAwake = false
      instance.addresses[index].expectedRemovals = 0
    }
    do throws(NodeError) {
      try createVirtualInterface(for: instance, on: link)
    } catch {
      return failVirtual(instance, because: error.description)
    }
    work.add(instance.isHolding ? .install : .load, instance)
  }
}
