import ARP
import Netlink
import VIPCore
import VRRP

/// Finding out why the group is not heard, before another machine is accused.
///
/// What the program can see itself: advertisements that reach the interface and are not delivered,
/// this machine's own address on the wire, advertisements that are not accepted, the group's
/// virtual MAC address among the answers, one machine that answers for all addresses.
extension Engine {
  /// Takes in that an advertisement has reached an interface.
  ///
  /// What is not delivered to a router that takes no part for lack of an interface or address is no
  /// firewall's doing.
  func handleSighting(_ sighting: AdvertisementSighting, onInterface index: Int32) {
    let key = SegmentKey(interfaceIndex: index, family: sighting.source.family)
    guard let segment = segments[key], let instance = segment.router(sighting.vrid),
      !interfaces.hasMAC(sighting.mac, seenOn: index),
      !isLooped(sighting),
      sighting.destination == instance.settings.multicastGroup(instance.family)
        || instance.isUnicast,
      !isOutsideGroup(instance)
    else { return }
    guard instance.canHear else { return instance.sightings.clear() }
    let isNews = instance.sightings.saw(
      sighting.source, sighting.mac, dropped: segment.transport.droppedCount, at: now)
    arm(instance, by: instance.sightings.deadline)
    guard isNews else { return }
    if !instance.isUnicast, segment.transport.isInGroup == false {
      // The kernel has taken the socket out of its group: that is to be mended, and nothing to
      // accuse.
      instance.sightings.clear()
      return renewMembership(of: segment)
    }
    guard let text = undeliveredText(of: instance) else { return }
    warn(.undelivered, of: instance, text)
  }

  /// Forgets what has not been seen for long; ``reviewProblems()`` tells that it is over.
  func reviewSightings(of instance: RouterInstance) {
    guard let deadline = instance.sightings.deadline, deadline <= now else { return }
    instance.sightings.review(at: now)
  }

  /// The reason why advertisements of the group are not delivered, and the remedy; `nil` if they
  /// are.
  func undeliveredText(of instance: RouterInstance) -> String? {
    guard let sender = instance.sightings.unheard, let link = instance.link,
      !isOutsideGroup(instance)
    else { return nil }
    let cause = UndeliveredCause(
      of: sender.source, isOwn: interfaces.isHostAddress(sender.source),
      filter: reversePathFilter(on: link),
      isNear: { interfaces.hasNetwork(of: $0, on: link.index) },
      hasLost: segment(of: instance).map {
        $0.transport.droppedCount != sender.droppedBefore
      } ?? false)
    return cause.text(sender, instance.settings.vrid, on: link.name)
  }

  /// The probable reason why the answer of a machine is taken for a stranger's though it may be the
  /// group's, and what to do about it; `nil` if nothing speaks for that.
  func likelyCause(of refusal: AddressProbing.Refusal, _ instance: RouterInstance) -> String? {
    whyGroupIsUnheard(instance)
      ?? instance.probing.signOfGroup(
        refusal, instance.settings.vrid, instance.family,
        addresses: instance.addresses.current.count)
  }

  /// The same for a machine that has an address which a router was to get that takes part.
  ///
  /// - Parameters:
  ///   - holder: the machine.
  ///   - member: the address from which it advertises as one of the group, if it is known to.
  ///   - instance: the router.
  /// - Returns: the reason, and what to do about it; `nil` if nothing speaks for one.
  func likelyCause(
    of holder: AddressProbing.Holder, member: IPAddress?, _ instance: RouterInstance
  ) -> String? {
    if let member { return holder.signOfMember(at: member, instance.settings.vrid) }
    return whyGroupIsUnheard(instance)
      ?? holder.signOfGroup(
        instance.settings.vrid, instance.family,
        hasAll: instance.conflicts.names(
          holder.mac, for: instance.addresses.current.lazy.map(\.address.address)))
  }

  /// The reason why a router does not hear its group, as far as this machine can see it.
  private func whyGroupIsUnheard(_ instance: RouterInstance) -> String? {
    if let segment = segment(of: instance), !instance.isUnicast,
      let failure = memberships.failure(segment.key)
    {
      return "this machine does not hear its group: \(failure)"
    }
    if let text = undeliveredText(of: instance) { return text }
    return instance.troubles.whyUnaccepted
  }

  /// Whether an advertisement of this machine has come back: it has the group's virtual MAC
  /// address, which others have too, and an address of this machine as its source.
  private func isLooped(_ sighting: AdvertisementSighting) -> Bool {
    interfaces.hasMacvlan(sighting.mac) && interfaces.isHostAddress(sighting.source)
  }

  /// The kernel's check of IPv4 sources on an interface; `nil` if there is none.
  private func reversePathFilter(on link: Link) -> Int? {
    let mode = ["all", link.name].compactMap { platform.setting("ipv4/conf/\($0)/rp_filter") }.max()
    return mode == 0 ? nil : mode
  }
}

extension RouterInstance {
  /// Whether its interface could give it what is sent to the group.
  fileprivate var canHear: Bool {
    switch attendance.obstacle {
    case .interface, .noSourceAddress, .ipv6Off, .mtuTooSmall: false
    default: true
    }
  }
}
