package import ARP
import VIPCore

/// The policy by which held addresses are announced, and re-announcing them periodically where it
/// says so.
extension Engine {
  /// Announces from now on as a policy says.
  ///
  /// What is still to be announced begins again from the first announcement.
  package func setAnnouncements(_ policy: AnnouncementPolicy) {
    guard policy != announcements else { return }
    step { announce(by: policy) }
  }

  private func announce(by policy: AnnouncementPolicy) {
    announcements = policy
    for wire in wires.values {
      let isBusy = !wire.queue.isEmpty
      wire.queue = AnnouncementQueue(policy: policy)
      guard isBusy else { continue }
      for case let instance? in instances
      where instance.isHolding && self.wire(of: instance) === wire {
        announceInstalled(instance)
      }
    }
    timers.cancel(.refresh)
    scheduleAnnouncementRefresh()
  }

  /// Sets the time of the next periodic announcements, if there are any.
  func scheduleAnnouncementRefresh() {
    guard let period = announcements.refresh else { return }
    timers.schedule(.refresh, at: now + period)
  }

  /// Announces all held addresses once more.
  func refreshAnnouncements() {
    for case let instance? in instances where instance.isHolding && instance.isReachable {
      guard let wire = wire(of: instance) else { continue }
      for address in instance.addresses.current where address.isPresent {
        wire.queue.refresh(address.address.address, now: now)
      }
      refreshExtraAnnouncements(of: instance)
    }
    scheduleAnnouncementRefresh()
  }
}
