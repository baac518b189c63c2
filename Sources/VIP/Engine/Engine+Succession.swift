import ARP
import Netlink
import VIPCore
import VRRP

/// Addresses that go from one router of this node to another one, in a change; ``Estate`` decides.
extension Engine {
  /// The estate of a router: its part that others take over.
  typealias Bequest = (former: RouterInstance, estate: Estate)

  // MARK: In a change

  /// The estates that the routers that leave or change will leave to others, before anything has
  /// changed.
  func estates(of leaving: [String], changed: [RouterConfiguration]) -> [Bequest] {
    var estates: [Bequest] = []
    for name in leaving {
      for instance in routers.members(named: name) where !instance.attendance.isLeaving {
        estates.append(bequest(of: instance, instance.addresses.current.map(\.address)))
      }
    }
    for settings in changed {
      let kept = Set(settings.addresses)
      for instance in routers.members(named: settings.name) where !instance.attendance.isLeaving {
        let going = instance.addresses.current.lazy.map(\.address).filter { !kept.contains($0) }
        if !going.isEmpty { estates.append(bequest(of: instance, Array(going))) }
      }
    }
    return estates
  }

  private func bequest(of instance: RouterInstance, _ going: [InterfaceAddress]) -> Bequest {
    let estate = Estate(
      instance.groupKey, of: instance.party, going,
      isHeldElsewhere: instance.isHeldElsewhere(at: now)
    ) { address in
      instance.isReachable && (instance.isHolding || instance.handover.keeps(address))
    }
    return (instance, estate)
  }

  /// Gives each address of an estate to the router that has it now.
  func passOn(_ bequest: Bequest) {
    let (former, estate) = bequest
    for address in estate.addresses {
      guard let heir = heir(of: address, in: bequest) else { continue }
      if estate.mustBeWatched(by: heir.groupKey, from: former.party) {
        // On another interface that is not known before the group is heard there.
        let isHeld = estate.isHeldElsewhere && heir.link?.index == estate.interfaceIndex
        heir.formerGroups.came(
          address.address, from: estate.group, isHeld: isHeld,
          interval: former.settings.interval, at: now)
        successions.watch(heir.slot)
        schedule(heir)
      }
      guard heir.link != nil else { continue }
      switch estate.deed(about: address.address, from: former.party, to: heir.party) {
      case .nothing: break
      case .pass: pass(address, from: former, to: heir)
      case .linger: linger(former, for: heir)
      }
    }
    if former.link != nil { schedule(former) }
  }

  /// The router that has an address now which another one had.
  private func heir(of address: InterfaceAddress, in bequest: Bequest) -> RouterInstance? {
    let (former, estate) = bequest
    if let index = estate.interfaceIndex,
      let owner = owners.slot(of: address.address, on: index).flatMap({ instances[$0] }),
      owner !== former, !owner.attendance.isLeaving, owner.addresses.position(of: address) != nil
    {
      return owner
    }
    guard former.succession.isReplaced, let router = routers[former.settings.name] else {
      return nil
    }
    return routers.members(of: router).first {
      $0.family == former.family && $0.addresses.position(of: address) != nil
    }
  }

  private func pass(
    _ address: InterfaceAddress, from former: RouterInstance, to heir: RouterInstance
  ) {
    guard heir.addresses.takeOver(address, from: &former.addresses) else { return }
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
    guard former.handover.isUnderWay, successions.linger(former.slot, in: former.succession.seat)
    else { return }
    let patience = Estate.patience(former.settings.interval, heir: heir.settings.interval)
    former.handover.awaitHeir(until: now + patience)
    schedule(former)
  }

  // MARK: Macvlans

  /// Whether a router leaves its macvlan, with all that is on it, to the one that comes in its
  /// place.
  func passesMacvlan(_ former: RouterInstance, to settings: RouterConfiguration) -> Bool {
    former.macvlan?.index != nil && former.settings.leavesMacvlan(to: settings)
  }

