import ARP
import Netlink
import VIPCore
import VRRP

/// Addresses that go from one router of this node to another one, in a change.
///
/// What is on the interface stays there. A router that is Active holds it from now on; any other keeps it
/// until its group has an Active that announces it, see ``Inheritance``. What the Active of the former
/// group on another machine may still have is not put up here before that has let go of it, see
/// ``FormerGroups``. So a change that reaches the machines one after the other, in whatever order, costs
/// no more than a planned move, and no address gets two holders.
///
/// If the new router has the addresses on another interface (a macvlan, or another one of the same
/// segment), the former one serves on until they are there.
extension Engine {
  /// The estate of a router: its part that others take over.
  struct Estate {
    let former: RouterInstance
    let group: FormerGroups.Group
    /// The interface that it was attached to.
    let interfaceIndex: Int32?
    /// The addresses that go.
    let addresses: [InterfaceAddress]
    /// Those that were served here.
    let served: Set<IPAddress>
    /// Whether another machine is the group's Active and may have them.
    let isHeldElsewhere: Bool
  }

  /// Time that a former router waits for the one in its place, in intervals: its
  /// Active_Down_Interval, and some.
  private static let heirIntervals = 5

  // MARK: In a change

  /// The estates that the routers that leave or change will leave to others, before anything has
  /// changed.
  func estates(of leaving: [String], changed: [RouterConfiguration]) -> [Estate] {
    var estates: [Estate] = []
    for name in leaving {
      for instance in routers.members(named: name) where !instance.attendance.isLeaving {
        estates.append(estate(of: instance, instance.addresses.current.map(\.address)))
      }
    }
    for settings in changed {
      let kept = Set(settings.addresses)
      for instance in routers.members(named: settings.name) where !instance.attendance.isLeaving {
        let going = instance.addresses.current.lazy.map(\.address).filter { !kept.contains($0) }
        if !going.isEmpty { estates.append(estate(of: instance, Array(going))) }
      }
    }
    return estates
  }

  private func estate(of instance: RouterInstance, _ going: [InterfaceAddress]) -> Estate {
    let isServed = { (address: IPAddress) in
      instance.settings.handover == .seamless && instance.isReachable
        && (instance.isHolding || instance.handover.keeps(address))
    }
    var isHeldElsewhere = false
    if let active = instance.election.activeRouter, active.priority != .release {
      isHeldElsewhere = instance.election.peers.contains {
        $0.address == active.address && $0.actsAsActive(at: now) && $0.addresses != .disjoint
      }
    }
    return Estate(
      former: instance, group: instance.groupKey, interfaceIndex: instance.link?.index,
      addresses: going,
      served: Set(going.lazy.map(\.address).filter(isServed)), isHeldElsewhere: isHeldElsewhere)
  }

  /// Gives each address of an estate to the router that has it now.
  func passOn(_ estate: Estate) {
    let former = estate.former
    for address in estate.addresses {
      guard let heir = heir(of: address, in: estate) else { continue }
      let isNearby = heir.link?.index == estate.interfaceIndex
      if isNearby, heir.groupKey != estate.group, !heir.election.isOwner,
        estate.isHeldElsewhere || former.attendance.isLeaving
      {
        heir.formerGroups.came(
          address.address, from: estate.group, isHeld: estate.isHeldElsewhere,
          interval: former.settings.interval, at: now)
        successions.watch(heir.slot)
        schedule(heir)
      }
      guard estate.served.contains(address.address), former.link != nil,
        heir.settings.handover == .seamless
      else { continue }
      if isSamePlace(former, heir) {
        pass(address, from: former, to: heir)
      } else if former.isReplaced, heir.settings.name == former.settings.name {
        linger(former, for: heir)
      }
    }
    if former.link != nil { schedule(former) }
  }

  /// The router that has an address now which another one had.
  private func heir(of address: InterfaceAddress, in estate: Estate) -> RouterInstance? {
    let former = estate.former
    if let index = estate.interfaceIndex,
      let owner = owners.slot(of: address.address, on: index).flatMap({ instances[$0] }),
      owner !== former, !owner.attendance.isLeaving, owner.addresses.position(of: address) != nil
    {
      return owner
    }
    guard former.isReplaced, let router = routers[former.settings.name] else { return nil }
    return routers.members(of: router).first {
      $0.family == former.family && $0.link != nil && $0.addresses.position(of: address) != nil
    }
  }

