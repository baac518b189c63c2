import ARP
import Netlink
import VIPCore
import VRRP

/// Handing addresses over without a gap.
///
/// RFC 9568 has an Active that leaves or is preempted drop its addresses at once; until the next one
/// has put them up and said so, nobody serves them. Here the old holder keeps each address until it
/// sees the new holder's announcement of it. The segment's caches move with that very frame, so
/// nobody is sent to a machine that does not serve. The time of two holders is bounded: by the new
/// Active's advertisement plus what it needs to put the addresses up, and if nobody takes over, by
/// the longest Skew_Time there is.
extension Engine {
  /// How long after its advertisement a new holder is given to announce, and for each address more.
  private static let announcementPatience = Duration.milliseconds(200)
  private static let announcementPatiencePerAddress = Duration.microseconds(500)
  /// What a backup may take, beyond its timer, until its advertisement is here.
  private static let takeoverMargin = Duration.milliseconds(100)

  /// An election has decided that the addresses no longer belong here.
  func letGo(_ instance: RouterInstance, because reason: Transition.Reason?) {
    silence(instance)
    endConflicts(of: instance)
    if instance.settings.virtualMac { return letGoVirtual(instance, reason) }
    guard instance.settings.handover == .seamless,
      let patience = patience(instance, reason), let wire = wire(of: instance), listen(on: wire)
    else { return release(instance) }
    instance.handoverDeadline = now + patience
    instance.hasSuccessor = reason?.namesSuccessor ?? false
    for index in instance.currentAddresses.indices where instance.addresses[index].isInstalled {
      instance.addresses[index].isLingering = true
    }
    armHandoverTimer()
  }

  /// With a virtual MAC address everything goes at once when a new Active is heard: two holders of
  /// one Ethernet address confuse switches, and its advertisement has moved their tables already.
  private func letGoVirtual(_ instance: RouterInstance, _ reason: Transition.Reason?) {
    guard instance.settings.handover == .seamless, instance.isReachable,
      reason?.namesSuccessor == false, let patience = patience(instance, reason)
    else { return release(instance) }
    instance.handoverDeadline = now + patience
    armHandoverTimer()
  }

  /// How long to wait for a new holder; `nil` if there is nothing to wait for.
  private func patience(
    _ instance: RouterInstance, _ reason: Transition.Reason?
  ) -> Duration? {
    switch reason {
    case .shutdown where instance.activity == .leaving || instance.isUnfit, .resigned:
      // The last backup's Skew_Time is shorter than one interval (RFC 9568 §6.1).
      return instance.settings.interval.duration + Self.takeoverMargin
    case .higherPriority, .higherAddress:
      return patienceAfterAdvertisement(instance)
    default:
      return nil
    }
  }

  private func patienceAfterAdvertisement(_ instance: RouterInstance) -> Duration {
    Self.announcementPatience + Self.announcementPatiencePerAddress * instance.addresses.count
  }

  /// How long it may take, from now, until all routers have handed over and nothing is left of them:
  /// if nobody takes over, and if somebody does at the last moment.
  package var longestHandover: Duration {
    let instances = liveInstances
    let patience = instances.map {
      $0.settings.interval.duration + Self.takeoverMargin + patienceAfterAdvertisement($0)
    }
    // Linux needs up to a millisecond to remove one of many addresses.
    let count = instances.reduce(0) { $0 + $1.addresses.count }
    return (patience.max() ?? .zero) + .milliseconds(1) * count
  }

  /// Takes an instance out of the election, which goes on hearing while the addresses wait here for a
  /// successor.
  func stopElection(of instance: RouterInstance) {
    perform(instance.election.stop(at: now), for: instance)
    if instance.handoverDeadline == nil { instance.election.finishLeaving() }
  }

  /// Notices that another router is Active now, for one that is handing over to it: its election has
  /// accepted an advertisement.
  func noteSuccessor(of instance: RouterInstance) {
    guard instance.handoverDeadline != nil, !instance.hasSuccessor else { return }
    if instance.settings.virtualMac { return release(instance) }
    instance.hasSuccessor = true
    instance.handoverDeadline = now + patienceAfterAdvertisement(instance)
    armHandoverTimer()
  }

  /// Ends the waiting of routers whose successor has not announced everything in time.
  func endOverdueHandovers() {
    for case let instance? in instances {
      if let deadline = instance.handoverDeadline, deadline <= now { release(instance) }
    }
    armHandoverTimer()
  }

  /// Ends an instance's waiting; what happens to the addresses is the caller's business.
  func endHandover(_ instance: RouterInstance) {
    guard instance.handoverDeadline != nil else { return }
    instance.handoverDeadline = nil
    instance.hasSuccessor = false
    instance.election.finishLeaving()
    for index in instance.addresses.indices { instance.addresses[index].isLingering = false }
    changeListening(for: instance)
  }

  private func armHandoverTimer() {
    var next: Instant?
    for case let instance? in instances {
      if let deadline = instance.handoverDeadline { next = min(next ?? deadline, deadline) }
    }
    if let next { timers.schedule(.handover, at: next) }
  }
}

extension Actions {
  /// Why the state changes, if it does.
  var transitionReason: Transition.Reason? {
    for case .transition(let transition) in self { return transition.reason }
    return nil
  }
}

extension Transition.Reason {
  /// Whether it is the advertisement of another router that is Active now.
  fileprivate var namesSuccessor: Bool {
    switch self {
    case .higherPriority, .higherAddress: true
    default: false
    }
  }
}