  /// A router comes in the place of another one, before it takes part.
  func succeed(_ former: RouterInstance, by heir: RouterInstance) {
    settlements.succeed(former.slot, by: heir.slot)
    guard passesMacvlan(former, to: heir.settings), let link = former.link,
      let index = former.macvlan?.index
    else { return }
    heir.takeMacvlan(of: former)
    macvlans.passOn(index, from: former.slot, to: heir.slot, on: link)
  }

  // MARK: Routers that linger

  /// The routers that serve in the place of one of the same name, until that one does.
  func predecessors(of instance: RouterInstance) -> [RouterInstance] {
    successions.predecessors(of: instance.succession).compactMap { instances[$0] }
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
      let list = list(of: advertisement, message, for: instance)
      handleSuccessor(of: instance, listing: list.mayInclude)
    } else {
      handleSuccessor(of: instance)
    }
    let displaced = segment.displaced(instance.settings.vrid)
    if !displaced.isEmpty || successions.isAnyLingering {
      let list = list(of: advertisement, message, for: instance)
      handleSuccessor(ofEach: displaced, with: list)
      if successions.isAnyLingering {
        handleSuccessor(ofEach: predecessors(of: instance), with: list)
      }
    }
    if !changeProbes.isEmpty { hearGroupOfChange(advertisement, message, for: instance) }
  }

  /// The Active of a group that is not, or no longer, that of some routers is a successor of those
  /// of which it lists an address.
  private func handleSuccessor(ofEach routers: [RouterInstance], with list: ListedAddresses) {
    for router in routers
    where list.mayIncludeAny(of: router.addresses.current.lazy.map(\.address.address)) {
      handleSuccessor(of: router, listing: list.mayInclude)
    }
  }

  private func list(
    of advertisement: Advertisement, _ message: Span<UInt8>, for instance: RouterInstance
  ) -> ListedAddresses {
    let capacity = instance.link.map {
      Advertisement.addressCountMax(
        mtu: $0.mtu, family: instance.family, version: advertisement.version)
    }
    return ListedAddresses(advertisement.addresses(in: message), capacity: capacity)
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
      let list = list(of: advertisement, message, for: instance)
      let isFarewell = advertisement.priority == .farewell
      let hasLetGo = instance.formerGroups.heard(
        group, listing: list.mayInclude, isFarewell: isFarewell, from: source,
        interval: advertisement.interval, at: now)
      if hasLetGo { handleLetGo(instance) }
      if !isFarewell {
        if let text = formerGroupText(of: instance) { warn(.formerGroup, of: instance, text) }
        handleSuccessor(ofEach: [instance] + predecessors(of: instance), with: list)
        excuseFormerGroup(advertisement, message, for: instance)
      }
      schedule(instance)
    }
  }

  /// A former group's Active answers probes for its addresses, as it may.
  private func excuseFormerGroup(
    _ advertisement: Advertisement, _ message: Span<UInt8>, for instance: RouterInstance
  ) {
    guard !instance.probing.hasEnded, instance.formerGroups.holdAny else { return }
    hearGroup(advertisement, message, for: instance)
  }

  /// Sees which former groups have not been heard for long.
  func reviewFormerGroups(of instance: RouterInstance) {
    guard let deadline = instance.formerGroupsDeadline, deadline <= now else { return }
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
  /// The properties that decide what becomes of addresses that it leaves to others, or gets from
  /// them.
  fileprivate var party: Estate.Party {
    Estate.Party(
      seat: succession.seat, interfaceIndex: link?.index, addressInterface: addressInterface,
      hasVirtualMAC: settings.virtualMAC, hasMacvlan: macvlan != nil,
      isSeamless: settings.handover == .seamless, isLeaving: attendance.isLeaving,
      isReplaced: succession.isReplaced)
  }

  /// Whether another machine is the group's Active and may have its addresses.
  fileprivate func isHeldElsewhere(at now: Instant) -> Bool {
    guard let active = election.activeRouter, active.priority != .farewell else { return false }
    return election.peers.contains {
      $0.address == active.address && $0.actsAsActive(at: now) && $0.addresses != .disjoint
    }
  }

  /// Whether this node has put an address of the router up, and it can be reached.
  func serves(_ address: InterfaceAddress) -> Bool {
    guard isReachable, let position = addresses.position(of: address) else { return false }
    return addresses[position].isInstalled
  }
}