  private func pass(
    _ address: InterfaceAddress, from former: RouterInstance, to heir: RouterInstance
  ) {
    guard let position = former.addresses.position(of: address),
      former.addresses[position].isInstalled,
      let place = heir.addresses.position(of: address), !heir.addresses.isRetired(place),
      !heir.addresses[place].isInstalled
    else { return }
    heir.addresses.inherited(place, former.addresses[position])
    former.addresses.removed(position)
    heir.routes.inherit(former.routes)
    if former.settings.virtualMAC {
      endHandover(of: former)
    } else {
      handle(former.handover.withdrawn(address.address), of: former)
    }
    if heir.isHolding {
      wire(of: heir)?.queue.announce(address.address, now: now)
    } else {
      heir.handover.inherit(address.address)
      changeListening(for: heir)
    }
    noteChange()
    startRefreshing()
    schedule(heir)
  }

  /// Lets a router serve until the one in its place does.
  private func linger(_ former: RouterInstance, for heir: RouterInstance) {
    guard former.handover.isUnderWay, successions.linger(former.slot) else { return }
    let interval = max(former.settings.interval.duration, heir.settings.interval.duration)
    former.handover.awaitHeir(until: now + interval * Self.heirIntervals + .seconds(1))
    schedule(former)
  }

  // MARK: Macvlans

  /// Whether a router leaves its macvlan, with all that is on it, to the one that comes in its place.
  func passesMacvlan(_ former: RouterInstance, to settings: RouterConfiguration) -> Bool {
    former.macvlan?.index != nil && settings.virtualMAC
      && settings.interface == former.settings.interface && settings.vrid == former.settings.vrid
      && settings.handover == .seamless && former.settings.handover == .seamless
  }

  /// A router comes in the place of another one, before it takes part.
  func succeed(_ former: RouterInstance, by heir: RouterInstance) {
    settlements.succeed(former.slot, by: heir.slot)
    guard passesMacvlan(former, to: heir.settings), let link = former.link,
      let macvlan = former.macvlan, let index = macvlan.index
    else { return }
    heir.macvlan = macvlan
    former.macvlan = nil
    macvlans.passOn(index, from: former.slot, to: heir.slot, on: link)
  }

  /// Whether what a router has is where another one has it.
  private func isSamePlace(_ former: RouterInstance, _ heir: RouterInstance) -> Bool {
    guard former.settings.virtualMAC, heir.settings.virtualMAC else {
      return former.addressInterface == heir.addressInterface && !heir.settings.virtualMAC
    }
    // It has been passed on.
    return former.isReplaced && former.macvlan == nil && heir.macvlan != nil
      && heir.settings.name == former.settings.name
  }

  // MARK: Routers that linger

  /// The routers that serve in the place of one of the same name, until that one does.
  func predecessors(of instance: RouterInstance) -> [RouterInstance] {
    guard successions.isAnyLingering, !instance.isReplaced else { return [] }
    return successions.lingering.compactMap { instances[$0] }.filter {
      $0.settings.name == instance.settings.name && $0.family == instance.family
    }
  }

  /// Whether another one of its name still serves.
  func isPreceded(_ instance: RouterInstance) -> Bool { !predecessors(of: instance).isEmpty }

  /// A router has announced all of its addresses where they are now.
  func releasePredecessors(of instance: RouterInstance) {
    for former in predecessors(of: instance) { release(former) }
  }

  /// A router that was to come in the place of others won't.
  func loseHeir(_ instance: RouterInstance) {
    for former in predecessors(of: instance) {
      former.handover.heirLeft(former.settings.interval, at: now)
      schedule(former)
    }
  }

  /// Another machine has announced an address that may belong to a router which lingers.
  func handleClaimOfLingering(_ claim: AddressClaim, onInterface index: Int32) {
    guard !interfaces.hasMAC(claim.mac, seenOn: index) else { return }
    for slot in successions.lingering {
      guard let former = instances[slot], former.link?.index == index,
        let position = former.addresses.position(of: claim.address),
        former.addresses[position].isInstalled,
        owners.slot(of: claim.address, on: index) != slot, former.handover.keeps(claim.address)
      else { continue }
      handle(former.handover.announced(claim.address), of: former)
    }
  }

