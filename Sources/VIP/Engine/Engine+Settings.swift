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

  // MARK: What is not reported

  /// Begins to look at settings that Linux does not report.
  func startSettingRounds() {
    guard timers.deadline(of: .settings) == nil else { return }
    timers.schedule(.settings, at: now + SettingRounds.rest)
  }

  /// Looks at the settings of some interfaces.
  func continueSettingRounds() {
    guard !wires.isEmpty else { return }
    let round = settingRounds.next { [wires, macvlans] in
      Set(wires.keys).union(macvlans.interfaces)
    }
    timers.schedule(.settings, at: now + round.pause)
    if settingRounds.note(ofAll: platform.setting("ipv4/conf/all/arp_ignore")) { noteChange() }
    for index in round.interfaces { reviewSettings(of: index) }
  }

  private func reviewSettings(of index: Int32) {
    guard var link = interfaces.link(index), let present = try? platform.kernel.link(index) else {
      return
    }
    if present.ipv4 != link.ipv4 {
      // The rest of it is reported.
      link.ipv4 = present.ipv4
      interfaces.update(link)
      noteChange()
    }
    guard let slot = macvlans.slot(of: index) else { return reviewMacvlans([index]) }
    guard let instance = instances[slot], let macvlan = instance.macvlan,
      let parent = instance.link.flatMap({ interfaces.link($0.index) })
    else { return }
    if !macvlans.isConfigured(macvlan, as: present, on: parent) { followSettings(of: instance) }
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
