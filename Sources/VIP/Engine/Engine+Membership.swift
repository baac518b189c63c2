import Netlink
import VIPCore

/// Keeping the sockets of interfaces in their multicast groups.
///
/// Linux takes them out without a word: it makes the IPv6 part of an interface again, without its
/// groups, when the MTU was too small for a while. What can't be joined is tried again every
/// second.
extension Engine {
  /// Sees to it that the sockets of interfaces that have changed are in their groups.
  func renewMemberships(where isAffected: (Int32) -> Bool) {
    for (key, segment) in segments where isAffected(key.interfaceIndex) {
      renewMembership(of: segment)
    }
  }

  /// Tries once more to join what could not be joined.
  func retryMemberships() {
    for key in memberships.due(by: now) {
      if let segment = segments[key] { renewMembership(of: segment) }
    }
  }

  /// Sees to it that a socket is in its group.
  func renewMembership(of segment: Segment) {
    do throws(NodeError) {
      try segment.transport.renewMembership()
    } catch {
      memberships.refused(segment.key, error.description, at: now)
      noteChange()
      return armMemberships()
    }
    forgetMembership(segment.key)
  }

  /// A socket is in its group, or closed.
  func forgetMembership(_ key: SegmentKey) {
    guard memberships.failure(key) != nil else { return }
    memberships.forget(key)
    noteChange()
    armMemberships()
  }

  private func armMemberships() {
    if let deadline = memberships.deadline {
      timers.schedule(.membership, at: deadline)
    } else {
      timers.cancel(.membership)
    }
  }

  /// Tells which routers don't hear their group; costs nothing while all do.
  func tellMemberships() {
    guard !memberships.isEmpty else { return }
    for case let instance? in instances {
      if let text = outsideGroupText(of: instance) { warn(.outsideGroup, of: instance, text) }
    }
  }

  /// The sentence about a router that takes part and does not hear its group; `nil` if it hears it.
  func outsideGroupText(of instance: RouterInstance) -> String? {
    guard instance.attendance.isRunning, !instance.isUnicast, let link = instance.link,
      let failure = memberships.lastingFailure(
        SegmentKey(interfaceIndex: link.index, family: instance.family), at: now)
    else { return nil }
    return "\(link.name) is not in the multicast group of VRRP, so other machines are not heard: "
      + "\(failure); the node tries again every second"
  }

  /// Whether a router's socket is known not to be in the group that it should hear.
  func isOutsideGroup(_ instance: RouterInstance) -> Bool {
    guard !memberships.isEmpty, !instance.isUnicast, let segment = segment(of: instance) else {
      return false
    }
    return memberships.failure(segment.key) != nil
  }
}