  // MARK: What others say

  /// An election has accepted the advertisement of another router that is Active.
  func hearActive(
    _ advertisement: Advertisement, _ message: Span<UInt8>, for instance: RouterInstance,
    _ segment: Segment
  ) {
    if instance.handover.hasInherited {
      handleSuccessor(of: instance, listing: listing(advertisement, message, for: instance))
    } else {
      handleSuccessor(of: instance)
    }
    for former in segment.displaced(instance.settings.vrid) { handleSuccessor(of: former) }
    if !changeProbes.isEmpty { hearGroupOfChange(advertisement, message, for: instance) }
    if successions.isAnyLingering {
      for former in predecessors(of: instance) { handleSuccessor(of: former) }
    }
  }

  /// Whether an advertisement lists an address; a full one may stand for more than it lists.
  private func listing(
    _ advertisement: Advertisement, _ message: Span<UInt8>, for instance: RouterInstance
  ) -> (IPAddress) -> Bool {
    let list = Set(advertisement.addresses(in: message))
    let capacity = instance.link.map {
      Advertisement.addressCountMax(
        mtu: $0.mtu, family: instance.family, version: advertisement.version)
    }
    let isFull = capacity.map { list.count >= $0 } ?? false
    return { isFull || list.contains($0) }
  }

  /// Takes in what a group says that had addresses of routers here before.
  func hearFormerGroups(
    _ advertisement: Advertisement, _ message: Span<UInt8>, from source: IPAddress,
    on segment: Segment
  ) {
    let group = FormerGroups.Group(
      vrid: advertisement.vrid, version: advertisement.version,
      authentication: advertisement.authentication)
    for slot in successions.watchers {
      guard let instance = instances[slot], instance.link?.index == segment.key.interfaceIndex,
        instance.family == segment.key.family, source != instance.election.primaryAddress,
        instance.formerGroups.contains(group)
      else { continue }
      let lists = listing(advertisement, message, for: instance)
      let isFarewell = advertisement.priority == .release
      let hasLetGo = instance.formerGroups.heard(
        group, listing: lists, isFarewell: isFarewell, from: source,
        interval: advertisement.interval, at: now)
      if hasLetGo { handleLetGo(instance) }
      if !isFarewell {
        if let text = formerGroupText(of: instance) { warn(.formerGroup, of: instance, text) }
        handleSuccessor(of: instance, listing: lists)
        for former in predecessors(of: instance) { handleSuccessor(of: former) }
        excuseFormerGroup(advertisement, message, for: instance)
      }
      schedule(instance)
    }
  }

  /// A former group's Active answers probes for its addresses, as it may.
  private func excuseFormerGroup(
    _ advertisement: Advertisement, _ message: Span<UInt8>, for instance: RouterInstance
  ) {
    guard instance.probe != nil, instance.formerGroups.holdAny else { return }
    hearGroup(advertisement, message, for: instance)
  }

  /// Sees which former groups have not been heard for long.
  func reviewFormerGroups(of instance: RouterInstance) {
    guard let deadline = instance.formerGroups.deadline, deadline <= now else { return }
    if instance.formerGroups.advanced(to: now) { handleLetGo(instance) }
    if instance.formerGroups.isEmpty { successions.endWatch(instance.slot) }
  }

  /// The advice about a former group that has held addresses for long; `nil` if none has.
  func formerGroupText(of instance: RouterInstance) -> String? {
    instance.formerGroups.lasting(at: now).map {
      "\($0.holder) still holds addresses in VRID \($0.group.vrid), in which this machine had them "
        + "before; make the same change there"
    }
  }

  /// The Active of a former group has let go of addresses: a router that is Active puts them up.
  private func handleLetGo(_ instance: RouterInstance) {
    noteChange()
    if instance.isHolding { work.add(.install, instance.slot) }
  }
}

extension RouterInstance {
  /// Whether this node has put an address of the router up, and it can be reached.
  func serves(_ address: InterfaceAddress) -> Bool {
    guard isReachable, let position = addresses.position(of: address) else { return false }
    return addresses[position].isInstalled
  }
}
